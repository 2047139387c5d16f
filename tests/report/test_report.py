"""The report of a session: what happened stands in it, as a page that needs nothing else and as Markdown."""

from __future__ import annotations

import gzip
import re
import tracemalloc
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
import zstandard

from migration_cockpit.cli import main
from migration_cockpit.report import markdown, page
from migration_cockpit.report.gather import MOST, Gathered, gather
from migration_cockpit.report.incidents import MOST as MOST_INCIDENTS
from migration_cockpit.report.sections import document
from migration_cockpit.report.series import MOST as MOST_BUCKETS
from migration_cockpit.report.series import Series
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from migration_cockpit.session import readings as rd
from migration_cockpit.session.cost import CostReading, NewRun
from migration_cockpit.session.journal import Entry
from tests.app.fixtures import at, opened
from tests.report.sample import write_day

NEW_RUN = NewRun(dag_id="orders_daily", run_id="scheduled__1", state="success", at=at("11:30"))


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_day(tmp_path_factory.mktemp("day"))


@pytest.fixture(scope="module")
def found(day: Path) -> Gathered:
    return gather(journal.read(day))


@pytest.fixture(scope="module")
def text(found: Gathered) -> str:
    return markdown.render(document(found))


def section(text: str, heading: str) -> str:
    """The part of a Markdown report under a heading."""
    return text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]


@pytest.mark.parametrize(
    ("heading", "words"),
    [
        ("Summary", ["complete, with overrides", "10 of 11 verified", "09:04:00 to 12:40:00, 3 h 36 min", "sre-1"]),
        ("Timeline", ["database migration | 10:15:00 | 10:21:00 | +6 | 51 min | verified", "2026-05-16 17:00:00"]),
        ("Incidents", ["10:40:00 | 10:47:00 | 7 min | the migration was BLOCKED | waits for pid 4711"]),
        ("Incidents", ["11:23:30 | 11:41:00 | 17 min | step smoke tests failed | canary: it never ran"]),
        ("Incidents", ["13:02:20 | 13:05:00 | 2 min | no cockpit watched | it ended without a word"]),
        ("Incidents", ["pods could not be read (3 times)", "11:01:00 | not ended |  | message message-2"]),
        ("Incidents", ["As expected while Airflow stood still: health could not be read, 09:55:00 to 11:20:00"]),
        ("Verdicts on the migration", ["10:40:00 | BLOCKED", "10:47:00 | WORKING | the lock was granted"]),
        ("Overrides", ["smoke tests | sre-1 | import errors", "retired on Monday"]),
        ("Who did what", ["dba | noted (of 10:46:00): the reporting session", "sre-2 | went on on bastion"]),
        ("Who did what", ["moved the window's end to 2026-05-16 17:00", "fewest runs first"]),
        ("Scheduler metrics before and after", ["scheduler loop duration | 0.42 s | 0.43 s"]),
        ("The database during the migration", ["WAL |", "IOPS of the storage"]),
        ("Tasks draining", ["running | 09:04:00 to 09:37:40", "queued |"]),
        ("Messages", ["not sent: Slack answered 503", "09:00:02"]),
        ("Follow-ups", ["airflow-pre-3x-helm-1", "on 2026-06-20, day 35", "max\\_active\\_runs"]),
        ("What was done to the world", ["helm-upgrade | 4 min | done", "… and 3 more like these"]),
    ],
)
def test_what_happened_stands_in_its_section(heading: str, words: list[str], text: str) -> None:
    for each in words:
        assert each in section(text, heading)


def test_a_blocked_migration_wrote_no_wal_and_the_chart_shows_it(found: Gathered) -> None:
    blocked = [value for t, value in found.wal.points() if at("10:41") <= t < at("10:46")]
    assert blocked
    assert max(blocked) < 1e6 < max(value for _, value in found.wal.points())


class Outside(HTMLParser):
    """Collects what a page would load or run, and its tags."""

    def __init__(self) -> None:
        super().__init__()
        self.reached: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in {"src", "href", "srcset", "data", "action"} or name.startswith("on"):
                self.reached.append(f"{tag} {name}={value}")


