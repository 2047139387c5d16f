"""A tree of those who wait: who holds on top, who waits for whom below, cycles and shared waiters included."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


def waiting_tree(blockers: Mapping[int, Sequence[int]], *, limit: int = 200) -> list[tuple[str, int]]:
    """Rows of (branch drawing, id) of a forest in which `blockers` maps a waiter to those it waits for.

    Roots are those who wait for nobody; of a deadlock's cycle the smallest id is taken as root. A waiter behind several
    is drawn once, under the first root that reaches it. At most `limit` rows, the largest trees first.
    """
    children: dict[int, list[int]] = {}
    for waiter, holds in blockers.items():
        for holder in holds:
            children.setdefault(holder, []).append(waiter)
    everyone = set(blockers) | set(children)
    roots = sorted((each for each in everyone if not blockers.get(each)), key=lambda one: (-len(children[one]), one))
    seen: set[int] = set()
    rows: list[tuple[str, int]] = []
    for root in [*roots, *sorted(everyone)]:
        if root not in seen and len(rows) < limit:
            _grow(root, children, seen, rows, limit)
    return rows


def _grow(
    root: int, children: Mapping[int, Iterable[int]], seen: set[int], rows: list[tuple[str, int]], limit: int
) -> None:
    stack: list[tuple[int, str, str]] = [(root, "", "")]
    while stack and len(rows) < limit:
        node, branch, below = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        rows.append((branch, node))
        waiting = [each for each in sorted(children.get(node, ())) if each not in seen]
        for index, each in reversed(list(enumerate(waiting))):
            last = index == len(waiting) - 1
            stack.append((each, f"{below}{'└ ' if last else '├ '}", f"{below}{'  ' if last else '│ '}"))
