"""What deserves a snapshot, and what does not."""

import math
from collections.abc import Iterable

import numpy as np
import pytest

from tb_snapshot_compare.recording.values import ProbeImages, ValidationPass
from tb_snapshot_compare.recording.watching import RUN_LENGTH, ClassWatch, LossWatch, NanWatch


def found(losses: Iterable[float]) -> list[tuple[int, str]]:
    watch = LossWatch()
    seen = ((step, watch.look(step, loss)) for step, loss in enumerate(losses))
    return [(step, finding.kind) for step, finding in seen if finding is not None]


def training(
    seed: int, spread: float, steps: int = 3000
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Losses of single batches that fall, spread as widely as losses are."""
    random = np.random.default_rng(seed)
    level = 2.5 * np.exp(-np.arange(steps) / 800) + 0.05
    return level * random.lognormal(0, spread, steps)


@pytest.mark.parametrize("spread", [0.05, 0.3, 0.6])
def test_losses_of_ordinary_trainings_are_no_spikes(spread: float) -> None:
    assert sum(len(found(training(seed, spread))) for seed in range(20)) <= 2


@pytest.mark.parametrize("spread", [0.05, 0.3, 0.6])
def test_a_loss_far_beyond_the_others_is_a_spike_once(spread: float) -> None:
    for seed in range(20):
        losses = training(seed, spread)
        losses[1500:1510] *= 300
        assert (1500, "anomaly") in found(losses)
        assert len(found(losses)) <= 3


def test_a_new_level_is_no_lasting_alarm() -> None:
    losses = training(0, 0.1)
    losses[1000:] += 100
    assert found(losses) == [(1000, "anomaly")]
    losses[2500] = 1e6
    assert found(losses) == [(1000, "anomaly"), (2500, "anomaly")]


def test_losses_that_are_no_number_are_told_when_they_begin() -> None:
    losses = [1.0, math.nan, math.nan, 1.0, math.inf, math.inf, 0.9]
    assert found(losses) == [(1, "nan"), (4, "nan")]


def test_falling_and_negative_losses_are_no_spikes() -> None:
    assert found(-np.arange(1000.0)) == []
    assert found(np.full(1000, 0.3)) == []


def test_units_that_stop_being_finite_are_named_once_and_without_their_groups() -> None:
    watch = NanWatch()
    nan = [("", "weight", 3, 0), ("stage1", "weight", 3, 0), ("stage1/conv1", "weight", 3, 0)]
    assert watch.look(0, []) is None
    first = watch.look(10, nan)
    assert first is not None
    assert (first.step, first.kind) == (10, "nan")
    assert first.text == "stage1/conv1: weights are not finite at step 10."
    assert first.detail["units"][-1] == {
        "unit": "stage1/conv1",
        "kind": "weight",
        "nan": 3,
        "inf": 0,
    }
    assert watch.look(20, nan) is None
    more = watch.look(30, [*nan, ("fc", "weight", 0, 1), ("fc", "gradient", 0, 1)])
    assert more is not None
    assert more.text == "fc: weights and gradients are not finite at step 30."
    assert watch.look(40, []) is None
    assert watch.look(50, nan) is not None


def passes(
    watch: ClassWatch, predicted: np.ndarray[tuple[int, int], np.dtype[np.int64]]
) -> list[tuple[int, str]]:
    seen = []
    for step, row in enumerate(predicted):
        finding = watch.look(ValidationPass(step, 0.0, row, np.full(row.size, np.nan, np.float32)))
        if finding is not None:
            seen.append((step, finding.text))
    return seen


def test_classes_that_leave_a_long_stable_state_are_found() -> None:
    labels = np.repeat([0, 1, 2, -1], 20)
    watch = ClassWatch(ProbeImages(labels, ("a", "b")))
    predicted = np.tile(labels, (RUN_LENGTH + 4, 1))
    leaving = RUN_LENGTH + 2
    predicted[leaving, :8] = 1
    predicted[leaving, 40:43] = 0
    predicted[leaving, 20:22] = 0
    assert passes(watch, predicted) == [
        (leaving, f"Images leave a state of {RUN_LENGTH + 1} passes at step {leaving}: 8 of a, "
         "3 of class 2.")
    ]  # fmt: skip


def test_classes_that_change_all_the_time_are_no_anomaly() -> None:
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(5), 20)
    watch = ClassWatch(ProbeImages(labels))
    assert passes(watch, random.integers(0, 5, (60, 100))) == []


def test_only_what_is_twice_as_much_as_before_is_found_again() -> None:
    labels = np.repeat([0, 1], 40)
    predicted = np.tile(labels, (4 * RUN_LENGTH, 1))
    first, second, third = (k * (RUN_LENGTH + 2) for k in (1, 2, 3))
    predicted[first, :8] = predicted[second, 8:18] = predicted[third, 18:40] = 1
    found = passes(ClassWatch(ProbeImages(labels)), predicted)
    assert [step for step, _ in found] == [first, third]


def test_a_probe_without_labels_has_no_classes() -> None:
    watch = ClassWatch(ProbeImages(np.full(4, -1)))
    assert passes(watch, np.zeros((30, 4), np.int64)) == []
