"""Logs that are computed from snapshots, against the recorder's own rows and the definitions."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tb_snapshot_compare.readers import TensorReader
from tb_snapshot_compare.sources import parse_roots
from tb_snapshot_compare.store import ResultStore
from tb_snapshot_compare.store.log_reader import Log
from tb_snapshot_compare.workspace import (
    Turns,
    Workspace,
    derived_dump,
    derived_log,
    deriving,
    open_snapshot,
)
from tb_snapshot_compare.workspace.deriving import Derived, Deriving
from tests.conftest import SavedPair
from tests.hostile.bundle_writer import BundleWriter

NOW = time.time()
Weights = dict[str, np.ndarray]


class NoEvents:
    def keras_configs(self, event_runs: Sequence[str]) -> tuple[str, ...]:
        return ()


def weights(seed: int) -> Weights:
    random = np.random.default_rng(seed)
    shapes = {
        "stage1/conv1/kernel": (3, 3, 2, 4),
        "stage1/conv1/bias": (4,),
        "stage1/norm/gamma": (4,),
        "stage1/norm/moving_mean": (4,),
        "head/kernel": (16, 5),
    }
    found = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    found["stage1/conv1/kernel"][..., 1] = 0
    found["stage1/norm/gamma"] = np.ones(4, np.float32)
    return found


def save(folder: Path, step: int, values: Weights, modified: float | None = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    writer = BundleWriter()
    for name, array in values.items():
        writer.add(name, array)
    writer.write(folder / f"ckpt-{step}")
    stamp = NOW - 3600 + step if modified is None else modified
    for path in sorted(folder.glob(f"ckpt-{step}.*")):
        os.utime(path, (stamp, stamp))


@pytest.fixture
def logdir(tmp_path: Path) -> Path:
    """Three snapshots."""
    for step in (10, 20, 30):
        save(tmp_path / "logs" / "run", step, weights(step))
    return tmp_path / "logs"


class Site:
    """A workspace whose logs are computed."""

    def __init__(self, logdir: Path, cache: Path | None) -> None:
        roots = parse_roots(str(logdir), None, None)
        self.workspace = Workspace(roots, ResultStore(cache), NoEvents(), 1)
        self.changes = 0
        self.turns = Turns()
        self.complete: list[Path] = []
        self.deriving = Deriving(self.workspace, self.turns, self.changed, self.complete.append)
        self.until(lambda: not self.workspace.catalog().scanning)

    def changed(self) -> None:
        self.changes += 1

    def until(self, condition: Callable[[], Any], seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.01)

    def state(self) -> Derived | None:
        return self.deriving.of(self.workspace.run("run"))

    def done(self, total: int) -> Derived:
        """Once so many pairs are known and nothing is under way."""
        self.deriving.start()

        def is_done() -> bool:
            state = self.state()
            return state is not None and not state.working and state.total == total

        self.until(is_done)
        state = self.state()
        assert state is not None
        return state

    def log(self) -> Log:
        log = Log(self.deriving.directory(self.workspace.run("run")))
        log.refresh()
        return log

    def close(self) -> None:
        self.deriving.close()
        self.workspace.close()


@pytest.fixture
def open_site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Site]]:
    monkeypatch.setattr(deriving, "_CONFIG_SECONDS", 0.0)
    opened: list[Site] = []

    def start(logdir: Path, cache: Path | None) -> Site:
        opened.append(Site(logdir, cache))
        return opened[-1]

    yield start
    for site in opened:
        site.close()


def of_unit(values: Weights, unit: str, *, trained: bool = False) -> np.ndarray:
    """All weights of a unit, as one vector, or only those that an optimizer trains."""
    inside = [
        array.reshape(-1).astype(float)
        for name, array in values.items()
        if (not unit or name.startswith(f"{unit}/")) and not (trained and "moving" in name)
    ]
    return np.concatenate(inside)


def updated(now: Weights, before: Weights, unit: str = "") -> np.ndarray:
    return of_unit(now, unit, trained=True) - of_unit(before, unit, trained=True)


def test_statistics_are_those_of_the_concatenated_weights(
    logdir: Path, tmp_path: Path, open_site: Callable[..., Site]
) -> None:
    site = open_site(logdir, tmp_path / "cache")
    state = site.done(2)
    assert (state.done, state.axis, state.problems) == (2, "step", ())
    assert [(placed.step) for placed in state.snapshots] == [10, 20, 30]
    log = site.log()
    assert site.complete == [site.deriving.directory(site.workspace.run("run"))]
    assert site.changes > 2
    assert (log.origin, log.problems) == ("derived", ())
    assert log.steps("layers").tolist() == log.steps("filters").tolist() == [10, 20, 30]
    paths = [unit.path for unit in log.units]
    assert paths[0] == ""
    assert {"stage1", "stage1/conv1", "stage1/norm", "head"} == set(paths[1:])
    for unit in paths:
        for place, step in enumerate((10, 20, 30)):
            now = of_unit(weights(step), unit)
            assert log.layer_statistic("weight", "l2", [unit])[0, place] == pytest.approx(
                np.linalg.norm(now), rel=1e-9
            )
            assert log.layer_statistic("weight", "q1", [unit])[0, place] == np.quantile(now, 0.25)
            if place:
                change = updated(weights(step), weights(step - 10), unit)
                found = log.layer_statistic("update", "l1", [unit])[0, place]
                assert found == pytest.approx(np.abs(change).sum(), rel=1e-9)
                median = log.layer_statistic("update", "median", [unit])[0, place]
                assert median == np.median(change)
    assert np.isnan(log.layer_statistic("update", "l2")[:, 0]).all()
    assert log.layer_statistic("weight", "dead", ["stage1/conv1"])[0].tolist() == [1, 1, 1]
    assert log.layer_statistic("update", "still", ["stage1/norm"])[0, 1] == 4
    means = [weights(step)["stage1/norm/moving_mean"].astype(float) for step in (10, 20)]
    moving = log.layer_statistic("moving", "l2", ["stage1/norm"])[0]
    assert moving[1] == pytest.approx(np.linalg.norm(means[1] - means[0]), rel=1e-9)
    assert log.layer_statistic("moving", "still", ["stage1/norm"])[0, 1] == 0
    counts = log.bands("update", ["head"])[0, 1]
    assert counts.sum() == 80
    ratio = np.abs(weights(20)["head/kernel"] - weights(10)["head/kernel"].astype(float))
    assert counts[-1] == (ratio > np.abs(weights(10)["head/kernel"].astype(float))).sum()


def test_a_layer_of_no_weights_is_left_out(tmp_path: Path, open_site: Callable[..., Site]) -> None:
    for step in (10, 20):
        values = {**weights(step), "empty/kernel": np.zeros((0, 5), np.float32)}
        save(tmp_path / "logs" / "run", step, values)
    site = open_site(tmp_path / "logs", tmp_path / "cache")
    assert site.done(1).problems == ()
    log = site.log()
    assert "empty" not in [unit.path for unit in log.units]
    now = of_unit(weights(20), "")
    assert log.layer_statistic("weight", "l2", [""])[0, 1] == pytest.approx(np.linalg.norm(now))


def test_filters_are_those_of_the_kernels(
    logdir: Path, tmp_path: Path, open_site: Callable[..., Site]
) -> None:
    site = open_site(logdir, tmp_path / "cache")
    site.done(2)
    log = site.log()
    a, b = (weights(step)["head/kernel"].astype(float) for step in (10, 20))
    cosine = (a * b).sum(axis=0) / np.linalg.norm(a, axis=0) / np.linalg.norm(b, axis=0)
    np.testing.assert_allclose(log.filter_measure("head", "cosine")[:, 1], cosine, rtol=1e-6)
    relative = np.linalg.norm(b - a, axis=0) / np.linalg.norm(a, axis=0)
    np.testing.assert_allclose(log.filter_measure("head", "relative_l2")[:, 1], relative, rtol=1e-6)
    np.testing.assert_allclose(log.filter_measure("head", "w_std")[:, 1], b.std(axis=0), rtol=1e-6)
    assert np.isnan(log.filter_measure("head", "cosine")[:, 0]).all()
    assert np.isnan(log.filter_measure("head", "g_l1")).all()
    of_conv = log.filter_measure("stage1/conv1", "cosine")
    assert of_conv[1, 1] == 1
    assert of_conv.shape == (4, 3)


def test_nothing_is_computed_twice(
    logdir: Path,
    tmp_path: Path,
    open_site: Callable[..., Site],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = open_site(logdir, tmp_path / "cache")
    first.done(2)
    version = first.log().version
    first.close()
    computed: list[int] = []
    rows = derived_dump.dump_rows
    monkeypatch.setattr(
        deriving, "dump_rows", lambda step, *more: computed.append(step) or rows(step, *more)
    )
    second = open_site(logdir, tmp_path / "cache")
    second.done(2)
    assert computed == []
    assert second.log().version == version
    save(logdir / "run", 40, weights(40))
    second.workspace.rescan()
    assert second.done(3).done == 3
    assert computed == [40]
    assert len(second.log().sessions) == 1


def test_the_first_answer_tells_what_the_log_has(
    logdir: Path,
    tmp_path: Path,
    open_site: Callable[..., Site],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = open_site(logdir, tmp_path / "cache")
    state = first.state()
    assert state is not None
    assert (state.done, state.total, state.dumps, state.working) == (0, 2, 0, True)
    state = first.done(2)
    first.close()
    directory = first.deriving.directory(first.workspace.run("run"))
    os.utime(directory, (NOW - 3600, NOW - 3600))
    monkeypatch.setattr(deriving, "_CONFIG_SECONDS", 60.0)
    second = open_site(logdir, tmp_path / "cache")
    assert second.state() == state
    assert directory.stat().st_mtime > NOW - 1800, "it was used"
    save(logdir / "run", 40, weights(40))
    third = open_site(logdir, tmp_path / "cache")
    state = third.state()
    assert state is not None
    assert (state.done, state.total, state.dumps, state.working) == (2, 3, 3, True)


def test_a_log_that_cannot_be_read_yet_tells_nothing(
    logdir: Path,
    tmp_path: Path,
    open_site: Callable[..., Site],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(log: derived_log.DerivedLog) -> None:
        raise OSError("no disk")

    with monkeypatch.context() as patch:
        patch.setattr(derived_log.DerivedLog, "look", fail)
        site = open_site(logdir, tmp_path / "cache")
        assert site.state() is None
    assert site.done(2).done == 2


def test_deleted_snapshots_stay_and_replaced_ones_are_computed_again(
    logdir: Path, tmp_path: Path, open_site: Callable[..., Site]
) -> None:
    site = open_site(logdir, tmp_path / "cache")
    site.done(2)
    for path in (logdir / "run").glob("ckpt-10.*"):
        path.unlink()
    site.workspace.rescan()
    site.until(lambda: [placed.step for placed in site.done(2).snapshots] == [20, 30])
    assert site.log().steps("layers").tolist() == [10, 20, 30]

    for path in (logdir / "run").glob("ckpt-*"):
        path.unlink()
    for step in (10, 20):
        save(logdir / "run", step, weights(100 + step), NOW - 60 + step)
    site.workspace.rescan()
    site.until(lambda: site.log().steps("layers").tolist() == [10, 20])
    site.done(1)
    log = site.log()
    want = np.linalg.norm(of_unit(weights(120), ""))
    assert log.layer_statistic("weight", "l2", [""])[0, 1] == pytest.approx(want, rel=1e-9)


def test_a_training_that_went_on_from_earlier_keeps_what_was_before(
    logdir: Path, tmp_path: Path, open_site: Callable[..., Site]
) -> None:
    site = open_site(logdir, tmp_path / "cache")
    site.done(2)
    for path in (logdir / "run").glob("ckpt-30.*"):
        path.unlink()
    save(logdir / "run", 20, weights(120), NOW - 60)
    site.workspace.rescan()
    site.until(lambda: site.log().steps("layers").tolist() == [10, 20])
    site.done(1)
    log = site.log()
    change = updated(weights(120), weights(10))
    found = log.layer_statistic("update", "l2", [""])[0, 1]
    assert found == pytest.approx(np.linalg.norm(change), rel=1e-9)
    assert {event.kind for event in log.events()} == {"snapshot", "resumed"}


def test_moments_of_optimizers_are_in_the_log(
    saved: SavedPair, tmp_path: Path, open_site: Callable[..., Site]
) -> None:
    run = tmp_path / "logs" / "run"
    run.mkdir(parents=True)
    for epoch in (1, 4):
        shutil.copy(saved.folder / f"epoch-{epoch}.keras", run)
        os.utime(run / f"epoch-{epoch}.keras", (NOW - 3600 + epoch, NOW - 3600 + epoch))
    site = open_site(tmp_path / "logs", tmp_path / "cache")
    assert site.done(1).axis == "step"
    log = site.log()
    assert [(unit.path, unit.kind) for unit in log.units] == [
        ("", "Model"),
        ("conv1", "Conv2D"),
        ("norm1", "BatchNormalization"),
        ("conv2", "Conv2D"),
        ("fc", "Dense"),
    ]
    for place, epoch in enumerate((1, 4)):
        contents = open_snapshot(run / f"epoch-{epoch}.keras").contents
        with TensorReader(contents.generation) as reader:
            for kind, role in (("moment1", "momentum"), ("moment2", "velocity")):
                slots = [each for each in contents.tensors if each.role == role]
                values = np.concatenate([reader.read_array(each).reshape(-1) for each in slots])
                assert values.any()
                found = log.layer_statistic(kind, "l2", [""])[0, place]
                assert found == pytest.approx(np.linalg.norm(values.astype(float)), rel=1e-9)


def test_a_damaged_tensor_is_left_out_and_named(
    logdir: Path, tmp_path: Path, open_site: Callable[..., Site]
) -> None:
    (data,) = (logdir / "run").glob("ckpt-20.data*")
    content = bytearray(data.read_bytes())
    content[4] ^= 0xFF
    data.write_bytes(content)
    os.utime(data, (NOW - 3500, NOW - 3500))
    site = open_site(logdir, tmp_path / "cache")
    state = site.done(2)
    assert len(state.problems) == 1
    assert state.problems[0].startswith("ckpt-20: ")
    assert "checksum" in state.problems[0]
    log = site.log()
    of_weights, of_updates = (
        log.layer_statistic(kind, "count", [""])[0] for kind in ("weight", "update")
    )
    assert of_weights[0] == of_weights[2] > of_weights[1] > 0
    assert of_updates[1] == of_updates[2] == of_weights[1] - 4  # of the moving mean


def test_without_a_cache_logs_last_as_long_as_the_server(
    logdir: Path, open_site: Callable[..., Site]
) -> None:
    site = open_site(logdir, None)
    site.done(2)
    directory = site.deriving.directory(site.workspace.run("run"))
    assert directory.exists()
    site.close()
    assert not directory.exists()


def test_two_servers_do_the_work_once(
    logdir: Path,
    tmp_path: Path,
    open_site: Callable[..., Site],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    computed: list[int] = []
    rows = derived_dump.dump_rows
    here = threading.Lock()

    def noted(step: int, *more: Any) -> Any:
        with here:
            computed.append(step)
        time.sleep(0.05)
        return rows(step, *more)

    monkeypatch.setattr(deriving, "dump_rows", noted)
    sites = [open_site(logdir, tmp_path / "cache") for _ in range(2)]
    for site in sites:
        site.deriving.start()
        site.state()
    for site in sites:
        site.done(2)
    assert sorted(computed) == [10, 20, 30]


def test_the_logs_used_least_recently_go_first(tmp_path: Path) -> None:
    logs = [tmp_path / "logs" / f"{number:032x}" for number in range(4)]
    for age, path in enumerate(logs):
        path.mkdir(parents=True)
        (path / "segment").write_bytes(b"x" * 1000)
        os.utime(path, (NOW - age, NOW - age))
    (tmp_path / "logs" / "other").mkdir()
    derived_log.evict(logs[3], 2500)
    assert [path.exists() for path in logs] == [True, False, False, True]
    assert (tmp_path / "logs" / "other").exists()


def test_logs_of_different_directories_are_different(tmp_path: Path) -> None:
    one, other = (
        derived_log.derived_directory(tmp_path, directory) for directory in ("/logs/a", "/logs/b")
    )
    assert one != other
    assert derived_log.derived_directory(tmp_path, "/logs/a") == one


def test_memory_does_not_grow_with_the_tensors(
    tmp_path: Path, open_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With no room to keep anything, the same numbers come from streaming alone."""
    for step in (1, 2):
        random = np.random.default_rng(step)
        save(tmp_path / "logs" / "run", step, {"fc/kernel": random.normal(size=(600, 900))})
    kept = open_site(tmp_path / "logs", tmp_path / "kept")
    kept.done(1)
    monkeypatch.setattr(derived_dump, "DERIVED_KEPT_BYTES", 0)
    streamed = open_site(tmp_path / "logs", tmp_path / "streamed")
    streamed.done(1)
    for kind, name in (("weight", "q3"), ("update", "variance"), ("update", "l1")):
        one, other = (site.log().layer_statistic(kind, name) for site in (kept, streamed))
        np.testing.assert_array_equal(one, other)
    one, other = (site.log().filter_measure("fc", "cosine") for site in (kept, streamed))
    np.testing.assert_array_equal(one, other)
