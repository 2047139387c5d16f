"""DAG files, read without running them.

The stand-in looks for a `DAG(...)` call, the operators around it and the `a >> b` lines, in the syntax tree. What a
file says in any other way it does not see; the rehearsal's own files (seed/dags.py) say it in this one.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_FACTORIES = ("DAG", "dag")
_DEFAULT_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class ParsedTask:
    """One operator of a DAG; `seconds` is how long its work takes, `upstream` the tasks it waits for."""

    task_id: str
    operator: str
    seconds: float
    upstream: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ParsedDag:
    """One DAG as its file defines it; `catchup` is None where the file leaves it to the configuration."""

    dag_id: str
    path: str
    relative: str
    source: str
    schedule: str | None
    start: datetime
    catchup: bool | None
    max_active_runs: int
    owner: str
    tags: tuple[str, ...]
    tasks: tuple[ParsedTask, ...]


class DagImportError(Exception):
    """The file does not import; the text is what Airflow would keep as its stack trace."""


def parse(path: Path, folder: Path, *, is3: bool) -> list[ParsedDag]:
    """The DAGs of one file; raises DagImportError as importing it would fail under that generation of Airflow."""
    source = path.read_text(encoding="utf-8")
    try:
        tree = ast.parse(source, filename=str(path))
    except SyntaxError as error:
        raise DagImportError(_trace(path, error.lineno or 1, f"SyntaxError: {error.msg}")) from error
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _name(node.func) in _FACTORIES]
    for call in calls:
        _check(call, path, is3=is3)
    tasks = _tasks(tree)
    return [_dag(call, path, folder, source, tasks) for call in calls if _dag_id(call)]


def _check(call: ast.Call, path: Path, *, is3: bool) -> None:
    removed = [word.arg for word in call.keywords if word.arg in ("schedule_interval", "timetable")]
    if is3 and removed:
        text = f"TypeError: DAG.__init__() got an unexpected keyword argument '{removed[0]}'"
        raise DagImportError(_trace(path, call.lineno, text))


def _trace(path: Path, line: int, text: str) -> str:
    return f'Traceback (most recent call last):\n  File "{path}", line {line}, in <module>\n{text}\n'


def _dag(call: ast.Call, path: Path, folder: Path, source: str, tasks: tuple[ParsedTask, ...]) -> ParsedDag:
    words = {word.arg: word.value for word in call.keywords if word.arg}
    schedule = _literal(words.get("schedule", words.get("schedule_interval")))
    catchup = _literal(words.get("catchup"))
    defaults = _literal(words.get("default_args"))
    runs, tags = _literal(words.get("max_active_runs")), _literal(words.get("tags"))
    return ParsedDag(
        dag_id=_dag_id(call),
        path=str(path),
        relative=str(path.relative_to(folder)),
        source=source,
        schedule=schedule if isinstance(schedule, str) else None,
        start=_date(words.get("start_date")),
        catchup=catchup if isinstance(catchup, bool) else None,
        max_active_runs=runs if isinstance(runs, int) else 16,
        owner=str(defaults.get("owner", "airflow")) if isinstance(defaults, dict) else "airflow",
        tags=tuple(str(tag) for tag in tags) if isinstance(tags, list) else (),
        tasks=tasks,
    )


def _dag_id(call: ast.Call) -> str:
    first = call.args[0] if call.args else next((word.value for word in call.keywords if word.arg == "dag_id"), None)
    value = _literal(first)
    return value if isinstance(value, str) else ""


def _date(node: ast.expr | None) -> datetime:
    if isinstance(node, ast.Call) and _name(node.func) == "datetime":
        parts = [part for part in map(_literal, node.args) if isinstance(part, int)]
        if len(parts) >= 3:
            hour, minute = [*parts[3:5], 0, 0][:2]
            return datetime(parts[0], parts[1], parts[2], hour, minute, tzinfo=UTC)
    return datetime(2024, 1, 1, tzinfo=UTC)


def _tasks(tree: ast.Module) -> tuple[ParsedTask, ...]:
    names: dict[str, ast.Call] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and isinstance(node.targets[0], ast.Name):
            names[node.targets[0].id] = node.value
    operators = {name: call for name, call in names.items() if _name(call.func).endswith(("Operator", "Sensor"))}
    upstream: dict[str, list[str]] = {name: [] for name in operators}
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            chain = _chain(node.value)
            for before, after in pairwise(chain):
                upstream.setdefault(after, []).append(before)
    ids = {name: _task_id(name, call) for name, call in operators.items()}
    return tuple(
        ParsedTask(ids[name], _name(call.func), _seconds(call), tuple(ids[up] for up in upstream[name] if up in ids))
        for name, call in operators.items()
    )


def _chain(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.RShift):
        return [*_chain(node.left), *_chain(node.right)]
    return []


def _task_id(name: str, call: ast.Call) -> str:
    value = next((_literal(word.value) for word in call.keywords if word.arg == "task_id"), None)
    return value if isinstance(value, str) else name


def _seconds(call: ast.Call) -> float:
    for word in call.keywords:
        value = _literal(word.value)
        if word.arg == "op_args" and isinstance(value, list) and value and isinstance(value[0], int | float):
            return float(value[0])
        if word.arg == "bash_command" and isinstance(value, str) and value.startswith("sleep "):
            return float(value.removeprefix("sleep "))
    return _DEFAULT_SECONDS


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _literal(node: ast.expr | None) -> object:
    if node is None:
        return None
    try:
        value: object = ast.literal_eval(node)
    except ValueError:
        return None
    return value
