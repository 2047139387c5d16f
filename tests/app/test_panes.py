"""The panes: pure functions of State and time, drawn for every sample at every size."""

from __future__ import annotations

import re
from datetime import timedelta

import msgspec
import pytest

from cockpit_widgets.panel import View
from cockpit_widgets.spans import plain
from cockpit_widgets.spans import width as cells
from migration_cockpit.app.controls import footer_entries
from migration_cockpit.app.dialogs.base import MORE, VITAL
from migration_cockpit.app.panes import advice, badges, database, footer, header, timeline
from migration_cockpit.app.panes.drawn import DRAWN
from migration_cockpit.app.panes.frame import Rules
from migration_cockpit.app.panes.log import tidy
from migration_cockpit.app.plan import Looking, plan
from migration_cockpit.app.theme import DARK, palette
from migration_cockpit.cockpit.shown import NOT_RECORDED
from migration_cockpit.cockpit.table import CONTROLS
from migration_cockpit.session import events as ev
from migration_cockpit.session import readings as rd
from migration_cockpit.session.fold import fold
from migration_cockpit.session.state import LEFT_ALONE, State
from tests.app.fixtures import Fold, migrating, names, sample_state, soak

SIZES = ((80, 24), (120, 40), (160, 48), (200, 50))
TONES = palette(DARK)
RULES = Rules()


def drawn(pane: str, sample: str, size: tuple[int, int] = (160, 48), *, zoom: bool = False) -> View:
    """A pane of a sample as it stands on a screen of this size."""
    state, now = sample_state(sample)
    _, _, wide, high = plan(*size, Looking(pane, zoom))[pane]
    return DRAWN[pane](state, now, wide - 4, high - 2, RULES)


def text(view: View) -> str:
    """All lines of a view."""
    return "\n".join(plain(line) for line in view.lines)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("sample", names())
@pytest.mark.parametrize("pane", DRAWN)
def test_every_pane_draws_every_sample_within_its_width(pane: str, sample: str, size: tuple[int, int]) -> None:
    """What is longer can be reached by scrolling; only what has no end (logs, queries, events, trees) may be."""
    view = drawn(pane, sample, size)
    wide = plan(*size, Looking(pane))[pane][2] - 4
    assert view.lines, "an empty pane says nothing"
    for line in (*view.lines, view.title, view.foot):
        assert {tone for _, tone in line} <= set(TONES)
    endless = {"log": (":",), "pods": ("▲ ",), "database": ("  ", " waits ")}.get(pane, ())
    for line in view.lines:
        if cells(line) > wide:
            assert any(mark in plain(line) for mark in endless), plain(line)


@pytest.mark.parametrize("sample", names())
def test_the_same_state_and_moment_draw_the_same(sample: str) -> None:
    """A replay draws what was seen live: state that went through the journal's encoding included."""
    state, now = sample_state(sample)
    again = msgspec.json.decode(msgspec.json.encode(state), type=State)
    for pane in DRAWN.values():
        assert pane(state, now, 60, 20, RULES) == pane(again, now, 60, 20, RULES)


@pytest.mark.parametrize("width", [80, 120, 160, 200])
def test_the_header_says_production_without_colour(width: int) -> None:
    state, now = sample_state("migrating")
    rows = header.view(state, now, width, 1 if width >= 150 else 2).lines
    said = " ".join(plain(row) for row in rows)
    for word in ("PRODUCTION", "airflow-prod", "2.11.2 → 3.2.2", "10:32:07Z", "REC", "prod-eu / airflow", "5 h 27 min"):
        assert word in said
    assert all(cells(row) == width for row in rows)


def test_the_header_tells_staging_rehearsal_and_a_journal_that_cannot_be_written() -> None:
    state, now = sample_state("unreachable")
    assert "staging" in plain(header.view(state, now, 160, 1).lines[0])
    assert state.session is not None
    rehearsal = msgspec.structs.replace(state, session=msgspec.structs.replace(state.session, rehearsal=True))
    assert "rehearsal" in plain(header.view(rehearsal, now, 160, 1).lines[0])
    assert "✖ NOT RECORDED" in plain(header.view(state, now, 160, 1, NOT_RECORDED).lines[0])


