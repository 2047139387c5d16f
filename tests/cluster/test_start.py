"""The real cluster starts, gives pods a status, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.conformance.worlds import eventually

_STARTS = """
import sys, time
from pathlib import Path
from tests.cluster.real import RealCluster
cluster = RealCluster(Path(sys.argv[1]))
print(*[running._process.pid for running in cluster._running.values()], flush=True)
time.sleep(600)
"""


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_nothing_outlives_a_test_run_that_was_killed(tmp_path: Path) -> None:
    words = [sys.executable, "-c", _STARTS, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as run:
        assert run.stdout is not None
        pids = [int(word) for word in run.stdout.readline().split()]
        assert len(pids) == 5, "etcd, the API server, the controllers, the scheduler, kwok"
        assert all(_lives(pid) for pid in pids)
        os.kill(run.pid, signal.SIGKILL)
    eventually(lambda: not any(_lives(pid) for pid in pids), 20)
