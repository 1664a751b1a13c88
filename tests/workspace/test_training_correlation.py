"""Top filters of steps and the correlation of layers and classes against brute force."""

from pathlib import Path

import numpy as np
import pytest

from tb_snapshot_compare.errors import InvalidRequestError, NotFoundError
from tb_snapshot_compare.store.log_reader import Log
from tb_snapshot_compare.workspace import training_correlation
from tb_snapshot_compare.workspace.training_classes import class_counts
from tb_snapshot_compare.workspace.training_correlation import (
    Correlation,
    CorrelationRule,
    correlation_of,
    top_of_steps,
)
from tb_snapshot_compare.workspace.training_states import image_states
from tb_snapshot_compare.workspace.training_tops import filter_layers, top_index
from tests.workspace.made_logs import LAYERS, MadeLog

DUMPS = 40
BAD = (12, 20, 28)
"""Dumps at which bees change their state, and filters 1 and 3 of conv2 change strongly."""


@pytest.fixture(scope="module")
def made() -> MadeLog:
    made = MadeLog.of(dumps=DUMPS, passes=DUMPS)
    for dump in BAD:
        bees = made.labels == 1
        made.predicted[bees, dump:] = np.where(made.predicted[bees, dump:] == 1, 2, 1)
        made.filters["stage/conv2"]["cosine"][[1, 3], dump] = [0.5, 0.4]
    made.filters["stage/conv1"]["cosine"][2, BAD[0]] = 0.1
    made.filters["head"]["cosine"][0, BAD[0]] = 0.2
    return made


@pytest.fixture(scope="module")
def log(made: MadeLog, tmp_path_factory: pytest.TempPathFactory) -> Log:
    log = Log(made.write(tmp_path_factory.mktemp("run") / "snapshot_log"))
    log.refresh()
    return log


def smallest(made: MadeLog, dump: int, count: int, layers: list[str]) -> list[tuple[str, int]]:
    every = [
        (made.filters[layer]["cosine"][number, dump], layer, number)
        for layer in layers
        for number in range(LAYERS[layer])
    ]
    return [(layer, number) for _, layer, number in sorted(every)[:count]]


@pytest.mark.parametrize("every", [False, True])
def test_top_filters_are_those_among_the_most_changed_at_every_step(
    made: MadeLog, log: Log, every: bool
) -> None:
    layers = ["stage/conv1", "stage/conv2", "head"] if every else ["stage/conv2"]
    steps = [(dump + 1) * 10 for dump in BAD]
    found = top_of_steps(log, steps, 4, every=every)
    want = set.intersection(*(set(smallest(made, dump, 4, layers)) for dump in BAD))
    assert {(each.layer, each.filter) for each in found.filters} == want >= {("stage/conv2", 3)}
    assert found.steps == tuple(steps)
    assert found.left_out == (() if every else ("stage/conv1", "head"))
    one = next(each for each in found.filters if each.filter == 3)
    np.testing.assert_allclose(one.cosine, 0.4, rtol=1e-6)
    want_relative = made.filters["stage/conv2"]["relative_l2"][3, list(BAD)]
    np.testing.assert_allclose(one.relative_l2, want_relative, rtol=1e-6)


def test_of_any_step_the_dump_that_tells_of_it_is_looked_at(log: Log) -> None:
    assert top_of_steps(log, [121, 130, 9999], None, every=False).steps == (130, 400)
    assert top_of_steps(log, [5], None, every=False).count == 20
    assert top_of_steps(log, [5, 20], None, every=False).count == 10


def test_a_log_without_filters_has_no_top(tmp_path: Path) -> None:
    made = MadeLog.of(dumps=0)
    log = Log(made.write(tmp_path / "snapshot_log"))
    log.refresh()
    with pytest.raises(NotFoundError, match="No changes of filters"):
        top_of_steps(log, [10], None, every=False)


def correlate(log: Log, rule: CorrelationRule) -> Correlation:
    states = image_states(log)
    layers = filter_layers(log, every=rule.every)
    index = top_index(log, layers, 16)
    counts = class_counts(states, rule.run_length)
    return correlation_of(counts, states.steps, np.array([2, 1, 0]), index, layers, rule)


def test_the_class_that_changed_meets_the_filters_that_changed(log: Log) -> None:
    found = correlate(log, CorrelationRule(threshold=8, run_length=5, count=2))
    assert found.classes == (1,)
    assert [(each.step, each.class_index) for each in found.columns] == [
        ((dump + 1) * 10, 1) for dump in BAD
    ]
    assert {each.count for each in found.columns} == {20}
    (row,) = found.rows
    assert (row.layer, row.distinct) == ("stage/conv2", (2,))
    (group,) = row.sets
    assert (group.filters, group.columns) == ((1, 3), (0, 1, 2))
    assert found.left_out == ("stage/conv1", "head")


def test_all_layers_may_be_considered(log: Log) -> None:
    found = correlate(log, CorrelationRule(threshold=8, run_length=5, count=2, keep=2, every=True))
    assert [row.layer for row in found.rows] == ["stage/conv1", "stage/conv2", "head"]
    assert [row.distinct for row in found.rows] == [(1,), (2,), (1,)]
    assert [len(row.sets) for row in found.rows] == [0, 1, 0]
    assert found.left_out == ()


def test_without_anomalies_there_is_nothing(log: Log) -> None:
    found = correlate(log, CorrelationRule(threshold=50, run_length=5))
    assert (found.classes, found.columns, found.rows) == ((), (), ())


def test_more_anomalies_than_can_be_told_apart_are_refused(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_correlation, "TRAINING_COLUMNS_MAX", 2)
    with pytest.raises(InvalidRequestError, match=r"threshold of 8 images there are 3 anomalies"):
        correlate(log, CorrelationRule(threshold=8, run_length=5))
