"""A helm of the rehearsal's own, for machines without one: the real one's arguments, answers and release Secrets.

Run it as ``python -m migration_cockpit.rehearsal.helm upgrade airflow apache-airflow/airflow --version 1.22.0 ...``.
It holds no state besides the cluster it talks to, and never imports the Kubernetes client: a start must stay
cheap, because every helm call of a flight is a new process.
"""
