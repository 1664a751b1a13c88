"""What a log claims costs little, and what it says in words of another version harms nothing."""

import math
from pathlib import Path

import numpy as np
import pytest

from tb_snapshot_compare.errors import InvalidRequestError
from tb_snapshot_compare.store.log_reader import Log
from tb_snapshot_compare.workspace import findings_layers, training_states
from tb_snapshot_compare.workspace.training_findings import examine
from tb_snapshot_compare.workspace.training_overview import overview_of
from tb_snapshot_compare.workspace.training_states import image_states
from tests.workspace.made_logs import UNITS, MadeLog


def read(folder: Path) -> Log:
    log = Log(folder)
    log.refresh()
    return log


def stuck(dumps: int) -> MadeLog:
    """`stage/conv1` never trains."""
    made = MadeLog.of(dumps=dumps, passes=dumps)
    row = [unit.path for unit in UNITS].index("stage/conv1")
    update = made.statistics["update"]
    update["still"][row], update["l2"][row] = update["count"][row], 0
    return made


def test_events_of_a_kind_that_is_not_known_are_left_out(tmp_path: Path) -> None:
    made = MadeLog.of()
    made.write(tmp_path)
    assert made.writer is not None
    events = {
        "step": [1, 2, 3],
        "time": [5.0, math.nan, math.inf],
        "kind": ["weather", "anomaly", "lost"],
        "text": ["It rains.", "x" * 10_000, "Something."],
        "detail": ["{}"] * 3,
    }
    made.writer.write("events", events)
    overview = overview_of(
        "run", read(tmp_path), origin="recorded", axis="step", done=0, total=0, state="ready",
        snapshots=(), rates=(),
    )  # fmt: skip
    assert [(event.step, event.kind) for event in overview.events] == [(2, "anomaly"), (3, "lost")]
    assert [event.time for event in overview.events] == [0.0, 0.0]
    assert len(overview.events[0].text) == 2_000


def test_more_classes_and_passes_than_fit_are_refused_and_other_findings_remain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = read(stuck(12).write(tmp_path))
    monkeypatch.setattr(training_states, "TRAINING_CLASS_CELLS_MAX", 3 * 12)
    assert image_states(log).steps.size == 12
    monkeypatch.setattr(training_states, "TRAINING_CLASS_CELLS_MAX", 3 * 12 - 1)
    with pytest.raises(InvalidRequestError, match="has 3 classes in 12 validation passes: at most"):
        image_states(log)
    assert [found.kind for found in examine(log, "step").findings] == ["never_trained"]


def test_of_many_layers_the_newest_dumps_are_examined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = stuck(20)
    made.statistics["weight"]["nan"][4, [3, 17]] = 1
    log = read(made.write(tmp_path))
    leaves = 4
    monkeypatch.setattr(findings_layers, "TRAINING_EXAMINED_MAX", 5 * leaves)
    layers = findings_layers.layer_history(log, "step")
    assert layers.steps.tolist() == [160, 170, 180, 190, 200]
    assert layers.history.still.shape == (leaves, 5)
    found = {each.kind: each.steps for each in examine(log, "step").findings}
    assert found == {"not_finite": (180, 180), "never_trained": (160, 200)}
    assert np.isfinite(layers.gradient_l2).all()
