"""The difference distribution of a layer or of the whole model: a second, exact pass."""

import operator
from functools import reduce

from tb_snapshot_compare import analysis
from tb_snapshot_compare.analysis import DistributionAccumulator
from tb_snapshot_compare.errors import InvalidRequestError, NotFoundError
from tb_snapshot_compare.limits import BINS_MAX, LEVELS_MAX
from tb_snapshot_compare.readers import check_generation
from tb_snapshot_compare.workspace.comparing import WEIGHTS
from tb_snapshot_compare.workspace.match_files import Corrections
from tb_snapshot_compare.workspace.matching import match
from tb_snapshot_compare.workspace.opening import OpenedSnapshot
from tb_snapshot_compare.workspace.pairing import TensorPair
from tb_snapshot_compare.workspace.results import Comparison, Distribution, TensorDifference
from tb_snapshot_compare.workspace.streaming import (
    ByteCounter,
    PairStream,
    Progress,
    map_pairs,
    pair_bytes,
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
    compared = _chosen(comparison, layer, tensor)
    names = {difference.name for difference in compared}
    low, high = _range(compared)
    matching = match(a, b, corrections)
    pairs = tuple(pair for pair in matching.of_scopes(WEIGHTS) if pair.name in names)
    stream = PairStream(
        a.contents.generation, b.contents.generation, ByteCounter(pair_bytes(pairs), progress)
    )

    def count(pair: TensorPair) -> analysis.Distribution:
        accumulator = DistributionAccumulator(low, high, bins, levels)
        for block_a, block_b in stream.blocks(pair):
            accumulator.add(block_a, block_b)
        return accumulator.finish()

    found = reduce(operator.add, map_pairs(count, pairs))
    check_generation(a.contents.generation)
    check_generation(b.contents.generation)
    return Distribution(
        layer=layer,
        tensor=tensor,
        bin_edges=tuple(found.bin_edges.tolist()),
        level_edges=tuple(found.level_edges.tolist()),
        counts=tuple(tuple(row) for row in found.counts.tolist()),
        total=found.total,
        excluded=found.excluded,
    )


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
