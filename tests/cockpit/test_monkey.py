"""Random keys and pastes through the table of actions: no rollback, no migration, nothing of the world is touched.

The whole of it: `COCKPIT_FUZZ_KEYS=100000 COCKPIT_FUZZ_SCREEN=2000 pytest tests/cockpit/test_monkey.py
tests/app/test_monkey_on_screen.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from migration_cockpit.cockpit.cockpit import Cockpit
from migration_cockpit.cockpit.desk import Desk
from migration_cockpit.cockpit.opening import opening
from migration_cockpit.session.events import StepStarted
from tests.app.light import SteppedClock
from tests.cockpit.monkey import KEYS_AT_DESK, SEED, Watch, fly_to, strokes
from tests.cockpit.test_desk import SETTINGS
from tests.cockpit.test_rollback_dialog import Backwards
from tests.steps import file_steps

DAY = 25 * 3600.0
STATES = {
    "nothing is upgraded": ("drain", True, "", 0.0),
    "the migration runs": ("migrate", True, "airflow-db-migrate-0516", 0.0),
    "the new version is in service": ("rest", False, "", 0.0),
    "it is in service for more than a day": ("rest", False, "", DAY),
}
"""By name: the last step, whether it runs, the migration Job at work, and how long ago that was, in seconds."""


@pytest.mark.parametrize("state", STATES)
async def test_random_keys_and_pastes_do_nothing_to_the_world(
    state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, running, job, ago = STATES[state]
    clock = SteppedClock()
    cockpit = Cockpit(SETTINGS, tmp_path, operator="sre", clock=clock, steps=file_steps(tmp_path / "lines"))
    cockpit.recorder.record(opening(SETTINGS, "s"))
    fly_to(cockpit.recorder, step, running=running)
    if not running:  # the soak is watched, so that no step is due: a due one is meant to be run by two keys
        cockpit.recorder.record(StepStarted(step="soak", operator="sre"))
    monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC) + timedelta(seconds=ago))
    back = Backwards(job=job)
    for name in ("prospect", "plan_back", "roll_back"):
        monkeypatch.setattr(cockpit.runner, name, getattr(back, name))
    watch, desk = Watch(cockpit.recorder), Desk(cockpit)
    for number, stroke in enumerate(strokes(KEYS_AT_DESK // len(STATES), SEED + len(state))):
        if stroke.key == "P" and step == "drain":
            continue  # a postponement asks for a reason only: random text is one, and a monkey would begin it
        clock.leap(stroke.after)
        if stroke.key:
            await desk.press(stroke.key)
        elif stroke.paste is None:
            desk.type(desk.typed + stroke.char)
        elif desk.takes_paste:
            desk.type(desk.typed + " ".join(stroke.paste.split()))
        watch.further.add(desk.where)
        assert watch.harm == [], f"stroke {number}: {stroke}"
    assert back.flown == []
    assert watch.opened > 10
    assert ("rollback-phrase" in watch.further) is (not ago), "the fuzz reaches the last field, unless it is too late"
    desk.close_dialog()
    await cockpit.stop("test over")