def test_the_page_loads_nothing_and_runs_nothing(found: Gathered) -> None:
    html = page.render(document(found))
    outside = Outside()
    outside.feed(html)
    assert outside.reached == []
    assert not outside.tags & {"script", "link", "img", "iframe", "object", "b"}
    assert "url(" not in html
    assert "@import" not in html
    assert "&lt;b&gt;legacy_ftp_dag&lt;/b&gt;" in html
    drawn = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(drawn) == 7
    for svg in drawn:
        root = ET.fromstring(svg)  # noqa: S314 - our own drawing, not of others
        title = root.find("{http://www.w3.org/2000/svg}title")
        assert title is not None
        assert title.text


def test_text_of_others_breaks_no_table_of_the_wiki(text: str) -> None:
    row = next(
        line for line in text.splitlines() if "legacy\\_ftp\\_dag is retired" in line and "import errors" in line
    )
    assert len(re.findall(r"(?<!\\)\|", row)) == 6
    assert "\\<b\\>" in row


def test_the_command_writes_what_the_name_says(day: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(day.parent), "-o", str(tmp_path / "r.html")]) == 0
    assert (tmp_path / "r.html").read_text().startswith("<!DOCTYPE html>")
    assert main(["report", str(day), "-o", str(tmp_path / "r.md")]) == 0
    capsys.readouterr()
    assert main(["report", str(day)]) == 0
    assert capsys.readouterr().out == (tmp_path / "r.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["-o", "report.pdf"], 2, "it takes .html or .md"),
        (["-o", "nowhere/there/r.md"], 1, "cannot be written: No such file or directory"),
    ],
)
def test_a_report_that_cannot_be_written_is_one_sentence(
    arguments: list[str], code: int, said: str, day: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(day), *arguments]) == code
    error = capsys.readouterr().err.strip()
    assert said in error
    assert "\n" not in error


def test_what_is_no_journal_is_refused_and_a_damaged_one_is_told_up_to_the_damage(
    day: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(tmp_path / "none")]) == 1
    assert "cannot be read: No such file" in capsys.readouterr().err
    (tmp_path / "list").write_text("milk\nbread\n")
    assert main(["report", str(tmp_path / "list")]) == 1
    assert "line 1 is not an event" in capsys.readouterr().err
    lines = day.read_bytes().splitlines(keepends=True)
    (tmp_path / "hurt").write_bytes(b"".join([*lines[:3000], b"{rubbish}\n", *lines[3000:]]))
    assert main(["report", str(tmp_path / "hurt")]) == 1
    told = capsys.readouterr()
    assert "line 3001 is not an event" in told.err
    assert "This report ends where the journal is damaged" in told.out
    assert "database migration | 10:15:00 | 10:21:00" in told.out


def test_a_session_that_has_just_begun_has_a_report_too() -> None:
    told = document(gather([Entry(1, at("08:55"), opened())]))
    for text in (markdown.render(told), page.render(told)):
        assert "not finished: announce is next" in text
        assert "DAGs were not paused" in text
    assert "no session" in markdown.render(document(gather([])))


def test_a_series_keeps_its_mean_and_its_size_whatever_its_length() -> None:
    series = Series()
    for second in range(50_000):
        series.add(at("00:00") + timedelta(seconds=second), float(second % 2))
    points = series.points()
    assert MOST_BUCKETS / 2 <= len(points) <= MOST_BUCKETS
    assert series.mean() == 0.5
    assert (series.lowest, series.highest) == (0.0, 1.0)
    assert points[-1][0] > at("13:30")


def test_a_session_that_never_ends_costs_no_more_memory() -> None:
    def events(rounds: int) -> list[Entry]:
        seen: list[ev.Event] = []
        for number in range(rounds):
            seen += [
                ev.DatabaseRead(reading=rd.DatabaseReading(wal_bytes=number * 1000)),
                ev.SourceFailed(source=f"s{number % 7}", why=f"reason {number}"),
                ev.VerdictChanged(verdict="BLOCKED" if number % 2 else "WORKING", evidence=f"{number}"),
                ev.SourceRecovered(source=f"s{number % 7}"),
                ev.DecisionMade(step="drain", decision="go", answer="wait", operator="sre"),
                ev.LogLine(source="job", text=f"line {number}"),
            ]
        return [
            Entry(number + 2, at("09:00") + timedelta(seconds=20 * number), event) for number, event in enumerate(seen)
        ]

    def cost(entries: list[Entry]) -> tuple[int, Gathered]:
        begun = Entry(2, at("09:00"), ev.StepStarted(step="migrate", operator="sre"))
        tracemalloc.start()
        found = gather([Entry(1, at("08:55"), opened()), begun, *entries])
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return held, found

    small, _ = cost(events(2 * MOST))
    large, found = cost(events(8 * MOST))
    assert large < 1.5 * small
    assert len(found.verdicts) == MOST
    assert found.left_off["verdicts"] == 7 * MOST
    assert len(found.incidents.told()) <= MOST_INCIDENTS + 2
    assert found.incidents.left_off > 0
    assert "more, in the journal" in markdown.render(document(found))


