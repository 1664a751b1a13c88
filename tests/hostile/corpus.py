"""What a hostile file is to these tests: a story, a way to write it, and what must come of it."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Outcome = Literal["refused", "partly", "whole"]
"""What opening and reading the file gives.

`refused`: opening it is an error that names it. `partly`: it opens, and a tensor carries a
problem that says why its values cannot be read, or its values fail their checksum. `whole`: it
is odd but legal, and everything in it can be read.
"""
OLD = 1_600_000_000
"""So long past that a file of this time counts as settled."""


@dataclass(frozen=True)
class Case:
    """A hostile file.

    `make` writes it into an empty folder and returns the path that a user would open. `outcome`
    is None where more than one is right. `reason` is a regular expression that the message or the
    tensor's problem must match.
    """

    story: str
    make: Callable[[Path], Path]
    outcome: Outcome | None
    reason: str = ""

    @property
    def folder(self) -> str:
        """The story as the name of a folder."""
        return "".join(letter if letter.isalnum() else "-" for letter in self.story)


def written(cases: Iterable[Case], root: Path) -> dict[str, Path]:
    """Writes every case into a folder of its own; the path to open by story."""
    paths = {}
    for case in cases:
        folder = root / case.folder
        folder.mkdir(parents=True)
        paths[case.story] = case.make(folder)
        age(folder)
    return paths


def age(folder: Path) -> None:
    """Gives everything below `folder` a time long past; links are left alone.

    An index is touched last: one that is older than its data is that of an unfinished save.
    """
    found = [
        os.path.join(directory, name) for directory, _, names in os.walk(folder) for name in names
    ]
    for path in sorted(found, key=lambda path: path.endswith(".index")):
        if not os.path.islink(path):
            os.utime(path, (OLD, OLD))