def test_a_failing_source_keeps_the_reading_and_says_since_when_and_why() -> None:
    for pane, why in {"pods": "the Kubernetes API", "tasks": "connection timed out", "scheduler": "502"}.items():
        view = drawn(pane, "failing", (280, 60))
        assert plain(view.foot).startswith("▲ stale since 10:3")
        assert why in plain(view.foot)
        assert view.tone == "border-careful"
        # What Airflow's silence means is known only while the pods are seen.
        last = text(drawn(pane, "migrating", (280, 60))).partition("health:")[0]
        assert last in text(view), "the last reading stays"
    assert re.search(
        r"storage is stale since \d\d:\d\d:\d\d: CloudWatch: ExpiredToken",
        text(drawn("database", "failing", (280, 60))),
    )


@pytest.mark.parametrize(("why", "calm"), [(LEFT_ALONE, True), ("Postgres: connection timed out", False)])
def test_tables_that_are_left_alone_for_the_migration_alarm_nobody_and_an_outage_does(why: str, calm: bool) -> None:
    state, now = migrating()
    state = fold(state, ev.SourceFailed(source="tasks", why=why), now, state.seq + 1)
    view = DRAWN["tasks"](state, now, 60, 20, RULES)
    foot, badge = plain(view.foot), plain(badges.view(state, now, 80, RULES, "log").lines[0])
    assert ("stale since" not in foot, view.tone == "border", "▲stale" not in badge) == (calm, calm, calm)
    assert why in text(view) + foot, "why nothing newer comes is said either way"
    assert re.search(r"(as of|stale since) \d\d:\d\d:\d\d", foot), "and since when"
    assert state.log[-1].level == ("info" if calm else "careful")


def test_a_source_that_never_read_says_what_it_waits_for_or_why_it_gets_none() -> None:
    for pane in ("pods", "tasks", "database", "scheduler"):
        assert text(drawn(pane, "nothing")).startswith("waits for")
        view = drawn(pane, "unreachable")
        assert "✖ no reading yet" in text(view)
        assert "connection refused" in " ".join(text(view).split())


def test_every_pane_says_how_old_its_data_is_and_when_it_is_late() -> None:
    state, now = migrating()
    assert plain(DRAWN["database"](state, now, 60, 20, RULES).foot) == "1s old"
    late = DRAWN["database"](state, now + timedelta(minutes=3), 60, 20, RULES)
    assert plain(late.foot) == "▲ late: 3m01s old"
    assert late.tone == "border-careful"


def test_the_timeline_tells_plan_start_drift_outcome_and_who() -> None:
    view = drawn("timeline", "migrating", (280, 50))
    rows = {plain(line)[4:24].strip(): plain(line) for line in view.lines}
    assert "09:45 09:52   +7 verified sre-1" in rows["helm upgrade"]
    assert "10:15 10:21   +6 running" in rows["database migration"]
    assert "10:45 10:51   +6" in rows["healthy components"]
    assert "12:21 decide" in text(view)
    assert "212 active of 230 DAGs" in text(view)
    assert "33 %" in text(view)


def test_the_timeline_shows_the_way_back_with_its_stages_and_why_one_failed() -> None:
    told = text(drawn("timeline", "going-back", (280, 50)))
    assert "way back: restore to airflow-pre-3x-prod-20260516-helm" in told
    assert "✔ stop 3.x" in told
    assert "▶ restore the recovery point" in told
    assert "41 %" in told
    failed = text(drawn("timeline", "back-failed", (280, 50)))
    assert "✖ restore the recovery point" in failed
    assert "old instance is untouched" in " ".join(failed.split())
    state, now = sample_state("back-failed")
    first, second = (plain(line) for line in timeline.strip(state, now, 80, 2).lines)
    assert "4 of 16" in first
    assert second.startswith("✖ restore the recovery point failed, Enter to decide")


def test_the_timeline_tells_why_a_step_failed_and_what_was_overridden() -> None:
    assert "xcom row 81723" in text(drawn("timeline", "stopped"))
    assert "✖ 5 database migration" in text(drawn("timeline", "stopped"))
    assert "healthy: secret is static here" in text(drawn("timeline", "soak"))


def test_the_strip_has_every_step_and_what_is_going_on() -> None:
    state, now = migrating()
    first, second = (plain(line) for line in timeline.strip(state, now, 80, 2).lines)
    assert "4✔" in first
    assert "5▶" in first
    assert "-○" in first
    assert second.startswith("▶ database migration")
    assert "33 %" in second
    stopped, moment = sample_state("stopped")
    assert "✖ database migration failed" in plain(timeline.strip(stopped, moment, 80, 2).lines[1])


