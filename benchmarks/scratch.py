"""Folders for what is written to be read again and thrown away."""

import os
import tempfile
from pathlib import Path


def scratch(name: str) -> Path:
    """A new folder, in memory where there is such a file system: a disk waits for every segment.

    Args:
      name: Begins the folder's name.
    """
    memory = Path("/dev/shm")
    usable = memory.is_dir() and os.access(memory, os.W_OK)
    return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=memory if usable else None))
