"""Whether files are still being written, from their stamps at successive looks."""

from collections.abc import Container, Iterable
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

    A file set is settled when its files are older than `settle_seconds` at first sight; when
    a second look finds the same stamps and they are that old by now; or when the stamps have
    stayed the same for that long since a look that saw them change, whatever the clock of the
    files' own machine says.
    """

    def __init__(self, settle_seconds: float = SETTLE_SECONDS) -> None:
        self._settle_seconds = settle_seconds
        self._looks: dict[_Key, _Look] = {}

    def update(self, found: Iterable[Found], now: float, unseen: Container[FileSet] = ()) -> None:
        """Takes in what was found at the time `now`, in seconds since the epoch.

        Args:
          found: all that there is.
          now: when it was looked at.
          unseen: what was not looked at, and is as it was.
        """
        looks: dict[_Key, _Look] = {}
        for each in found:
            key = _key(each.file_set)
            before = self._looks.get(key)
            if before is None or each.file_set not in unseen:
                looks[key] = self._looked(each.stamps, before, now)
            else:
                looks[key] = before
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
            return _Look(stamps, now, self._is_old(stamps, now))
        if before.stamps != stamps:
            return _Look(stamps, now, settled=False)
        waited = now - before.since
        settled = waited >= self._settle_seconds or (waited > 0 and self._is_old(stamps, now))
        return _Look(stamps, before.since, before.settled or settled)

    def _is_old(self, stamps: tuple[FileStamp, ...], now: float) -> bool:
        return now - max(stamp.mtime_ns for stamp in stamps) / 1e9 >= self._settle_seconds


def _key(file_set: FileSet) -> _Key:
    return file_set.path, file_set.format
