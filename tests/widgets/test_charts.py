"""Charts, bars and trees as text."""

from __future__ import annotations

import pytest

from cockpit_widgets.charts import Mark, badge, buckets, course, progress, timebar
from cockpit_widgets.spans import plain, width
from cockpit_widgets.tree import waiting_tree


@pytest.mark.parametrize("count", [0, 1, 5, 30, 31, 180, 1000])
@pytest.mark.parametrize("cells", [1, 8, 30])
def test_a_course_never_grows_beyond_its_cells(count: int, cells: int) -> None:
    values = [float(n % 7) for n in range(count)]
    assert len(buckets(values, cells)) <= cells
    assert width(course(values, cells)) <= cells
    if values:
        assert max(buckets(values, cells)) == max(values), "a peak must not be averaged away"


def test_a_growing_course_changes_only_its_end() -> None:
    values = [float(n % 5) for n in range(60)]
    before, after = plain(course(values, 30)), plain(course([*values[:-1], values[-1]], 30))
    assert before == after
    assert plain(course([1, 2, 3, 4], 10)).startswith(plain(course([1, 2, 4], 10))[:1])


def test_a_course_shows_nothing_as_a_line_and_noise_as_noise() -> None:
    assert plain(course([0, 0, 0], 10)) == "▁▁▁"
    assert set(plain(course([1, 1, 1], 10, floor=100))) == {"▁"}
    assert plain(course([0, 100], 10)) == "▁█"


@pytest.mark.parametrize(("done", "total", "full"), [(0, 10, 0), (5, 10, 10), (10, 10, 20), (20, 10, 20), (1, 0, 0)])
def test_progress_fills_its_share_and_always_has_its_width(done: int, total: int, full: int) -> None:
    bar = progress(done, total, 20)
    assert width(bar) == 20
    assert plain(bar).count("█") == full


@pytest.mark.parametrize("share", [-1.0, 0.0, 0.3, 1.0, 2.0])
def test_the_bar_of_time_keeps_its_width_and_its_labels(share: float) -> None:
    rows = timebar(share, [Mark(0.1, "now 10:32"), Mark(0.15, "12:21 decide"), Mark(1.0, "end")], 40)
    assert width(rows[0]) == 40
    assert plain(rows[0]).count("●") == 1
    assert all(width(row) <= 40 for row in rows)
    labels = " ".join(plain(row) for row in rows[1:])
    for label in ("now 10:32", "12:21 decide", "end"):
        assert label in labels


def test_a_badge_has_room_around_its_word() -> None:
    assert badge("WAIT", "good") == (" WAIT ", "badge-good")


def test_the_root_blocker_stands_on_top_of_those_who_wait() -> None:
    assert waiting_tree({2: [1], 3: [2], 4: [2]}) == [("", 1), ("└ ", 2), ("  ├ ", 3), ("  └ ", 4)]


def test_everyone_stands_in_the_tree_once_in_deadlocks_and_behind_several() -> None:
    for blockers in ({1: [2], 2: [1]}, {3: [1, 2]}, {1: [1]}, {2: [1], 3: [1, 2], 4: [3]}):
        ids = [node for _, node in waiting_tree(blockers)]
        assert sorted(ids) == sorted(set(blockers) | {holder for holders in blockers.values() for holder in holders})


def test_a_huge_forest_is_cut_and_a_long_chain_does_not_exhaust_the_stack() -> None:
    assert len(waiting_tree({n: [0] for n in range(1, 5000)}, limit=200)) == 200
    assert len(waiting_tree({n: [n - 1] for n in range(1, 3000)}, limit=5000)) == 3000
