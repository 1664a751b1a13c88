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
)
from tb_snapshot_compare.analysis.distribution_grid import bin_edges, level_edges
from tb_snapshot_compare.analysis.filter_axis import FilterAxis, filter_axis
from tb_snapshot_compare.analysis.filter_changes import (
    FILTER_MEASURES,
    filter_changes,
    streamed_filter_changes,
)
from tb_snapshot_compare.analysis.numeric_types import as_float, is_comparable
from tb_snapshot_compare.analysis.pair_accumulator import PairAccumulator, PairDifference
from tb_snapshot_compare.analysis.sum_columns import (
    OwnSums,
    SumColumns,
    filter_measures,
    grouped,
    measures_of,
    own_sums,
    ranges_of,
    stacked,
    unchanged_columns,
)
from tb_snapshot_compare.analysis.tensor_groups import group_sums, is_small
from tb_snapshot_compare.analysis.tensor_parts import Part, PartJoiner, parts_of
from tb_snapshot_compare.analysis.unit_statistics import (
    StreamedTensor,
    UnitStatistics,
    UnitTensor,
    unit_statistics,
)

__all__ = [
    "FILTER_MEASURES",
    "DifferenceRange",
    "DifferenceSums",
    "Distribution",
    "DistributionAccumulator",
    "FilterAxis",
    "FilterSums",
    "Measures",
    "OwnSums",
    "PairAccumulator",
    "PairDifference",
    "Part",
    "PartJoiner",
    "RangeAccumulator",
    "ScaledSum",
    "StreamedTensor",
    "SumColumns",
    "UnitStatistics",
    "UnitTensor",
    "as_float",
    "bin_edges",
    "filter_axis",
    "filter_changes",
    "filter_measures",
    "group_sums",
    "grouped",
    "is_comparable",
    "is_small",
    "level_edges",
    "measures_of",
    "own_sums",
    "parts_of",
    "ranges_of",
    "stacked",
    "streamed_filter_changes",
    "unchanged_columns",
    "unit_statistics",
]
