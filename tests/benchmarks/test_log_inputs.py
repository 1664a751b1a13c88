"""The generated log holds what was planted, and its numbers look like those of a training."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.log_inputs import (
    LEAPING_FILTERS,
    Layer,
    Plan,
    Planted,
    planted,
    resnet50,
    write_log,
)
from benchmarks.training_log import answers, found, measure
from tb_snapshot_compare.store.log_reader import Log

LAYERS = tuple(Layer(f"stage{number}/conv", 4 + 20 * number, 27) for number in range(1, 5))
PLAN = Plan(LAYERS, dumps=24, images=60, classes=5, every=100, seed=3)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Planted]]:
    folder = tmp_path_factory.mktemp("log")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda descriptor: None)
        yield folder, write_log(folder, PLAN)


def test_resnet50_has_its_filters() -> None:
    assert len(resnet50()) == 53
    assert sum(layer.filters for layer in resnet50()) == 26_560


def test_what_is_planted_is_known_from_the_plan(written: tuple[Path, Planted]) -> None:
    folder, truth = written
    assert truth == planted(PLAN)
    assert truth != planted(Plan(LAYERS, dumps=24, images=60, classes=5, every=100, seed=4))
    assert len(truth.incidents) == 2
    assert {incident.step for incident in truth.incidents} <= set(PLAN.steps)
    assert found(folder, truth) == (3, 3)


def test_an_incident_stands_out_against_the_dumps_around_it(written: tuple[Path, Planted]) -> None:
    folder, truth = written
    log = Log(folder)
    log.refresh()
    assert log.problems == ()
    steps = log.steps("filters")
    labels = np.array(log.probe.labels if log.probe else ())
    loss = log.scalars(["loss"])["loss"]
    right = log.correct()
    for incident in truth.incidents:
        dump = int(np.searchsorted(steps, incident.step))
        around = [dump - 1, dump + 1]
        for layer, filters in incident.filters.items():
            assert 0 < len(filters) <= LEAPING_FILTERS
            change = log.filter_measure(layer, "relative_l2")[list(filters)]
            assert (change[:, dump] > 5 * change[:, around].max(axis=1)).all()
        of_class = labels == incident.label
        assert not right[of_class, dump].any()
        assert right[of_class][:, around].mean() > 0.8
        assert loss.values[dump] > 2 * loss.values[around].max()
    assert [event.step for event in log.events()] == [each.step for each in truth.incidents]


def test_the_layer_that_never_trains_is_still_to_the_bit(written: tuple[Path, Planted]) -> None:
    folder, truth = written
    log = Log(folder)
    log.refresh()
    assert (log.filter_measure(truth.stuck, "cosine") == 1).all()
    count = log.layer_statistic("update", "count", [truth.stuck])
    assert np.array_equal(log.layer_statistic("update", "still", [truth.stuck]), count)
    bands = log.bands("update", [truth.stuck])[0]
    assert (bands[:, 0] == count[0]).all()
    assert not bands[:, 1:].any()
    others = [layer.path for layer in LAYERS if layer.path != truth.stuck]
    assert not log.layer_statistic("update", "still", others).any()


def test_bands_count_every_parameter(written: tuple[Path, Planted]) -> None:
    log = Log(written[0])
    log.refresh()
    count = log.layer_statistic("gradient", "count")
    assert np.array_equal(log.bands("gradient").sum(axis=2), count)


def test_the_hierarchy_adds_up(written: tuple[Path, Planted]) -> None:
    log = Log(written[0])
    log.refresh()
    by_path = {unit.path: unit for unit in log.units}
    assert log.units[0].path == ""
    for unit in log.units:
        children = [each for each in log.units if each.parent == unit.path]
        assert unit.parent is None or unit.parent in by_path
        if children:
            assert unit.parameters == sum(each.parameters for each in children)
            assert unit.filters == sum(each.filters for each in children if each.kind != "norm")
    assert by_path[""].filters == PLAN.filters


def test_every_answer_is_measured(written: tuple[Path, Planted]) -> None:
    result = measure(written[0], 1)
    log = Log(written[0])
    log.refresh()
    assert set(result["seconds"]) == {"opening", *answers(log)}
    assert result["problems"] == 0
