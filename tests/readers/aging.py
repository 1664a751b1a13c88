"""Files that look as if nobody were writing them any more."""

import os
from pathlib import Path

INDEXES = (".index", ".json", ".pb", ".metadata")


def age(folder: Path, seconds: float = 100.0) -> None:
    """Makes the files look as if their writer had long finished, and had ended with the index."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    for path in sorted(files, key=lambda path: path.name.endswith(INDEXES)):
        modified = path.stat().st_mtime - seconds
        os.utime(path, (modified, modified))