def test_new_pods_in_init_are_expected_until_the_migration_is_done() -> None:
    view = text(drawn("pods", "migrating"))
    assert "5 in Init, expected" in view
    assert "◌ scheduler-q8m4d" in view
    assert "backoff 2:40" in view
    state, now = migrating()
    done = msgspec.structs.replace(state.steps["migrate"], outcome="verified", ended=now)
    later = msgspec.structs.replace(state, steps={**state.steps, "migrate": done})
    after = text(DRAWN["pods"](later, now, 60, 20, RULES))
    assert "expected" not in after
    assert "✖ dag-processor" in after
    assert "▲ scheduler-q8m4d" in after


def test_versions_are_told_apart_and_old_writers_are_counted() -> None:
    before = drawn("pods", "before")
    assert "2.11.2 writers 6" in text(before)
    tones = {tone for line in before.lines for part, tone in line if part == "2.11.2"}
    assert tones == {"careful"}
    assert "good" in {tone for line in drawn("pods", "soak").lines for part, tone in line if part.startswith("3.2.2")}


def test_the_root_blocker_stands_on_top_and_the_migrations_own_sessions_are_known() -> None:
    lines = [plain(line) for line in drawn("database", "blocked", (280, 50)).lines]
    root = next(n for n, line in enumerate(lines) if "24077 analyst DBeaver" in line)
    assert lines[root - 1] == "✖ 3 waiters · the migration waits"
    assert lines[root + 1].strip() == "HOLDS AccessShare task_instance"
    assert "idle in transaction 29m56s from 10.2.7.31" in lines[root + 2]
    waiter = next(n for n, line in enumerate(lines) if "25435 migration waits 6m06s AccessExclusive" in line)
    assert waiter > root
    assert lines[waiter + 1].startswith("  ├ 25611 grafana waits")
    quiet = text(drawn("database", "migrating"))
    assert "0 waiters · no session blocks another" in quiet
    assert "25434 its own advisory lock; idle is normal" in quiet


def test_the_running_migration_tells_how_far_it_is_and_when_it_ends() -> None:
    view = text(drawn("database", "migrating", (54, 24)))
    rows = [plain(line) for line in drawn("database", "migrating", (54, 24)).lines]
    assert rows[0].split() == ["WORKING", "for", "10m55s", "revision", "15", "of", "82"]
    assert rows[1].endswith(" 33 %")
    assert "4.1 of 12.4 M rows · 11 k/s · for 6m12s" in view
    assert re.search(r"ETA 10:\d\d\N{EN DASH}1[01]:\d\d · running 10m59s", view)
    assert "by the speed so far and built-in rates" in view
    assert all(cells(((row, ""),)) <= 54 for row in rows[:6])


def test_a_waiting_migration_shows_who_holds_the_lock_before_how_far_it_is_and_no_end() -> None:
    rows = [plain(line) for line in drawn("database", "blocked", (78, 12)).lines]
    assert rows[0].startswith(" BLOCKED")
    holder = next(n for n, row in enumerate(rows) if "24077 analyst" in row)
    assert holder < 8, "it is seen at 80x24 without scrolling"
    assert holder < next(n for n, row in enumerate(rows) if row.startswith("ETA none while it waits"))
    assert "At 10:41 its lock_timeout fires" in " ".join(rows)


def test_before_the_migration_the_estimate_is_shown_once_it_is_measured() -> None:
    state, now = sample_state("before")
    measured = msgspec.structs.replace(state.migration, measured=migrating()[0].migration.measured)
    said = text(DRAWN["database"](msgspec.structs.replace(state, migration=measured), now, 100, 40, RULES))
    assert "estimate " in said
    assert "task_instance 12.4 M rows" in said


def test_a_wrong_alembic_version_is_an_alarm() -> None:
    state, now = migrating()
    assert state.database is not None
    for revisions, said in (((), "no row"), (("a", "b"), "a, b")):
        broken = msgspec.structs.replace(state, database=msgspec.structs.replace(state.database, revisions=revisions))
        assert f"✖ alembic_version holds {said}" in text(DRAWN["database"](broken, now, 60, 20, RULES))


def test_silence_is_expected_no_longer_once_a_scheduler_of_the_target_is_ready() -> None:
    state, now = sample_state("migrating")
    assert state.pods is not None
    ready = rd.Pod(
        name="airflow-scheduler-1", component="scheduler", version="3.2.2", phase="Running", ready=1, created=now
    )
    up = msgspec.structs.replace(state, pods=msgspec.structs.replace(state.pods, pods=(ready,)))
    drawn = text(DRAWN["scheduler"](up, now, 60, 20, RULES))
    assert "expected, nothing schedules" not in drawn
    starting = msgspec.structs.replace(ready, ready=0)
    down = msgspec.structs.replace(state, pods=msgspec.structs.replace(state.pods, pods=(starting,)))
    assert "expected, nothing schedules" in text(DRAWN["scheduler"](down, now, 60, 20, RULES))


