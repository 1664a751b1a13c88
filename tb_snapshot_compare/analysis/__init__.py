"""Pure numerics: how far two arrays of weights differ, in one exact streaming pass.

Arrays come in as blocks of their stored dtype in flat C order; numbers go out. Nothing here
reads a file or starts a thread, and importing this package does not import numba: the compiled
kernels are loaded by the first block.
"""

from tb_snapshot_compare.analysis.difference_sums import (
    DifferenceRange,
    DifferenceSums,
    FilterSums,
    Measures,
    ScaledSum,
)
from tb_snapshot_compare.analysis.distribution import (
    Distribution,
    DistributionAccumulator,
    RangeAccumulator,
    bin_edges,
    level_edges,
)
from tb_snapshot_compare.analysis.filter_axis import FilterAxis, filter_axis
from tb_snapshot_compare.analysis.numeric_types import as_float, is_comparable
from tb_snapshot_compare.analysis.pair_accumulator import (
    PairAccumulator,
    PairDifference,
    warm_up,
)

__all__ = [
    "DifferenceRange",
    "DifferenceSums",
    "Distribution",
    "DistributionAccumulator",
    "FilterAxis",
    "FilterSums",
    "Measures",
    "PairAccumulator",
    "PairDifference",
    "RangeAccumulator",
    "ScaledSum",
    "as_float",
    "bin_edges",
    "filter_axis",
    "is_comparable",
    "level_edges",
    "warm_up",
]
