"""Images: a directory of programs, or one program that stands for the whole image."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Image:
    """What a container of this image runs: `path` is searched for programs, `entrypoint` goes before its arguments.

    With `fixed` the entrypoint is all that ever runs: the image is one program of ours, whatever the pod commands.
    """

    path: str
    entrypoint: tuple[str, ...] = ()
    fixed: bool = False


class Images:
    """The images this node can pull: `images/<name>-<tag>/bin`, and programs registered by image prefix."""

    def __init__(self, root: Path, programs: Mapping[str, Sequence[str]]) -> None:
        self._root = root
        self.programs: dict[str, tuple[str, ...]] = {prefix: tuple(argv) for prefix, argv in programs.items()}

    def find(self, name: str) -> Image | None:
        """The image, or None when it cannot be pulled."""
        for prefix, argv in self.programs.items():
            if name.startswith(prefix):
                return Image("/usr/bin:/bin", argv, fixed=True)
        directory = self._root / slug(name)
        if not (directory / "bin").is_dir():
            return None
        entry = directory / "entrypoint"
        return Image(f"{directory / 'bin'}:/usr/bin:/bin", (str(entry),) if entry.is_file() else ())


def slug(name: str) -> str:
    """`apache/airflow:2.11.2` -> `apache-airflow-2.11.2`: the name of an image's directory."""
    return re.sub(r"[/:@]", "-", name)


def canonical(name: str) -> str:
    """The name with its registry and tag, as it reads in a runtime's messages."""
    full = name if ":" in name.rpartition("/")[2] or "@" in name else f"{name}:latest"
    head = full.split("/")[0]
    if "/" in full and ("." in head or ":" in head or head == "localhost"):
        return full
    return f"docker.io/{full}" if "/" in full else f"docker.io/library/{full}"