def test_no_metric_is_expected_while_nothing_schedules_and_a_question_otherwise() -> None:
    expected = text(drawn("scheduler", "migrating"))
    assert "no data since 09:52: expected, nothing schedules" in expected
    assert "before 0.42 s" in expected
    fold = Fold()
    fold.state, now = sample_state("before")
    fold.add(now, ev.MetricsRead(reading=rd.MetricsReading(metrics=(rd.Metric(name="loop_duration", query="q"),))))
    assert "▲ no data, which is not zero" in text(DRAWN["scheduler"](fold.state, now, 50, 12, RULES))


def test_twenty_percent_slower_is_a_regression() -> None:
    assert text(drawn("scheduler", "soak")).count("▲ REGRESSION") == 2
    state, now = soak(1.1)
    assert "REGRESSION" not in text(DRAWN["scheduler"](state, now, 50, 12, RULES))
    state, now = soak(1.3)
    strict = Rules(regression_percent=5.0)
    assert "REGRESSION" in text(DRAWN["scheduler"](state, now, 50, 12, strict))


@pytest.mark.parametrize(
    ("name", "unit", "before", "now_at", "said"),
    [
        ("open_slots", "", 2.0, 120.0, "open slots  120  +118"),
        ("queued_tasks", "", 3.0, 0.0, "queued tasks  0  \N{MINUS SIGN}3"),
        ("queued_tasks", "", 0.0, 7.0, "queued tasks  7  +7"),
        ("loop_duration", "s", 0.4, 0.44, "loop duration  0.44 s  +10 %"),
        ("loop_duration", "s", 0.004, 0.006, "loop duration  0.006 s  ▲ REGRESSION +0.002 s"),
        ("parse_time", "s", 0.04, 2.44, "parse time  2.4 s  ▲ REGRESSION +2.4 s"),
    ],
)
def test_a_change_against_next_to_nothing_is_no_share(
    name: str, unit: str, before: float, now_at: float, said: str
) -> None:
    fold = Fold()
    fold.state, now = sample_state("before")
    fold.add(now, ev.BaselineTaken(values={name: before}))
    metric = rd.Metric(name=name, query="q", value=now_at, unit=unit, measured=now)
    fold.add(now, ev.MetricsRead(reading=rd.MetricsReading(metrics=(metric,))))
    assert said in text(DRAWN["scheduler"](fold.state, now, 60, 12, RULES))


def test_tasks_are_named_with_their_age_and_what_is_usual() -> None:
    view = text(drawn("tasks", "drain", (280, 50)))
    assert "etl_orders.load_partition" in view
    assert "1h07m  14m00s" in view
    assert "41 scheduled · 3 deferred · 2 up_for_retry" in view
    assert "7 unfinished DAG runs" in view
    assert "DAGs paused 230 of 230 ✔" in view


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        (
            "2026-11-23T07:29:04.839303Z [info     ] Running upgrade 6709 -> 02ca, First [alembic] loc=m.py:622",
            "Running upgrade 6709 -> 02ca, First",
        ),
        (
            "[2026-05-16T10:21:11.123+0000] {migration.py:211} INFO - Context impl PostgresqlImpl.",
            "Context impl PostgresqlImpl.",
        ),
        ("2026-05-16T10:21:11Z [error    ] it broke [airflow]", "[error    ] it broke"),
        ("processing batch 412", "processing batch 412"),
        ("2026-05-16T10:21:11Z ", "2026-05-16T10:21:11Z "),
    ],
)
def test_printed_lines_lose_their_own_time_and_place(printed: str, shown: str) -> None:
    assert tidy(printed) == shown


def test_the_badges_tell_what_is_not_shown() -> None:
    state, now = sample_state("failing")
    row = plain(badges.view(state, now, 80, RULES, "log").lines[0])
    assert row.count("▲stale") == 4
    assert cells(((row, ""),)) == 80
    state, now = migrating(blocked=True)
    assert "db ▲3wait" in plain(badges.view(state, now, 80, RULES, "pods").lines[0]).replace("  ", " ")


def test_advice_that_does_not_fit_says_how_to_see_it_all() -> None:
    state, now = sample_state("failing")
    assert plain(advice.view(state, now, 76, 3, RULES).foot) == "a shows all 9 lines"
    assert advice.view(state, now, 200, 5, RULES).foot == ()


def test_a_reason_too_long_for_the_frame_stands_in_the_pane() -> None:
    said = " ".join(text(drawn("pods", "failing", (80, 24))).split())
    assert said.startswith("the Kubernetes API at https://10.0.0.1:6443 refuses the connection")