@pytest.mark.parametrize("name", ["session.jsonl.gz", "session.jsonl.zst"])
def test_a_packed_journal_is_told_like_a_plain_one_and_a_cut_one_up_to_the_cut(
    name: str, day: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(day)]) == 0
    plain = capsys.readouterr().out
    pack = gzip.compress if name.endswith("gz") else zstandard.ZstdCompressor().compress
    packed = pack(day.read_bytes())
    (tmp_path / name).write_bytes(packed)
    assert main(["report", str(tmp_path)]) == 0  # a session's directory, whose journal was packed away
    assert capsys.readouterr().out == plain
    (tmp_path / name).write_bytes(packed[: len(packed) * 3 // 4])
    assert main(["report", str(tmp_path)]) == 1
    told = capsys.readouterr()
    assert "what follows is missing" in told.err
    assert "This report ends where the journal is damaged" in told.out


def gone_back() -> list[Entry]:
    """A day on which 3.x ran for half an hour and was then given up."""
    loss = CostReading(point="rds-1", dag_runs=7, task_instances=41, xcoms=9, logs=120, newest=(NEW_RUN,))
    stages = (
        ev.RollbackStage(stage="stop", title="stop 3.x", expected=60.0),
        ev.RollbackStage(stage="restore", title="restore the snapshot", expected=1200.0),
    )
    names = {"step": "helm", "operation": "helm-upgrade", "key": "k", "attempt": 1}
    happened: list[tuple[str, ev.Event]] = [
        ("08:55", opened()),
        ("09:52", ev.StepStarted(step="helm", operator="sre-1")),
        ("09:53", ev.OperationIntended(**names, commands=())),  # type: ignore[arg-type]  # one dict of all kinds
        ("10:21", ev.StepStarted(step="migrate", operator="sre-1")),
        ("11:12", ev.StepEnded(step="migrate", outcome="verified", operator="sre-1")),
        ("11:40", ev.CostRead(reading=loss)),
        ("11:42", ev.RollbackStarted(way="restore", operator="sre-2", reason="orders", stages=stages, point="rds-1")),
        ("11:42", ev.RollbackStageStarted(stage="stop", operator="sre-2")),
        ("11:43", ev.RollbackStageEnded(stage="stop", outcome="verified", operator="sre-2")),
        ("11:43", ev.RollbackStageStarted(stage="restore", operator="sre-2")),
        ("12:10", ev.RollbackStageEnded(stage="restore", outcome="verified", operator="sre-2")),
        ("12:11", ev.RollbackEnded(outcome="rolled back", operator="sre-2")),
    ]
    return [Entry(number, at(clock), event) for number, (clock, event) in enumerate(happened, 1)]


def test_what_going_back_cost_is_told(text: str) -> None:
    assert "The way back" not in text
    found = gather(gone_back())
    told = section(markdown.render(document(found)), "The way back and what it cost")
    for words in (
        "restore, to rds-1",
        "by sre-2: orders",
        "29 min; expected 21 min",
        "3.x had been in service for | 30 min",
        "A restore loses 7 DAG runs, 41 task instances, 9 xcoms, 120 log rows since rds-1.",
        "Newest runs: orders\\_daily 11:30",
        "restore the snapshot | 11:43:00 | 27 min | 20 min | verified",
        "rolled back",
    ):
        assert words in told, told
    assert "The way back and what it cost" in page.render(document(found))


def test_a_way_back_that_keeps_the_database_lists_no_losses() -> None:
    entries = gone_back()
    begun = entries[6]
    assert isinstance(begun.event, ev.RollbackStarted)
    entries[6] = Entry(begun.seq, begun.t, msgspec.structs.replace(begun.event, way="helm", point=""))
    told = markdown.render(document(gather(entries)))
    assert "Nothing was lost: only the manifests went back" in told
    assert "A restore loses" not in told


def test_a_way_back_that_does_not_end_says_so() -> None:
    told = markdown.render(document(gather(gone_back()[:-2])))
    assert "not ended in this record" in told
    assert "restore the snapshot | 11:43:00 |  | 20 min | not flown" in told
