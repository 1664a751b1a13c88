"""Suggested thresholds hold their rate of false alarms, and planted anomalies exceed them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.anomalies import AnomalyCounts, anomalies, anomaly_counts
from tb_snapshot_compare.analysis.anomaly_threshold import (
    LEAST_THRESHOLD,
    PASSES_MIN,
    suggested_threshold,
)

Array = NDArray[Any]
Rates = Callable[[np.random.Generator, int, int], Array]
PASSES = 400


def alike(random: np.random.Generator, classes: int, passes: int) -> Array:
    return np.full((classes, passes), 0.3)


def of_classes(random: np.random.Generator, classes: int, passes: int) -> Array:
    """Some classes are ten times as unsteady as others."""
    return np.exp(random.normal(-1.5, 1, (classes, 1))) * np.ones((1, passes))


def of_one_class(random: np.random.Generator, classes: int, passes: int) -> Array:
    return np.where(np.arange(classes) == 0, 9.0, 0.1)[:, None] * np.ones((1, passes))


def of_passes(random: np.random.Generator, classes: int, passes: int) -> Array:
    """All classes share what makes a pass unsteady."""
    return 0.4 * np.ones((classes, 1)) * np.exp(random.normal(0, 0.4, (1, passes)))


def of_stages(random: np.random.Generator, classes: int, passes: int) -> Array:
    """The learning rate falls twice."""
    stage = np.searchsorted([0.2, 0.5], np.arange(passes) / passes)
    return 0.3 * np.ones((classes, 1)) * np.array([5.0, 1.0, 0.3])[stage]


def of_cells(random: np.random.Generator, classes: int, passes: int) -> Array:
    """Counts are negative binomial."""
    return 0.5 * random.gamma(3, 1 / 3, (classes, passes))


def drawn(random: np.random.Generator, rates: Array) -> AnomalyCounts:
    left, right = (random.poisson(rates).astype(np.int32) for _ in range(2))
    return AnomalyCounts(left, right, 0)


@pytest.mark.parametrize("rates", [alike, of_classes, of_one_class, of_passes, of_stages, of_cells])
@pytest.mark.parametrize("per_thousand", [1.0, 20.0])
def test_false_alarms_are_no_more_than_stated(rates: Rates, per_thousand: float) -> None:
    """Passes with alarms, of fresh ones, by thresholds from ten runs."""
    alarms = total = 0
    for seed in range(10):
        random = np.random.default_rng(seed)
        run_rates = rates(random, 20, PASSES)
        found = suggested_threshold(drawn(random, run_rates), per_thousand)
        assert found is not None
        assert found.passes == 2 * (PASSES - 1)
        assert found.per_thousand <= per_thousand
        fresh = random.poisson(np.tile(run_rates, 40))
        alarms += int((fresh.max(axis=0) >= found.threshold).sum())
        total += fresh.shape[1]
    assert 2 * 1000 * alarms / total <= per_thousand


@pytest.mark.parametrize("rates", [alike, of_classes, of_passes, of_cells])
def test_thresholds_are_not_much_higher_than_they_must_be(rates: Rates) -> None:
    """Not twice the least that holds the rate, which only many passes tell."""
    for seed in range(5):
        random = np.random.default_rng(seed)
        run_rates = rates(random, 20, PASSES)
        found = suggested_threshold(drawn(random, run_rates))
        assert found is not None
        maxima = random.poisson(np.tile(run_rates, 40)).max(axis=0)
        least = int(np.quantile(maxima, 1 - 0.5e-3, method="higher")) + 1
        assert found.threshold <= max(1.6 * least, least + 2)


@pytest.mark.parametrize("share", [0.01, 0.05])
def test_planted_passes_change_a_threshold_little_and_exceed_it(share: float) -> None:
    for seed in range(5):
        random = np.random.default_rng(seed)
        clean = drawn(random, of_classes(random, 50, PASSES))
        before = suggested_threshold(clean)
        bad = random.choice(np.arange(10, PASSES), int(share * PASSES), replace=False)
        planted = AnomalyCounts(clean.left.copy(), clean.right.copy(), 0)
        planted.left[:, bad] += 40
        after = suggested_threshold(planted)
        assert before is not None
        assert after is not None
        assert abs(after.threshold - before.threshold) <= 2
        found = {each.pass_index for each in anomalies(planted, after.threshold)}
        assert found >= set(bad.tolist())
        assert len(found) <= bad.size + 2


def test_a_lasting_flip_is_found_among_images_that_flicker() -> None:
    """From bits to anomalies: 20 classes of 50 images, ten of which flip together."""
    random = np.random.default_rng(3)
    unsteady = random.beta(0.3, 3, (1000, 1))
    labels = np.arange(1000) // 50
    correct = random.random((1000, 300)) >= unsteady
    quiet = anomaly_counts(correct, labels, 20, 10)
    threshold = suggested_threshold(quiet)
    assert threshold is not None
    assert anomalies(quiet, threshold.threshold) == ()
    steady = np.flatnonzero((labels == 7) & (unsteady[:, 0] < 0.02))[:10]
    correct[steady, 150:] = ~correct[steady, 150:]
    flipped = anomaly_counts(correct, labels, 20, 10)
    again = suggested_threshold(flipped)
    assert again is not None
    sides = {
        (each.class_index, each.pass_index, each.side)
        for each in anomalies(flipped, again.threshold)
    }
    assert sides == {(7, 150, "left"), (7, 150, "right")}


def test_rarer_alarms_need_more_images() -> None:
    random = np.random.default_rng(4)
    counts = drawn(random, of_cells(random, 20, PASSES))
    found = [suggested_threshold(counts, rate) for rate in (0.01, 1.0, 100.0)]
    thresholds = [each.threshold for each in found if each is not None]
    assert thresholds == sorted(thresholds, reverse=True)
    assert thresholds[0] > thresholds[2]
    assert suggested_threshold(counts) == found[1]


def test_only_passes_that_can_have_anomalies_count() -> None:
    """Those in which no run is long enough yet are no sign of calm."""
    random = np.random.default_rng(5)
    counts = random.poisson(2.0, (10, 200)).astype(np.int32)
    left, right = counts.copy(), counts.copy()
    left[:, :101] = right[:, 100:] = right[:, :1] = 0
    found = suggested_threshold(AnomalyCounts(left, right, 100))
    alone = suggested_threshold(AnomalyCounts(left[:, 100:], right[:, :101], 0))
    assert found is not None
    assert alone is not None
    assert found.passes == 198
    assert found.threshold >= 8


def test_counts_of_thousands_have_a_threshold() -> None:
    random = np.random.default_rng(6)
    found = suggested_threshold(drawn(random, np.full((1, 60), 3000.0)))
    assert found is not None
    assert 3200 < found.threshold < 4000


def test_calm_has_the_least_threshold_and_little_data_none() -> None:
    zeros = np.zeros((5, PASSES), np.int32)
    found = suggested_threshold(AnomalyCounts(zeros, zeros, 0))
    assert found is not None
    assert found.threshold == LEAST_THRESHOLD
    few = zeros[:, :PASSES_MIN]
    assert suggested_threshold(AnomalyCounts(few, few, 0)) is None
    assert suggested_threshold(AnomalyCounts(zeros, zeros, PASSES)) is None
    assert suggested_threshold(AnomalyCounts(zeros[:0], zeros[:0], 0)) is None
    with pytest.raises(ValueError, match="0 false alarms in 1000 passes"):
        suggested_threshold(AnomalyCounts(zeros, zeros, 0), 0)
