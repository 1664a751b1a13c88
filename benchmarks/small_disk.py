"""File systems of a few KiB in memory, which are really full, or really not to be written to.

They are mounted in a namespace of mounts of one process, so that nobody else sees them and nothing
is left of them. Linux only; an ordinary user may do so where user namespaces are allowed.
"""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.scratch import scratch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APART = ("unshare", "--user", "--map-root-user", "--mount")
"""Begins a command that may mount."""
_BALLAST_KIB = 16 * 1024
_ATTEMPTS = 500


class SmallDisk:
    """A file system that has room for so much, until it is given more."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, room_kib: int) -> None:
        """Leaves room for so much.

        Raises:
          RuntimeError: it does not, as pages of memory are larger here than that.
        """
        with open(self._ballast, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, _BALLAST_KIB * 1024)
        found = os.statvfs(self.folder)
        if found.f_bavail * found.f_frsize != room_kib * 1024:
            raise RuntimeError(f"{self.folder} has not the room that it was given")

    def free(self) -> None:
        """Makes room for everything."""
        self._ballast.unlink()

    def protect(self, is_protected: bool) -> None:
        """Lets nobody write, or everybody again.

        Raises:
          RuntimeError: files are open for writing all the time.
        """
        command = ["mount", "-o", f"remount,{'ro' if is_protected else 'rw'}", str(self.folder)]
        for _ in range(_ATTEMPTS):
            if subprocess.run(command, capture_output=True, check=False).returncode == 0:
                return
            time.sleep(0.01)
        raise RuntimeError(f"cannot be mounted anew: {self.folder}")


@contextmanager
def small_disk(room_kib: int) -> Iterator[SmallDisk]:
    """A file system with room for so much; for a process that was started with `APART`."""
    folder = scratch("small-disk")
    size = f"size={room_kib + _BALLAST_KIB}k"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)], check=True)
    try:
        disk = SmallDisk(folder)
        disk.fill(room_kib)
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


def may_mount() -> bool:
    """Whether this system lets processes of this user mount file systems."""
    try:
        done = subprocess.run([*APART, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return done.returncode == 0
