"""Damaged journals by the thousand: `python -m tests.session.mutations --count 10000` opens, seeks and plays each.

A mutation is made from its number alone, so a failing one can be made again: `--first N --count 1`.
"""

from __future__ import annotations

import argparse
import gzip
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

import zstandard

from migration_cockpit.cockpit.replay.player import Player
from migration_cockpit.session import journal
from migration_cockpit.session.journal import LONGEST_LINE, JournalError
from migration_cockpit.session.recording import Recording
from migration_cockpit.session.state import State
from tests.report.sample import write_day

LINES = 250
SLOWEST = 20.0
"""Seconds that one journal may take at most, on a machine that does other things too."""
MEMORY = 300
"""MB that the process may grow to."""


def sample(directory: Path) -> list[bytes]:
    """Lines of a journal, each with its newline: some of the beginning, and all that people and steps did."""
    lines = write_day(directory).read_bytes().splitlines(keepends=True)
    return lines[:LINES]


def mutated(lines: list[bytes], number: int) -> bytes:
    """What becomes of a journal by this number's damage: one to three changes of some kind."""
    chance = random.Random(number)  # noqa: S311 - damage, not secrets
    lines = list(lines)
    data = b"".join(lines)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        data = chance.choice(_KINDS)(chance, data)
    packed = chance.random()
    if packed < 0.05:
        data = gzip.compress(data)
    elif packed < 0.1:
        data = zstandard.ZstdCompressor().compress(data)
    if packed < 0.1 and chance.random() < 0.7:
        data = chance.choice((_flip, _cut))(chance, data)
    return data


def _flip(chance: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        if changed:
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _cut(chance: random.Random, data: bytes) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _hole(chance: random.Random, data: bytes) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + bytes(chance.randint(1, 5000)) + data[at + chance.randint(0, 5000) :]


def _swap(chance: random.Random, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    if len(lines) > 2:
        a, b = chance.randrange(len(lines)), chance.randrange(len(lines))
        lines[a], lines[b] = lines[b], lines[a]
    return b"".join(lines)


def _insert(line: bytes, chance: random.Random, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    lines.insert(chance.randrange(len(lines) + 1), line)
    return b"".join(lines)


def _giant(chance: random.Random, data: bytes) -> bytes:
    size = chance.choice((1 << 17, 1 << 20, LONGEST_LINE + 5)) if chance.random() < 0.1 else 1 << 16
    text = b"x" * size
    head = b'{"v":1,"seq":9,"t":"2026-05-16T09:00:00Z","kind":"log.line","prev":"0","data":{"source":"a","text":"'
    return _insert(chance.choice((text, head + text + b'"}}')) + chance.choice((b"\n", b"")), chance, data)


def _deep(chance: random.Random, data: bytes) -> bytes:
    depth = chance.choice((100, 5000, 100_000))
    opened = chance.choice((b"[", b'{"a":'))
    head = b'{"v":1,"seq":9,"t":"2026-05-16T09:00:00Z","kind":"step.fact","prev":"0","data":'
    return _insert(chance.choice((b"", head)) + opened * depth + b"\n", chance, data)


def _utf8(chance: random.Random, data: bytes) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice((b"\xff", b"\xc3", b"\xed\xa0\x80", b"\x00")) + data[at:]


def _value(chance: random.Random, data: bytes) -> bytes:
    """Values that are of the right type and make no sense, with the chain put right: only the content is wrong."""
    lines = data.splitlines(keepends=True)
    if not lines:
        return data
    n = chance.randrange(len(lines))
    was, now = chance.choice(
        (
            (b'"seq":', b'"seq":-'),
            (b'"seq":', b'"seq":999999999999999999999'),
            (b'"t":"2026', b'"t":"9999'),
            (b'"t":"2026', b'"t":"0001'),
            (b'Z","kind"', b'","kind"'),
            (b'Z","kind"', b'+23:59","kind"'),
            (b'"step":"', b'"step":"no-'),
            (b'"stage":"', b'"stage":"no-'),
            (b'"wal_bytes":', b'"wal_bytes":99999999999999999999'),
            (b'"value":', b'"value":1e308'),
        )
    )
    lines[n] = lines[n].replace(was, now)
    prev = journal.GENESIS
    for at, line in enumerate(lines):
        head, found, rest = line.partition(b'"prev":"')
        lines[at] = head + found + prev.encode() + rest[32:] if found else line
        prev = journal.line_hash(lines[at][:-1])
    return b"".join(lines)


_KINDS = (_flip, _flip, _cut, _hole, _swap, _giant, _deep, _utf8, _value, _value)


def survive(path: Path, number: int) -> str:
    """Open, look through, seek and play; what was said of it. Anything but a sentence is a failure: it is raised."""
    try:
        recording = Recording(path)
    except JournalError as error:
        said = str(error)
        assert "\n" not in said, said
        return said
    chance = random.Random(number)  # noqa: S311 - as above
    try:
        try:
            player = Player(recording, speed=600.0)
        except JournalError as error:
            return str(error)
        states = [player.state]
        for _ in range(3):
            player.to_offset(recording.by_number(chance.randint(1, LINES)))
            span = max(0.0, min(1e9, (recording.last.t - recording.first.t).total_seconds()))
            player.by_seconds(chance.uniform(-span, span))
            states.append(player.state)
        for _ in player.survey.go_on():
            pass
        if player.survey.damage is not None:
            recording.stop_at(player.survey.damage)
        player.to_offset(min(player.offset, recording.end))
        player.advance(1.0)
        for kind in ("step", "incident", "note"):
            player.to_landmark(frozenset({kind}), back=chance.random() < 0.5)
        assert player.track.at is not None
        assert all(isinstance(state, State) for state in states)
        return "; ".join(player.missing())
    finally:
        recording.close()


def main() -> int:
    """Run a range of mutations; 1 when one of them fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=10_000)
    options = parser.parse_args()
    failed, told, slowest = 0, 0, (0.0, 0)
    with tempfile.TemporaryDirectory() as name:
        day = Path(name) / "day"
        day.mkdir()
        lines = sample(day)
        path = Path(name) / journal.FILE
        for number in range(options.first, options.first + options.count):
            path.write_bytes(mutated(lines, number))
            begun = time.monotonic()
            try:
                told += bool(survive(path, number))
            except Exception as error:  # noqa: BLE001 - what is looked for
                failed += 1
                print(f"{number}: {type(error).__name__}: {error}", flush=True)
            slowest = max(slowest, (time.monotonic() - begun, number))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{options.count} mutated journals: {failed} failed, {told} were told to be damaged, "
        f"slowest {slowest[0]:.2f} s (number {slowest[1]}), {memory} MB at most"
    )
    return 1 if failed or slowest[0] > SLOWEST or memory > MEMORY else 0


if __name__ == "__main__":
    sys.exit(main())
