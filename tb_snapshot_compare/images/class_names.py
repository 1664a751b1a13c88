"""Class names of a folder of pictures, from `class_names.json`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.limits import CLASS_NAME_MAX_CHARACTERS, CLASSES_MAX

FILE = "class_names.json"


@dataclass(frozen=True, slots=True)
class ClassNames:
    """Names by index; `aliases` are further names of the same classes, folders' names."""

    names: tuple[str, ...]
    aliases: tuple[tuple[str, int], ...] = ()

    def indices(self) -> dict[str, int]:
        """The index of every name; of equal names the first."""
        found = dict(reversed([(name, index) for index, name in enumerate(self.names)]))
        return {**dict(self.aliases), **found}


def parse(content: bytes) -> ClassNames:
    """Reads a list of names, or an object of names by index, as `{"0": "tench", ...}`.

    A name may be a list of names, the last of which is shown: `["n01440764", "tench"]`, as in
    the file that `keras.applications` uses for ImageNet. An index without a name is its own.

    Raises:
      UnreadableSnapshotError: the content is neither.
    """
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _malformed(f"it is not JSON ({error})") from error
    entries = _entries(value)
    names, aliases = [], []
    for index in range(max(entries, default=-1) + 1):
        known = _texts(entries.get(index, str(index)))
        names.append(known[-1])
        aliases += [(name, index) for name in known[:-1]]
    return ClassNames(tuple(names), tuple(aliases))


def of_folders(folders: Sequence[str]) -> ClassNames:
    """The sorted names of folders: the order in which Keras's loaders number them."""
    return ClassNames(tuple(sorted(folders)))


def _entries(value: Any) -> dict[int, Any]:
    if isinstance(value, list):
        value = {str(index): name for index, name in enumerate(value)}
    if not isinstance(value, dict):
        raise _malformed("it is neither a list nor an object")
    entries = {}
    for key, name in value.items():
        if not (key.isascii() and key.isdigit() and len(key) < 8 and int(key) < CLASSES_MAX):
            raise _malformed(f"{key[:40]!r} is not an index below {CLASSES_MAX:,}")
        entries[int(key)] = name
    if len(value) > CLASSES_MAX:
        raise _malformed(f"it has {len(value):,} classes, more than {CLASSES_MAX:,}")
    return entries


def _texts(name: Any) -> list[str]:
    texts = name if isinstance(name, list) and name else [name]
    if not all(isinstance(text, str) for text in texts):
        raise _malformed(f"a class is called {str(name)[:40]!r}, which is not a text")
    return [text[:CLASS_NAME_MAX_CHARACTERS] for text in texts]


def _malformed(why: str) -> UnreadableSnapshotError:
    return UnreadableSnapshotError(
        f"{FILE} cannot be used: {why}. Write a list of names, or an object of names by index."
    )
