"""What was found when a session was gone on with: to be read once, then closed."""

from __future__ import annotations

from migration_cockpit.cockpit.control import Control
from migration_cockpit.cockpit.dialogs.base import OpenDialog, close
from migration_cockpit.session.state import State


class ResumedDialog(OpenDialog):
    """It asks nothing: what it tells stands in State and grows while the world is looked at."""

    place = "resumed"


def worth_telling(state: State) -> bool:
    """Whether the last cockpit left something behind that an operator must know before anything else."""
    found = state.resumption
    return found is not None and bool(found.step or found.operations or found.torn or not found.left)


CONTROLS = (
    Control("read", ("enter",), "go on", "close it; the flight goes on meanwhile", "resumed", close),
    Control(
        "close-resumed", ("escape",), "back", "close it; the flight goes on meanwhile", "resumed", close, footer=False
    ),
)
