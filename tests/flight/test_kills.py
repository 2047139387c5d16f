"""kill -9 at every kind of point and ten times while the migration runs: the flight ends, and nothing is done twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flight import world as rehearsal
from tests.flight.migration_kills import Forked, fly_once, kill_while_it_runs, looked_at
from tests.flight.test_flight import VERIFIED
from tests.flight.torture import not_repeatable

POINTS = [
    ("after", "step.started", "announce"),
    ("after", "operation.intended", "pause-all"),
    ("before", "operation.ended", "pause-all"),
    ("before", "operation.intended", "scale-to-zero"),
    ("before", "operation.ended", "snapshot"),
    ("after", "operation.intended", "helm-upgrade"),
    ("before", "operation.ended", "helm-upgrade"),
    ("after", "operation.intended", "migration-job"),
    ("before", "operation.ended", "migration-job"),
    ("before", "operation.ended", "trigger-canary"),
    ("after", "decision.made", "rest"),
]
"""Before and after the record of an intention, and before the record of what came of it: the call has happened then."""


@pytest.mark.timeout(1800)  # a flight in 22 lives: on a machine with much else to do each start takes long
def test_killed_at_every_kind_of_point_and_ten_times_while_it_migrates_the_flight_ends_verified_and_repeats_nothing(
    tmp_path: Path,
) -> None:
    session, shown = tmp_path / "session", tmp_path / "shown"
    with rehearsal.world(tmp_path / "world") as directory:

        def start() -> Forked:
            return Forked(directory, session, "--shown", str(shown))

        for point in POINTS:
            if point == ("before", "operation.ended", "migration-job"):
                kills = kill_while_it_runs(directory, session, start)
                assert [each.words() for each in kills if not (each.active and each.agreed)] == []
                assert len({each.number for each in kills}) == len(kills) == 10
            killed = fly_once(directory, session, point)
            assert killed.returncode == -9, (point, killed.stdout[-3000:], killed.stderr[-2000:])
        flown = fly_once(directory, session)
        assert flown.returncode == 0, flown.stdout[-4000:] + flown.stderr[-2000:]
        looks = looked_at(session, directory, shown)
        assert looks.problems == []
        assert len(looks.bases) >= 8, "ten kills; at the first ones there may be no time of arrival yet"
        counted = not_repeatable(directory)
        runs = rehearsal.query(directory, "select count(*) from dag_run where run_id like 'migration-cockpit-%'")
    assert counted["helm upgrade"] == 1
    assert sum(name.startswith("CreateDBSnapshot") for name in counted) == 2
    assert {name: count for name, count in counted.items() if count > 1} == {}
    assert runs == [(1,)]
    assert [told for told in rehearsal.steps_of(session) if told[1] != "started"] == VERIFIED[1::2]
    assert rehearsal.chain_is_whole(session)
