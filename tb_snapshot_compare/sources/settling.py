"""Whether files are still being written, from their stamps at successive looks."""

from collections.abc import Iterable
from dataclasses import dataclass

from tb_snapshot_compare.limits import SETTLE_SECONDS
from tb_snapshot_compare.snapshot import FileSet, FileStamp
from tb_snapshot_compare.sources.walk import Found

_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Look:
    """`since` is when these stamps were first seen, `settled` whether they are trusted."""

    stamps: tuple[FileStamp, ...]
    since: float
    settled: bool


class Looks:
    """Remembers the stamps of every file set from one look to the next; one thread's own.

    A file set is settled when its files are older than `settle_seconds` at first sight, or
    when their stamps have stayed the same for that long since a look that saw them change.
    """

    def __init__(self, settle_seconds: float = SETTLE_SECONDS) -> None:
        self._settle_seconds = settle_seconds
        self._looks: dict[_Key, _Look] = {}

    def update(self, found: Iterable[Found], now: float) -> None:
        """Takes in what was found at the time `now`, in seconds since the epoch."""
        looks: dict[_Key, _Look] = {}
        for each in found:
            key = _key(each.file_set)
            before = self._looks.get(key)
            looks[key] = self._looked(each.stamps, before, now)
        self._looks = looks

    def settled(self, found: Found) -> bool:
        """Whether the files were complete, as far as stamps can tell, at the last look."""
        look = self._looks.get(_key(found.file_set))
        return look is not None and look.settled

    def unchanged_since(self, found: Found) -> float:
        """When the present stamps were first seen."""
        return self._looks[_key(found.file_set)].since

    def _looked(self, stamps: tuple[FileStamp, ...], before: _Look | None, now: float) -> _Look:
        if before is None:
            newest = max(stamp.mtime_ns for stamp in stamps) / 1e9
            return _Look(stamps, now, now - newest >= self._settle_seconds)
        if before.stamps != stamps:
            return _Look(stamps, now, settled=False)
        settled = before.settled or now - before.since >= self._settle_seconds
        return _Look(stamps, before.since, settled)


def _key(file_set: FileSet) -> _Key:
    return file_set.path, file_set.format
