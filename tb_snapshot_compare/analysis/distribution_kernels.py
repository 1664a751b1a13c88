"""The compiled pass that counts differences. Imported by the first block, never at start."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.compiled import compiled
from tb_snapshot_compare.analysis.kernels import difference, relative

Array = NDArray[Any]

_LARGEST = float(np.finfo(np.float64).max)


@compiled
def _guess(position: float, bins: int) -> int:
    """The bin at a position counted in bins; the first for NaN, which an overflow may leave."""
    if position >= bins:
        return bins - 1
    return int(position) if position > 0.0 else 0


@compiled
def count_pairs(
    a: Array,
    b: Array,
    low_a: Array,
    low_b: Array,
    wide: bool,
    edges: Array,
    factor: float,
    levels: Array,
    counts: Array,
) -> int:
    """Adds pairs to `counts` int64 `[bins, levels]`.

    Args:
      a, b, low_a, low_b, wide: as in `ValuePairs`.
      edges: of the bins `[bins + 1]`; factor: bins per unit, from which the search starts.
      levels: edges of the levels `[levels + 1]`.

    Returns:
      The number of pairs that are not both finite.
    """
    flat = counts.reshape(counts.size)
    bins, count = edges.size - 1, levels.size - 1
    first, per_level = edges[0], 0.5 * count
    excluded = 0
    for i in range(a.size):
        x: float = np.float64(a[i])
        y: float = np.float64(b[i])
        d = y - x
        if wide:
            d = difference(x, np.float64(low_a[i]), y, np.float64(low_b[i]))
            x, y = x + low_a[i], y + low_b[i]
        if not (np.isfinite(x) and np.isfinite(y)):
            excluded += 1
            continue
        change = 2.0 * relative(x, y, d)
        d = min(max(d, -_LARGEST), _LARGEST)
        cell = _guess((d - first) * factor, bins)
        while cell > 0 and d < edges[cell]:
            cell -= 1
        while cell < bins - 1 and d >= edges[cell + 1]:
            cell += 1
        level = _guess(change * per_level, count)
        while level > 0 and change < levels[level]:
            level -= 1
        while level < count - 1 and change >= levels[level + 1]:
            level += 1
        flat[cell * count + level] += 1
    return excluded
