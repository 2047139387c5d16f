"""Ending a blocker at the desk: offered only for a session that may be ended, and only for what was typed."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from migration_cockpit.actions.operation import OperationError
from migration_cockpit.cockpit.dialogs.blocker import EndBlockerDialog, offered
from migration_cockpit.connections import Unreachable
from migration_cockpit.playbook.sheet import Refused
from migration_cockpit.session.journal import JournalError
from migration_cockpit.session.state import State
from tests.app.fixtures import sample_state
from tests.pace import PATIENCE


def with_role(state: State, role: str) -> State:
    """The same state, its blocker being of another role."""
    assert state.database is not None
    backends = tuple(
        msgspec.structs.replace(each, role=role) if each.pid == 24077 else each for each in state.database.backends
    )
    return msgspec.structs.replace(state, database=msgspec.structs.replace(state.database, backends=backends))


def test_the_root_of_the_wait_is_offered_never_one_of_ours() -> None:
    state, _ = sample_state("blocked")
    found = offered(state)
    assert found is not None
    assert found[0].pid == 24077
    for role in ("migration", "migration-lock", "cockpit", "autovacuum"):
        assert offered(with_role(state, role)) is None
    assert offered(sample_state("migrating")[0]) is None


async def test_nothing_but_the_phrase_ends_it() -> None:
    state, _ = sample_state("blocked")
    found = offered(state)
    assert found is not None
    dialog = EndBlockerDialog(*found)
    for typed in ("", "24077", "end 24078"):
        dialog.typed = typed
        with pytest.raises(Refused, match="end 24077"):
            await dialog.confirm(cast("Any", SimpleNamespace()))
    assert dialog.moot(state) == ""
    assert "does not block" in dialog.moot(sample_state("migrating")[0])


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OperationError("it still blocks"), "it still blocks"),
        (Unreachable("Postgres", "the server is gone"), "whether it was ended is not known"),
        (JournalError("the disk is full"), "not on record: the disk is full"),
    ],
)
async def test_whatever_comes_of_ending_it_is_told(error: Exception, says: str) -> None:
    found = offered(sample_state("blocked")[0])
    assert found is not None
    told: asyncio.Queue[str] = asyncio.Queue()

    async def do(*_: object) -> str:
        raise error

    def say(text: str, **_: object) -> None:
        told.put_nowait(text)

    flight = SimpleNamespace(session="s", connections=None, do=do, say=say)
    cockpit = SimpleNamespace(settings=None, operator="sre", flight=flight)
    desk = SimpleNamespace(cockpit=cockpit, say=say, close_dialog=lambda _: None)
    dialog = EndBlockerDialog(*found)
    dialog.typed = dialog.phrase
    await dialog.confirm(cast("Any", desk))
    async with asyncio.timeout(PATIENCE):
        assert says in await told.get()
