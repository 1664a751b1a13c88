"""Snapshots of recorded weights: when they are written, and that they are listed and read."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from loops import Network
from safetensors.numpy import load_file

from tb_snapshot_compare import ProbeImages, Recorder, compare, open_snapshot
from tb_snapshot_compare.limits import RECORDING_SNAPSHOTS_MAX
from tb_snapshot_compare.recording import run_log
from tb_snapshot_compare.recording.snapshot_files import write_snapshot
from tb_snapshot_compare.recording.snapshot_ring import SnapshotRing
from tb_snapshot_compare.recording.values import Dump
from tb_snapshot_compare.workspace import list_snapshots

Reader = Callable[[Path], Any]


class Written:
    """A ring, and what it wrote."""

    def __init__(self, kept: int = 3, kept_bytes: int = 10_000, every: int | None = 0) -> None:
        self.steps: list[int] = []
        self.reasons: dict[int, str] = {}
        self.has_place = True
        self.ring = SnapshotRing(
            self._write,
            kept=kept,
            kept_bytes=kept_bytes,
            every=every,
            has_place=lambda: self.has_place,
        )

    def _write(self, dump: Dump, reason: str) -> bool:
        self.steps.append(dump.step)
        self.reasons[dump.step] = reason
        return True

    def dumps(self, *steps: int, size: int = 8) -> None:
        for step in steps:
            self.ring.add(Dump(step, 0.0, {"fc/kernel": np.zeros(size, np.uint8)}))


def test_the_last_dumps_before_and_the_first_after_are_written() -> None:
    written = Written()
    written.dumps(0, 10, 20, 30, 40)
    written.ring.fire(43, "The loss is 9.")
    assert written.steps == [20, 30, 40]
    written.dumps(50, 60)
    assert written.steps == [20, 30, 40, 50]
    assert written.reasons[50] == "The first dump since then: The loss is 9."


def test_what_happens_at_a_dump_needs_none_after_it() -> None:
    written = Written()
    written.dumps(0, 10)
    written.ring.fire(10, "x")
    written.dumps(20)
    assert written.steps == [0, 10]


def test_no_dump_is_written_twice() -> None:
    written = Written()
    written.dumps(0, 10)
    written.ring.fire(10, "x")
    written.ring.fire(11, "y")
    written.dumps(20)
    written.ring.fire(21, "z")
    assert written.steps == [0, 10, 20]


def test_dumps_are_written_when_they_are_due() -> None:
    written = Written(kept=0, every=25)
    written.dumps(0, 10, 20, 30, 40, 50, 60)
    assert written.steps == [0, 30, 50]
    written.ring.fire(61, "x")
    written.dumps(70)
    assert written.steps == [0, 30, 50]


def test_weights_too_large_to_keep_two_of_are_only_kept_for_the_next_update() -> None:
    written = Written(kept_bytes=100)
    written.dumps(0, 10, size=60)
    assert written.ring.last is not None
    written.ring.fire(11, "x")
    assert written.steps == []
    smaller = Written(kept_bytes=100)
    smaller.dumps(0, 10, 20, size=50)
    smaller.ring.fire(21, "x")
    assert smaller.steps == [10, 20]


def test_a_training_that_never_calms_down_does_not_fill_the_disk() -> None:
    written = Written(every=1000)
    for step in range(0, 3000, 10):
        written.dumps(step)
        written.ring.fire(step, "x")
    written.ring.end()
    assert len(written.steps) == RECORDING_SNAPSHOTS_MAX + 2
    assert written.steps[-3:] == [1000, 2000, 2990]


def test_the_first_and_the_last_dump_are_written_where_nothing_happens() -> None:
    written = Written(every=None)
    written.dumps(0, 10, 20, 30)
    written.ring.end()
    assert written.steps == [0, 30]
    assert written.reasons[30] == "It holds the weights of the last dump."
    single = Written(every=None)
    single.dumps(7)
    single.ring.end()
    assert single.steps == [7]
    none = Written(every=None)
    none.ring.end()
    assert none.steps == []


def test_the_first_and_the_last_dump_come_with_those_that_are_due() -> None:
    written = Written(every=20)
    written.dumps(5, 15, 25, 35)
    written.ring.end()
    assert written.steps == [5, 25, 35]


def test_the_first_and_the_last_dump_are_left_out_where_they_take_too_much() -> None:
    large, many = Written(kept_bytes=100, every=None), Written(every=None)
    many.has_place = False
    for each in (large, many):
        each.dumps(0, 10, 20, size=60)
        each.ring.end()
        assert each.steps == []


def test_what_is_due_for_several_reasons_is_tried_once() -> None:
    tried: list[int] = []
    ring = SnapshotRing(
        lambda dump, reason: bool(tried.append(dump.step)), kept=2, kept_bytes=99, every=10
    )
    for step in (0, 10):
        ring.add(Dump(step, 0.0, {}))
    ring.end()
    assert tried == [0, 10]


def test_a_write_that_failed_is_tried_again() -> None:
    results = iter([False, True])
    ring = SnapshotRing(lambda dump, reason: next(results), kept=2, kept_bytes=99, every=0)
    ring.add(Dump(0, 0.0, {}))
    ring.fire(0, "x")
    ring.fire(0, "x")
    ring.fire(0, "x")
    assert next(results, None) is None


def train(
    folder: Path, *, spike: int | None = None, nan: int | None = None, **options: Any
) -> Recorder:
    network = Network()
    with Recorder(folder, run="a", every=10, **options) as recorder:
        for step in range(100):
            if recorder.wants_dump(step):
                recorder.dump(step, network.weights)
            loss, _ = network.step()
            if step == nan:
                network.weights["head/kernel"][0, 0] = np.nan
            recorder.step(step, loss=loss if spike != step else 300.0)
    return recorder


def test_a_spike_leaves_the_snapshots_before_and_after_it(tmp_path: Path, read: Reader) -> None:
    found = read(train(tmp_path, spike=64).folder)
    wanted = [0, 40, 50, 60, 70, 90]
    assert found.snapshots() == [f"step-{step}.safetensors" for step in wanted]
    assert [step for step, _ in found.events("anomaly")] == [64]
    assert [step for step, _ in found.events("snapshot")] == wanted
    runs = list_snapshots(tmp_path).runs
    assert [(run.name, [ref.position.step for ref in run.snapshots]) for run in runs] == [
        ("a", wanted)
    ]
    assert all(ref.state == "ready" for run in runs for ref in run.snapshots)


def test_weights_that_become_nan_are_named_with_the_snapshots(tmp_path: Path, read: Reader) -> None:
    found = read(train(tmp_path, nan=34).folder)
    assert "step-30.safetensors" in found.snapshots()
    assert "step-40.safetensors" in found.snapshots()
    texts = [text for _, text in found.events("nan")]
    assert texts == [
        "The loss is no finite number at step 35.",
        "block1/fc1, head: weights are not finite at step 40.",
    ]


def test_a_class_that_leaves_its_state_fires(tmp_path: Path, read: Reader) -> None:
    labels = np.repeat([0, 1], 30)
    with Recorder(tmp_path, every=1, probe=ProbeImages(labels)) as recorder:
        for step in range(16):
            recorder.dump(step, {"fc/kernel": np.full((2, 2), step, np.float32)})
            recorder.validated(step, labels if step != 14 else 1 - labels)
    found = read(tmp_path)
    assert [step for step, _ in found.events("anomaly")] == [14]
    steps = [step for step, _ in found.events("snapshot")]
    assert steps == [0, 12, 13, 14, 15]


def test_an_ordinary_training_leaves_its_first_and_its_last_weights(
    tmp_path: Path, read: Reader
) -> None:
    found = read(train(tmp_path).folder)
    assert found.snapshots() == ["step-0.safetensors", "step-90.safetensors"]
    assert found.events("anomaly") == []
    assert found.events("snapshot")[-1] == (
        90, "step-90.safetensors was written. It holds the weights of the last dump.",
    )  # fmt: skip


def test_a_training_that_is_to_write_no_snapshots_writes_none(tmp_path: Path, read: Reader) -> None:
    found = read(train(tmp_path, snapshot_every=0).folder)
    assert found.snapshots() == []
    assert found.steps("layers") == list(range(0, 100, 10))


def test_many_short_trainings_do_not_fill_the_disk(tmp_path: Path, read: Reader) -> None:
    for step in range(0, 4 * RECORDING_SNAPSHOTS_MAX, 2):
        (tmp_path / f"step-{step}.safetensors").touch()
    with Recorder(tmp_path, every=1) as recorder:
        for step in range(1, 10, 2):
            recorder.dump(step, {"fc/kernel": np.ones((2, 2), np.float32)})
    assert read(tmp_path).events("snapshot") == []


def test_a_training_that_goes_on_writes_the_same_weights_once(tmp_path: Path, read: Reader) -> None:
    for start in (0, 20):
        with Recorder(tmp_path, every=10) as recorder:
            for step in range(start, start + 21, 10):
                recorder.dump(step, {"fc/kernel": np.full((2, 2), step, np.float32)})
    assert read(tmp_path).snapshots() == [f"step-{step}.safetensors" for step in (0, 20, 40)]


def test_a_training_from_the_start_leaves_the_snapshots_of_another_as_they_are(
    tmp_path: Path, read: Reader
) -> None:
    for scale in (1, 2):
        with Recorder(tmp_path, every=10) as recorder:
            for step in range(0, 30 // scale, 10):
                recorder.dump(step, {"fc/kernel": np.full((2, 2), step + scale, np.float32)})
    found = read(tmp_path)
    assert [session.first_step for session in found.log.sessions] == [0, 0]
    assert found.events("resumed") == []
    old = ["step-0.safetensors", "step-20.safetensors"]
    new = sorted(set(found.snapshots()) - set(old))
    assert [name.split(".")[0] for name in new] == ["step-0", "step-10"]
    written = {name: (tmp_path / name).stat().st_mtime_ns for name in found.snapshots()}
    assert max(written[name] for name in old) <= min(written[name] for name in new)
    assert found.steps("layers") == [0, 10]
    assert found.log.layer_statistic("weight", "maximum", [""]).tolist() == [[2.0, 12.0]]


ARRAYS = {
    "conv1/kernel": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "conv1/bias": np.array([1.5, -2], ml_dtypes.bfloat16),
    "half/kernel": np.ones((2, 2), np.float16),
    "wide/kernel": np.ones((1, 2), np.float64),
    "rare/kernel": np.ones((2, 2), ml_dtypes.float8_e4m3b11fnuz),
    "turned/kernel": np.arange(6, dtype=">f4").reshape(2, 3),
    "empty/kernel": np.ones((0, 3), np.float32),
    "count": np.array(7, np.int64),
}


def test_a_snapshot_is_a_safetensors_file_with_its_step(tmp_path: Path) -> None:
    path = write_snapshot(tmp_path / "new", Dump(1200, 0.0, ARRAYS), {"note": "für uns"}, "w")
    assert path.name == "step-1200.safetensors"
    assert os.listdir(path.parent) == [path.name]
    stored = load_file(path)
    assert stored.keys() == ARRAYS.keys()
    for name, values in ARRAYS.items():
        assert stored[name].shape == values.shape
        np.testing.assert_array_equal(stored[name].astype(float), values.astype(float))
    opened = open_snapshot(path)
    assert opened.contents.position.step == 1200
    assert all(tensor.problem is None for tensor in opened.contents.tensors)


def test_a_step_that_another_writer_has_keeps_its_file(tmp_path: Path) -> None:
    dumps = [Dump(5, 0.0, {**ARRAYS, "count": np.array(each)}) for each in (7, 8, 7)]
    paths = [
        write_snapshot(tmp_path, dump, {}, writer)
        for dump, writer in zip(dumps, "abc", strict=True)
    ]
    assert paths.pop() == paths[0], "the same weights"
    assert [path.name for path in paths] == ["step-5.safetensors", "step-5.b.safetensors"]
    (run,) = list_snapshots(tmp_path).runs
    assert [ref.position.step for ref in run.snapshots] == [5, 5]


def test_what_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int, content: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        write_snapshot(tmp_path, Dump(5, 0.0, ARRAYS), {}, "w")
    assert list(tmp_path.iterdir()) == []


def test_two_recorded_snapshots_compare(tmp_path: Path) -> None:
    folder = train(tmp_path, spike=64).folder
    found = compare(*(open_snapshot(folder / f"step-{step}.safetensors") for step in (60, 70)))
    assert [layer.name for layer in found.layers] == ["block1/fc1", "head"]
    assert all(layer.measures.l2 > 0 for layer in found.layers)


def test_snapshots_have_the_names_that_were_given(tmp_path: Path) -> None:
    units = {"w0": "stage1/conv/kernel", "w1": "head/kernel"}
    with Recorder(tmp_path, units=units, snapshot_every=1) as recorder:
        recorder.dump(0, {"w0": np.ones((3, 3, 1, 2)), "w1": np.ones((4, 2)), "b": np.ones(2)})
    tensors = open_snapshot(tmp_path / "step-0.safetensors").contents.tensors
    assert [tensor.name for tensor in tensors] == ["stage1/conv/kernel", "head/kernel", "b"]


def test_files_of_a_log_are_no_snapshots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_log.RunLog, "_write_snapshot", lambda *args: False)
    train(tmp_path, spike=64)
    assert (tmp_path / "a" / "snapshot_log" / "layers").is_dir()
    assert [run for run in list_snapshots(tmp_path).runs if run.snapshots] == []
