"""What is known of a run, whoever computed it."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from tb_snapshot_compare.errors import NotFoundError, SnapshotChangedError
from tb_snapshot_compare.sources import parse_roots
from tb_snapshot_compare.store import ResultStore
from tb_snapshot_compare.store.log_reader import Log
from tb_snapshot_compare.workspace import (
    ScalarSeries,
    TrainingAnswers,
    Trainings,
    Turns,
    Workspace,
    deriving,
    training_answers,
    training_logs,
    training_overview,
)
from tb_snapshot_compare.workspace.training_kept import Kept
from tb_snapshot_compare.workspace.training_values import RateStage
from tests.workspace.made_logs import MadeLog
from tests.workspace.test_deriving import NoEvents, save, weights
from tests.workspace.test_training_logs import until


class Rates:
    """A learning rate that TensorBoard knows by epoch."""

    def learning_rates(self, event_runs: Sequence[str]) -> Sequence[ScalarSeries]:
        return [ScalarSeries("epoch_learning_rate", (1.0, 2.0, 3.0), (0.1, 0.1, 0.01), True)]


@pytest.fixture
def open_trainings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[[Path], Trainings]]:
    monkeypatch.setattr(deriving, "_CONFIG_SECONDS", 0.0)
    opened: list[tuple[Trainings, Workspace]] = []

    def start(logdir: Path) -> Trainings:
        roots = parse_roots(str(logdir), None, None)
        workspace = Workspace(roots, ResultStore(tmp_path / "cache"), NoEvents(), 1)
        until(lambda: workspace.catalog().version and not workspace.catalog().scanning)
        trainings = Trainings(workspace, Turns(), Rates())
        opened.append((trainings, workspace))
        return trainings

    yield start
    for trainings, workspace in opened:
        trainings.close()
        workspace.close()


def test_snapshots_of_all_runs_below_a_log_are_placed_in_it(
    tmp_path: Path, open_trainings: Callable[[Path], Trainings]
) -> None:
    made = MadeLog.of(dumps=3, passes=3)
    made.events.append((20, "snapshot", "Saved.", {"file": "ckpt-7.index"}))
    made.write(tmp_path / "logs" / "net" / "snapshot_log")
    save(tmp_path / "logs" / "net" / "regular", 10, weights(1))
    save(tmp_path / "logs" / "net" / "odd", 7, weights(1))
    save(tmp_path / "logs" / "other", 10, weights(1))
    trainings = open_trainings(tmp_path / "logs")
    for run in ("net/regular", "net/odd"):
        overview, _, _ = trainings.overview(run)
        assert (overview.origin, overview.dumps) == ("recorded", (10, 20, 30))
        assert sorted(placed.step for placed in overview.snapshots) == [7, 10]
    overview, _, _ = trainings.overview("other")
    assert overview.origin != "recorded"


def test_a_rate_by_epoch_counts_where_the_log_has_none(
    tmp_path: Path, open_trainings: Callable[[Path], Trainings]
) -> None:
    for epoch in (1, 2, 3):
        save(tmp_path / "logs" / "run", epoch, weights(epoch))
        for path in sorted((tmp_path / "logs" / "run").glob(f"ckpt-{epoch}.*")):
            path.rename(path.with_name(path.name.replace("ckpt-", "epoch-")))
    trainings = open_trainings(tmp_path / "logs")
    trainings.start()
    until(lambda: trainings.overview("run")[0].done == 2)
    until(lambda: trainings.overview("run")[0].state == "ready")
    overview, _, _ = trainings.overview("run")
    assert (overview.axis, overview.dumps) == ("epoch", (1, 2, 3))
    assert overview.rates == (RateStage(0, 2, 0.1), RateStage(3, 3, 0.01))
    assert trainings.series("run").axis == "epoch"


def test_one_of_something_is_not_told_as_many(
    tmp_path: Path, open_trainings: Callable[[Path], Trainings]
) -> None:
    made = MadeLog.of(dumps=1, passes=1)
    made.every = 1
    made.write(tmp_path / "logs" / "net" / "snapshot_log")
    overview, _, _ = open_trainings(tmp_path / "logs").overview("net")
    assert overview.note.endswith("1 time its weights, every step, 1 validation pass.")


def test_a_log_without_a_session_is_none(
    tmp_path: Path, open_trainings: Callable[[Path], Trainings]
) -> None:
    (tmp_path / "logs" / "run" / "snapshot_log" / "sessions").mkdir(parents=True)
    overview, _, examined = open_trainings(tmp_path / "logs").overview("run")
    assert (overview.origin, overview.state, overview.version, examined) == (
        "none",
        "empty",
        "",
        True,
    )


def test_steps_and_version_belong_together_where_a_log_grows_meanwhile(
    tmp_path: Path, open_trainings: Callable[[Path], Trainings], monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "logs" / "run" / "snapshot_log"
    MadeLog.of(dumps=2, passes=2).write(directory)
    trainings = open_trainings(tmp_path / "logs")
    kinds_of = training_overview._kinds

    def kinds_of_a_log_that_grows(log: Log) -> tuple[str, ...]:
        if log.steps("layers").size == 2:
            MadeLog.of(dumps=3, passes=3).write(directory)
            log.refresh()
        return kinds_of(log)

    monkeypatch.setattr(training_overview, "_kinds", kinds_of_a_log_that_grows)
    overview, _, _ = trainings.overview("run")
    assert overview.dumps == overview.passes == (10, 20, 30)
    trainings.check("run", overview.version)


def test_an_unknown_run_and_an_old_version_are_refused(
    tmp_path: Path, open_trainings: Callable[[Path], Trainings]
) -> None:
    MadeLog.of(dumps=2, passes=2).write(tmp_path / "logs" / "run" / "snapshot_log")
    trainings = open_trainings(tmp_path / "logs")
    answers = TrainingAnswers(trainings)
    for ask in (trainings.overview, trainings.series):
        with pytest.raises(NotFoundError, match="'nothing'"):
            ask("nothing")
    with pytest.raises(SnapshotChangedError):
        trainings.check("run", "old")
    version = trainings.overview("run")[0].version
    trainings.check("run", version)
    with pytest.raises(NotFoundError, match="no unit"):
        answers.layers("run", version, "weight", "l2", ["x"])


def test_top_filters_are_the_same_before_and_after_they_are_made_ready(
    tmp_path: Path, open_trainings: Callable[[Path], Trainings]
) -> None:
    MadeLog.of(dumps=12, passes=0).write(tmp_path / "logs" / "run" / "snapshot_log")
    trainings = open_trainings(tmp_path / "logs")
    answers = TrainingAnswers(trainings)
    version = trainings.overview("run")[0].version
    before = answers.top("run", version, [50, 60], 4, every=False)
    assert before.filters
    trainings.start()
    trainings.overview("run")
    until(lambda: trainings.overview("run")[2])
    with trainings.reading("run", version) as log:
        assert trainings.tops_known(log, every=False) is not None
    assert answers.top("run", version, [50, 60], 4, every=False) == before


@pytest.mark.parametrize("kept", [True, False])
def test_series_of_some_units_are_those_of_all(
    tmp_path: Path,
    open_trainings: Callable[[Path], Trainings],
    monkeypatch: pytest.MonkeyPatch,
    kept: bool,
) -> None:
    if not kept:
        monkeypatch.setattr(training_answers, "TRAINING_KEPT_CELLS_MAX", 10)
    made = MadeLog.of(dumps=5, passes=0)
    directory = made.write(tmp_path / "logs" / "run" / "snapshot_log", 0, 4)
    answers = TrainingAnswers(trainings := open_trainings(tmp_path / "logs"))
    reads: list[str] = []
    read = Log.joined_bands
    monkeypatch.setattr(
        Log, "joined_bands", lambda log, kind, *more: reads.append(kind) or read(log, kind, *more)
    )
    version = trainings.overview("run")[0].version
    whole, told = answers.bands("run", version, "update", (0.001, 0.1), None)
    paths = json.loads(told["units"])
    for some in (["head", "stage"], [""], []):
        part, told = answers.bands("run", version, "update", (0.001, 0.1), some)
        np.testing.assert_array_equal(
            part["values"], whole["values"][[paths.index(path) for path in some]]
        )
        assert told == {}
    assert len(reads) == (1 if kept else 4)
    with pytest.raises(NotFoundError, match="'none'"):
        answers.bands("run", version, "update", (0.001, 0.1), ["none"])
    answers.bands("run", version, "gradient", (0.001, 0.1), ["head"])
    assert reads[-1] == "gradient"
    made.write(directory, 4, 5)
    until(lambda: trainings.overview("run")[0].version != version)
    version = trainings.overview("run")[0].version
    part, _ = answers.bands("run", version, "update", (0.001, 0.1), ["head"])
    assert part["values"].shape == (1, 5, 3)
    l2, _ = answers.layers("run", version, "weight", "mean", ["head"])
    np.testing.assert_allclose(l2["values"], made.statistics["weight"]["mean"][5:], rtol=1e-6)


def test_a_recorded_log_is_open_before_it_is_asked_for(
    tmp_path: Path,
    open_trainings: Callable[[Path], Trainings],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[Path] = []
    open_log, looked_at = training_logs._open, threading.Event()

    def noted(directory: Path) -> Log:
        assert looked_at.wait(60)
        opened.append(directory)
        return open_log(directory)

    monkeypatch.setattr(training_logs, "_open", noted)
    directory = MadeLog.of(dumps=3, passes=3).write(tmp_path / "logs" / "net" / "snapshot_log")
    save(tmp_path / "logs" / "a", 10, weights(1))
    trainings = open_trainings(tmp_path / "logs")
    before = trainings.version()
    looked_at.set()
    until(lambda: trainings.version() > before)
    assert opened == [directory]
    assert trainings.overview("net")[0].dumps == (10, 20, 30)
    assert opened == [directory]


def test_without_a_recorded_log_none_is_opened(
    tmp_path: Path,
    open_trainings: Callable[[Path], Trainings],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(training_logs, "_open", lambda directory: pytest.fail("opened"))
    save(tmp_path / "logs" / "net", 10, weights(1))
    trainings = open_trainings(tmp_path / "logs")
    trainings.version()
    trainings.close()
    trainings.version()


def test_what_is_kept_is_made_once_and_goes_when_there_is_no_room() -> None:
    kept, made, gate = Kept(100), [], threading.Event()

    def make(size: int) -> np.ndarray:
        gate.wait(5)
        made.append(size)
        return np.zeros(size, np.uint8)

    threads = [threading.Thread(target=lambda: kept.get("a", lambda: make(60))) for _ in range(5)]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join()
    assert made == [60]
    kept.get("b", lambda: make(50))
    assert kept.known("a") is None
    assert kept.renewed("b", lambda known: np.append(known, 1)).size == 51
    kept.get("c", lambda: make(500))
    assert kept.known("b") is None
    assert kept.known("c") is not None


def test_what_reads_logs_is_loaded_with_the_first_log() -> None:
    heavy = ("pyarrow", "duckdb", "scipy", "numba")
    code = (
        "import sys, tb_snapshot_compare.cli, tb_snapshot_compare.http_api.routes\n"
        f"assert not [name for name in {heavy} if name in sys.modules]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
