"""What is wrong with a training is found, named and shown; a quiet one has no findings."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tb_snapshot_compare.store.log_reader import Log
from tb_snapshot_compare.workspace.training_findings import examine
from tb_snapshot_compare.workspace.training_values import Examination, Finding
from tests.workspace.made_logs import UNITS, MadeLog

PATHS = [unit.path for unit in UNITS]


@pytest.fixture
def findings_of(tmp_path: Path) -> Callable[[MadeLog], Examination]:
    def found(made: MadeLog) -> Examination:
        log = Log(made.write(tmp_path / "snapshot_log"))
        log.refresh()
        return examine(log, "step")

    return found


FindingsOf = Callable[[MadeLog], Examination]


def quiet(seed: int = 0) -> MadeLog:
    return MadeLog.of(dumps=80, passes=80, images=120, seed=seed)


def only(examined: Examination) -> Finding:
    (finding,) = examined.findings
    return finding


@pytest.mark.parametrize("seed", range(5))
def test_a_quiet_training_has_none(findings_of: FindingsOf, seed: int) -> None:
    examined = findings_of(quiet(seed))
    assert examined.findings == ()
    assert (examined.threshold, examined.run_length) == (3, 25)


def test_a_layer_that_never_trains(findings_of: FindingsOf) -> None:
    made = quiet()
    update = made.statistics["update"]
    row = PATHS.index("stage/conv2")
    update["still"][row], update["l2"][row] = update["count"][row], 0
    found = only(findings_of(made))
    assert (found.kind, found.severity, found.view) == ("never_trained", "warning", "layers")
    assert (found.units, found.steps) == (("stage/conv2",), (20, 800))
    assert found.text == (
        "stage/conv2 never trained: the weights stayed bit for bit the same from step 20 to 800. "
        "It has a gradient that is not used."
    )


def test_a_layer_that_only_rounding_moves(findings_of: FindingsOf) -> None:
    made = quiet()
    made.statistics["update"]["l2"][PATHS.index("head")] = 1e-9
    found = only(findings_of(made))
    assert (found.kind, found.units) == ("never_trained", ("head",))
    assert "no more than rounding" in found.text


def test_a_layer_without_gradient_was_frozen_on_purpose(findings_of: FindingsOf) -> None:
    made = quiet()
    update, gradient = made.statistics["update"], made.statistics["gradient"]
    row = PATHS.index("stage/conv1")
    update["still"][row], update["l2"][row] = update["count"][row], 0
    for values in gradient.values():
        if values.dtype.kind == "f":
            values[row] = np.nan
    found = only(findings_of(made))
    assert (found.kind, found.severity) == ("never_trained", "note")
    assert "stage/conv1: frozen" in found.text


def test_many_layers_that_never_train_are_one_finding(findings_of: FindingsOf) -> None:
    made = quiet()
    update = made.statistics["update"]
    update["still"][:], update["l2"][:] = update["count"], 0
    examined = findings_of(made)
    assert len(examined.findings) == 4
    assert {finding.kind for finding in examined.findings} == {"never_trained"}


def stopped(made: MadeLog, path: str, dump: int) -> None:
    """Keeps the bits of a layer from a dump on."""
    row, update = PATHS.index(path), made.statistics["update"]
    update["still"][row, dump:], update["l2"][row, dump:] = update["count"][row, dump:], 0


def test_layers_that_stop_are_one_finding(findings_of: FindingsOf) -> None:
    made = quiet()
    stopped(made, "stage/conv1", 40)
    stopped(made, "head", 50)
    for path in ("stage/conv1", "head", "norm"):
        made.statistics["gradient"]["l2"][PATHS.index(path), 30:] = 0
    found = only(findings_of(made))
    assert (found.kind, found.severity, found.view) == ("stopped", "warning", "layers")
    assert (found.units, found.steps) == (("stage/conv1", "norm", "head"), (310, 800))
    assert found.text == (
        "3 of 4 layers stopped training: stage/conv1, norm and head. Their gradients are 0 since "
        "step 310. Of 2 of them the weights have not changed since step 500."
    )


def test_a_layer_that_stops_though_it_has_a_gradient(findings_of: FindingsOf) -> None:
    made = quiet()
    stopped(made, "stage/conv2", 40)
    found = only(findings_of(made))
    assert found.text == (
        "stage/conv2 stopped training. Its weights have not changed since step 400."
    )


def test_a_training_that_ended_says_so(findings_of: FindingsOf) -> None:
    made = quiet()
    for path in ("stage/conv1", "stage/conv2", "norm", "head"):
        stopped(made, path, 40)
    found = only(findings_of(made))
    assert (found.severity, len(found.units)) == ("warning", 4)
    assert found.text == (
        "All 4 layers stopped training. Their weights have not changed since step 400."
    )


def test_a_learning_rate_of_zero_is_why(findings_of: FindingsOf) -> None:
    made = quiet()
    made.rates[405:] = 0
    for path in ("stage/conv1", "stage/conv2", "norm", "head"):
        stopped(made, path, 41)
    found = only(findings_of(made))
    assert found.severity == "note"
    assert found.text.endswith("since step 410. The learning rate is 0 since step 406.")


def test_a_learning_rate_that_ends_at_zero_is_not_why_a_layer_stopped_before(
    findings_of: FindingsOf,
) -> None:
    made = quiet()
    made.rates[-1] = 0
    stopped(made, "head", 41)
    found = only(findings_of(made))
    assert (found.severity, "learning rate" in found.text) == ("warning", False)


def test_a_layer_that_was_frozen_from_the_start_is_no_stop(findings_of: FindingsOf) -> None:
    made = quiet()
    stopped(made, "stage/conv1", 0)
    stopped(made, "head", 40)
    never, late = findings_of(made).findings
    assert (never.kind, never.units) == ("never_trained", ("stage/conv1",))
    assert (late.kind, late.units) == ("stopped", ("head",))


def test_batch_norm_statistics_that_never_move(findings_of: FindingsOf) -> None:
    made = quiet()
    made.statistics["update"]["still"][PATHS.index("norm")] = 20
    found = only(findings_of(made))
    assert (found.kind, found.units) == ("frozen_statistics", ("norm",))
    assert "moving mean and variance did not change" in found.text


@pytest.mark.parametrize("changed", [0, 1])
def test_moving_statistics_have_rows_of_their_own(findings_of: FindingsOf, changed: int) -> None:
    """And the updates of the layer are those of the other half."""
    made = quiet()
    row = PATHS.index("norm")
    made.statistics["moving"] = {name: v.copy() for name, v in made.statistics["update"].items()}
    made.statistics["update"]["count"][row] = 20
    made.statistics["moving"]["count"][:] = 0
    made.statistics["moving"]["count"][row] = 20
    made.statistics["moving"]["still"][row] = 20
    made.statistics["moving"]["still"][row, 40] -= changed
    found = [(each.kind, each.units) for each in findings_of(made).findings]
    assert found == [("frozen_statistics", ("norm",))][changed:]


def test_a_batch_norm_stops_though_its_statistics_move(findings_of: FindingsOf) -> None:
    made = quiet()
    row = PATHS.index("norm")
    made.statistics["moving"] = {name: v.copy() for name, v in made.statistics["update"].items()}
    for kind in ("update", "moving"):
        made.statistics[kind]["count"][row] = 20
    made.statistics["update"]["still"][row, 40:] = 20
    assert only(findings_of(made)).text == (
        "norm stopped training. Its weights have not changed since step 400."
    )


def test_a_batch_norm_trains_however_large_its_variance(findings_of: FindingsOf) -> None:
    made = quiet()
    row = PATHS.index("norm")
    made.statistics["moving"] = {name: v.copy() for name, v in made.statistics["update"].items()}
    for kind in ("update", "moving"):
        made.statistics[kind]["count"][row] = 20
    made.statistics["update"]["l2"][row] = 1e-3
    made.statistics["weight"]["l2"][row] = 1e6
    assert findings_of(made).findings == ()


def test_moving_statistics_beside_frozen_parameters_are_no_finding(
    findings_of: FindingsOf,
) -> None:
    made = quiet()
    row = PATHS.index("norm")
    made.statistics["update"]["still"][row] = 20
    made.statistics["gradient"]["l2"][row] = np.nan
    assert findings_of(made).findings == ()


def test_dead_filters(findings_of: FindingsOf) -> None:
    made = quiet()
    made.statistics["weight"]["dead"][PATHS.index("stage/conv1"), 30:] = 3
    found = only(findings_of(made))
    assert (found.kind, found.units, found.steps) == ("dead_filters", ("stage/conv1",), (310, 800))
    assert "3 of 4 filters of stage/conv1 have only zeros" in found.text


def test_values_that_are_no_numbers_with_the_layer_that_had_them_first(
    findings_of: FindingsOf,
) -> None:
    made = quiet()
    row, root, later = (PATHS.index(path) for path in ("stage/conv2", "", "head"))
    made.statistics["weight"]["nan"][[row, root], 40:43] = 7
    made.statistics["weight"]["nan"][later, 41:43] = 2
    made.statistics["gradient"]["inf"][[later, root], 60] = 1
    found = findings_of(made).findings
    assert [(each.kind, each.severity, each.units, each.steps) for each in found] == [
        ("not_finite", "problem", ("stage/conv2",), (410, 430)),
        ("not_finite", "problem", ("head",), (610, 610)),
    ]
    assert found[0].text.endswith(
        "weights were NaN or infinite from step 410 to 430. Then in 1 more layer."
    )
    assert [each.also for each in found] == [("head",), ()]
    assert "head: gradients were NaN or infinite at step 610" in found[1].text


def test_a_spike_of_the_loss(findings_of: FindingsOf) -> None:
    made = quiet()
    made.loss[555:558] = [9.0, 12.0, 7.0]
    found = only(findings_of(made))
    assert (found.kind, found.view, found.steps) == ("spike", "forensics", (556, 558))
    assert "The loss rose to 12 from step 556 to 558" in found.text


def test_a_loss_that_is_no_number(findings_of: FindingsOf) -> None:
    made = quiet()
    made.loss[[400, 401]] = np.nan
    found = only(findings_of(made))
    assert (found.kind, found.severity, found.steps) == ("not_finite", "problem", (401, 402))


def test_a_learning_rate_that_is_much_too_large_for_some_steps(findings_of: FindingsOf) -> None:
    made = quiet()
    made.rates[499:502] *= 100
    found = only(findings_of(made))
    assert (found.kind, found.steps) == ("spike", (500, 502))
    assert "100 times that before and after" in found.text


def test_updates_that_are_much_larger_than_usual(findings_of: FindingsOf) -> None:
    made = quiet()
    made.statistics["update"]["l2"][PATHS.index(""), 50] *= 40
    found = only(findings_of(made))
    assert (found.kind, found.steps) == ("spike", (510, 510))
    assert "The update of the whole model was" in found.text


def test_what_is_told_by_a_spike_already_is_not_told_again(findings_of: FindingsOf) -> None:
    made = quiet()
    made.loss[504:507] = 30
    for kind in ("update", "gradient"):
        made.statistics[kind]["l2"][PATHS.index(""), 50] *= 40
    assert only(findings_of(made)).id == "spike:loss:505"


def test_images_that_change_for_good_and_for_a_pass(findings_of: FindingsOf) -> None:
    made = quiet()
    bees, cats = (np.flatnonzero(made.labels == label) for label in (1, 2))
    made.predicted[bees[:25], 40:] = (made.predicted[bees[:25], 40:] + 1) % 2
    made.predicted[cats, 48] = np.where(made.predicted[cats, 48] == 2, 0, 2)
    lasting, passing = findings_of(made).findings[::-1]
    if lasting.classes != (1,):
        lasting, passing = passing, lasting
    assert (lasting.kind, lasting.classes, lasting.steps) == ("anomaly", (1,), (410,))
    assert lasting.text.endswith("They stayed changed.")
    assert (passing.classes, passing.steps) == ((2,), (490, 500))
    assert "40 images of cat changed at step 490" in passing.text
    right = int((quiet().predicted[cats, 47] == 2).sum())
    assert f"{right} after being right and {40 - right} after being wrong for " in passing.text
    assert passing.text.endswith("Most were back at step 500.")


@pytest.mark.parametrize(("before", "words"), [(2, "right"), (0, "wrong")])
def test_images_that_change_alike(findings_of: FindingsOf, before: int, words: str) -> None:
    made = quiet()
    cats = np.flatnonzero(made.labels == 2)
    made.predicted[cats, :48] = before
    made.predicted[cats, 48:] = 2 - before
    found = only(findings_of(made))
    assert f"40 images of cat changed at step 490, after being {words} for " in found.text


def test_what_was_lost(findings_of: FindingsOf) -> None:
    made = quiet()
    made.events += [
        (100, "lost", "3 dumps were not written: the disk is full.", {}),
        (200, "lost", "5 dumps were not written: the disk is full.", {}),
        (300, "snapshot", "Saved.", {}),
    ]
    found = only(findings_of(made))
    assert (found.kind, found.steps) == ("lost", (100, 200))
    assert found.text.startswith("5 dumps were not written")


def test_the_most_important_comes_first(findings_of: FindingsOf) -> None:
    made = quiet()
    made.statistics["weight"]["dead"][PATHS.index("stage/conv1"), 1:] = 1
    made.statistics["weight"]["nan"][PATHS.index("head"), 20] = 1
    made.statistics["update"]["still"][PATHS.index("norm")] = 20
    made.loss[555] = 20.0
    kinds = [finding.kind for finding in findings_of(made).findings]
    assert kinds == ["not_finite", "frozen_statistics", "spike", "dead_filters"]


def test_an_empty_log_has_none(findings_of: FindingsOf) -> None:
    assert findings_of(MadeLog.of(dumps=0, passes=0)) == Examination()


def test_few_passes_suggest_nothing(findings_of: FindingsOf) -> None:
    examined = findings_of(MadeLog.of(dumps=10, passes=10))
    assert (examined.threshold, examined.run_length) == (None, None)
