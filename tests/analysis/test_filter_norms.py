"""Norms alone are those among all measures."""

import numpy as np
import pytest

from tb_snapshot_compare.analysis import FilterAxis, PairAccumulator


@pytest.mark.parametrize("magnitude", [-1060, -500, 0, 500, 1020])
def test_norms_are_those_of_the_measures(magnitude: int) -> None:
    random = np.random.default_rng(3)
    a, b = np.ldexp(random.normal(size=(2, 40, 7)), magnitude)
    b[:, 1], a[:, 2] = a[:, 1], np.nan
    b[3, 3] = np.inf
    accumulator = PairAccumulator("float64", "float64", a.size, FilterAxis(7, 1))
    accumulator.add(a.reshape(-1), b.reshape(-1))
    filters = accumulator.columns()[1:].as_filters()
    measures = filters.measures()
    for name, norm in zip(("l1", "l2"), filters.norms(), strict=True):
        np.testing.assert_array_equal(norm, measures[name])
