"""`python -m celery ... inspect ping`, the worker's liveness probe, as far as the rehearsal needs it.

There is no broker to send a ping through: the worker leaves its process id in AIRFLOW_HOME, and it answers as long as
that process lives.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

PID_FILE = "celery-worker.pid"


def home() -> Path:
    """Where the worker of this container keeps its process id."""
    return Path(os.environ.get("AIRFLOW_HOME") or Path.home() / "airflow")


def main(arguments: list[str]) -> int:
    """Answer `inspect ping` (rc 69 without a reply, as Celery's); everything else is not here, rc 1."""
    if arguments[:2] != ["-m", "celery"] or "ping" not in arguments:
        sys.stderr.write("the rehearsal's image has no Python of its own, only Celery's ping\n")
        return 1
    try:
        os.kill(int((home() / PID_FILE).read_text(encoding="ascii")), 0)
    except (OSError, ValueError):
        sys.stderr.write("Error: No nodes replied within time constraint\n")
        return 69
    sys.stdout.write(f"->  celery@{os.environ.get('HOSTNAME', 'worker')}: OK\n        pong\n\n1 node online.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
