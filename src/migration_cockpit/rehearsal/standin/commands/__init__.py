"""The commands of `airflow` that end by themselves."""
