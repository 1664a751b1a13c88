"""What a segment of a log says of itself: its name, its session, its steps, where which rows are.

A segment is a Parquet file that is never changed. Its name ends in a checksum of its footer; the
footer holds a `Description` as JSON, under the key `snapshot_log`.
"""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.limits import (
    LOG_GRIDS_MAX,
    LOG_IMAGES_MAX,
    LOG_RUNS_MAX,
    LOG_SEGMENT_ROWS_MAX,
)
from tb_snapshot_compare.store.log_tables import STEP_END

SCHEMA = 1
KEY = b"snapshot_log"
"""Of the description among a footer's metadata."""
SESSION_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NAME = re.compile(
    rf"(\d{{12}})-(\d{{12}})\.({SESSION_ID.pattern})\.(\d{{8}})\.([0-9a-f]{{8}})\.parquet"
)
_RUN = np.dtype([("start", "<i8"), ("stride", "<i8"), ("count", "<i8"), ("created", "<f8")])
Steps = npt.NDArray[np.int64]
Indices = npt.NDArray[np.int32]
Runs = npt.NDArray[Any]
"""Equally spaced steps that were written at one time: start, stride, count and created (Unix
seconds)."""


class DamagedSegmentError(UnreadableSnapshotError):
    """A segment is not what was written; `name` is its file's."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason


@dataclass(frozen=True, slots=True, order=True)
class SegmentName:
    """First and last step, whose it is, its number among those, and its footer's checksum."""

    first: int
    last: int
    session: str
    number: int
    checksum: str

    def __str__(self) -> str:
        return (
            f"{self.first:012d}-{self.last:012d}.{self.session}.{self.number:08d}"
            f".{self.checksum}.parquet"
        )

    @classmethod
    def parse(cls, text: str) -> "SegmentName | None":
        """The parts of a file's name; None for other files."""
        match = _NAME.fullmatch(text)
        if match is None:
            return None
        first, last, session, number, checksum = match.groups()
        return cls(int(first), int(last), session, int(number), checksum)


class Grid(msgspec.Struct, frozen=True, array_like=True):
    """Rows of filters (of the layer `group`) or images at some steps: for each one, every step.

    `members` are so many from 0, or their indices as int32; `axis` says which of the segment's
    `axes` has the steps.
    """

    group: str
    members: int | bytes
    axis: int

    @property
    def height(self) -> int:
        """The number of filters or images."""
        return self.members if isinstance(self.members, int) else len(self.members) // 4

    def indices(self) -> Indices:
        """Of its filters or images, in the order of the rows."""
        if isinstance(self.members, int):
            return np.arange(self.members, dtype=np.int32)
        return np.frombuffer(self.members, "<i4")

    @property
    def end(self) -> int:
        """One more than the greatest index."""
        return self.members if isinstance(self.members, int) else int(self.indices().max()) + 1


class Block(msgspec.Struct, frozen=True, array_like=True):
    """A row group: all its rows are of `key` (a layer, kind or name), where that is given."""

    key: str | None
    rows: int
    grids: tuple[Grid, ...] = ()


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """What a footer says.

    `level` is how often rows were merged; `replaces` are names of segments of the same session and
    table whose rows this one holds. `runs` are records of `Runs`, each of `axes` is int64 steps.
    """

    schema: int = SCHEMA
    session: str
    level: int = 0
    runs: bytes
    replaces: tuple[str, ...] = ()
    axes: tuple[bytes, ...] = ()
    blocks: msgspec.Raw


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """A sound segment. `rows` and `blocks` are as its footer says, `size` is that of the file."""

    table: str
    name: SegmentName
    size: int
    rows: int
    level: int
    runs: Runs
    replaces: frozenset[str]
    axes: tuple[Steps, ...]
    blocks: tuple[Block, ...]
    weight: int = 0
    """Bytes of its description."""

    @property
    def text(self) -> str:
        """Its file's name."""
        return str(self.name)

    @property
    def session(self) -> str:
        """The id of the session that wrote it."""
        return self.name.session

    def steps(self) -> Steps:
        """Its steps, ascending, each once."""
        return np.unique(steps_of(self.runs))


def runs_of(steps: npt.ArrayLike, created: float) -> Runs:
    """The runs that are these steps (ascending, each once), each as long as can be."""
    values = np.asarray(steps, np.int64)
    changes = [*(np.flatnonzero(np.diff(values, 2)) + 1).tolist(), len(values) - 1]
    runs = []
    first = 0
    for change in changes:
        if change < first:
            continue
        stride = int(values[first + 1] - values[first]) if change > first else 1
        runs.append((int(values[first]), stride, change - first + 1, created))
        first = change + 1
    return np.array(runs, _RUN)


