"""What an Airflow metadata database and its dags folder hold when a rehearsal begins."""

from migration_cockpit.rehearsal.seed.dags import CANARY, DagSpec, dag_specs, write_dags
from migration_cockpit.rehearsal.seed.database import CannotSeedError, seed
from migration_cockpit.rehearsal.seed.report import SeedReport

__all__ = ["CANARY", "CannotSeedError", "DagSpec", "SeedReport", "dag_specs", "seed", "write_dags"]
