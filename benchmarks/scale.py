"""A large deployment on the screen: what a frame costs with 1,000 pods, 10,000 DAGs and many locks, and with a tenth.

`python -m benchmarks.scale [--pods 1000] [--dags 10000]` draws the real app at 160x48 over a State of that size: the
first frame, frames in which one pod changes, and frames in which nothing does; then the same with a tenth of the pods.

Exit code 1 when the median frame with one change takes more than 50 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from datetime import datetime, timedelta

import msgspec

from migration_cockpit.session.readings import Pod
from migration_cockpit.session.state import State
from tests.app.fixtures import sample_state
from tests.app.light import still_app

FRAME = 0.05
ROUNDS = 60
COMPONENTS = ("scheduler", "worker", "triggerer", "dag-processor", "api-server")


def deployment(pods: int, dags: int) -> tuple[State, datetime]:
    """A migration under way in a deployment of this size."""
    state, now = sample_state("migrating")
    assert state.pods is not None
    assert state.tasks is not None
    made = tuple(
        Pod(
            name=f"airflow-{COMPONENTS[n % 5]}-7d9f8b6c5-{n:05x}",
            component=COMPONENTS[n % 5],
            version="3.2.2",
            phase="Init:0/1",
            ready=0,
            created=now - timedelta(minutes=n % 90),
        )
        for n in range(pods)
    )
    return msgspec.structs.replace(
        state,
        pods=msgspec.structs.replace(state.pods, pods=made),
        tasks=msgspec.structs.replace(state.tasks, total=dags, paused=dags),
    ), now


def one_changed(state: State, at: int) -> State:
    """The same, but that one pod has restarted."""
    assert state.pods is not None
    pods = list(state.pods.pods)
    pod = pods[at % len(pods)]
    pods[at % len(pods)] = msgspec.structs.replace(pod, restarts=pod.restarts + 1)
    return msgspec.structs.replace(state, pods=msgspec.structs.replace(state.pods, pods=tuple(pods)))


async def frames(pods: int, dags: int) -> tuple[float, list[float], list[float]]:
    """Seconds of the first frame, of frames with one change each, and of frames without one."""
    state, now = deployment(pods, dags)
    app = still_app(state, now)
    async with app.run_test(size=(160, 48)) as pilot:
        await pilot.pause()
        begun = time.process_time()
        app.draw()
        first = time.process_time() - begun
        changed, same = [], []
        for n in range(ROUNDS):
            app.shown.state = one_changed(app.shown.state, n)  # type: ignore[misc]  # a cockpit that stands still
            begun = time.process_time()
            app.draw()
            changed.append(time.process_time() - begun)
            await pilot.pause()
            begun = time.process_time()
            app.draw()
            same.append(time.process_time() - begun)
    return first, changed, same


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pods", type=int, default=1000)
    parser.add_argument("--dags", type=int, default=10_000)
    given = parser.parse_args()
    worst = 0.0
    for pods in (given.pods, given.pods // 10):
        first, changed, same = asyncio.run(frames(pods, given.dags))
        middle, still = statistics.median(changed), statistics.median(same)
        worst = max(worst, middle)
        print(f"{pods:>5} pods: first frame {1000 * first:.1f} ms, one change {1000 * middle:.1f} ms", end=" ")
        print(f"(worst {1000 * max(changed):.1f}), none {1000 * still:.1f} ms")
    return 0 if worst <= FRAME else 1


if __name__ == "__main__":
    sys.exit(main())
