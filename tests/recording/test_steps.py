"""Steps count over the whole training: what does not is refused, or told."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tb_snapshot_compare import ProbeImages, Recorder

Reader = Callable[[Path], Any]
WEIGHTS = {"fc/kernel": np.ones((4, 2), np.float32)}


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.message for each in caplog.records if each.levelno >= logging.WARNING]


def test_steps_that_begin_again_with_every_epoch_are_told_once_and_kept(
    tmp_path: Path, read: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    with Recorder(tmp_path, every=4) as recorder:
        for epoch in range(3):
            for step in range(8):
                recorder.step(step, loss=float(epoch))
                if recorder.wants_dump(step):
                    recorder.dump(step, {"fc/kernel": np.full((2, 2), epoch, np.float32)})
            recorder.flush()
    (told,) = warnings_of(caplog)
    assert told.startswith(f"The steps recorded in {tmp_path}/snapshot_log went back from 7 to 0,")
    assert "A step has to count over the whole training, as epoch * len(batches) + batch" in told
    assert recorder.lost == {}
    log = read(tmp_path).log
    assert log.layer_statistic("weight", "maximum", [""]).tolist() == [[2.0, 2.0]]


def test_numbers_of_different_names_need_not_keep_pace(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Recorder(tmp_path, every=1, probe=ProbeImages([0, 1])) as recorder:
        for step in range(4):
            recorder.dump(step + 1, WEIGHTS)
            recorder.step(step, loss=0.5)
            recorder.step(step, loss=0.5)
            if step:
                recorder.step(step - 1, accuracy=0.5)
                recorder.validated(step - 1, [0, 1])
    assert warnings_of(caplog) == []


def test_a_training_that_goes_on_in_another_recorder_is_none_that_goes_back(
    tmp_path: Path, read: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    for start in (0, 3):
        with Recorder(tmp_path, every=1) as recorder:
            for step in range(start, start + 5):
                recorder.step(step, loss=0.5)
                recorder.dump(step, WEIGHTS)
    assert warnings_of(caplog) == []
    assert read(tmp_path).steps("layers") == list(range(8))


@pytest.mark.parametrize(("step", "error"), [
    (1.5, ValueError), (np.float32(2.25), ValueError), (float("nan"), ValueError),
    (float("inf"), ValueError), ("7", ValueError), (None, TypeError), ([1, 2], TypeError),
])  # fmt: skip
def test_a_step_is_a_whole_number(step: Any, error: type[Exception], tmp_path: Path) -> None:
    with Recorder(tmp_path, probe=ProbeImages([0])) as recorder:
        for call in (
            lambda: recorder.step(step, loss=1.0),
            lambda: recorder.dump(step, WEIGHTS),
            lambda: recorder.validated(step, [0]),
        ):
            with pytest.raises(error, match=r"step=.*: want a whole number from 0 to"):
                call()
    assert recorder.lost == {}


def test_whole_numbers_may_be_of_any_type(tmp_path: Path, read: Reader) -> None:
    with Recorder(tmp_path) as recorder:
        for step in (0, np.int64(1), 2.0, np.array(3)):
            recorder.step(step, loss=1.0)  # type: ignore[arg-type]
    assert read(tmp_path).log.scalars(["loss"])["loss"].steps.tolist() == [0, 1, 2, 3]
