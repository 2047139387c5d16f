"""`airflow db ...`: Airflow's own SQL, revision by revision, with Airflow's locks, lines and mistakes."""
