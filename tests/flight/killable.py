"""A headless flight that kills itself at a named point: `killable.py CONFIG SESSION MOMENT KIND OPERATION [AFTER BY]`.

With AFTER (a step) and BY (a way) it flies back once that step has ended.

`before` a record of kind `operation.ended` is after the external call and before anyone knows; `after` a record of kind
`operation.intended` is before the external call. An empty MOMENT flies to the end.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from migration_cockpit.config import load
from migration_cockpit.launch import fly_headless
from migration_cockpit.session.events import Event
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.state import State


def main() -> int:
    """Fly; returns the flight's exit code unless killed on the way."""
    config, session, moment, kind, operation = sys.argv[1:6]
    back = (sys.argv[6], sys.argv[7]) if len(sys.argv) > 7 else None
    record = Recorder.record

    def killing(self: Recorder, event: Event) -> State:
        here = event.kind == kind and operation in {"", getattr(event, "operation", getattr(event, "step", ""))}
        if here and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        state = record(self, event)
        if here and moment == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return state

    if moment:
        Recorder.record = killing  # type: ignore[method-assign]  # the point of this program
    return fly_headless(load(Path(config)), Path(session), operator="test", pause=0.05, back=back)


if __name__ == "__main__":
    sys.exit(main())
