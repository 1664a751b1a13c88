"""Open logs: few at a time, looked at in the background, and still while they are worked on."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tb_snapshot_compare.errors import SnapshotChangedError
from tb_snapshot_compare.workspace import training_logs
from tb_snapshot_compare.workspace.training_logs import TrainingLogs


class FakeLog:
    """Counts how often it is looked at; its version is what a test says."""

    made: dict[Path, "FakeLog"] = {}  # noqa: RUF012

    def __init__(self, directory: Path) -> None:
        self.made[directory] = self
        self.version = ""
        self.next = "one"
        self.looks = 0
        self.closed = False
        self.fault: Exception | None = None

    def refresh(self) -> bool:
        self.looks += 1
        if self.fault is not None:
            raise self.fault
        changed = self.version != self.next
        self.version = self.next
        return changed

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeLog.made = {}
    monkeypatch.setattr(training_logs, "_open", FakeLog)
    monkeypatch.setattr(training_logs, "TRAINING_LOOK_SECONDS", 0.02)
    monkeypatch.setattr(training_logs, "TRAINING_CHANGE_SECONDS", 0.05)


@pytest.fixture
def changes() -> list[float]:
    return []


@pytest.fixture
def logs(changes: list[float]) -> Iterator[TrainingLogs]:
    found = TrainingLogs(lambda: changes.append(time.monotonic()), kept=2)
    yield found
    found.close()


ONE, TWO, THREE = Path("one"), Path("two"), Path("three")


def until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def test_what_is_written_is_seen_without_being_asked_for(
    logs: TrainingLogs, changes: list[float]
) -> None:
    assert logs.of(ONE).version == "one"
    assert len(changes) == 1
    FakeLog.made[ONE].next = "two"
    until(lambda: FakeLog.made[ONE].version == "two")
    until(lambda: len(changes) == 2)


def test_nobody_is_there_nothing_is_looked_at(
    logs: TrainingLogs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_logs, "_WATCHED_SECONDS", 0.0)
    logs.of(ONE)
    time.sleep(0.1)
    looks = FakeLog.made[ONE].looks
    time.sleep(0.3)
    assert FakeLog.made[ONE].looks == looks
    monkeypatch.setattr(training_logs, "_WATCHED_SECONDS", 60.0)
    logs.watch()
    until(lambda: FakeLog.made[ONE].looks > looks)


def test_requests_do_not_look_more_often(
    logs: TrainingLogs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_logs, "TRAINING_CHANGE_SECONDS", 60.0)
    for _ in range(100):
        logs.of(ONE)
    assert FakeLog.made[ONE].looks == 1
    FakeLog.made[ONE].next = "two"
    assert logs.of(ONE).version == "one"
    logs.look_soon(ONE)
    assert logs.of(ONE).version == "two"
    logs.look_soon(TWO)


def test_a_log_stays_as_it_is_while_it_is_worked_on(logs: TrainingLogs) -> None:
    logs.of(ONE)
    with logs.reading(ONE, "one") as log:
        FakeLog.made[ONE].next = "two"
        time.sleep(0.2)
        assert log.version == "one"
    until(lambda: FakeLog.made[ONE].version == "two")


def test_an_old_version_is_refused_before_and_after_the_work(
    logs: TrainingLogs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_logs, "_BUSY_SECONDS", 0.1)
    done = []

    def work(version: str) -> None:
        with logs.reading(ONE, version):
            FakeLog.made[ONE].next = "two"
            until(lambda: FakeLog.made[ONE].version == "two")  # it has waited long enough
            done.append(version)

    with pytest.raises(SnapshotChangedError, match="Ask for `training` again"):
        work("old")
    assert done == []
    with pytest.raises(SnapshotChangedError):
        work("one")
    assert done == ["one"]


def test_the_logs_used_least_recently_are_closed(logs: TrainingLogs) -> None:
    logs.of(ONE)
    with logs.reading(ONE, "one"):
        for path in (TWO, THREE):
            logs.of(path)
        assert not FakeLog.made[ONE].closed, "work is being done on it"
    logs.of(TWO)
    logs.of(THREE)
    logs.of(TWO)
    assert FakeLog.made[ONE].closed
    assert not FakeLog.made[TWO].closed
    logs.close()
    assert FakeLog.made[TWO].closed


def test_a_log_that_cannot_be_looked_at_stays_as_it_was(
    logs: TrainingLogs, caplog: pytest.LogCaptureFixture
) -> None:
    logs.of(ONE)
    FakeLog.made[ONE].fault = OSError("no disk")
    until(lambda: "Looking at a log failed" in caplog.text)
    assert logs.of(ONE).version == "one"
    FakeLog.made[ONE].fault, FakeLog.made[ONE].next = None, "two"
    until(lambda: FakeLog.made[ONE].version == "two")


def test_many_threads_open_a_log_once(logs: TrainingLogs) -> None:
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(logs.of(ONE))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(log) for log in found}) == 1
    assert {log.version for log in found} == {"one"}
