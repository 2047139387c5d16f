"""The rehearsal's metrics: what Airflow sends by statsd, queried through Grafana as in production.

statsd (UDP) -> exporter -> scraped every second -> Prometheus' API -> Grafana's datasource proxy.
"""

from migration_cockpit.rehearsal.metrics.server import MetricsServer

__all__ = ["MetricsServer"]
