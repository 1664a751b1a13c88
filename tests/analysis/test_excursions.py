"""Bands are medians and median absolute deviations, and excursions what lies outside."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tb_snapshot_compare.analysis import excursions as module
from tb_snapshot_compare.analysis.excursions import (
    BASELINE_MIN,
    LEAST_CHANGE,
    TREND,
    Excursion,
    deviations,
    excursions,
    jumps,
)

Array = NDArray[Any]


def by_loops(series: Array, window: int, least: float | None = None) -> Array:
    """Of a series on the scale on which it is judged."""
    found = np.full(series.size, np.nan)
    for t in range(series.size):
        before = series[max(t - window, 0) : t]
        before = before[~np.isnan(before)]
        if before.size >= BASELINE_MIN and not np.isnan(series[t]):
            middle = np.median(before)
            sigma = 1.4826 * np.median(np.abs(before - middle)) * (1 + 300 / before.size**2)
            smallest = LEAST_CHANGE * abs(middle) if least is None else least
            found[t] = (series[t] - middle) / max(sigma, smallest / 6)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_deviations_are_those_of_the_definition(seed: int) -> None:
    random = np.random.default_rng(seed)
    series = random.normal(3, 2, (4, 80)).cumsum(axis=1) - 200
    series[random.random(series.shape) < 0.15] = np.nan
    found = deviations(series, 20)
    for row, values in zip(found, series, strict=True):
        np.testing.assert_allclose(row, by_loops(values, 20))


def test_series_without_negative_values_are_judged_by_their_logarithms() -> None:
    random = np.random.default_rng(6)
    norms = np.exp(random.normal(0, 0.3, (3, 60)))
    sizes = np.array([[1e-30], [1.0], [1e30]])
    found = deviations(norms * sizes, 30)
    for row, values in zip(found, np.log(norms), strict=True):
        np.testing.assert_allclose(row, by_loops(values, 30, np.log1p(LEAST_CHANGE)))


def test_noise_seldom_leaves_the_band_however_few_values_make_it() -> None:
    noise = np.exp(np.random.default_rng(9).normal(0, 0.5, (1000, 61)))
    found = np.abs(deviations(noise))
    for dump in range(BASELINE_MIN, 61, 10):
        assert (found[:, dump : dump + 10] >= 6).sum() <= 2  # of 10,000


def test_small_changes_of_a_quiet_series_are_no_excursions() -> None:
    quiet = np.full((1, 40), 2.0)
    quiet[0, 30] = 2.0 * (1 + LEAST_CHANGE) * 0.999
    assert np.abs(deviations(quiet)[0, 30]) < 6
    quiet[0, 30] = 2.0 * (1 + LEAST_CHANGE) * 1.001
    assert deviations(quiet)[0, 30] > 6


def test_a_series_that_dies_or_wakes_moves_far() -> None:
    series = np.full((2, 40), 0.5)
    series[0, 30:], series[1, :30] = 0.0, 0.0
    found = deviations(series)
    assert found[0, 30] < -100
    assert found[1, 30] > 100
    assert not np.nan_to_num(deviations(np.zeros((1, 40)))).any()
    assert not np.nan_to_num(deviations(np.full((1, 40), -3.0))).any()


def test_what_is_broken_or_infinite_is_infinitely_far_and_what_is_unknown_unknown() -> None:
    series = np.ones((1, 30))
    series[0, [3, 20, 25]] = np.inf, np.inf, np.nan
    broken = np.zeros((1, 30), bool)
    broken[0, [5, 25]] = True
    found = deviations(series, 12, broken)[0]
    assert np.isposinf(found[[3, 5, 20, 25]]).all()
    assert np.isnan(deviations(series, 12)[0, 25])
    assert np.isnan(found[[0, 9]]).all()
    assert found[29] == 0


def test_neither_a_spike_before_nor_a_drift_hides_or_makes_an_excursion() -> None:
    random = np.random.default_rng(7)
    series = np.exp(np.linspace(0, 1, 200) + random.normal(0, 0.05, (50, 200)))
    series[:, 100:104] *= 50
    series[:, 120] *= 6
    for row in deviations(series):
        assert excursions(row) == (
            Excursion(100, 103, 100 + int(row[100:104].argmax()), row[100:104].max(), row[100]),
            Excursion(120, 120, 120, row[120], row[120]),
        )


@given(inside=st.lists(st.booleans(), max_size=25))
def test_excursions_are_the_runs_outside_with_short_returns(inside: list[bool]) -> None:
    deviation = np.array([1.0 if each else -7.0 - index for index, each in enumerate(inside)])
    runs: list[list[int]] = []
    for index in np.flatnonzero(~np.array(inside, bool)).tolist():
        if runs and index - runs[-1][1] <= 2:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    found = excursions(deviation)
    assert [[each.first, each.last] for each in found] == runs
    for each in found:
        assert each.deviation == deviation[each.peak] == deviation[each.first : each.last + 1].min()
        assert each.onset == deviation[each.first]


def test_places_may_be_unequal() -> None:
    deviation = np.array([9.0, 9.0, 0.0, 9.0, np.nan, 9.0])
    places = np.array([1, 1, 1, 3, 4, 6])
    found = excursions(deviation, 6, places)
    assert [(each.first, each.last) for each in found] == [(0, 3), (5, 5)]


def test_rows_go_through_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    series = np.random.default_rng(8).random((9, 40))
    whole = deviations(series, 15)
    monkeypatch.setattr(module, "_CHUNK", 1)
    np.testing.assert_array_equal(deviations(series, 15), whole)


def test_nothing_has_no_excursions() -> None:
    assert deviations(np.zeros((0, 5))).shape == (0, 5)
    assert deviations(np.zeros((2, 0))).shape == (2, 0)
    assert excursions(np.zeros(0)) == ()
    with pytest.raises(ValueError, match="window of 9 dumps: want 10 or more"):
        deviations(np.zeros((1, 5)), 9)


def test_a_jump_leaves_the_trend_as_well_as_the_level() -> None:
    random = np.random.default_rng(8)
    series = np.exp(random.normal(0, 0.05, (1, 200)) + 0.02 * np.arange(200))
    series[0, 150:] *= 3
    away, jumped = deviations(series), jumps(series)
    assert np.nanmax(np.abs(jumped) - 2 * np.abs(away)) <= 0
    ((first, last),) = [(each.first, each.last) for each in excursions(jumped[0])]
    assert first == 150
    assert last < 150 + TREND
    assert all(each.first != 150 for each in excursions(away[0]))


def test_jumps_are_not_finite_where_values_are_not() -> None:
    series = np.abs(np.random.default_rng(9).normal(5, 0.1, (2, 40)))
    series[0, 30] = np.inf
    series[1, 30] = np.nan
    broken = np.zeros(series.shape, bool)
    broken[1, 35] = True
    found = jumps(series, 12, broken)
    assert np.isposinf(found[[0, 1], [30, 35]]).all()
    assert np.isnan(found[1, 30])
    assert np.isnan(found[:, :12]).all()
    assert np.isfinite(found[:, 36:]).all()
    assert jumps(-series[:, :0]).shape == (2, 0)


def test_jumps_of_series_of_either_sign() -> None:
    series = np.random.default_rng(10).normal(0, 1, (1, 120)) + np.arange(120)
    series[0, 100] += 90
    assert [each.first for each in excursions(jumps(series)[0])] == [100]
