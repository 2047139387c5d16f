"""XCom values and confs that a migration does not survive, in a real server; what a release does to them is its own."""

from __future__ import annotations

import pickle
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from migration_cockpit.config import Settings
from migration_cockpit.playbook.migrate_data import CutOff, judge_confs, judge_xcoms
from migration_cockpit.rehearsal.seed import SeedReport
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.sources import confs, xcoms
from tests.connections.support import connected

Settle = Callable[..., Settings]
Owner = psycopg.AsyncConnection[Any]
CLOCK = SystemClock()
EVERY = ("3.0.6", "3.1.0", "3.1.3", "3.1.8", "3.2.2", "3.3.2")
VALUES: dict[str, tuple[bytes, dict[str, str]]] = {
    # what is in the table; the kind by release, for those that do not convert it
    "good": (b'{"a": 1}', {}),
    "pickled": (pickle.dumps({"a": 1}), {}),
    "empty": (b"", dict.fromkeys(EVERY, "empty")),
    "encoding": (b"\xff\x00", dict.fromkeys(EVERY, "encoding")),
    "json": (b"not json", dict.fromkeys(EVERY, "json")),
    "nul": (rb'{"a":"x\u0000y"}', dict.fromkeys(EVERY[:-1], "nul")),
    "no-nul": (rb'{"a":"x\\u0000y"}', {}),
    "nan": (b'{"a": NaN}', {"3.0.6": "nan"}),
    "nan-alone": (b"NaN", {"3.0.6": "nan", "3.1.3": "nan"}),
    "infinity": (b"[1, -Infinity]", dict.fromkeys(EVERY[:3], "nan")),
    "nan-in-text": (b'{"msg":"values: NaN, 3"}', dict.fromkeys(("3.1.0", "3.1.3", "3.1.8", "3.2.2"), "nan")),
    "nan-word": (b'{"msg":"NaN seen"}', {"3.1.0": "nan"}),
}


@pytest.fixture
async def reader(settings_for: Settle, seeded: SeedReport) -> AsyncIterator[Owner]:
    async with connected(settings_for()) as connections, connections.postgres() as connection:
        yield connection


async def put(owner: Owner, values: dict[str, bytes]) -> None:
    """One XCom for each value, key and all."""
    await owner.execute("delete from xcom")
    await owner.execute("create temp table value (key text, value bytea)")
    async with owner.cursor() as cursor:
        await cursor.executemany("insert into value values (%s, %s)", list(values.items()))
    await owner.execute(
        "insert into xcom (dag_run_id, task_id, map_index, key, dag_id, run_id, value, timestamp)"
        " select d.id, t.task_id, t.map_index, v.key, t.dag_id, t.run_id, v.value, now() from value v,"
        " (select * from task_instance limit 1) t join dag_run d on d.dag_id = t.dag_id and d.run_id = t.run_id"
    )


@pytest.mark.parametrize("target", EVERY)
async def test_each_release_fails_on_what_its_own_conversion_does_not_take(
    reader: Owner, owner: Owner, target: str
) -> None:
    await put(owner, {name: value for name, (value, _) in VALUES.items()})
    found = await xcoms.scan(reader, target, CLOCK, seconds=20)
    wanted = {name: kinds[target] for name, (_, kinds) in VALUES.items() if target in kinds}
    told = {example.rpartition(" key ")[2]: example.partition(":")[0] for example in found.examples}
    assert {name: xcoms.KINDS[kind] for name, kind in wanted.items() if name in told} == told
    assert found.bad.total() == len(wanted)
    assert (found.rows, found.pickled, found.whole) == (len(VALUES), 1, True)
    holds, words = judge_xcoms(found, target)
    assert not holds
    assert "1 empty bytes" in words
    assert "1 pickled ones become invisible" in words


async def test_what_is_said_of_a_value_is_what_the_conversion_itself_does(reader: Owner, owner: Owner) -> None:
    """The expression that 3.2.2 sends, value by value, against what the scan says."""
    for name, (value, kinds) in VALUES.items():
        await put(owner, {name: value})
        await owner.execute("drop table value")
        bad = (await xcoms.scan(reader, "3.2.2", CLOCK, seconds=20)).bad.total()
        try:
            async with owner.transaction(force_rollback=True):
                await owner.execute("delete from xcom where value is not null and get_byte(value, 0) = 128")
                await owner.execute(
                    "update xcom set value = convert_to(regexp_replace(convert_from(value, 'UTF8'),"
                    r" '([:,\[]\s*|^)(NaN|-?Infinity)(?=\s*[,}\]]|$)', '\1" + '"' + r"\2" + '"' + "', 'g'), 'UTF8')"
                )
                await owner.execute(
                    "alter table xcom alter column value type jsonb using convert_from(value, 'UTF8')::jsonb"
                )
            survived = True
        except psycopg.DataError:
            survived = False
        assert survived is (bad == 0) is ("3.2.2" not in kinds), name


async def test_a_scan_that_is_cut_off_is_not_known(reader: Owner, owner: Owner) -> None:
    await put(owner, {"good": b"1"})
    found = await xcoms.scan(reader, "3.2.2", CLOCK, seconds=0)
    assert not found.whole
    with pytest.raises(CutOff, match="0 %"):
        judge_xcoms(found, "3.2.2")
    with pytest.raises(CutOff):
        judge_confs(confs.ConfScan(rows=4, whole=False))


async def test_a_scan_leaves_nothing_behind_and_needs_no_right_to_write(reader: Owner, owner: Owner) -> None:
    await put(owner, {"bad": b"", "good": b"1"})
    await xcoms.scan(reader, "3.3.2", CLOCK, seconds=20)
    locks = await owner.execute("select count(*) from pg_locks where pid = %s", [reader.info.backend_pid])
    assert await locks.fetchone() == (0,)
    await owner.execute("alter table xcom alter column value type jsonb using null")
    assert (await xcoms.scan(reader, "3.3.2", CLOCK, seconds=20)).converted


async def test_confs_that_are_lost_or_fatal_are_found(reader: Owner, owner: Owner) -> None:
    values = [{"a": 1}, {"at": datetime(2026, 1, 1, tzinfo=UTC)}, {"x": float("nan")}, {"x": "\0"}, {"x": "\\u0000"}]
    pickles = [pickle.dumps(value, 4) for value in values] + [b"garbage", pickle.dumps({})]
    rows = await (await owner.execute("select id from dag_run order by id limit %s", [len(pickles)])).fetchall()
    await owner.execute("update dag_run set conf = null")
    for (run,), value in zip(rows, pickles, strict=True):
        await owner.execute("update dag_run set conf = %s where id = %s", [value, run])
    found = await confs.scan(reader, CLOCK, seconds=20)
    assert (found.lost, found.fatal, found.whole) == (2, 2, True)
    holds, words = judge_confs(found)
    assert not holds
    assert "2 hold NaN or a NUL character" in words
    assert "silently become NULL" in words


def test_a_conf_is_never_executed() -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (pytest.fail, ("it was executed",))

    assert confs.fate(pickle.dumps({"a": Trap()})) == "lost"
