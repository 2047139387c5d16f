"""Lines of text as plain values: tuples of (text, tone), cheap to build, to compare and to test.

A tone is the name of a style (`good`, `dim`, `badge-bad` ...); a palette turns it into colours when a line is drawn.
Widths are terminal cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size

Span = tuple[str, str]
Line = tuple[Span, ...]

ELLIPSIS = "…"


def line(*parts: str | Span | Line, tone: str = "text") -> Line:
    """Join texts (in `tone`), spans and lines into one line; empty texts vanish."""
    spans: list[Span] = []
    for part in parts:
        if isinstance(part, str):
            spans.append((part, tone))
        elif len(part) == 2 and isinstance(part[0], str):
            spans.append((part[0], str(part[1])))
        else:
            spans.extend(part)
    return tuple(span for span in spans if span[0])


def width(of: Iterable[Span]) -> int:
    """How many cells a line takes."""
    return sum(len(text) if text.isascii() else cell_len(text) for text, _ in of)


def plain(of: Iterable[Span]) -> str:
    """The line without its tones."""
    return "".join(text for text, _ in of)


def clip(of: Line, cells: int) -> Line:
    """The line cut to `cells`, with an ellipsis where something is missing."""
    if cells <= 0:
        return ()
    if width(of) <= cells:
        return of
    cut: list[Span] = []
    left = cells - 1
    for text, tone in of:
        size = cell_len(text)
        if size <= left:
            cut.append((text, tone))
            left -= size
            continue
        cut.append((set_cell_size(text, left).rstrip() + ELLIPSIS, tone))
        break
    return tuple(cut)


def fit(of: Line, cells: int, *, align: str = "left", tone: str = "text") -> Line:
    """The line at exactly `cells`: cut, or filled with spaces on the right, or on the left with `align="right"`."""
    clipped = clip(of, cells)
    gap = " " * max(0, cells - width(clipped))
    if not gap:
        return clipped
    return ((gap, tone), *clipped) if align == "right" else (*clipped, (gap, tone))


def drop(of: Line, cells: int) -> Line:
    """The line without its first `cells`: what is seen after scrolling to the right."""
    rest: list[Span] = []
    for text, tone in of:
        size = cell_len(text)
        if cells >= size:
            cells -= size
            continue
        rest.append((text[_index_at(text, cells) :] if cells else text, tone))
        cells = 0
    return tuple(rest)


def _index_at(text: str, cells: int) -> int:
    seen = 0
    for index, character in enumerate(text):
        if seen >= cells:
            return index
        seen += cell_len(character)
    return len(text)


def shorten(text: str, cells: int) -> str:
    """Text cut in its middle, where names differ at both ends (pods, snapshots)."""
    if cell_len(text) <= cells:
        return text
    if cells < 8:
        return set_cell_size(text, max(0, cells - 1)).rstrip() + ELLIPSIS if cells > 0 else ""
    tail = (cells - 1) // 2
    return text[: cells - 1 - tail] + ELLIPSIS + text[-tail:]


def wrap(text: str, cells: int, *, indent: str = "") -> list[str]:
    """Break text at spaces into lines of at most `cells`; words longer than a line are broken. `indent` leads all but
    the first line."""
    if cells <= len(indent) + 1:
        return [text]
    lines: list[str] = []
    for paragraph in text.split("\n"):
        text = paragraph.lstrip(" ")
        current = paragraph[: len(paragraph) - len(text)]
        for word in text.split(" "):
            candidate = f"{current} {word}" if current.strip() else current + word
            if cell_len(candidate) <= cells:
                current = candidate
                continue
            if current.strip():
                lines.append(current)
            current = indent + word
            while cell_len(current) > cells:
                at = _index_at(current, cells)
                lines.append(current[:at])
                current = indent + current[at:]
        lines.append(current)
    return lines


def row(cells: Sequence[tuple[Line, int]], *, gap: str = " ") -> Line:
    """A table's row: each (line, width) fitted; a negative width aligns to the right."""
    spans: list[Span] = []
    for index, (content, size) in enumerate(cells):
        if index:
            spans.append((gap, "text"))
        spans.extend(fit(content, abs(size), align="right" if size < 0 else "left"))
    return tuple(spans)


def spread(left: Line, right: Line, cells: int) -> Line:
    """Two lines at both ends of `cells`; where they do not fit, the right one goes."""
    gap = cells - width(left) - width(right)
    if gap < 1:
        return clip(left, cells)
    return (*left, (" " * gap, "text"), *right)


def join(parts: Iterable[Line], separator: Span = (" · ", "dim")) -> Line:
    """Lines joined by a separator; empty ones are left out."""
    spans: list[Span] = []
    for part in parts:
        if not part:
            continue
        if spans:
            spans.append(separator)
        spans.extend(part)
    return tuple(spans)


def flow(parts: Iterable[Line], cells: int, separator: Span = (" · ", "dim")) -> list[Line]:
    """Parts set one behind the other, in as many lines as they need; none is broken."""
    lines: list[Line] = []
    gap = cell_len(separator[0])
    for part in parts:
        if not part:
            continue
        if lines and width(lines[-1]) + gap + width(part) <= cells:
            lines[-1] = (*lines[-1], separator, *part)
        else:
            lines.append(part)
    return lines
