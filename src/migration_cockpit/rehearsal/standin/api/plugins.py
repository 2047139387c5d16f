"""`GET /plugins`: the plugins that a server has loaded, read from their files without importing them."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from migration_cockpit.rehearsal.standin.api.http import Response

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.standin.settings import Settings

GONE = ("airflow.www", "flask_appbuilder")
"""What plugins of 2.x import and 3.x does not have without the FAB provider's help."""


def listed(settings: Settings, *, is3: bool) -> Response:
    """Name and source of each; 2.x has what 3.x lacks."""
    found = [
        {"name": name, "source": f"$PLUGINS_FOLDER/{file.name}"}
        for file, tree in _files(settings)
        for name in _names(tree)
        if not (is3 and _gone(tree))
    ]
    return Response(200, {"plugins": sorted(found, key=lambda each: each["name"]), "total_entries": len(found)})


def errors(settings: Settings) -> Response:
    """What 3.x cannot import."""
    found = [
        {"source": str(file), "error": f"No module named '{gone}'"}
        for file, tree in _files(settings)
        if (gone := _gone(tree))
    ]
    return Response(200, {"import_errors": found, "total_entries": len(found)})


def _files(settings: Settings) -> Iterator[tuple[Path, ast.Module]]:
    """A world has one folder for all its pods."""
    folder = os.environ.get("AIRFLOW__CORE__PLUGINS_FOLDER") or (settings.world and settings.world / "plugins")
    for file in sorted(Path(folder).glob("*.py")) if folder else ():
        yield file, ast.parse(file.read_text("utf-8"))


def _names(tree: ast.Module) -> Iterator[str]:
    """`name = "..."` of each subclass of AirflowPlugin."""
    for made in tree.body:
        if isinstance(made, ast.ClassDef) and any("AirflowPlugin" in ast.unparse(base) for base in made.bases):
            for line in made.body:
                if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "name":
                    yield str(ast.literal_eval(line.value))


def _gone(tree: ast.Module) -> str:
    """The first module that it imports and 3.x lacks."""
    for line in ast.walk(tree):
        names = [line.module or ""] if isinstance(line, ast.ImportFrom) else []
        names += [each.name for each in line.names] if isinstance(line, ast.Import) else []
        for name in names:
            if name.startswith(GONE):
                return name
    return ""
