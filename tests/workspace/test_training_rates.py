"""Stages of a learning rate against the values they stand for."""

import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from tb_snapshot_compare.workspace.training_rates import learning_rate, rate_stages
from tb_snapshot_compare.workspace.training_values import RateStage, ScalarSeries


def series(*points: tuple[float, float], per_epoch: bool = False) -> ScalarSeries:
    x, y = zip(*points, strict=True)
    return ScalarSeries("learning_rate", x, y, per_epoch)


def test_equal_values_are_one_stage_and_stages_have_no_gaps() -> None:
    found = rate_stages(series((0, 0.1), (10, 0.1), (20, 0.01), (30, 0.1)), 50)
    assert found == [RateStage(0, 19, 0.1), RateStage(20, 29, 0.01), RateStage(30, 50, 0.1)]


def test_what_is_told_at_the_end_of_an_epoch_held_during_it() -> None:
    found = rate_stages(series((100, 0.1), (200, 0.1), (300, 0.01), per_epoch=True), 310)
    assert found == [RateStage(0, 200, 0.1), RateStage(201, 310, 0.01)]


def test_float32_noise_makes_no_stages() -> None:
    assert len(rate_stages(series((0, 0.1), (1, 0.1 + 1e-9), (2, 0.1)), 9)) == 1


def test_unknown_values_are_passed_over() -> None:
    assert rate_stages(series((0, math.nan), (5, 0.1)), 9) == [RateStage(5, 9, 0.1)]
    assert rate_stages(series((0, math.nan)), 9) == []


@given(st.lists(st.sampled_from([0.1, 0.01, 0.5]), min_size=1, max_size=60))
def test_every_step_lies_in_the_stage_of_its_value(values: list[float]) -> None:
    found = rate_stages(series(*((10 * n, value) for n, value in enumerate(values))), 0)
    for n, value in enumerate(values):
        (stage,) = [each for each in found if each.first <= 10 * n <= each.last]
        assert stage.value == value
    for one, other in itertools.pairwise(found):
        assert one.last + 1 == other.first
        assert one.value != other.value


def test_a_schedule_that_changes_all_the_time_is_drawn_coarsely() -> None:
    falling = series(*((step, 1.0 - step / 1e4) for step in range(10_000)))
    found = rate_stages(falling, 9_999, most=100)
    assert len(found) == 100
    assert found[0].first == 0
    assert found[-1].last == 9_999
    for stage in found:
        assert abs(stage.value - (1 - (stage.first + stage.last) / 2e4)) < 2e-3
    assert len(rate_stages(series(*((2.0**n, n) for n in range(300))), 0, most=50)) == 50


def test_the_series_by_step_is_chosen_and_names_of_callbacks_are_known() -> None:
    by_epoch = ScalarSeries("epoch_learning_rate", (1.0,), (0.1,), per_epoch=True)
    by_step = ScalarSeries("train/LR", (1.0, 2.0), (0.1, 0.1))
    other = ScalarSeries("relative_lr_scale", (1.0, 2.0, 3.0), (0.1, 0.1, 0.1))
    assert learning_rate([by_epoch, other, by_step]) is by_step
    assert learning_rate([by_epoch, other]) is by_epoch
    assert learning_rate([other]) is None
