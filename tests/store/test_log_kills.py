"""Processes that are killed, and processes that write at the same time."""

import multiprocessing
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.log_kills import kills
from benchmarks.scratch import scratch
from tb_snapshot_compare.store.log_writer import LogWriter
from tests.store.logs import KEYS, ROWS, cells, opened, session, shown, write_all

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def folder() -> Iterator[Path]:
    path = scratch("log-kills")
    yield path
    shutil.rmtree(path)


def test_what_was_acknowledged_outlives_any_kill(folder: Path) -> None:
    outcome = kills(folder, 12)
    assert outcome.wrong == []
    assert outcome.kills == 12
    assert outcome.acknowledged > 12
    assert outcome.resumed


def write(folder: Path, name: str, steps: range, barrier: Any) -> None:
    writer = LogWriter(folder, session(name))
    barrier.wait(60)
    for step in steps:
        write_all(writer, [step])
        writer.compact()


def test_two_processes_write_one_run(folder: Path) -> None:
    """Each its own steps; a reader meets whole dumps at any time, and all of them in the end."""
    barrier = SPAWN.Barrier(3)
    processes = [
        SPAWN.Process(target=write, args=(folder, name, steps, barrier), daemon=True)
        for name, steps in (("even", range(0, 40, 2)), ("odd", range(1, 41, 2)))
    ]
    for process in processes:
        process.start()
    barrier.wait(60)
    log = opened(folder)
    while any(process.is_alive() for process in processes):
        log.refresh()
        steps = log.steps("images").tolist()
        assert (log.images()[0] >= 0).all()
        counts = log.query("SELECT step, count(*) AS n FROM filters GROUP BY step")["n"]
        assert set(counts.to_pylist()) <= {8}
        assert set(steps) <= set(log.steps("images").tolist())
        time.sleep(0.01)
    assert [process.exitcode for process in processes] == [0, 0]
    log.refresh()
    assert log.problems == ()
    for table, value in (("scalars", "value"), ("images", "predicted"), ("layers", "mean")):
        wanted: dict[Any, Any] = {}
        for step in range(40):
            wanted |= cells(ROWS[table]([step]), KEYS[table], value)
        assert shown(log, table, value) == wanted


def overwrite(folder: Path, first: int, seed: int, barrier: Any) -> None:
    writer = LogWriter(folder, session(f"seed{seed}", first_step=first))
    barrier.wait(60)
    write_all(writer, range(first, first + 5), seed)


def test_a_training_that_was_resumed_replaces_what_it_does_again(folder: Path) -> None:
    for first, seed in ((0, 1), (3, 2), (1, 3)):
        barrier = SPAWN.Barrier(2)
        process = SPAWN.Process(target=overwrite, args=(folder, first, seed, barrier))
        process.start()
        barrier.wait(60)
        process.join()
        assert process.exitcode == 0
    log = opened(folder)
    wanted = cells(ROWS["scalars"]([0], 1), KEYS["scalars"], "value")
    for step in range(1, 6):
        wanted |= cells(ROWS["scalars"]([step], 3), KEYS["scalars"], "value")
    assert shown(log, "scalars", "value") == wanted
    assert log.steps("filters").tolist() == list(range(6))
