"""RDS instances on the way back: a restore beside the old one with the old one's settings, and swapped identifiers.

An instance is told by its resource id: identifiers change hands.
"""

from migration_cockpit.actions.instances.found import LONGEST, broken, endpoint_of, find, old_name, restored_name
from migration_cockpit.actions.instances.rename import RenameInstance
from migration_cockpit.actions.instances.restore import MatchInstance, RestoreInstance
from migration_cockpit.actions.instances.settings import AFTERWARDS, SETTINGS, differences

__all__ = [
    "AFTERWARDS",
    "LONGEST",
    "SETTINGS",
    "MatchInstance",
    "RenameInstance",
    "RestoreInstance",
    "broken",
    "differences",
    "endpoint_of",
    "find",
    "old_name",
    "restored_name",
]
