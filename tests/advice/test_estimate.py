"""The estimate of a migration: near what real ones took, wider beyond what was measured, better by own rates."""

from __future__ import annotations

from pathlib import Path

import pytest

from migration_cockpit.advice import own_rates, rates, revisions
from migration_cockpit.advice.estimate import estimate, span, words
from migration_cockpit.session.migration import Measured, TableSize
from tests.advice.recorded import MEASURED, Run, way_told

OTHER = Measured(
    tables={
        "task_instance": TableSize(rows=800_018, size=497_000_000),
        "xcom": TableSize(rows=300_018, size=103_000_000),
        "dag_run": TableSize(rows=100_006, size=40_000_000),
        "task_reschedule": TableSize(rows=50_000, size=12_000_000),
        "task_instance_history": TableSize(rows=55_000, size=20_000_000),
        "log": TableSize(rows=500_080, size=210_000_000),
    },
    conf=5_000,
    round_trip=0.0001,
)


def quiet(rows: int, size: int) -> Measured:
    """What the benchmark's history of so many task instances is measured as: the other tables are shares of it."""
    shares = {"task_instance": 1.0, "xcom": 0.338, "dag_run": 0.345, "task_reschedule": 0.0067}
    shares |= {"task_instance_history": 0.02, "log": 0.345}
    tables = {name: TableSize(rows=int(share * rows), size=int(share * size)) for name, share in shares.items()}
    return Measured(tables=tables, conf=int(0.0345 * rows), round_trip=0.0001)


@pytest.mark.parametrize(
    ("sizes", "target", "took"),
    [
        pytest.param(MEASURED, "3.2.2", 94.8, id="PostgreSQL 15"),
        pytest.param(OTHER, "3.3.2", 69.95, id="PostgreSQL 15, to 3.3.2"),
        pytest.param(quiet(99_969, 51_707_904), "3.2.2", 13.3, id="PostgreSQL 18, 100,000"),
        pytest.param(quiet(299_982, 154_828_800), "3.2.2", 31.0, id="PostgreSQL 18, 300,000"),
        pytest.param(quiet(999_989, 515_522_560), "3.2.2", 133.5, id="PostgreSQL 18, 1,000,000"),
    ],
)
def test_real_migrations_took_what_is_estimated(sizes: Measured, target: str, took: float) -> None:
    found = estimate(sizes, "2.11.2", target)
    assert found is not None
    assert abs(found.likely - took) / took < 1 / 3
    assert found.low < took < found.high


def _large(factor: float, **more: int | None) -> Measured:
    tables = {
        name: TableSize(rows=int(table.rows * factor), size=int(table.size * factor))
        for name, table in MEASURED.tables.items()
    }
    return Measured(tables=tables, conf=more.get("conf", int(100_000 * factor)), round_trip=0.0005)


def test_the_range_is_wider_beyond_the_sizes_that_were_measured() -> None:
    widths = []
    for factor in (1.0, 10.0, 50.0):
        found = estimate(_large(factor), "2.11.2", "3.2.2")
        assert found is not None
        widths.append(found.high / found.low)
        assert found.low < found.likely < found.high
    assert widths == sorted(widths)
    assert widths[0] < 3.5


def test_what_could_not_be_counted_is_bounded_by_the_catalogue() -> None:
    counted, bounded = estimate(MEASURED, "2.11.2", "3.2.2"), estimate(_large(1.0, conf=None), "2.11.2", "3.2.2")
    assert counted is not None
    assert bounded is not None
    assert bounded.high >= counted.high * 0.95
    assert bounded.low < counted.low


def test_a_table_that_was_never_analyzed_is_judged_by_its_size() -> None:
    never = Measured(tables={"task_instance": TableSize(rows=0, size=200_000_000)}, conf=0)
    found = estimate(never, "2.11.2", "3.2.2")
    assert found is not None
    assert found.slow()[0].rows == pytest.approx(800_000)


def test_the_words_name_the_tables() -> None:
    found = estimate(_large(15.5), "2.11.2", "3.2.2")
    assert found is not None
    said = words(found)
    assert "task_instance 12.4 M rows" in said
    assert said.split(":")[0].endswith("min")
    assert (span(40, 70), span(540, 960), span(5400, 11520)) == ("40 to 70 s", "9 to 16 min", "1.5 to 3.2 h")


def test_the_way_between_versions_is_known_for_every_release() -> None:
    for source in ("2.10.3", "2.10.5", "2.11.0", "2.11.2"):
        for target in (each for each in revisions.core().heads if each >= "3"):
            found = estimate(MEASURED, source, target)
            assert found is not None, (source, target)
            way = revisions.way(source, target)
            assert way[-1].revision == revisions.head(target)
            assert {"d59cbbef95eb", "e39a26ac59f6"} <= {part.revision for part in found.parts}
    assert estimate(MEASURED, "2.11.2", "4.0.0") is None


def test_an_image_tells_the_way_and_what_is_not_known_of_it_widens_the_range() -> None:
    shipped, same = estimate(MEASURED, "2.11.2", "3.2.2"), estimate(MEASURED, "2.11.2", "3.9.0", told=way_told())
    assert shipped is not None
    assert same == shipped, "what is known of a revision counts, whoever tells that it is on the way"
    longer = estimate(MEASURED, "2.11.2", "3.9.0", told=way_told("aaa", "bbb"))
    assert longer is not None
    assert [part.revision for part in longer.parts[-3:]] == ["aaa", "bbb", "02ca36b0235b"]
    assert longer.likely > shipped.likely
    assert longer.high - longer.likely > 1.01 * (shipped.high - shipped.likely)
    assert longer.said == "built-in rates, guessed for 2 revisions not known here"
    assert estimate(MEASURED, "2.11.2", "3.9.0") is None


def test_ones_own_rates_narrow_the_range_and_hit_the_same_database(tmp_path: Path) -> None:
    *_, (_, state) = Run("main").states()
    path = tmp_path / "rates.toml"
    path.write_text(own_rates.text(state))
    own = rates.load(path)
    found, built_in = estimate(MEASURED, "2.11.2", "3.2.2", own), estimate(MEASURED, "2.11.2", "3.2.2")
    assert found is not None
    assert built_in is not None
    assert abs(found.likely - 94.1) / 94.1 < 0.05
    assert found.high / found.low < built_in.high / built_in.low
    assert found.said == "rates of airflow-prod, 2.11.2 to 3.2.2, 2026-11-22"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("revision = 3", "revision: found 3, takes tables"),
        ("[revision.abc]\nrows = 1", "revision.abc: is not a revision whose cost depends on sizes"),
        ("[revision.d59cbbef95eb]\nrows = 1", "seconds_per_million: found None, takes a number above zero"),
        ("[revision.d59cbbef95eb]\nseconds_per_million = 5\nrows = -1", "rows: found -1"),
        ("[revision.d59cbbef95eb]\nseconds_per_million = true\nrows = 1", "seconds_per_million: found True"),
        ("start = 'soon'", "start: found 'soon'"),
        ("[", "is not TOML"),
    ],
)
def test_a_file_of_rates_that_is_wrong_is_refused_in_a_sentence(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "rates.toml"
    path.write_text(text)
    with pytest.raises(rates.RatesError, match=r"rates\.toml") as raised:
        rates.load(path)
    assert says in str(raised.value)


def test_a_file_of_rates_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(rates.RatesError, match="cannot be read"):
        rates.load(tmp_path / "none.toml")