def test_credentials_that_end_before_the_window_are_seen_at_80_columns() -> None:
    state, now = sample_state("migrating")
    assert "▲ AWS session 2 h 59 min" in plain(header.view(state, now, 80, 2).lines[1])


def test_the_notice_stands_in_the_advice_and_the_advice_stays() -> None:
    state, now = sample_state("migrating")
    view = advice.view(state, now, 156, 3, RULES, "announce is verified already; it does not run twice")
    assert "WAIT" in plain(view.lines[0])
    assert plain(view.lines[-1]) == "▲ announce is verified already; it does not run twice"
    assert len(view.lines) <= 3


@pytest.mark.parametrize("where", ["screen", "sheet", "decision", "note", "message"])
@pytest.mark.parametrize("width", [80, 160])
def test_the_footer_fits_and_always_has_the_help(where: str, width: int) -> None:
    row = plain(footer.view(where, width, CONTROLS).lines[0])
    assert len(row) == width
    assert "? help" in row


@pytest.mark.parametrize("where", sorted({each.where for each in CONTROLS}))
@pytest.mark.parametrize("width", [56, 76, 116])
def test_no_key_below_a_dialog_is_cut_and_the_way_out_is_there(where: str, width: int) -> None:
    entries = [*(each for each in footer_entries(where, CONTROLS) if each[1] != "help"), MORE]
    row = plain(footer.keys_row(footer.whole(entries, width, VITAL), width))
    shown = [each for each in re.split(r" {2,}", row.strip()) if each]
    assert set(shown) <= {f"{keys} {label}" for keys, label in entries}
    assert "? all keys" in shown
    if any(keys == "Esc" for keys, _ in entries):
        assert any(each.startswith("Esc ") for each in shown)


@pytest.mark.parametrize("width", [120, 160])
def test_the_preparation_is_offered_on_the_day(width: int) -> None:
    assert "p prepare" in plain(footer.view("screen", width, CONTROLS).lines[0])


def test_a_thousand_pods_and_five_thousand_waiters_cost_little() -> None:
    import time

    state, now = migrating()
    assert state.pods is not None
    assert state.database is not None
    pods = tuple(msgspec.structs.replace(state.pods.pods[1], name=f"airflow-worker-{n}") for n in range(1000))
    waiters = tuple(rd.Waiter(pid=30000 + n, blockers=(25435,), relation="xcom", mode="ShareLock") for n in range(5000))
    backends = tuple(rd.Backend(pid=30000 + n, role="airflow", state="active") for n in range(5000))
    many = msgspec.structs.replace(
        state,
        pods=msgspec.structs.replace(state.pods, pods=pods),
        database=msgspec.structs.replace(
            state.database, waiters=waiters, waiters_total=5000, backends=state.database.backends + backends
        ),
    )
    began = time.process_time()
    for pane in ("pods", "database"):
        view = DRAWN[pane](many, now, 60, 20, RULES)
        assert view.lines
    assert time.process_time() - began < 0.5, "a frame must not cost what there is"


def test_a_migration_pod_is_no_component_that_is_ready() -> None:
    state, now = migrating()
    assert state.pods is not None
    (first, *others) = state.pods.pods
    assert first.component == "migration"
    job = msgspec.structs.replace(first, name="airflow-db-migrate-0516-abcde", component="airflow-db-migrate")
    pods = msgspec.structs.replace(state.pods, pods=(job, *others))
    rows = [
        plain(each) for each in DRAWN["pods"](msgspec.structs.replace(state, pods=pods), now, 60, 20, Rules()).lines
    ]
    assert "ready 0 of 5" in rows[0]
    assert any(row.startswith("▶ ") and "db-migrate" in row for row in rows)


def test_a_replay_shows_the_recorded_verdict_and_a_flight_what_is_judged_now() -> None:
    state, now = sample_state("migrating")
    recorded = ev.VerdictChanged(verdict="QUIET", evidence="Nothing of it has moved, as was judged then.")
    state = msgspec.structs.replace(state, verdict=recorded, verdict_since=now - timedelta(minutes=3))
    assert "WORKING" in text(database.view(state, now, 100, 40))
    replayed = Rules(recorded=True)
    drawn = text(database.view(state, now, 100, 40, replayed))
    assert "QUIET   for 3m00s" in drawn
    assert "as was judged then" in drawn
    assert "WORKING" not in drawn
    assert "as was judged then" in text(advice.view(state, now, 100, 20, replayed))
