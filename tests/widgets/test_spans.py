"""Lines as values: cutting, filling, wrapping, by cells and not by characters."""

from __future__ import annotations

import pytest

from cockpit_widgets.spans import Line, clip, drop, fit, flow, join, line, plain, row, shorten, spread, width, wrap

WIDE: Line = (("ab", "good"), ("日本", "bad"), ("cd", "dim"))


def test_width_counts_cells() -> None:
    assert width(WIDE) == 8
    assert width(()) == 0


@pytest.mark.parametrize("cells", range(10))
def test_a_clipped_line_is_never_wider_and_tells_that_something_is_missing(cells: int) -> None:
    cut = clip(WIDE, cells)
    assert width(cut) <= cells
    assert (plain(cut) == plain(WIDE)) == (cells >= 8)
    if 0 < cells < 8:
        assert plain(cut).endswith("…")


@pytest.mark.parametrize("align", ["left", "right"])
@pytest.mark.parametrize("cells", [0, 1, 3, 8, 20])
def test_a_fitted_line_has_its_width(cells: int, align: str) -> None:
    assert width(fit(WIDE, cells, align=align)) == cells
    assert width(fit((("abcdef", "text"),), cells, align=align)) == cells


def test_dropping_keeps_tones() -> None:
    assert drop(WIDE, 2) == (("日本", "bad"), ("cd", "dim"))
    assert drop(WIDE, 1) == (("b", "good"), ("日本", "bad"), ("cd", "dim"))
    assert drop(WIDE, 8) == ()


@pytest.mark.parametrize("cells", [8, 9, 12, 20, 40])
def test_names_are_shortened_in_their_middle(cells: int) -> None:
    name = "dag-processor-66c4-t7w8n"
    short = shorten(name, cells)
    assert len(short) == min(cells, len(name))
    assert short[-3:] == name[-3:]


@pytest.mark.parametrize("cells", [5, 10, 33, 200])
def test_wrapped_text_is_all_there_and_fits(cells: int) -> None:
    text = "kubectl -n airflow scale deployment/airflow-scheduler --replicas=0 averyveryverylongwordwithoutanyspace"
    lines = wrap(text, cells)
    assert all(len(each) <= cells for each in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(len(each) <= cells for each in wrap(text, cells, indent="  "))


def test_leading_spaces_and_line_breaks_survive_wrapping() -> None:
    assert wrap("  two\nlines", 20) == ["  two", "lines"]


def test_rows_and_spreads_have_their_width() -> None:
    cells = row([(line("abc"), 5), (line("9"), -3)])
    assert plain(cells) == "abc     9"
    assert plain(spread(line("left"), line("right"), 14)) == "left     right"
    assert plain(spread(line("left"), line("right"), 8)) == "left"


def test_join_and_flow_leave_empty_parts_out() -> None:
    parts = [line("one"), (), line("two"), line("three")]
    assert plain(join(parts)) == "one · two · three"
    assert [plain(each) for each in flow(parts, 10)] == ["one · two", "three"]
    assert all(width(each) <= 10 for each in flow(parts, 10))


def test_line_takes_texts_spans_and_lines() -> None:
    assert line("a", ("b", "good"), (("c", "bad"), ("d", "dim")), "") == (
        ("a", "text"),
        ("b", "good"),
        ("c", "bad"),
        ("d", "dim"),
    )
