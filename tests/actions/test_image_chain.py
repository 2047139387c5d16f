"""What an image tells of its revisions: a line without gaps from the source's head, whatever else stands in the log."""

from __future__ import annotations

import json

import pytest

from migration_cockpit.actions import image_chain
from migration_cockpit.actions.image_chain import NoChain


def line(revision: str, before: str | None, chain: str = "core") -> str:
    told = {"chain": chain, "revision": revision, "down_revision": before, "version": "3.9.0", "message": "Add x."}
    return f"{image_chain.MARK}{json.dumps(told)}"


LOG = [
    "2026-11-22T17:42:19Z [info     ] setup plugin alembic.autogenerate.schemas",
    line("fab2", "fab1", "fab"),
    line("fab1", None, "fab"),
    line("ddd", "ccc"),
    "[2026-11-22] {x.py:1} WARNING - something between",
    line("ccc", "bbb"),
    line("bbb", "aaa"),
    line("aaa", None),
    f"{image_chain.MARK}" + '{"chain": "core", "revis',
]


def test_the_line_from_the_sources_head_on_is_kept() -> None:
    found = image_chain.read(LOG, "bbb", "ddd")
    assert [each.revision for each in found.core] == ["bbb", "ccc", "ddd"]
    assert [each.revision for each in found.fab] == ["fab1", "fab2"]
    assert found == image_chain.read(LOG, "bbb"), "the newest is the head where nobody says another"
    assert [each.revision for each in image_chain.read(LOG, "bbb", "ccc").core] == ["bbb", "ccc"]


@pytest.mark.parametrize(
    ("lines", "start", "says"),
    [
        ([], "bbb", "told no revision"),
        ([line for line in LOG if '"ccc", "down' not in line], "bbb", "no line: ddd follows ccc"),
        (LOG, "zzz", "does not know zzz, the head of the source"),
        ([*LOG, line("aaa", "ddd")], "bbb", "no line"),
        ([line("ddd", "ccc"), *LOG], "eee", "does not know eee"),
    ],
)
def test_what_is_no_line_is_refused_in_a_sentence(lines: list[str], start: str, says: str) -> None:
    with pytest.raises(NoChain, match=says):
        image_chain.read(lines, start)


def test_another_head_than_the_images_is_refused() -> None:
    with pytest.raises(NoChain, match="eee is none of them"):
        image_chain.read(LOG, "bbb", "eee")
