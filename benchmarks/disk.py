"""A disk of the benchmark's own that can be held to a rate: a file as a loop device, throttled by the kernel.

Only the requests of this one device are held back, so nothing else on the machine becomes slower: by `blkio.throttle`
of the root group of cgroup v1, which counts the kernel's own writing back too. Needs root.

A kernel keeps what is written for half a minute before it begins to bring it to the disk, and here all of it would then
queue before the next WAL record. In a migration of an hour that is nothing; one that lasts a minute would run at full
speed for half of its time and then stand still for seconds. So a held disk leaves two seconds' worth unwritten at most.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SECTOR = 512
THROTTLE = Path("/sys/fs/cgroup/blkio")
FILES = ("blkio.throttle.write_bps_device", "blkio.throttle.read_bps_device")
UNWRITTEN = 2.0
"""Seconds for which a held disk takes what the kernel may keep unwritten."""


class DiskError(Exception):
    """A disk that cannot be made or held; the message names the command or file and what it said."""


class HeldDisk:
    """A file system on a loop device."""

    def __init__(self, device: str, mounted: Path) -> None:
        self.mounted = mounted
        self._device = device
        number = Path(device).stat().st_rdev
        self._number = f"{os.major(number)}:{os.minor(number)}"

    def written(self) -> int:
        """Bytes written to it since it was made."""
        return int(Path(f"/sys/dev/block/{self._number}/stat").read_text().split()[6]) * SECTOR

    def hold(self, rate: float) -> None:
        """Let it read and write so many bytes a second and no more; 0 lets it go. Raises DiskError."""
        for name in FILES:
            try:
                (THROTTLE / name).write_text(f"{self._number} {int(rate)}\n")
            except OSError as error:
                raise DiskError(f"{THROTTLE / name}: {error.strerror}: this kernel holds no disk back") from error
        if rate:
            self._keep(int(UNWRITTEN * rate))

    def _keep(self, most: int) -> None:
        """Let the kernel keep so many bytes unwritten at most. Raises DiskError."""
        folder = Path(f"/sys/class/bdi/{self._number}")
        for name, value in (("strict_limit", 1), ("max_bytes", most)):
            try:
                (folder / name).write_text(f"{value}\n")
            except OSError as error:
                raise DiskError(f"{folder / name}: {error.strerror}: it takes Linux 6.2 or later") from error


def run(*command: str) -> str:
    """What a command prints. Raises DiskError."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise DiskError(f"{command[0]}: {error.strerror}") from error
    if done.returncode:
        raise DiskError(f"{' '.join(command)}: {done.stderr.strip()[-300:]}")
    return done.stdout.strip()


@contextmanager
def held_disk(work: Path, gigabytes: int) -> Iterator[HeldDisk]:
    """A disk of so many gigabytes (sparse) below `work`, gone in the end. Raises DiskError."""
    image, mounted = work / "disk.img", work / "disk"
    mounted.mkdir()
    with image.open("wb") as file:
        file.truncate(gigabytes << 30)
    device = run("losetup", "--find", "--show", "--direct-io=on", str(image))
    try:
        run("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", device)
        run("mount", "-o", "noatime", device, str(mounted))
        disk = HeldDisk(device, mounted)
        try:
            yield disk
        finally:
            with suppress(DiskError):
                disk.hold(0)
            run("umount", str(mounted))
    finally:
        run("losetup", "--detach", device)
        image.unlink()
