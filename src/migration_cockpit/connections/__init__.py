"""How each outside system is reached. Importing this imports nothing heavy."""

from migration_cockpit.connections.airflow import AirflowApi, ImportErrors, Ui
from migration_cockpit.connections.aws import require_postgres_rds
from migration_cockpit.connections.errors import AirflowError, KubeError, NotSupported, Unreachable, WorldError
from migration_cockpit.connections.hub import Connections
from migration_cockpit.connections.kube import Kube
from migration_cockpit.connections.kube_api import Executed, Obj
from migration_cockpit.connections.releases import Hook, Release, Releases

__all__ = [
    "AirflowApi",
    "AirflowError",
    "Connections",
    "Executed",
    "Hook",
    "ImportErrors",
    "Kube",
    "KubeError",
    "NotSupported",
    "Obj",
    "Release",
    "Releases",
    "Ui",
    "Unreachable",
    "WorldError",
    "require_postgres_rds",
]
