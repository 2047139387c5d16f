"""The page of known failures: what shows, with evidence and the mend; what is over; nothing."""

from __future__ import annotations

import msgspec
import pytest

from cockpit_widgets.spans import Line, width
from migration_cockpit.app.dialogs.failures import failure_lines
from migration_cockpit.session.state import State
from tests.app.fixtures import sample_state
from tests.app.light import still_app


def texts(state: State, wide: int = 100) -> list[str]:
    return ["".join(part[0] for part in each) for each in failure_lines(state, wide)]


def test_the_worst_stands_first_with_evidence_and_commands_for_this_session() -> None:
    lines = texts(sample_state("recognised")[0])
    page = "\n".join(lines)
    assert lines[0] == "2 failures show; the worst stands first"
    assert lines[2] == "✖ bad  NaN or Infinity in an XCom stops the migration"
    assert '10:33:09 in job: DETAIL:  Token "NaN" is invalid.' in page
    assert "    delete from xcom x using xcom_nan_kept k" in lines
    assert page.index("NaN or Infinity") < page.index("◌ expected  Pods wait for the database migration")
    assert "kubectl --context prod-eu -n airflow delete pod -l release=airflow" in page


def test_what_is_over_is_listed_with_the_reason() -> None:
    page = "\n".join(texts(sample_state("recognised")[0]))
    assert "10:33:30 A dead replication slot keeps all the WAL of the migration: it is not seen any more" in page


def test_where_nothing_shows_it_says_what_is_looked_at() -> None:
    assert "None of the" in texts(sample_state("before")[0])[0]


def test_an_entry_that_the_catalogue_lost_is_still_told() -> None:
    state, _ = sample_state("recognised")
    gone = {"old-name": state.failures["xcom-nan"]}
    page = "\n".join(texts(msgspec.structs.replace(state, failures=gone)))
    assert "✖ bad  NaN or Infinity" in page
    assert "old-name is not in this version's catalogue" in page


@pytest.mark.parametrize("wide", [36, 76, 116])
def test_nothing_is_wider_than_the_page(wide: int) -> None:
    lines: list[Line] = failure_lines(sample_state("recognised")[0], wide)
    assert max(width(each) for each in lines) <= wide


async def test_f_opens_and_closes_it() -> None:
    app = still_app(*sample_state("recognised"))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f")
        await pilot.pause()
        assert app.page == "failures"
        await pilot.press("f")
        await pilot.pause()
        assert app.page == ""
