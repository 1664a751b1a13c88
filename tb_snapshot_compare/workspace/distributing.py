"""The difference distribution of a layer or of the whole model: a second, exact pass.

The comparison has found the range of the changes, checked the checksums, and which tensors did
not change: those are counted without reading them.
"""

import operator
from collections.abc import Sequence, Set
from dataclasses import replace
from functools import reduce

import numpy as np

from tb_snapshot_compare import analysis
from tb_snapshot_compare.analysis import DistributionAccumulator, Part, parts_of
from tb_snapshot_compare.errors import InvalidRequestError, NotFoundError
from tb_snapshot_compare.limits import BINS_MAX, LEVELS_MAX
from tb_snapshot_compare.readers import check_generation
from tb_snapshot_compare.snapshot import TensorInfo
from tb_snapshot_compare.workspace import compiling
from tb_snapshot_compare.workspace.comparing import WEIGHTS
from tb_snapshot_compare.workspace.long_passes import alone_if_long
from tb_snapshot_compare.workspace.match_files import Corrections
from tb_snapshot_compare.workspace.matching import match
from tb_snapshot_compare.workspace.opening import OpenedSnapshot
from tb_snapshot_compare.workspace.pairing import TensorPair
from tb_snapshot_compare.workspace.results import Comparison, Distribution, TensorDifference
from tb_snapshot_compare.workspace.streaming import (
    ByteCounter,
    PairReader,
    Progress,
    place_on_disk,
    share_out,
    stored_bytes,
)


def distribution(
    a: OpenedSnapshot,
    b: OpenedSnapshot,
    comparison: Comparison,
    *,
    bins: int,
    levels: int,
    layer: str | None = None,
    tensor: str | None = None,
    corrections: Corrections = (),
    progress: Progress | None = None,
) -> Distribution:
    """How the signed changes b - a are distributed.

    Args:
      a: The first snapshot.
      b: The second.
      comparison: Of the same pair; gives the range of the changes.
      bins: Bins of the signed change, over its whole range.
      levels: Equal slices of [0, 2], the relative percent difference.
      layer: Full path of a layer, or None for the whole model.
      tensor: Canonical name of one tensor, or None for all.
      corrections: Those that the comparison was made with.
      progress: Called with bytes done and in all; may raise to stop.

    Raises:
      InvalidRequestError: bins or levels out of bounds.
      NotFoundError: nothing of that layer or tensor was compared.
      SnapshotGoneError, SnapshotChangedError: the files changed while they were read.
    """
    check_bounds(bins, levels)
    compiling.wait()
    compared = _chosen(comparison, layer, tensor)
    changed = {
        difference.name
        for difference in compared
        if difference.measures is not None and difference.measures.changed != 0
    }
    low, high = _range(compared)
    matching = match(a, b, corrections)
    pairs = [pair for pair in matching.of_scopes(WEIGHTS) if pair.name in changed]
    tasks = [(pair, part) for pair in pairs for part in parts_of(pair.count, None)]
    tasks.sort(key=lambda task: (place_on_disk(task[0]), task[1].start))
    of_a, of_b = a.contents.generation, b.contents.generation
    total = sum(stored_bytes(side) for pair in pairs for side in _sides(pair))
    counter = ByteCounter(total, progress)
    own: dict[PairReader, DistributionAccumulator] = {}

    def count(task: tuple[TensorPair, Part], reader: PairReader) -> None:
        if reader not in own:
            own[reader] = DistributionAccumulator(low, high, bins, levels)
        for block_a, block_b in reader.blocks(*_sides(task[0]), task[1]):
            own[reader].add(block_a, block_b)

    with alone_if_long(total, (of_a, of_b), progress):
        share_out(tasks, count, lambda: PairReader(of_a, of_b, counter))
    check_generation(of_a)
    check_generation(of_b)
    found = reduce(
        operator.add,
        (accumulator.finish() for accumulator in own.values()),
        _of_equal_pairs(compared, changed, DistributionAccumulator(low, high, bins, levels)),
    )
    return Distribution(
        layer=layer,
        tensor=tensor,
        bin_edges=tuple(found.bin_edges.tolist()),
        level_edges=tuple(found.level_edges.tolist()),
        counts=tuple(tuple(row) for row in found.counts.tolist()),
        total=found.total,
        excluded=found.excluded,
    )


def _sides(pair: TensorPair) -> tuple[TensorInfo, TensorInfo]:
    assert pair.a is not None
    assert pair.b is not None
    return pair.a, pair.b


def _of_equal_pairs(
    compared: Sequence[TensorDifference], changed: Set[str], one: DistributionAccumulator
) -> analysis.Distribution:
    """What the tensors without a change add: each finite pair where a pair of zeros is counted."""
    one.add(np.zeros(1, np.float32), np.zeros(1, np.float32))
    cell = one.finish()
    equal = [d for d in compared if d.name not in changed and d.measures is not None]
    excluded = sum(d.measures.nan_a + d.measures.inf_a for d in equal if d.measures)
    finite = sum(d.count for d in equal) - excluded
    return replace(cell, counts=cell.counts * finite, excluded=excluded)


def check_bounds(bins: int, levels: int) -> None:
    """Raises InvalidRequestError when bins or levels are out of bounds."""
    if not 2 <= bins <= BINS_MAX:
        raise InvalidRequestError(f"bins={bins}: choose from 2 to {BINS_MAX}.")
    if not 1 <= levels <= LEVELS_MAX:
        raise InvalidRequestError(f"levels={levels}: choose from 1 to {LEVELS_MAX}.")


def _chosen(
    comparison: Comparison, layer: str | None, tensor: str | None
) -> list[TensorDifference]:
    chosen = [
        difference
        for difference in comparison.tensors
        if difference.status == "compared"
        and difference.scope == "weights"
        and (layer is None or difference.layer == layer)
        and (tensor is None or difference.name == tensor)
    ]
    if not chosen:
        what = tensor or layer or "the model"
        raise NotFoundError(f"No weight of {what} was compared: there is no distribution to show.")
    return chosen


def change_range(
    comparison: Comparison, layer: str | None, tensor: str | None
) -> tuple[float, float]:
    """The range of b - a that the bins of a layer's or a tensor's distribution split.

    Raises:
      NotFoundError: nothing of that layer or tensor was compared.
    """
    return _range(_chosen(comparison, layer, tensor))


def _range(compared: list[TensorDifference]) -> tuple[float, float]:
    lows = [difference.low for difference in compared if difference.low is not None]
    highs = [difference.high for difference in compared if difference.high is not None]
    return (min(lows), max(highs)) if lows else (0.0, 0.0)
