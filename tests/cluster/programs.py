"""The programs of a real cluster: which, in which version, and where they are on this machine.

Each comes from the place where a person would have it, in this order: binaries of the user's own
(`KUBEBUILDER_ASSETS`, as envtest takes them; `helm` on the PATH, whichever of 3 and 4 it is), else what
`python -m tests.cluster.build` compiled into the cache. The versions stand in `tools/*/go.mod` and nowhere else.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TOOLS = Path(__file__).parent / "tools"


@dataclass(frozen=True)
class Program:
    """A program, and how Go makes it."""

    name: str
    folder: str
    """Below `tools/`: the module that pins it."""
    module: str
    package: str
    stamp: str = ""
    """The variable that carries the version: a build outside the project's own script leaves a placeholder in it."""

    @property
    def version(self) -> str:
        """The pinned version, such as `v1.34.4`."""
        text = (TOOLS / self.folder / "go.mod").read_text(encoding="utf-8")
        found = re.search(rf"^(?:require )?\s*{re.escape(self.module)} (v\S+)", text, re.MULTILINE)
        assert found, f"{self.folder}/go.mod does not require {self.module}"
        return found[1]

    @property
    def cached(self) -> Path:
        """Where the build leaves it."""
        return cache_directory() / f"{self.name}-{self.version}"


def _kubernetes(name: str) -> Program:
    stamp = "k8s.io/component-base/version.gitVersion"
    return Program(name, "kube", "k8s.io/kubernetes", f"k8s.io/kubernetes/cmd/{name}", stamp)


def _helm(major: int) -> Program:
    module = f"helm.sh/helm/v{major}"
    return Program(f"helm{major}", f"helm{major}", module, f"{module}/cmd/helm", f"{module}/internal/version.version")


PROGRAMS = (
    Program("etcd", "etcd", "go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/server/v3"),
    _helm(3),
    _helm(4),
    Program("kwok", "kwok", "sigs.k8s.io/kwok", "sigs.k8s.io/kwok/cmd/kwok"),
    _kubernetes("kube-apiserver"),
    _kubernetes("kube-controller-manager"),
    _kubernetes("kube-scheduler"),
)


def cache_directory() -> Path:
    """Where compiled programs are kept, outside of any clone."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "migration-cockpit" / "cluster"


@cache
def locate(name: str) -> Path | None:
    """The program on this machine, or None."""
    program = next(each for each in PROGRAMS if each.name == name)
    assets = os.environ.get("KUBEBUILDER_ASSETS", "")
    if assets and not name.startswith("helm") and os.access(Path(assets) / name, os.X_OK):
        return Path(assets) / name
    if name.startswith("helm") and (helm := shutil.which("helm")) and _major(helm) == name.removeprefix("helm"):
        return Path(helm)
    return program.cached if os.access(program.cached, os.X_OK) else None


def _major(helm: str) -> str:
    """3 or 4; nothing when it does not say."""
    words = [helm, "version", "--template", "{{.Version}}"]
    answer = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False).stdout
    return answer.strip().lstrip("v").partition(".")[0]


def missing() -> list[str]:
    """The programs that are nowhere."""
    return [program.name for program in PROGRAMS if locate(program.name) is None]
