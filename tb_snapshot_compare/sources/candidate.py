"""A file set of a snapshot, told from names alone."""

from dataclasses import dataclass

from tb_snapshot_compare.snapshot import Format


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file set by its names.

    `path` and `files` are relative to the directory; a `path` of "." is the directory itself.
    `key` is the name without the format's suffix: what several formats of one snapshot have in
    common. `metadata` is a file of `files` that tells the epoch. `problem` says why the set is
    broken. `doubtful` means that the name alone does not make it a snapshot. `of_directory`
    means that the directory is the snapshot's own and `key` its name, so that the snapshot
    lies in the directory above.
    """

    path: str
    key: str
    format: Format
    files: tuple[str, ...]
    metadata: str | None = None
    problem: str | None = None
    doubtful: bool = False
    of_directory: bool = False
