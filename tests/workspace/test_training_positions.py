"""Where snapshots stand among the steps of a log, whatever they tell of themselves."""

import json
from collections.abc import Sequence

import numpy as np
import pytest

from tb_snapshot_compare.snapshot import SnapshotRef, State
from tb_snapshot_compare.store.log_reader import Event
from tb_snapshot_compare.store.log_tables import Session
from tb_snapshot_compare.workspace.training_positions import (
    Clock,
    on_axis,
    placed_in_log,
    steps_per_epoch,
)
from tb_snapshot_compare.workspace.training_values import ScalarSeries
from tests.workspace.snapshot_refs import ref

CLOCK = Clock(np.arange(0, 1001, 10), np.arange(0, 1001, 10) + 5000.0)
"""A step each second, from 5,000 on."""


def placed(refs: Sequence[SnapshotRef], events: Sequence[Event] = ()) -> dict[str, int]:
    return {each.id: each.step for each in placed_in_log(refs, events, lambda: CLOCK)}


def test_the_step_that_contents_tell_counts_whatever_the_time() -> None:
    assert placed([ref("a", step=300, modified=1.0), ref("b", step=20)]) == {"b": 20, "a": 300}


@pytest.mark.parametrize("detail", [{"file": "odd.keras"}, {"path": "snapshots/odd.keras"}])
def test_the_log_knows_best(detail: dict[str, str]) -> None:
    event = Event(120, 0.0, "snapshot", "written", json.dumps(detail))
    assert placed([ref("odd", step=999)], [event]) == {"odd": 120}


@pytest.mark.parametrize("detail", ["", "no JSON", "[1]", '{"path": 7}', '{"path": "other"}'])
def test_events_of_other_things_tell_nothing(detail: str) -> None:
    assert placed([ref("a", step=30)], [Event(120, 0.0, "snapshot", "", detail)]) == {"a": 30}


def test_numbers_in_names_are_steps_as_far_as_times_do_not_contradict() -> None:
    right = [ref(f"s-{n}", step=n, source="file name", modified=5001.0 + n) for n in (100, 900)]
    assert placed(right) == {"s-100": 100, "s-900": 900}
    saves = [ref(f"s-{n}", step=n, source="file name", modified=5000 + 300 * n) for n in (1, 2, 3)]
    assert placed(saves) == {"s-1": 300, "s-2": 600, "s-3": 900}
    copied = [ref(f"s-{n}", step=n, source="file name", modified=9e9) for n in (1, 2)]
    assert placed(copied) == {"s-1": 1, "s-2": 2}


def test_epochs_are_steps_where_others_tell_how_many_an_epoch_has() -> None:
    refs = [ref("a", epoch=2, step=80), ref("b", epoch=5), ref("c", epoch=3, step=120)]
    assert placed(refs) == {"a": 80, "c": 120, "b": 200}
    assert steps_per_epoch(refs, {"a": 80, "c": 120}) == 40
    assert steps_per_epoch(refs, {"a": 80, "c": 123}) is None
    assert steps_per_epoch(refs, {"a": 80, "c": 150}) is None
    assert steps_per_epoch(refs, {}) is None


def test_else_the_time_tells() -> None:
    refs = [ref("a", epoch=1, modified=5123.0), ref("b", modified=5999.5), ref("c", modified=1.0)]
    assert placed(refs) == {"a": 120, "b": 990}
    assert placed([ref("late", modified=6100.0), ref("never", modified=9000.0)]) == {"late": 1000}


def test_what_a_later_session_did_again_has_no_place() -> None:
    again = Session(id="b", started=5000.0, first_step=41, origin="recorded", writer="w 1")
    refs = [
        ref("resumed-from", step=40, modified=4990.0),
        ref("abandoned", step=60, modified=4995.0),
        ref("at-once", step=41, modified=4999.5),
        ref("again", step=60, modified=5010.0),
        ref("older", step=40, modified=4980.0),
    ]
    found = placed_in_log(refs, (), lambda: CLOCK, (again,))
    assert [(each.id, each.step) for each in found] == [
        ("older", 40),
        ("resumed-from", 40),
        ("at-once", 41),
        ("again", 60),
    ]


def test_what_cannot_be_read_has_no_place() -> None:
    assert placed([ref("a", step=30, state=State.BROKEN)]) == {}


def test_save_counters_are_not_believed() -> None:
    assert placed([ref("a", step=3, source="save_counter", modified=5300.0)]) == {"a": 300}


def test_series_are_brought_to_the_axis_of_the_log() -> None:
    by_step = ScalarSeries("lr", (0.0, 50.0), (1.0, 2.0))
    by_epoch = ScalarSeries("epoch_lr", (1.0, 2.0), (1.0, 2.0), per_epoch=True)
    assert on_axis(by_step, "step", None) == by_step
    moved = on_axis(by_epoch, "step", 25)
    assert moved is not None
    assert moved.x == (25.0, 50.0)
    assert on_axis(by_epoch, "step", None) is None
    assert on_axis(by_epoch, "epoch", None) == by_epoch
    back = on_axis(by_step, "epoch", 25)
    assert back is not None
    assert back.x == (0.0, 2.0)
    assert on_axis(by_step, "save", 25) is None
