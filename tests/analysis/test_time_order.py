"""Orders of series equal the definition, and put shuffled families back in order."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.time_order import MDS_MAX, by_mds, by_peak, mds_coordinates

Array = NDArray[Any]


def scaled_distances(series: Array) -> Array:
    """1 - cosine over the passes that both know, 1 if either is zero; the largest is 1."""
    n = len(series)
    distances = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            both = ~np.isnan(series[i]) & ~np.isnan(series[j])
            a, b = series[i, both], series[j, both]
            lengths = np.sqrt((a @ a) * (b @ b))
            if i != j:
                distances[i, j] = 1 - (a @ b) / lengths if lengths else 1.0
    return distances / max(distances.max(), 1e-300)


def by_definition(series: Array) -> Array:
    """The first coordinate: double centring and a singular value decomposition."""
    n = len(series)
    centring = np.eye(n) - 1 / n
    inner = -centring @ scaled_distances(series) ** 2 @ centring / 2
    left, values, right = np.linalg.svd(inner)
    positive = np.flatnonzero((left * right.T).sum(axis=0) > 0)  # others have negative eigenvalues
    return left[:, positive[0]] * np.sqrt(values[positive[0]])


def family(n: int, passes: int, seed: int) -> tuple[Array, Array]:
    """Series that turn from one shape into another, shuffled, and their places."""
    random = np.random.default_rng(seed)
    places = random.permutation(n)
    angle = places[:, None] / n * 1.2
    early = np.linspace(1, 0, passes) ** 2
    late = np.linspace(0, 1, passes) ** 2
    sizes = random.uniform(0.5, 2, (n, 1))
    return sizes * (np.cos(angle) * early + np.sin(angle) * late), places


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("holes", [False, True])
def test_coordinates_are_those_of_the_definition(seed: int, holes: bool) -> None:
    random = np.random.default_rng(seed)
    series = random.random((30, 12)) * (random.random((30, 1)) < 0.9)
    series *= np.linspace(1, random.random(30), 12).T  # so that the first axis stands out
    if holes:
        series[random.random(series.shape) < 0.1] = np.nan
    wanted, found = by_definition(series), mds_coordinates(series)
    found = found / np.linalg.norm(found) * np.linalg.norm(wanted)
    assert min(np.abs(found - wanted).max(), np.abs(found + wanted).max()) < 1e-8
    steps = np.diff(wanted[by_mds(series, zeros_apart=False)])  # of zero series 0, but for rounding
    assert (steps > -1e-9).all() or (steps < 1e-9).all()


@pytest.mark.parametrize("most", [MDS_MAX, 30])
def test_a_shuffled_family_comes_back_in_order(most: int) -> None:
    series, places = family(150, 40, 1)
    steps = np.diff(places[by_mds(series, most)])
    assert (steps == 1).all() or (steps == -1).all()


def learned(n: int, passes: int, seed: int) -> tuple[Array, Array]:
    """Images that are mostly right from some pass on, and that pass."""
    random = np.random.default_rng(seed)
    since = random.integers(0, passes - passes // 8, n)
    return (np.arange(passes) >= since[:, None]) & (random.random((n, passes)) < 0.93), since


def rank_correlation(one: Array, other: Array) -> float:
    ranks = [np.argsort(np.argsort(values, kind="stable")) for values in (one, other)]
    return float(np.corrcoef(*ranks)[0, 1])


def test_landmarks_give_nearly_the_exact_order() -> None:
    series, _ = learned(500, 100, 6)
    exact, sketch = mds_coordinates(series), mds_coordinates(series, 200)
    assert abs(rank_correlation(exact, sketch)) > 0.99
    np.testing.assert_array_equal(by_mds(series, 200), by_mds(series, 200))
    assert not np.array_equal(by_mds(series, 200), by_mds(series, 200, seed=1))


@pytest.mark.parametrize("never", [0, 15, 30])
def test_images_that_are_never_right_do_not_disturb_the_order_of_the_others(never: int) -> None:
    series, since = learned(50, 200, 7)
    series[:never] = False
    order = by_mds(series)
    assert order[:never].tolist() == [*range(never)]
    assert rank_correlation(np.arange(50 - never), -since[order[never:]]) > 0.95


def test_many_series_go_through_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    series, _ = family(90, 20, 2)
    series[::7, 3] = np.nan
    whole = mds_coordinates(series, 25)
    order = by_mds(series, 25)
    monkeypatch.setattr("tb_snapshot_compare.analysis.time_order._ROWS", 8)
    np.testing.assert_allclose(mds_coordinates(series, 25), whole, atol=1e-12)
    np.testing.assert_array_equal(by_mds(series, 25), order)


def test_small_means_come_first_and_a_new_pass_does_not_turn_the_order() -> None:
    random = np.random.default_rng(7)
    level = np.linspace(0.05, 0.9, 40)[random.permutation(40)]
    shape = np.exp(-np.linspace(0, 3, 80))
    series = np.clip(level[:, None] + (1 - level[:, None]) * shape, 0, 1)
    for passes in range(40, 80, 5):
        order = by_mds(series[:, :passes])
        means = series[:, :passes].mean(axis=1)[order]
        assert means[:10].mean() < means[-10:].mean()


@given(data=st.data(), n=st.integers(0, 9), passes=st.integers(0, 5))
def test_any_series_have_an_order_that_is_the_same_again(
    data: st.DataObject, n: int, passes: int
) -> None:
    value = st.sampled_from([0.0, 1.0, 0.5, -2.0, float("nan")])
    rows = [[data.draw(value) for _ in range(passes)] for _ in range(n)]
    series = np.array(rows, np.float64).reshape(n, passes)
    for most in (MDS_MAX, 3):
        order = by_mds(series, most)
        assert sorted(order.tolist()) == list(range(n))
        np.testing.assert_array_equal(by_mds(series.copy(), most), order)


def test_unknown_passes_count_for_nothing() -> None:
    series, _ = family(20, 15, 3)
    wider = np.insert(series, [0, 5, 15], np.nan, axis=1)
    np.testing.assert_array_equal(by_mds(wider), by_mds(series))


def test_equal_series_keep_their_order() -> None:
    series, _ = family(12, 15, 4)
    order = by_mds(np.repeat(series, 3, axis=0))
    np.testing.assert_array_equal(
        order.reshape(12, 3) // 3, np.repeat(by_mds(series), 3).reshape(12, 3)
    )
    assert (np.diff(order.reshape(12, 3), axis=1) == 1).all()
    assert by_mds(np.ones((5, 4))).tolist() == [0, 1, 2, 3, 4]


def test_bits_are_series_too() -> None:
    series = np.random.default_rng(8).random((20, 30)) < 0.5
    np.testing.assert_array_equal(by_mds(series), by_mds(series.astype(float)))


def test_the_highest_peak_comes_first_and_nothing_last() -> None:
    series = np.array([[1, 2], [5, np.nan], [np.nan, np.nan], [0, 5]])
    assert by_peak(series).tolist() == [1, 3, 0, 2]
    assert by_peak(np.array([[3, 1], [4, 0]], np.int32)).tolist() == [1, 0]
    assert by_peak(np.zeros((3, 0))).tolist() == [0, 1, 2]


def test_too_few_landmarks_are_named() -> None:
    with pytest.raises(ValueError, match="2 landmarks: want 3 or more"):
        by_mds(np.ones((5, 2)), 2)
