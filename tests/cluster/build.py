"""Compile the programs of a real cluster with the Go toolchain of this machine: `python -m tests.cluster.build`.

Modules come from the Go module proxy, at the versions of `tools/*/go.mod` and with the sums of `tools/*/go.sum`. It
takes about half an hour of one core from nothing (Kubernetes is most of it) and 6 GB of Go's build cache. It can be
interrupted and run again at any time: Go keeps what it has compiled, and a program appears in the cache only whole.
`--check` compiles nothing and says what is missing, with exit code 3; `--jobs N` compiles N packages at a time.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time

from .programs import PROGRAMS, TOOLS, Program, cache_directory, locate


def main() -> int:
    """Build what is missing; 0 when everything is there, 3 when something is not and `--check` was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.build", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--check", action="store_true", help="only say what is there and what is missing")
    parser.add_argument("--jobs", type=int, default=2, help="packages that are compiled at the same time (default 2)")
    chosen = parser.parse_args()
    wanting = []
    for program in PROGRAMS:
        found = locate(program.name)
        version = program.version if found in (None, program.cached) else "your own"
        print(f"{program.name:<24} {version:<10} {found or 'missing'}", flush=True)
        if found is None:
            wanting.append(program)
    if chosen.check:
        return 3 if wanting else 0
    if wanting and shutil.which("go") is None:
        names = ", ".join(program.name for program in wanting)
        print(
            f"{names}: not there, and there is no Go toolchain (`go`) to compile them. Install Go, or point "
            "KUBEBUILDER_ASSETS at a folder with the binaries and put helm on the PATH.",
            file=sys.stderr,
        )
        return 2
    _clear()
    for program in wanting:
        code = _build(program, chosen.jobs)
        if code != 0:
            return code
    return 0


def _clear() -> None:
    """Take away what builds that were killed had begun to write."""
    for part in cache_directory().glob("*.part*"):
        try:
            os.kill(int(part.suffix.removeprefix(".part")), 0)
        except ProcessLookupError:
            part.unlink(missing_ok=True)


def _build(program: Program, jobs: int) -> int:
    directory = cache_directory()
    directory.mkdir(parents=True, exist_ok=True)
    whole = program.cached.with_suffix(program.cached.suffix + f".part{os.getpid()}")
    stamp = f"-X {program.stamp}={program.version}" if program.stamp else ""
    words = ["go", "build", "-mod=readonly", "-buildvcs=false", "-p", str(jobs)]
    words += ["-ldflags", f"-s -w {stamp}", "-o", str(whole), program.package]
    print(f"compiling {program.name} {program.version} …", flush=True)
    began = time.monotonic()
    try:
        done = subprocess.run(["nice", "-n", "19", *words], cwd=TOOLS / program.folder, check=False)
        if done.returncode != 0:
            print(
                f"go build of {program.name} ended with {done.returncode}; run this again to go on from there",
                file=sys.stderr,
            )
            return 1
        whole.replace(program.cached)
    finally:
        whole.unlink(missing_ok=True)
    print(f"compiled {program.name} in {time.monotonic() - began:.0f} s: {program.cached}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
