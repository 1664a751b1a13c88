"""Units that never trained are found with their evidence, and no others."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tb_snapshot_compare.analysis.never_trained import (
    TrainingFinding,
    UnitHistory,
    never_trained,
    relative_updates,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEPS = np.array([0, 100, 200, 300, 400])


def history(**changes: Any) -> UnitHistory:
    """One unit of 64 parameters that trains, with an unknown first update."""
    arrays: dict[str, NDArray[Any]] = {
        "count": np.full((1, 5), 64),
        "still": np.array([[-1, 0, 0, 1, 0]]),
        "update_l2": np.array([[np.nan, 0.1, 0.1, 0.1, 0.1]]),
        "weight_l2": np.full((1, 5), 2.0),
        "dead": np.zeros((1, 5), int),
    }
    return UnitHistory(**{**arrays, **{name: np.array([row]) for name, row in changes.items()}})


def test_a_unit_that_trains_is_no_finding() -> None:
    assert never_trained(history(), STEPS) == ()


def test_a_unit_that_keeps_every_bit_was_never_trained() -> None:
    stuck = history(still=[-1, 64, 64, 64, 64], update_l2=[np.nan, 0, 0, 0, 0])
    assert never_trained(stuck, STEPS) == (TrainingFinding(0, "unchanged", 100, 400, 4, 64, 0.0),)


def test_one_changed_bit_is_a_change() -> None:
    """As large as it may be: else it is noise."""
    once = history(still=[-1, 64, 63, 64, 64], update_l2=[np.nan, 0, 1e-3, 0, 0])
    assert never_trained(once, STEPS) == ()


def test_updates_of_a_few_units_in_the_last_place_are_noise() -> None:
    ulp = 2.0**-23
    noise = history(update_l2=[np.nan, ulp, 0, 8 * ulp, 2 * ulp])
    (found,) = never_trained(noise, STEPS)
    assert found == TrainingFinding(0, "below noise", 100, 400, 4, 64, 4 * ulp)
    assert never_trained(history(update_l2=[np.nan, ulp, 0, 9 * ulp, 0]), STEPS) == ()


@pytest.mark.parametrize(
    ("dtype", "ulp"), [("float16", 2.0**-10), ("bfloat16", 2.0**-7), ("float64", 2.0**-52)]
)
def test_noise_is_that_of_the_dtype(dtype: str, ulp: float) -> None:
    for factor, kinds in ((4.0, ["below noise"]), (4.1, [])):
        case = history(update_l2=[np.nan, *[2 * factor * ulp] * 4])
        assert [each.kind for each in never_trained(case, STEPS, dtype)] == kinds
        assert [each.kind for each in never_trained(case, STEPS, [dtype])] == kinds


def test_weights_that_are_zero_train_when_they_change() -> None:
    started = history(weight_l2=[0.0, 0.0, 0.0, 0.0, 0.0], update_l2=[np.nan, 0, 0, 1e-30, 0])
    assert relative_updates(started)[0, 3] == np.inf
    assert never_trained(started, STEPS) == ()


def test_too_few_updates_say_nothing() -> None:
    little = history(still=[-1, 64, 64, -1, -1], update_l2=[np.nan, 0, 0, np.nan, np.nan])
    assert never_trained(little, STEPS) == ()
    assert len(never_trained(little, STEPS, dumps_min=2)) == 1
    empty = history(count=[0] * 5, still=[-1, 0, 0, 0, 0], update_l2=[np.nan, 0, 0, 0, 0])
    assert never_trained(empty, STEPS) == ()


@pytest.mark.parametrize(
    ("dead", "wanted"),
    [
        ([0, 2, 0, 1, 3], (300, 400, 2, 3)),
        ([1, 1, 1, 1, 1], (0, 400, 5, 1)),
        ([0, 0, 0, 0, 5], (400, 400, 1, 5)),
        ([-1, 2, -1, 2, -1], (100, 300, 2, 2)),
        ([3, 3, 3, 3, 0], None),
        ([-1, -1, -1, -1, -1], None),
    ],
)
def test_filters_are_dead_since_the_last_dump_without_one(
    dead: list[int], wanted: tuple[int, int, int, int] | None
) -> None:
    found = never_trained(history(dead=dead), STEPS)
    shown = [(each.first_step, each.last_step, each.dumps, each.count) for each in found]
    assert shown == ([] if wanted is None else [wanted])
    assert all(each.kind == "dead filters" and np.isnan(each.largest_update) for each in found)


@given(data=st.data(), units=st.integers(0, 6))
def test_planted_units_are_the_ones_found(data: st.DataObject, units: int) -> None:
    kinds = [data.draw(st.sampled_from(["fine", "unchanged", "below noise"])) for _ in range(units)]
    dead = np.array([data.draw(st.integers(0, 2)) for _ in range(units)], int)
    random = np.random.default_rng(units)
    count = random.integers(1, 1000, units)
    weight = random.uniform(1e-6, 1e6, (units, 5))
    size = np.array([{"fine": 1e-3, "unchanged": 0.0, "below noise": 1e-8}[kind] for kind in kinds])
    still = np.array([count[row] * (kind == "unchanged") for row, kind in enumerate(kinds)], int)
    case = UnitHistory(
        count=np.tile(count[:, None], 5),
        still=np.tile(still[:, None], 5),
        update_l2=weight * size.reshape(-1, 1),
        weight_l2=weight,
        dead=np.tile(dead[:, None], 5),
    )
    found = never_trained(case, STEPS)
    stuck = {each.unit: each.kind for each in found if each.kind != "dead filters"}
    assert stuck == {row: kind for row, kind in enumerate(kinds) if kind != "fine"}
    assert [each.unit for each in found if each.kind == "dead filters"] == np.flatnonzero(
        dead
    ).tolist()
    assert [each.unit for each in found] == sorted(each.unit for each in found)


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(ValueError, match="1 units x 5 dumps, with 4 steps and 1 dtypes"):
        never_trained(history(), STEPS[:4])
    with pytest.raises(ValueError, match="and 2 dtypes"):
        never_trained(history(), STEPS, ["float32", "float32"])
    with pytest.raises(ValueError, match="dtype 'int32': want a floating-point type"):
        never_trained(history(), STEPS, "int32")
    with pytest.raises(ValueError, match=r"want one, \[units, dumps\]"):
        history(dead=[0, 0])
