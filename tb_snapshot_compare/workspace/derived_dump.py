"""The rows of a derived log that a snapshot and the one before it give; neither is ever in memory.

Tensors are gone through several times, in blocks. As many as fit into some memory are kept after
the first time; of the others the system keeps what it can.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from tb_snapshot_compare.analysis import (
    StreamedTensor,
    UnitStatistics,
    is_comparable,
    streamed_filter_changes,
    unit_statistics,
)
from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.limits import DERIVED_KEPT_BYTES
from tb_snapshot_compare.readers import TensorReader, check_generation
from tb_snapshot_compare.snapshot import TensorInfo
from tb_snapshot_compare.workspace.matching import match
from tb_snapshot_compare.workspace.opening import OpenedSnapshot
from tb_snapshot_compare.workspace.streaming import stored_bytes

if TYPE_CHECKING:
    from tb_snapshot_compare.recording.hierarchy import Hierarchy

MOMENTS = {
    "momentum": "moment1",
    "exp_avg": "moment1",
    "momentum_buffer": "moment1",
    "velocity": "moment2",
    "exp_avg_sq": "moment2",
    "square_avg": "moment2",
}
"""What optimizers call the running mean of gradients, and of their squares, in our names."""
_BLOCK_ELEMENTS = 1 << 18

Array = NDArray[Any]
Block = tuple[Array, Array | None, Array | None]
Progress = Callable[[int], None]
"""Called with bytes that were gone through; may raise to stop."""


@dataclass(frozen=True, slots=True)
class DumpRows:
    """Columns of `layers` and `filters`, and what could not be read, a sentence each."""

    layers: dict[str, Any]
    filters: dict[str, Any]
    problems: tuple[str, ...]


def dump_rows(
    step: int,
    snapshot: OpenedSnapshot,
    before: OpenedSnapshot | None,
    hierarchy: "Hierarchy",
    progress: Progress,
) -> DumpRows:
    """Goes through a snapshot and the one before it.

    Tensors that are not in the hierarchy are left out, and so are those that cannot be read.
    Updates and changes of filters are of tensors that both have in one shape and layout.

    Args:
      step: of the snapshot.
      snapshot: the snapshot.
      before: the one before it, None where there is none.
      hierarchy: the units of the log.
      progress: see `Progress`.

    Raises:
      SnapshotGoneError, SnapshotChangedError: the files changed.
    """
    damaged = _Damaged()
    while True:
        with _Reading(snapshot, before, progress) as reading:
            parts = _Parts(snapshot, before, hierarchy, reading, damaged)
            try:
                rows = _columns(step, parts, hierarchy)
            except _UnreadableTensorError as error:
                damaged.add(error)
                continue
        for opened in filter(None, (snapshot, before)):
            check_generation(opened.contents.generation)
        return DumpRows(*rows, tuple(damaged.newer.values()))


def _columns(
    step: int, parts: "_Parts", hierarchy: "Hierarchy"
) -> tuple[dict[str, Any], dict[str, Any]]:
    from tb_snapshot_compare.recording.rows import filter_columns, unit_columns

    layers = unit_columns(step, list(parts.layers()), hierarchy)
    return layers, filter_columns(step, list(parts.filters()))


class _UnreadableTensorError(Exception):
    """A tensor by its name in the newer snapshot or in the older one, and why it cannot be read."""

    def __init__(self, name: str, reason: str, *, newer: bool) -> None:
        super().__init__(reason)
        self.name, self.newer = name, newer


@dataclass(slots=True)
class _Damaged:
    """Tensors of either snapshot that cannot be read, and why, by the names they have there."""

    newer: dict[str, str] = field(default_factory=dict)
    older: dict[str, str] = field(default_factory=dict)

    def add(self, error: _UnreadableTensorError) -> None:
        (self.newer if error.newer else self.older)[error.name] = str(error)


class _Reading:
    """Blocks of the tensors of both snapshots; a context manager."""

    def __init__(
        self, snapshot: OpenedSnapshot, before: OpenedSnapshot | None, progress: Progress
    ) -> None:
        self._snapshot = TensorReader(snapshot.contents.generation)
        self._before = TensorReader(None if before is None else before.contents.generation)
        self._progress = progress
        self._room = DERIVED_KEPT_BYTES
        self._kept: dict[tuple[bool, str], list[Array]] = {}
        self._checked: set[tuple[bool, str]] = set()

    def __enter__(self) -> "_Reading":
        return self

    def __exit__(self, *_: object) -> None:
        self._snapshot.close()
        self._before.close()

    def blocks(self, tensor: TensorInfo, *, newer: bool) -> Iterator[Array]:
        """The values of a tensor of either snapshot."""
        key = (newer, tensor.name)
        if key in self._kept:
            yield from self._kept[key]
            return
        kept: list[Array] | None = [] if stored_bytes(tensor) <= self._room else None
        reader = self._snapshot if newer else self._before
        try:
            for block in reader.read_blocks(
                tensor, block_elements=_BLOCK_ELEMENTS, verify=key not in self._checked
            ):
                if kept is not None:
                    kept.append(block.copy())
                yield block if kept is None else kept[-1]
                self._progress(block.nbytes)
        except UnreadableSnapshotError as error:
            raise _UnreadableTensorError(tensor.name, str(error), newer=newer) from error
        self._checked.add(key)
        if kept is not None and key not in self._kept:
            self._kept[key] = kept
            self._room -= stored_bytes(tensor)


class _Parts:
    """Which tensors make which rows."""

    def __init__(
        self,
        snapshot: OpenedSnapshot,
        before: OpenedSnapshot | None,
        hierarchy: "Hierarchy",
        reading: _Reading,
        damaged: _Damaged,
    ) -> None:
        self._hierarchy, self._reading, self._damaged = hierarchy, reading, damaged
        usable = [
            each
            for each in snapshot.contents.tensors
            if each.name not in damaged.newer and each.problem is None and is_comparable(each.dtype)
        ]
        shapes, places = hierarchy.shapes, hierarchy.places
        self._weights = {
            each.name: each
            for each in usable
            if each.name in places and shapes.get(each.name) == each.shape
        }
        self._moments = [
            each for each in usable if each.role in MOMENTS and each.slot_of in self._weights
        ]
        self._before = {} if before is None else self._partners(snapshot, before)

    def _partners(self, snapshot: OpenedSnapshot, before: OpenedSnapshot) -> dict[str, TensorInfo]:
        """The tensor of the older snapshot, by the name of that of the newer one."""
        return {
            pair.b.name: pair.a
            for pair in match(before, snapshot).pairs
            if pair.a is not None
            and pair.b is not None
            and pair.status == "compared"
            and _is_as_stored(pair.a, pair.stored_a)
            and _is_as_stored(pair.b, pair.stored_b)
            and pair.b.name in self._weights
            and pair.a.name not in self._damaged.older
        }

    def layers(self) -> Iterator[tuple[str, UnitStatistics]]:
        """The statistics of all units, kind by kind."""
        from tb_snapshot_compare.recording.rows import by_training
        from tb_snapshot_compare.store.log_tables import BAND_EDGES

        parents = self._hierarchy.parents
        weights = [self._tensor(each, each) for each in self._weights.values()]
        yield "weight", unit_statistics(parents, weights)
        for kind, chosen in by_training(self._before, self._hierarchy).items():
            changes = [
                self._tensor(self._weights[name], self._weights[name], then)
                for name, then in chosen.items()
            ]
            edges = BAND_EDGES if kind == "update" else None
            yield kind, unit_statistics(parents, changes, edges)
        for kind in dict.fromkeys(MOMENTS.values()):
            moments = [
                self._tensor(self._weights[each.slot_of or ""], each)
                for each in self._moments
                if MOMENTS[each.role] == kind
            ]
            if moments:
                yield kind, unit_statistics(parents, moments)

    def filters(self) -> Iterator[tuple[str, dict[str, Array]]]:
        """The measures of all filters, layer by layer."""
        for name, (layer, axis) in self._hierarchy.kernels.items():
            weight = self._weights.get(name)
            if weight is not None:
                blocks = self._blocks(weight, self._before.get(name))
                size = math.prod(weight.shape)
                yield layer, dict(streamed_filter_changes(blocks, size, axis))

    def _tensor(
        self, weight: TensorInfo, values: TensorInfo, before: TensorInfo | None = None
    ) -> StreamedTensor:
        """Values of the unit of a weight; those before are what an update is compared with."""
        place = self._hierarchy.places[weight.name]
        blocks = self._blocks(values, before)
        size = math.prod(values.shape)

        def beside() -> Iterator[Block]:
            return ((now, then, then) for now, then, _ in blocks())

        axis = place.axis if values.shape == weight.shape else None
        return StreamedTensor(place.unit, size, beside, axis)

    def _blocks(
        self, values: TensorInfo, before: TensorInfo | None
    ) -> Callable[[], Iterator[Block]]:
        def blocks() -> Iterator[Block]:
            of_values = self._reading.blocks(values, newer=True)
            if before is None:
                for now in of_values:
                    yield now, None, None
                return
            of_before = self._reading.blocks(before, newer=False)
            for now, then in zip(of_values, of_before, strict=True):
                yield now, then, None

        return blocks


def _is_as_stored(tensor: TensorInfo, stored: TensorInfo | None) -> bool:
    """Whether a tensor is compared as its file has it: neither transposed nor cut."""
    return stored is None or (tensor.layout, tensor.extents) == (stored.layout, stored.extents)