def steps_of(runs: Runs) -> Steps:
    """All steps, run by run."""
    offsets = np.arange(runs["count"].sum()) - np.repeat(
        np.cumsum(runs["count"]) - runs["count"], runs["count"]
    )
    steps: Steps = np.repeat(runs["start"], runs["count"]) + offsets * np.repeat(
        runs["stride"], runs["count"]
    )
    return steps


def encode_blocks(blocks: Sequence[Block]) -> msgspec.Raw:
    """For a description."""
    return msgspec.Raw(msgspec.json.encode(blocks))


def checksum(footer: bytes) -> str:
    """Of a footer, as it stands in the name."""
    return f"{zlib.crc32(footer):08x}"


def described(table: str, name: SegmentName, size: int, rows: int, document: bytes) -> Segment:
    """The segment of a description, when it is consistent.

    Raises:
      DamagedSegmentError: it contradicts itself or the name, or claims more than there can be.
    """
    try:
        description = msgspec.json.decode(document, type=Description)
        blocks = _decoded_blocks(bytes(description.blocks))
        runs = np.frombuffer(description.runs, _RUN)
        axes = tuple(np.frombuffer(axis, "<i8") for axis in description.axes)
        fault = (
            _fault(description, name, rows)
            or _runs_fault(runs, name, rows)
            or _blocks_fault(blocks, axes, rows)
        )
    except (msgspec.DecodeError, ValueError) as error:
        raise DamagedSegmentError(str(name), f"its description is damaged: {error}") from error
    if fault:
        raise DamagedSegmentError(str(name), fault)
    replaces = frozenset(description.replaces)
    return Segment(
        table, name, size, rows, description.level, runs, replaces, axes, blocks, len(document)
    )


@lru_cache(maxsize=8)
def _decoded_blocks(document: bytes) -> tuple[Block, ...]:
    """One object for segments that are laid out alike, as those of single dumps are."""
    return msgspec.json.decode(document, type=tuple[Block, ...])


def _fault(description: Description, name: SegmentName, rows: int) -> str:
    """What is wrong, in words; empty for nothing."""
    if description.schema > SCHEMA:
        return "a newer version has written it: upgrade tb-snapshot-compare"
    if description.session != name.session:
        return "it is one of another session"
    if not 0 < rows <= LOG_SEGMENT_ROWS_MAX:
        return f"it has {rows} rows, of at most {LOG_SEGMENT_ROWS_MAX}"
    return ""


def _runs_fault(runs: Runs, name: SegmentName, rows: int) -> str:
    if not 0 < len(runs) <= LOG_RUNS_MAX:
        return f"it has {len(runs)} runs of steps, of at most {LOG_RUNS_MAX}"
    start, stride, count, created = (
        runs[field] for field in ("start", "stride", "count", "created")
    )
    sound = (start >= 0) & (start < STEP_END) & (stride > 0) & (stride < STEP_END) & (count > 0)
    sound &= (count - 1 <= (STEP_END - 1 - start) // np.maximum(stride, 1)) & (count <= rows)
    sound &= (created >= 0) & (created < STEP_END)
    if not sound.all() or count.sum() > rows:
        return "its steps are none"
    last = start + stride * (count - 1)
    if (start.min(), last.max()) != (name.first, name.last):
        return "its steps are not those of its name"
    return ""


def _blocks_fault(blocks: tuple[Block, ...], axes: tuple[Steps, ...], rows: int) -> str:
    if sum(1 + len(block.grids) for block in blocks) > LOG_GRIDS_MAX:
        return f"it has more than {LOG_GRIDS_MAX} parts"
    if sum(block.rows for block in blocks) != rows or any(block.rows <= 0 for block in blocks):
        return "its parts do not have its rows"
    for block in blocks:
        for grid in block.grids:
            if not 0 <= grid.axis < len(axes) or not _has_members(grid):
                return "a part of it is laid out as none can be"
        laid = sum(grid.height * len(axes[grid.axis]) for grid in block.grids)
        if block.grids and laid != block.rows:
            return "its parts are not laid out as it says"
    return ""


def _has_members(grid: Grid) -> bool:
    if isinstance(grid.members, int):
        return 0 < grid.members <= LOG_IMAGES_MAX
    if not grid.members or len(grid.members) % 4:
        return False
    return grid.end <= LOG_IMAGES_MAX and int(grid.indices().min()) >= 0
