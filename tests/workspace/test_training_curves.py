"""Thinned series keep every excursion."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tb_snapshot_compare.workspace.training_curves import thinned


@given(st.lists(st.floats(allow_nan=True, width=32), min_size=1, max_size=300), st.integers(4, 50))
def test_extremes_and_ends_are_kept(values: list[float], most: int) -> None:
    array = np.array(values)
    kept = thinned(array, most)
    assert kept.size <= max(most, 4)
    assert np.all(np.diff(kept) > 0)
    assert {0, array.size - 1} <= set(kept.tolist())
    finite = array[np.isfinite(array)]
    if finite.size == array.size:
        assert array[kept].min() == array.min()
        assert array[kept].max() == array.max()
    elif not any(math.isfinite(value) for value in values):
        assert not np.isfinite(array[kept]).any()
    else:
        assert not np.isfinite(array[kept]).all()


def test_a_short_series_is_kept_whole() -> None:
    assert thinned(np.zeros(7), 7).tolist() == list(range(7))
