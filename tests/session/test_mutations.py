"""Some hundreds of damaged journals; the module beside this one runs any number of them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from migration_cockpit.session import journal
from tests.session.mutations import SLOWEST, mutated, sample, survive


@pytest.mark.parametrize("first", range(0, 300, 100))
def test_damaged_journals_end_in_a_sentence_never_in_a_traceback(tmp_path: Path, first: int) -> None:
    (tmp_path / "day").mkdir()
    lines = sample(tmp_path / "day")
    path = tmp_path / journal.FILE
    told = 0
    for number in range(first, first + 100):
        path.write_bytes(mutated(lines, number))
        begun = time.monotonic()
        told += bool(survive(path, number))
        assert time.monotonic() - begun < SLOWEST, number
    assert told > 60
