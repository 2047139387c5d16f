"""HTTP as Airflow answers it: the 2.x webserver with API v1, the 3.x api-server with API v2."""
