"""A small program that behaves to the outside like the `airflow` command of a 2.x or 3.x release.

It changes the metadata database with Airflow's own SQL, prints Airflow's own lines, holds the locks Airflow holds and
makes the mistakes Airflow makes, wherever a migration cockpit looks. It runs no user code.
"""
