"""Units that trained and then stopped are found with their evidence, and no others."""

from typing import Any

import numpy as np
import pytest

from tb_snapshot_compare.analysis.never_trained import UnitHistory
from tb_snapshot_compare.analysis.stopped_training import (
    DUMPS_MIN,
    TIMES_RESTED,
    StoppedUnit,
    stopped_units,
)

DUMPS = 60
STEPS = np.arange(DUMPS) * 100
COUNT = 64


def history(*rests: Any, weight_l2: float = 2.0) -> UnitHistory:
    """Units that keep all their bits where `rests` is true; the first update is unknown."""
    still = np.where(np.array(rests, bool), COUNT, 3)
    still[:, 0] = -1
    return UnitHistory(
        count=np.full(still.shape, COUNT),
        still=still,
        update_l2=np.where(still == COUNT, 0, 0.1),
        weight_l2=np.full(still.shape, weight_l2),
        dead=np.zeros(still.shape, int),
    )


def rests(*stretches: tuple[int, int]) -> np.ndarray:
    """True in stretches of dumps, both ends included."""
    dumps = np.arange(DUMPS)
    return np.any([(dumps >= first) & (dumps <= last) for first, last in stretches], axis=0)


def gradients(*absent: Any) -> np.ndarray:
    return np.where(np.array(absent, bool), 0.0, 0.5)


NEVER = np.zeros(DUMPS, bool)
UNKNOWN = np.full((1, DUMPS), np.nan)
LATE = rests((30, DUMPS - 1))


def test_a_unit_that_trains_to_the_end_is_none() -> None:
    assert stopped_units(history(NEVER), gradients(NEVER), STEPS) == ()


def test_the_last_change_and_the_first_gradient_of_zero_are_told() -> None:
    found = stopped_units(
        history(NEVER, LATE, LATE, NEVER), gradients(NEVER, NEVER, rests((20, 59)), LATE), STEPS
    )
    assert found == (
        StoppedUnit(1, 2900, None),
        StoppedUnit(2, 2900, 2000),
        StoppedUnit(3, None, 3000),
    )
    assert [each.since for each in found] == [2900, 2000, 3000]


def test_one_changed_parameter_or_a_gradient_is_training() -> None:
    almost = history(LATE)
    almost.still[0, -2] = COUNT - 1
    nearly = gradients(LATE)
    nearly[0, -2] = 1e-30
    assert stopped_units(almost, nearly, STEPS) == ()


def test_without_gradients_the_weights_tell() -> None:
    assert stopped_units(history(LATE), UNKNOWN, STEPS) == (StoppedUnit(0, 2900, None),)


def test_dumps_without_gradients_are_passed_over() -> None:
    sparse = gradients(LATE)
    sparse[:, 1::2] = np.nan
    assert stopped_units(history(NEVER), sparse, STEPS) == (StoppedUnit(0, None, 3000),)


@pytest.mark.parametrize("resting", [DUMPS_MIN - 1, DUMPS_MIN])
def test_a_stop_lasts(resting: int) -> None:
    short = history(rests((DUMPS - resting, DUMPS - 1)))
    assert len(stopped_units(short, UNKNOWN, STEPS)) == (resting >= DUMPS_MIN)


@pytest.mark.parametrize("more", [0, 1])
def test_a_stop_is_longer_than_the_rests_before_it(more: int) -> None:
    resting = TIMES_RESTED * 10 + more
    turns = history(rests((15, 24), (DUMPS - resting, DUMPS - 1)))
    assert len(stopped_units(turns, UNKNOWN, STEPS)) == more


def test_units_that_rest_at_every_second_dump_at_random_are_none() -> None:
    resting = np.random.default_rng(3).random((2000, DUMPS)) < 0.5
    unknown = np.full(resting.shape, np.nan)
    assert len(stopped_units(history(*resting), unknown, STEPS)) < 8


def test_what_was_frozen_from_the_start_or_hardly_trained_did_not_stop() -> None:
    always, twice = rests((0, DUMPS - 1)), rests((3, DUMPS - 1))
    assert stopped_units(history(always, twice), gradients(always, always), STEPS) == ()


def test_a_rest_before_the_first_change_is_no_rest() -> None:
    late = history(rests((0, 25), (45, DUMPS - 1)))
    assert stopped_units(late, UNKNOWN, STEPS) == (StoppedUnit(0, 4400, None),)


def test_weights_that_are_not_finite_are_another_matter() -> None:
    assert stopped_units(history(LATE, weight_l2=np.nan), UNKNOWN, STEPS) == ()


def test_units_without_parameters_and_no_dumps_are_none() -> None:
    empty = history(LATE)
    empty.count[:] = 0
    empty.still[:] = 0
    assert stopped_units(empty, UNKNOWN, STEPS) == ()
    none = UnitHistory(*(np.zeros((2, 0)) for _ in range(5)))
    assert stopped_units(none, np.zeros((2, 0)), np.zeros(0, int)) == ()


def test_lengths_that_do_not_match_are_named() -> None:
    with pytest.raises(ValueError, match=r"gradients of \(1, 59\) and 60 steps"):
        stopped_units(history(LATE), UNKNOWN[:, 1:], STEPS)
