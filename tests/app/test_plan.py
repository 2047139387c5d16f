"""Where the parts of the screen stand: nothing overlaps or is lost, at any size."""

from __future__ import annotations

import itertools

import pytest

from migration_cockpit.app.plan import BESIDE, PANES, Looking, Rect, columns, plan

SIZES = [*itertools.product(range(80, 241, 7), range(24, 71, 3)), (80, 24), (120, 40), (160, 48), (200, 50)]


def overlap(one: Rect, other: Rect) -> bool:
    """Whether two rectangles share a cell."""
    return (
        one[0] < other[0] + other[2]
        and other[0] < one[0] + one[2]
        and one[1] < other[1] + other[3]
        and other[1] < one[1] + one[3]
    )


@pytest.mark.parametrize("zoom", [False, True])
@pytest.mark.parametrize("pane", PANES)
def test_nothing_overlaps_and_all_is_on_the_screen(pane: str, zoom: bool) -> None:
    for width, height in SIZES:
        parts = plan(width, height, Looking(pane, zoom))
        for name, (x, y, wide, high) in parts.items():
            assert wide > 0, (width, height, name)
            assert high > 0, (width, height, name)
            assert 0 <= x <= x + wide <= width, (width, height, name)
            assert 0 <= y <= y + high <= height, (width, height, name)
        for (a, one), (b, other) in itertools.combinations(parts.items(), 2):
            assert not overlap(one, other), (width, height, a, b)


def test_every_cell_is_covered() -> None:
    for width, height in SIZES:
        parts = plan(width, height, Looking())
        assert sum(wide * high for _, _, wide, high in parts.values()) == width * height, (width, height)


def test_header_advice_footer_and_the_timeline_are_always_there() -> None:
    for (width, height), pane in itertools.product(SIZES, PANES):
        parts = plan(width, height, Looking(pane))
        assert {"header", "advice", "footer", pane} <= set(parts)
        assert "strip" in parts or "timeline" in parts


@pytest.mark.parametrize(("size", "expected"), [((80, 24), 1), ((120, 40), 2), ((160, 48), 3), ((200, 50), 4)])
def test_the_breakpoints(size: tuple[int, int], expected: int) -> None:
    assert columns(*size) == expected
    shown = set(plan(*size, Looking("tasks")))
    assert shown >= (set(PANES) if expected > 1 else {"tasks", "badges", "strip"})
    assert (shown >= set(BESIDE)) == (expected == 4)


def test_no_pane_is_narrower_on_a_larger_screen() -> None:
    least = plan(160, 48, Looking())
    for width in range(196, 320, 3):
        parts = plan(width, 50, Looking())
        assert all(parts[pane][2] >= least[pane][2] - 4 for pane in PANES), width
