"""What an Airflow metadata database and its dags folder hold when a rehearsal begins."""
