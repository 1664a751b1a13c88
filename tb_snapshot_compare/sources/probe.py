"""What the contents of file sets say, asked once per generation.

How contents are read is injected: this stage never opens a snapshot. The one file it reads
itself is the small `training_metadata.json` that Keras's BackupAndRestore writes.
"""

import json
import logging
import math
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from tb_snapshot_compare.errors import (
    BeingWrittenError,
    SnapshotChangedError,
    SnapshotCompareError,
    SnapshotGoneError,
    may_pass,
)
from tb_snapshot_compare.snapshot import FileSet, FileStamp, Position, State
from tb_snapshot_compare.sources.entries import BACKUP_METADATA
from tb_snapshot_compare.sources.walk import Found
from tb_snapshot_compare.storage import is_remote
from tb_snapshot_compare.storage.stores import start_of

_METADATA_MAX_BYTES = 4096
"""Keras writes two integers."""
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 2.0, 300.0
"""Between attempts to read what a disk or a store failed to give."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Probe:
    """What reading a file set told: its position, and whether it can be read at all.

    `is_snapshot` is False where a doubtful file turned out to be something else. `passing` says
    that reading failed for a reason that may be gone though the files stay as they are.
    """

    position: Position = field(default_factory=Position)
    state: State = State.READY
    reason: str | None = None
    is_snapshot: bool = True
    passing: bool = False


@dataclass(frozen=True, slots=True)
class _Known:
    """A result, of which stamps, and when asking again can tell something new."""

    stamps: tuple[FileStamp, ...]
    probe: Probe
    again: float = math.inf
    pause: float = _FIRST_PAUSE_SECONDS


Prober = Callable[[FileSet], Probe]


class Probes:
    """Results of `prober`, kept as long as the files carry the same stamps.

    Belongs to one thread.
    """

    def __init__(self, prober: Prober | None) -> None:
        self._prober = prober
        self._known: dict[FileSet, _Known] = {}

    def of(self, found: Found) -> Probe | None:
        """The result for these very stamps, None where there is none yet."""
        known = self._of(found)
        return None if known is None else known.probe

    def wants(self, found: Found) -> bool:
        """Whether asking can tell something new; an unfinished file is asked again."""
        known = self._of(found)
        if known is None or known.probe.state is State.BEING_WRITTEN:
            return True
        return time.monotonic() >= known.again

    def ask(self, found: Found) -> None:
        """Reads the file set's metadata and asks the prober; never raises."""
        probe = Probe() if self._prober is None else _asked(self._prober, found.file_set)
        epoch = _epoch_of_backup(found)
        if epoch is not None and probe.position.epoch is None:
            position = Position(
                probe.position.step, probe.position.step_source, epoch, BACKUP_METADATA
            )
            probe = replace(probe, position=position)
        last, known = self._of(found), _Known(found.stamps, probe)
        if probe.passing:
            pause = last.pause * 2 if last is not None and last.probe.passing else known.pause
            pause = min(pause, _LONGEST_PAUSE_SECONDS)
            known = replace(known, again=time.monotonic() + pause, pause=pause)
        self._known[found.file_set] = known

    def _of(self, found: Found) -> _Known | None:
        known = self._known.get(found.file_set)
        return known if known is not None and known.stamps == found.stamps else None

    def forget_all_but(self, found: Iterable[Found]) -> None:
        """Drops results of file sets that are no longer there."""
        present = {each.file_set for each in found}
        self._known = {key: value for key, value in self._known.items() if key in present}


def _asked(prober: Prober, file_set: FileSet) -> Probe:
    try:
        return prober(file_set)
    except (BeingWrittenError, SnapshotGoneError, SnapshotChangedError) as error:
        return Probe(state=State.BEING_WRITTEN, reason=str(error))
    except SnapshotCompareError as error:
        return Probe(state=State.BROKEN, reason=str(error), passing=may_pass(error))
    except Exception as error:  # a reader's fault on one file must not hide all other snapshots
        _logger.exception("Examining %s failed", file_set.path)
        return Probe(
            state=State.BROKEN,
            reason=f"{os.path.basename(file_set.path)} could not be examined "
            f"({type(error).__name__}): see TensorBoard's log.",
        )


def _epoch_of_backup(found: Found) -> int | None:
    """Epochs completed, unless the weights are newer: Keras writes them before the metadata."""
    if found.metadata is None:
        return None
    stamp = next(stamp for stamp in found.stamps if stamp.path == found.metadata)
    if stamp.mtime_ns / 1e9 < found.file_set.modified:
        return None
    try:
        value = json.loads(_start_of(found.metadata))
    except (OSError, ValueError, RecursionError, SnapshotCompareError):
        return None
    epoch = value.get("epoch") if isinstance(value, dict) else None
    return epoch if isinstance(epoch, int) and not isinstance(epoch, bool) else None


def _start_of(path: str) -> bytes:
    if is_remote(path):
        return start_of(path, _METADATA_MAX_BYTES)
    with open(path, "rb") as file:
        return file.read(_METADATA_MAX_BYTES)
