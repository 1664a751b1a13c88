"""Directories of `keras.callbacks.BackupAndRestore` (Keras 3).

Every save first copies the last one (`.bkp`), then writes the weights in place, then the
metadata (`BackupAndRestore._save_model`, keras/src/callbacks/backup_and_restore.py): metadata
that are older than the weights beside them belong to the save before.
"""

import os
from collections.abc import Collection

import msgspec

from tb_snapshot_compare.errors import SnapshotCompareError
from tb_snapshot_compare.readers.files import file_status, read_whole
from tb_snapshot_compare.snapshot import Generation

WEIGHTS = "latest.weights.h5"
METADATA = "training_metadata.json"
BACKUP = ".bkp"
METADATA_MAX_BYTES = 64 * 1024


def backup_weights(names: Collection[str]) -> str | None:
    """The weights file of a directory with these names; None where it is no backup directory."""
    if METADATA not in names and METADATA + BACKUP not in names:
        return None
    return next((name for name in (WEIGHTS, WEIGHTS + BACKUP) if name in names), None)


def backup_epoch(path: str, generation: Generation) -> int | None:
    """The number of epochs that were completed when the weights `path` were saved.

    None where the file is not one of a backup directory, or the metadata do not belong to it.
    """
    folder, name = os.path.split(path)
    if name not in (WEIGHTS, WEIGHTS + BACKUP):
        return None
    metadata = os.path.join(folder, METADATA + name.removeprefix(WEIGHTS))
    try:
        status = file_status(metadata)
        if status is None or status.st_mtime_ns < generation.stamps[0].mtime_ns:
            return None
        content = msgspec.json.decode(read_whole(metadata, METADATA_MAX_BYTES))
    except (SnapshotCompareError, msgspec.DecodeError, RecursionError):
        return None
    epoch = content.get("epoch") if isinstance(content, dict) else None
    return epoch if isinstance(epoch, int) and not isinstance(epoch, bool) else None
