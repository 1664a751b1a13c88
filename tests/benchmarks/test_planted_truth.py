"""Findings of planted runs are judged as they should be; what is planted differs by seed."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import planted_runs as planted
from benchmarks.planted_truth import AFTER, SEEDS, Diagnosis, Score, is_right
from tb_snapshot_compare.analysis.stopped_training import DUMPS_MIN as STOPPED_MIN
from tb_snapshot_compare.workspace.training_values import Finding

ACCIDENTS = {each.kind: each for each in planted.accidents(5, stops=True)}


def finding(kind: str, first: int, last: int, *units: str, name: str = "") -> Finding:
    return Finding(f"{kind}:{name}", kind, "warning", f"{kind} {first}", "model", units,  # type: ignore[arg-type]
                   (), (first, last))  # fmt: skip


def judged(*findings: Finding, is_planted: bool = True) -> Score:
    score = Score()
    score.add(Diagnosis(5, tuple(ACCIDENTS.values()) if is_planted else (), findings))
    return score


def test_accidents_are_far_apart_and_differ_by_seed() -> None:
    drawn = [planted.accidents(seed, labels_first=True, stops=True) for seed in range(SEEDS)]
    for accidents in drawn:
        assert [each.kind for each in accidents] == list(planted.KINDS)
        rate, labels, nan, frozen, stops = accidents
        assert labels.last + AFTER < rate.step
        assert rate.last + AFTER < nan.step < planted.STEPS - planted.EVERY
        assert nan.step % planted.EVERY == 0
        assert len({nan.layer, frozen.layer, stops.layer}) == 3
        assert planted.STEPS - stops.step > (STOPPED_MIN + 1) * planted.EVERY
    assert {a[3].layer for a in drawn} == {a[2].layer for a in drawn} == set(planted.LAYERS)


def test_which_comes_first_changes_nothing_else() -> None:
    one, other = planted.accidents(3), planted.accidents(3, labels_first=True)
    assert (one[0].step, one[1].step) == (other[1].step, other[0].step)
    assert one[2:] == other[2:]
    assert planted.accidents(3, stops=True)[:-1] == one


@pytest.mark.parametrize("kind", ["rate", "labels"])
def test_what_begins_within_its_steps_is_right(kind: str) -> None:
    accident = ACCIDENTS[kind]
    assert is_right(finding("spike", accident.step, accident.step), accident)
    assert is_right(finding("anomaly", accident.last + AFTER, accident.last + AFTER), accident)
    late, early = accident.last + AFTER + 1, accident.step - planted.EVERY - 1
    assert not is_right(finding("spike", late, late), accident)
    assert not is_right(finding("spike", 1, early), accident)


def test_a_layer_that_never_trained_is_the_one_that_was_frozen() -> None:
    frozen = ACCIDENTS["frozen"]
    other = next(name for name in planted.LAYERS if name != frozen.layer)
    assert is_right(finding("never_trained", 20, 800, frozen.layer), frozen)
    assert not is_right(finding("never_trained", 20, 800, other), frozen)
    assert not is_right(finding("never_trained", 20, 800, frozen.layer), ACCIDENTS["nan"])


def test_a_layer_that_stopped_is_the_one_that_was_stopped() -> None:
    """Or what a hundredfold rate did to layers."""
    stops, rate = ACCIDENTS["stops"], ACCIDENTS["rate"]
    other = next(name for name in planted.LAYERS if name != stops.layer)
    assert is_right(finding("stopped", stops.step, 800, other, stops.layer), stops)
    assert not is_right(finding("stopped", stops.step, 800, other), stops)
    assert is_right(finding("stopped", rate.last + 20, 800, other), rate)
    assert not is_right(finding("stopped", rate.step - 20, 800, other), rate)
    assert not is_right(finding("stopped", rate.last + AFTER + 1, 800, other), rate)


def test_a_layer_stops_at_its_step_and_no_other_does() -> None:
    stops = planted.accidents(5, stops=True)[-1]
    moments = list(planted.training(5, (stops,)))
    before, at, last = (moments[step - 1].weights for step in (stops.step - 1, stops.step, 800))
    for layer in planted.LAYERS:
        kernel = f"{layer}/kernel"
        is_same = [np.array_equal(before[kernel], later[kernel]) for later in (at, last)]
        assert is_same == [layer == stops.layer] * 2


def test_a_score_counts_what_was_found_and_what_was_not() -> None:
    rate, nan = ACCIDENTS["rate"], ACCIDENTS["nan"]
    other = next(name for name in planted.LAYERS if name != nan.layer)
    score = judged(
        finding("spike", rate.step, rate.last, name="rate:1"),
        finding("spike", rate.step + 4, rate.step + 9, name="loss:5"),
        finding("not_finite", nan.step, nan.step, other),
        finding("dead_filters", 10, 800, other),
    )
    assert score.found == {"rate": 1, "rate, by its effects": 1, "nan": 1}
    assert score.late == {"rate": [0], "rate, by its effects": [4], "nan": [0]}
    assert score.named["nan"] == 0
    assert score.made == {"spike": 2, "not_finite": 1, "dead_filters": 1}
    assert score.right == {"spike": 2, "not_finite": 1}
    assert score.sentences == ["Seed 5, planted: dead_filters 10"]


def test_the_learning_rate_alone_is_no_effect() -> None:
    rate = ACCIDENTS["rate"]
    own = finding("spike", rate.step, rate.last, name="rate:1")
    assert judged(own).found == {"rate": 1}
    assert judged(replace(own, id="spike:update:1")).found == {"rate": 1, "rate, by its effects": 1}


def test_of_a_clean_run_no_finding_is_right() -> None:
    score = judged(finding("spike", 200, 200), is_planted=False)
    assert (score.clean, score.made) == ({"spike": 1}, {})
    assert score.sentences == ["Seed 5, clean: spike 200"]
