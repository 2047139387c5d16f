"""Real Airflow as the containers of the rehearsal's cluster.

Both versions are installed from hash-locked requirements into cached environments on first use
(`environment`), put before the cluster as images (`image`), and given a metadata database made and
filled by the real source version (`database`).
"""
