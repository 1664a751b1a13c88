"""The photographs that a network was validated on, in a folder for each category.

TensorBoard is started on them, so that the page can ask what the snapshots make of each.
"""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

from demo.dataset import find_categories, split_categories

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PER_CATEGORY = 20
NAMES = "class_names.json"


def validation_folder(photographs: Path, place: Path) -> Path:
    """Puts at most 20 validation photographs of each category into `place`.

    The files are linked where the disk allows it, else copied. Names of categories are written
    in the order of the network's outputs.

    Args:
        photographs: what the network was trained on.
        place: is replaced, unless it holds just these.

    Returns:
        `place`.

    Raises:
        DatasetError: the photographs cannot be used.
    """
    split = split_categories(find_categories(photographs))
    wanted = {
        f"{category.name}/{file.name}": file
        for category in split
        for file in category.validation[:PER_CATEGORY]
    }
    if not _holds(place, wanted):
        making = place.with_name(f".{place.name}-{os.getpid()}")
        for name, file in wanted.items():
            _put(file, making / name)
        names = [category.name for category in split]
        (making / NAMES).write_text(json.dumps(names) + "\n", encoding="utf-8")
        shutil.rmtree(place, ignore_errors=True)
        making.rename(place)
    return place


def _holds(place: Path, wanted: Mapping[str, Path]) -> bool:
    there = {path.relative_to(place).as_posix(): path for path in place.glob("*/*")}
    return there.keys() == wanted.keys() and all(
        _stamp(path) == _stamp(wanted[name]) for name, path in there.items()
    )


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _put(file: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file.resolve(), to)
    except OSError:
        shutil.copy2(file, to)
