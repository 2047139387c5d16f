"""The guide on the screen: a family is chosen by its number, and what cannot be seen is unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from cockpit_widgets.spans import plain, width
from migration_cockpit.app.dialogs.guide import choice_lines, page_lines
from migration_cockpit.cockpit.desk import DEAF
from migration_cockpit.playbook.guided import FAMILIES
from migration_cockpit.session import events as ev
from migration_cockpit.session.state import State
from tests.app.fixtures import Fold, sample_state
from tests.app.light import light_app
from tests.app.test_app import seen, until


def gathered() -> State:
    """A page with all that can stand in one."""
    fold = Fold()
    fold.state = sample_state("recognised")[0]
    fold.add(
        "10:40",
        ev.GuideStarted(family="migration", title=FAMILIES[0].title, operator="sre-1"),
        ev.GuideFound(family="migration", look="schema", status="holds", found=("5f2621c13b39: the head of 2.11.2",)),
        ev.GuideFound(family="migration", look="locks", status="fails", found=("pid 7 waits for pid 9",), mend="key K"),
    )
    return fold.state


async def test_a_page_gathers_and_what_cannot_be_seen_is_unknown(tmp_path: Path) -> None:
    app, light = light_app(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: light.state.session is not None)
        await pilot.press("g")
        await until(pilot, lambda: "the UI shows wrong DAGs" in seen(app))
        light.clock.leap(DEAF)
        await pilot.press("2")
        await until(pilot, lambda: "dags" in light.state.guides and light.state.guides["dags"].ended is not None)
        await until(pilot, lambda: "? unknown" in seen(app))
    found = light.state.guides["dags"].found
    assert [each.look for each in found] == [name for name, _ in FAMILIES[1].looks]
    assert {each.status for each in found} == {"unknown"}, "no system of this cockpit exists"


def test_what_fails_stands_first_and_known_failures_below() -> None:
    page = [plain(each) for each in page_lines(gathered(), FAMILIES[0], 76)]
    text = "\n".join(page)
    assert page[0].strip() == "gathered 10:40:00 by sre-1; 3 to come …"
    assert text.index("FAILS   locks") < text.index("holds   schema")
    assert "→ key K" in text
    assert "NaN or Infinity in an XCom stops the migration" in text


@pytest.mark.parametrize("wide", [36, 76, 116])
def test_nothing_is_wider_than_the_page(wide: int) -> None:
    lines = [*choice_lines(wide), *page_lines(gathered(), FAMILIES[0], wide)]
    assert max(width(each) for each in lines) <= wide
