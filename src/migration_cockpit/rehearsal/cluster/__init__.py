"""An embedded Kubernetes: API server, controllers and a node whose containers are local processes."""

from .backoff import Backoff
from .cluster import Cluster
from .errors import ApiError

__all__ = ["ApiError", "Backoff", "Cluster"]
