"""Spikes of a loss: planted ones are found where they are, quiet and noisy losses have none."""

import numpy as np
import pytest

from tb_snapshot_compare.analysis.loss_spikes import BASELINE_MIN, loss_spikes


def noisy(seed: int, count: int = 3000) -> np.ndarray:
    """As of single batches: falling, and spread by a third."""
    random = np.random.default_rng(seed)
    return (0.2 + 2 * np.exp(-np.arange(count) / 400)) * np.exp(random.normal(0, 0.3, count))


@pytest.mark.parametrize("seed", range(20))
def test_a_noisy_loss_has_none(seed: int) -> None:
    assert loss_spikes(noisy(seed)) == ()


@pytest.mark.parametrize("at", [500, 501, 531, 532, 2999])
def test_a_planted_one_is_found_where_it_is(at: int) -> None:
    losses = noisy(1)
    losses[at : at + 3] = [30.0, 40.0, 20.0][: losses.size - at]
    (found,) = loss_spikes(losses)
    assert (found.first, found.peak) == (at, min(at + 1, losses.size - 1))
    assert found.last == min(at + 2, losses.size - 1)
    assert found.deviation > 10


def test_swings_are_one_spike_and_later_ones_others() -> None:
    losses = noisy(2)
    losses[[1000, 1010, 1500]] = 50.0
    assert [(each.first, each.last) for each in loss_spikes(losses)] == [(1000, 1010), (1500, 1500)]


def test_a_new_level_is_a_spike_where_it_begins_and_then_usual() -> None:
    losses = np.concatenate([noisy(3, 1000), 20 + noisy(4, 2000)])
    (found,) = loss_spikes(losses)
    assert found.first == 1000
    assert found.last < 1200


def test_what_is_not_finite_is_passed_over() -> None:
    losses = noisy(5)
    losses[[700, 900]] = [np.nan, np.inf]
    assert loss_spikes(losses) == ()
    losses[901] = 60.0
    assert [each.first for each in loss_spikes(losses)] == [901]


def test_a_loss_that_rises_slowly_or_is_always_the_same_has_none() -> None:
    assert loss_spikes(np.linspace(1, 100, 5000)) == ()
    assert loss_spikes(np.zeros(500)) == ()
    assert loss_spikes(np.full(500, -3.0)) == ()
    assert loss_spikes(np.empty(0)) == ()


def test_too_few_losses_say_nothing() -> None:
    losses = np.ones(BASELINE_MIN)
    losses[-1] = 1e6
    assert loss_spikes(losses) == ()
