"""What to look at between two scans, so that a new snapshot is seen at once at little cost.

A training run writes where it wrote before: into the directories with the newest snapshots. A
file that comes, goes or is renamed changes its directory's stamp, one that is written in place
its own. So a few dozen calls of `stat` tell whether there is anything to list again.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from tb_snapshot_compare.snapshot import FileStamp
from tb_snapshot_compare.sources.roots import Root
from tb_snapshot_compare.sources.walk import Found, Walked, walk

_DIRECTORIES_MAX = 32
"""Of all roots; each costs about ten calls of `stat`, 20 us in all."""
_NEWEST_FILE_SETS = 4
"""File sets of a directory that are looked at themselves: who writes in place, writes there."""
_REMOTE = "://"


@dataclass(frozen=True, slots=True)
class Place:
    """A directory, relative to the root of the number `root`."""

    root: int
    directory: str


@dataclass(frozen=True, slots=True)
class Glance:
    """The places where something has changed; `beyond` where only a scan can tell what."""

    places: tuple[Place, ...] = ()
    beyond: bool = False


@dataclass(frozen=True, slots=True)
class _Watched:
    folder: str
    stamp: FileStamp | None
    files: tuple[FileStamp, ...]
    nested: tuple[FileStamp, ...]


class Glances:
    """Remembers the stamps of the places that are worth a glance; one thread's own."""

    def __init__(self) -> None:
        self._watched: dict[Place, _Watched] = {}
        self._above: dict[str, FileStamp | None] = {}

    def note(self, walked: Sequence[tuple[Root, Walked]], unsettled: Iterable[Found]) -> None:
        """Chooses what to glance at from what was found last."""
        young = {id(found) for found in unsettled}
        by_place: dict[Place, list[Found]] = {}
        for number, (root, listed) in enumerate(walked):
            if root.problem is None and _REMOTE not in root.path:
                for found in listed.found:
                    by_place.setdefault(Place(number, found.directory), []).append(found)
        newest = sorted(by_place, key=lambda place: _urgency(by_place[place], young), reverse=True)
        self._watched = {
            place: _watched(_folder(walked[place.root][0], place.directory), by_place[place], young)
            for place in newest[:_DIRECTORIES_MAX]
        }
        folders = {watched.folder for watched in self._watched.values()}
        roots = [root.path for root, _ in walked if _REMOTE not in root.path]
        above = {up for place in self._watched for up in _above(walked[place.root][0], place)}
        self._above = {path: _stamp(path) for path in {*roots, *above} - folders}

    def unseen(self, root: int, found: Iterable[Found]) -> Iterator[Found]:
        """Those of `found`, in the root of the number `root`, at which no glance is."""
        return (each for each in found if Place(root, each.directory) not in self._watched)

    def look(self) -> Glance:
        """Whether anything has changed since `note`."""
        places = []
        beyond = any(_stamp(path) != stamp for path, stamp in self._above.items())
        for place, watched in self._watched.items():
            beyond = beyond or _differ(watched.nested)
            if _stamp(watched.folder) != watched.stamp or _differ(watched.files):
                places.append(place)
        return Glance(tuple(places), beyond)


def listed_again(root: Root, walked: Walked, directory: str) -> Walked:
    """`walked` with the files that lie directly in `directory` as they are now."""
    folder = _folder(root, directory)
    inside = walk(replace(root, path=folder), max_depth=0)
    found = [each for each in walked.found if not _is_direct(each, folder)]
    found += [
        replace(each, directory=directory) for each in inside.found if _is_direct(each, folder)
    ]
    return replace(
        walked, found=tuple(sorted(found, key=lambda each: (each.directory, each.file_set.path)))
    )


def _folder(root: Root, directory: str) -> str:
    return root.path if directory == "." else os.path.join(root.path, directory)


def _above(root: Root, place: Place) -> Iterator[str]:
    directory = place.directory
    while directory not in (".", ""):
        directory = os.path.dirname(directory)
        yield _folder(root, directory or ".")


def _urgency(found: Sequence[Found], young: set[int]) -> tuple[bool, float]:
    unsettled = any(id(each) in young for each in found)
    return unsettled, max(each.file_set.modified for each in found)


def _watched(folder: str, found: Sequence[Found], young: set[int]) -> _Watched:
    newest = sorted(found, key=lambda each: each.file_set.modified)[-_NEWEST_FILE_SETS:]
    chosen = {id(each): each for each in found if id(each) in young}
    chosen.update({id(each): each for each in newest})
    direct = [each for each in chosen.values() if _is_direct(each, folder)]
    nested = [each for each in chosen.values() if not _is_direct(each, folder)]
    return _Watched(folder, _stamp(folder), _stamps(direct), _stamps(nested))


def _stamps(found: Iterable[Found]) -> tuple[FileStamp, ...]:
    return tuple(stamp for each in found for stamp in each.stamps)


def _is_direct(found: Found, folder: str) -> bool:
    """Whether the files lie in the folder itself, and not in one of their own below it."""
    return all(os.path.dirname(stamp.path) == folder for stamp in found.stamps) and (
        found.file_set.path != folder
    )


def _differ(stamps: Iterable[FileStamp]) -> bool:
    return any(_stamp(stamp.path) != stamp for stamp in stamps)


def _stamp(path: str) -> FileStamp | None:
    try:
        return FileStamp.of(path, os.stat(path))
    except OSError:
        return None
