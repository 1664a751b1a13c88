"""What moved first is found in planted sequences, and nothing in quiet ones."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.spike_forensics import Onset, SpikeForensics, spike_forensics

Array = NDArray[Any]
EVERY = 100


@dataclass(frozen=True)
class Run:
    """A quiet run: a dump every hundred steps, a loss at each; noise of a tenth."""

    steps: Array
    series: Array
    loss_steps: Array
    loss: Array

    def asked(self, step: int, **options: Any) -> SpikeForensics:
        return spike_forensics(step, self.steps, self.series, self.loss_steps, self.loss, **options)


def quiet(seed: int, rows: int = 30, dumps: int = 120) -> Run:
    random = np.random.default_rng(seed)
    sizes = 10.0 ** random.uniform(-8, 3, (rows, 1))
    series = sizes * np.exp(random.normal(0, 0.1, (rows, dumps)))
    steps = np.arange(dumps) * EVERY
    loss_steps = np.arange(steps[-1] + 1)
    loss = (1 + 2 * np.exp(-loss_steps / 4000)) * np.exp(random.normal(0, 0.1, loss_steps.size))
    return Run(steps, series, loss_steps, loss)


@pytest.mark.parametrize("seed", range(5))
def test_planted_onsets_come_back_in_their_order(seed: int) -> None:
    run = quiet(seed)
    onsets = {4: 90, 17: 92, 9: 95, 22: 97}
    for row, dump in onsets.items():
        run.series[row, dump:102] *= 8
    run.loss[9537:9600] *= 6
    found = run.asked(9590)
    assert found.loss is not None
    assert (found.loss.step, found.loss.after) == (9537, 9536)
    assert found.loss.deviation > 6
    # Only what was recorded by the chosen step.
    assert [each.series for each in found.moved] == [4, 17, 9]
    assert [each.onset.step for each in found.moved] == [9000, 9200, 9500]
    assert [each.lead for each in found.moved] == [537, 337, 37]
    assert [each.lead_at_most for each in found.moved] == [636, 436, 136]
    assert found.judged == 30
    later = run.asked(9900)
    assert [each.series for each in later.moved] == [4, 17, 9, 22]
    assert later.moved[3].lead == -163


def test_a_series_that_moves_in_the_same_interval_as_the_loss_may_be_first_or_not() -> None:
    run = quiet(6)
    run.series[3, 90] *= 20
    run.loss[8950:8953] *= 10
    (moved,) = run.asked(9010).moved
    assert moved.onset.step == 9000
    assert moved.onset.after == 8900
    assert (moved.lead, moved.lead_at_most) == (-50, 49)


def test_what_broke_moved() -> None:
    run = quiet(7)
    broken = np.zeros(run.series.shape, bool)
    broken[11, 88:] = True
    run.series[11, 88:] = np.nan
    run.loss[8850:] = np.nan
    found = run.asked(9000, broken=broken)
    assert found.loss is not None
    assert found.loss.step == 8850
    assert found.loss.deviation == np.inf
    (moved,) = found.moved
    assert (moved.series, moved.onset.step, moved.lead) == (11, 8800, 50)
    assert moved.onset.deviation == np.inf


def test_the_excursion_under_way_counts_not_an_earlier_or_a_later_one() -> None:
    run = quiet(8)
    run.series[5, [82, 90, 91, 92, 97]] *= 10
    run.series[6, [84, 98]] *= 10
    run.series[7, 97] *= 10
    run.loss[9130:9140] *= 10
    onsets = {each.series: each.onset.step for each in run.asked(9850).moved}
    assert onsets == {5: 9000, 6: 8400, 7: 9700}


def test_moves_downwards_and_the_largest_loss_count() -> None:
    run = quiet(9)
    run.series[2, 95:97] /= 30
    run.loss[9210:9220] *= 6
    run.loss[9620:9630] *= 40
    found = run.asked(9700)
    assert found.loss is not None
    assert found.loss.step == 9620
    assert found.moved[0].onset.deviation < -6


def test_drift_is_no_onset() -> None:
    """However far it goes, and where it bends; a jump on top of it is one."""
    run = quiet(13)
    dumps = np.arange(120)
    run.series[:] *= np.exp(0.01 * dumps)
    run.series[:10] *= np.exp(0.02 * np.maximum(dumps - 60, 0))
    run.series[10:20] *= np.exp(-0.03 * np.maximum(dumps - 85, 0))
    run.series[3, 96:] *= 8
    run.loss[9620:9630] *= 40
    found = run.asked(9700)
    assert [(each.series, each.onset.step) for each in found.moved] == [(3, 9600)]


def test_the_return_from_an_excursion_is_none() -> None:
    run = quiet(14)
    run.series[6, 80:87] *= 50
    run.loss[9620:9630] *= 40
    (moved,) = run.asked(9700).moved
    assert (moved.series, moved.onset.step) == (6, 8000)


def test_the_deviation_is_that_at_the_onset() -> None:
    run = quiet(15)
    run.series[2, 95:98] *= np.array([4, 1000, 1000])
    (moved,) = run.asked(9800).moved
    assert moved.onset.step == 9500
    assert 6 < moved.onset.deviation < 30


def test_an_onset_of_the_loss_may_be_given() -> None:
    run = quiet(16)
    run.series[5, [90, 97]] *= 20
    run.loss[9650:9660] *= 40
    given = Onset(9000, 8999, 7.0)
    found = run.asked(9750, loss_onset=given)
    assert found.loss == given
    assert [(each.onset.step, each.lead, each.lead_at_most) for each in found.moved] == [
        (9000, 0, 99)
    ]


def test_without_a_spike_of_the_loss_there_are_no_leads() -> None:
    run = quiet(10)
    run.series[1, 94:] *= 9
    found = run.asked(9550)
    assert found.loss is None
    (moved,) = found.moved
    assert (moved.series, moved.lead, moved.lead_at_most) == (1, None, None)


def test_what_moved_together_goes_by_size() -> None:
    run = quiet(11)
    run.series[[2, 8, 5], 95] *= np.array([5, 5000, 50])
    assert [each.series for each in run.asked(9500).moved] == [8, 5, 2]


def test_quiet_runs_have_nothing_to_tell() -> None:
    moved = judged = losses = 0
    for seed in range(20):
        found = quiet(100 + seed).asked(9500)
        moved += len(found.moved)
        judged += found.judged
        losses += found.loss is not None
    assert judged == 600
    assert moved <= 2  # 12,000 dumps were looked at
    assert losses <= 1


def test_a_loss_known_at_dumps_only_is_judged_as_the_series_are() -> None:
    run = quiet(12)
    run.series[4, 93:] *= 8
    loss = run.loss[::EVERY].copy()
    loss[95:] *= 8
    found = spike_forensics(9800, run.steps, run.series, run.steps, loss)
    assert found.loss is not None
    assert (found.loss.step, found.loss.after) == (9500, 9400)
    assert [(each.series, each.lead) for each in found.moved] == [(4, 200)]


@given(step=st.integers(-5, 12_500), dumps=st.integers(0, 40), rows=st.integers(0, 3))
def test_any_step_of_a_short_run_has_an_answer(step: int, dumps: int, rows: int) -> None:
    random = np.random.default_rng(dumps)
    steps = np.sort(random.choice(12_000, dumps, replace=False))
    series = random.normal(size=(rows, dumps))
    series[random.random(series.shape) < 0.2] = np.nan
    loss_steps = np.sort(random.choice(12_000, 4 * dumps, replace=False))
    loss = np.where(random.random(4 * dumps) < 0.1, np.nan, random.random(4 * dumps))
    found = spike_forensics(step, steps, series, loss_steps, loss)
    assert found.step == step
    for each in found.moved:
        assert each.onset.step <= step
        assert each.onset.step in steps
        assert (each.lead is None) == (found.loss is None)
        if each.lead is not None and each.lead_at_most is not None:
            assert each.lead <= each.lead_at_most
    onsets = [each.onset.step for each in found.moved]
    assert onsets == sorted(onsets)


def test_lengths_that_do_not_match_are_named() -> None:
    with pytest.raises(ValueError, match=r"shape \(2, 5\) at 4 dumps, 3 losses at 3 steps"):
        spike_forensics(3, np.arange(4), np.ones((2, 5)), np.arange(3), np.ones(3))


@pytest.mark.parametrize(
    ("outside", "onsets"),
    [((79, 81), []), ((78, 80), []), ((79,), []), ((81,), [810]), ((70, 85), [850])],
)
def test_what_left_its_range_before_the_reach_began_there_though_it_came_back_for_a_dump(
    outside: tuple[int, ...], onsets: list[int]
) -> None:
    """The reach begins at dump 80."""
    series = np.random.default_rng(5).normal(1.0, 0.01, (1, 100))
    series[0, list(outside)] = 9.0
    steps = np.arange(0, 1000, 10)
    nothing = np.zeros(0)
    found = spike_forensics(990, steps, series, nothing.astype(np.int64), nothing)
    assert [each.onset.step for each in found.moved] == onsets
