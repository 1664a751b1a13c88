"""What fails or lags behind costs the log, never the training, and is counted."""

import errno
import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tb_snapshot_compare import Recorder
from tb_snapshot_compare.limits import RECORDING_WAITING_MAX
from tb_snapshot_compare.recording import background, run_log, session_writer
from tb_snapshot_compare.store.log_writer import LogWriter

Reader = Callable[[Path], Any]
WEIGHTS = {"fc/kernel": np.ones((4, 2), np.float32)}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failed attempts are repeated, and numbers written, without a pause."""
    monkeypatch.setattr(session_writer, "RECORDING_RETRY_SECONDS", 0.0)
    monkeypatch.setattr(run_log, "RECORDING_FLUSH_SECONDS", 0.0)


class Disk:
    """Lets every call of the writer fail while it is full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_full = False
        self.written: list[str] = []
        for name in ("__init__", "write", "update_session", "compact"):
            self._replace(monkeypatch, name, getattr(LogWriter, name))

    def _replace(
        self, monkeypatch: pytest.MonkeyPatch, name: str, work: Callable[..., Any]
    ) -> None:
        def called(*args: Any) -> Any:
            if self.is_full:
                raise OSError(errno.ENOSPC, "No space left on device")
            result = work(*args)
            if name == "write":
                self.written.append(args[1])
            return result

        monkeypatch.setattr(LogWriter, name, called)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def until(condition: Callable[[], bool]) -> None:
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never came")


def test_a_full_disk_is_told_once_counted_and_noted_when_it_has_room_again(
    disk: Disk, tmp_path: Path, read: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder(tmp_path, every=1, snapshot_every=0)
    with caplog.at_level(logging.WARNING), recorder:
        recorder.dump(0, WEIGHTS)
        until(lambda: "filters" in disk.written)
        disk.is_full = True
        for step in (1, 2, 3):
            recorder.step(step, loss=0.5, learning_rate=0.1)
            recorder.dump(step, WEIGHTS)
        until(lambda: recorder.lost.get("dumps") == 3 and recorder.lost.get("scalars") == 6)
        disk.is_full = False
        recorder.dump(4, WEIGHTS)
    assert [record.message for record in caplog.records] == [
        f"The training is not fully recorded in {tmp_path}/snapshot_log: No space left on device. "
        "It goes on; what is lost is counted, and noted in the log once writing works again."
    ]
    found = read(tmp_path)
    assert found.steps("layers") == [0, 4]
    ((step, text),) = found.events("lost")
    assert step == 3
    assert (
        text == ("Not recorded of steps 1 to 3: 6 scalars, 3 dumps (No space left on device).")
        or text == "Not recorded of steps 1 to 3: 3 dumps, 6 scalars (No space left on device)."
    )
    (event,) = (each for each in found.log.events() if each.kind == "lost")
    assert json.loads(event.detail) == {
        "dumps": 3, "scalars": 6, "first_step": 1, "last_step": 3,
        "reasons": ["No space left on device"],
    }  # fmt: skip


def test_a_folder_that_cannot_be_made_costs_everything_until_it_can(
    tmp_path: Path, read: Reader
) -> None:
    place = tmp_path / "logs"
    place.write_text("a file, not a directory")
    with Recorder(place, run="a", every=1, snapshot_every=0) as recorder:
        for step in range(3):
            recorder.dump(step, WEIGHTS)
        until(lambda: recorder.lost.get("dumps") == 3)
        place.unlink()
        recorder.dump(3, WEIGHTS)
    found = read(place / "a")
    assert found.steps("layers") == [3]
    assert found.events("lost")[0][1].startswith("Not recorded of steps 0 to 2: 3 dumps (")
    assert [unit.path for unit in found.log.units] == ["", "fc"]


def test_every_call_may_fail_once(disk: Disk, tmp_path: Path, read: Reader) -> None:
    """The n-th call fails, for each n until none does: the others are as they should be."""
    for n in range(30):
        calls = iter(range(1000))
        original = {name: getattr(LogWriter, name) for name in ("write", "update_session")}

        def failing(*args: Any, work: Any, calls: Iterator[int] = calls, n: int = n) -> Any:
            if next(calls) == n:
                raise OSError(errno.EIO, "Input/output error")
            return work(*args)

        with pytest.MonkeyPatch.context() as patch:
            for name, work in original.items():
                patch.setattr(LogWriter, name, lambda *a, work=work: failing(*a, work=work))
            with Recorder(tmp_path / str(n), every=1, snapshot_every=2) as recorder:
                for step in range(3):
                    recorder.step(step, loss=0.5)
                    recorder.dump(step, WEIGHTS)
        found = read(tmp_path / str(n))
        lost = recorder.lost
        assert sum(lost.values()) <= 2
        assert [unit.path for unit in found.log.units] == ["", "fc"]
        complete = set(found.steps("layers")) & set(found.steps("filters"))
        assert len(complete) >= 3 - lost.get("dumps", 0)
        assert bool(lost) == bool(found.events("lost")) or "events" in lost
        if next(calls) <= n:
            return
    raise AssertionError("there is no end of calls")


LIMITED = """
import resource, signal, sys
import numpy as np
from tb_snapshot_compare import Recorder
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
weights = {"fc/kernel": np.random.default_rng(0).normal(size=(300, 200)).astype(np.float32)}
recorder = Recorder(sys.argv[1], every=1, snapshot_every=1)
recorder.dump(0, weights)
recorder.step(0, loss=1.0)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), hard))
for step in range(1, 4):
    recorder.dump(step, weights)
recorder.close()
print(sorted(recorder.lost))
"""


def test_files_that_may_not_grow_leave_no_remains(tmp_path: Path, read: Reader) -> None:
    """The system itself refuses to write: no snapshot fits, and then nothing at all."""
    for limit, lost in (
        (100_000, ["snapshots"]),
        (10, ["dumps", "events", "scalars", "snapshots"]),
    ):
        folder = tmp_path / str(limit)
        command = [sys.executable, "-c", LIMITED, str(folder), str(limit)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
        assert set(eval(done.stdout)) >= {"snapshots"}, done.stderr
        assert set(eval(done.stdout)) <= set(lost)
        assert [path.name for path in folder.iterdir() if ".tmp" in path.name] == []
        read(folder)


class Slow:
    """A consumer that waits until it may go on."""

    def __init__(self) -> None:
        self.may_go = threading.Event()
        self.took: list[Any] = []

    def take(self, item: Any) -> None:
        self.may_go.wait(30)
        self.took.append(item)

    def idle(self) -> None:
        pass

    def finish(self) -> None:
        pass


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    consumer = Slow()
    monkeypatch.setattr("tb_snapshot_compare.recording.recorder.RunLog", lambda *args: consumer)
    yield consumer
    consumer.may_go.set()


def test_dumps_are_dropped_and_not_copied_where_too_many_wait(slow: Slow, tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, every=1)
    taken = [recorder.dump(step, WEIGHTS) for step in range(RECORDING_WAITING_MAX + 5)]
    kept = sum(taken)
    assert RECORDING_WAITING_MAX <= kept <= RECORDING_WAITING_MAX + 1  # one may be at work
    assert recorder.lost == {"dumps": RECORDING_WAITING_MAX + 5 - kept}

    class Uncopied:
        nbytes = 8

        def __array__(self, *args: Any, **kwargs: Any) -> Any:
            raise AssertionError("copied in vain")

    assert not recorder.dump(999, {"fc/kernel": Uncopied()})
    slow.may_go.set()
    recorder.close()
    assert len(slow.took) == kept


def test_of_large_dumps_one_waits_while_one_is_worked_on(
    slow: Slow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "RECORDING_WAITING_BYTES", 10)
    recorder = Recorder(tmp_path, every=1)
    assert recorder.dump(0, WEIGHTS)
    until(lambda: not recorder._background._items)  # at work
    assert [recorder.dump(step, WEIGHTS) for step in (1, 2)] == [True, False]
    assert recorder.validated(1, [0, 1])
    slow.may_go.set()
    recorder.close()


def test_closing_waits_no_longer_than_it_is_told(slow: Slow, tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.dump(0, WEIGHTS)
    assert not recorder.close(timeout=0.01)
    assert not recorder.dump(1, WEIGHTS)
    recorder.step(1, loss=2.0, accuracy=0.5)
    assert recorder.lost == {"dumps": 1, "scalars": 2}


def test_an_error_of_ours_costs_one_item(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Reader
) -> None:
    original = run_log.layer_rows

    def faulty(dump: Any, *rest: Any) -> Any:
        if dump.step == 1:
            raise RuntimeError("a fault")
        return original(dump, *rest)

    monkeypatch.setattr(run_log, "layer_rows", faulty)
    with Recorder(tmp_path, every=1) as recorder:
        for step in range(3):
            recorder.dump(step, WEIGHTS)
    assert recorder.lost == {"dumps": 1}
    found = read(tmp_path)
    assert found.steps("layers") == [0, 2]
    assert found.events("lost") == [
        (1, "Not recorded of steps 1 to 1: 1 dumps (RuntimeError: a fault).")
    ]


KILLED = """
import sys
sys.path[:0] = sys.argv[3:]
from loops import Network
from tb_snapshot_compare import Recorder
from tb_snapshot_compare.store.log_writer import LogWriter
write = LogWriter.write
def noted(self, table, columns):
    name = write(self, table, columns)
    print(table, max(columns.get("step", [0])), flush=True)
    return name
LogWriter.write = noted
recorder = Recorder(sys.argv[1], every=2)
network = Network()
step = int(sys.argv[2])
while True:
    if recorder.wants_dump(step):
        recorder.dump(step, network.weights)
    loss, _ = network.step()
    step += 1
    recorder.step(step, loss=loss)
"""


def test_what_was_acknowledged_before_a_kill_is_readable_and_training_goes_on(
    tmp_path: Path, read: Reader
) -> None:
    here = str(Path(__file__).parent)
    start = 0
    for kill in range(3):
        command = [sys.executable, "-c", KILLED, str(tmp_path), str(start), here]
        acknowledged: dict[str, set[int]] = {}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                table, step = line.split()
                acknowledged.setdefault(table, set()).add(int(step))
                if len(acknowledged.get("filters", ())) > 5 + 3 * kill:
                    process.kill()
        found = read(tmp_path)
        for table in ("layers", "filters", "scalars"):
            assert acknowledged[table] <= set(found.steps(table)), table
        start = max(acknowledged["layers"]) - 2
    assert len(found.log.sessions) == 3
    assert len(found.events("resumed")) == 2


def test_no_error_of_ours_ends_the_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    original = run_log.layer_rows

    def faulty(dump: Any, *rest: Any) -> Any:
        if dump.step in (1, 2):
            raise SystemExit("a fault")
        return original(dump, *rest)

    monkeypatch.setattr(run_log, "layer_rows", faulty)
    with caplog.at_level(logging.WARNING), Recorder(tmp_path, every=1) as recorder:
        for step in range(4):
            assert recorder.dump(step, WEIGHTS)
        assert recorder.flush()
        assert recorder.lost == {"dumps": 2}
    assert read(tmp_path).steps("layers") == [0, 3]
    assert len(caplog.records) == 1


def test_an_error_while_counting_an_error_does_not_end_the_thread(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Faulty:
        def take(self, item: Any) -> None:
            raise AttributeError("of another kind")

        idle = finish = lambda self: None

    def failed(item: Any, error: BaseException) -> None:
        raise KeyError(type(item))

    thread = background.Background(Faulty(), failed, lambda seconds: None)
    assert all(thread.offer(background.Scalars(step, 0.0, {})) for step in range(3))
    assert thread.flush(30)
    assert thread.close(30)
    errors = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert [each.message for each in errors] == ["Recording failed; the training goes on."]


def test_rows_that_a_table_cannot_hold_are_counted_whatever_it_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(*given: Any) -> Any:
        raise NotImplementedError("a column of another kind")

    with Recorder(tmp_path) as recorder:
        recorder.step(0, loss=1.0)
        recorder.flush()
        monkeypatch.setattr(LogWriter, "write", write)
        recorder.step(1, loss=1.0)
        until(lambda: recorder.lost == {"scalars": 1})


def test_a_snapshot_that_cannot_be_made_costs_only_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Reader
) -> None:
    def write(*given: Any) -> Any:
        raise NotImplementedError("weights of another kind")

    monkeypatch.setattr(run_log, "write_snapshot", write)
    with Recorder(tmp_path, every=1) as recorder:
        for step in range(2):
            recorder.dump(step, WEIGHTS)
    assert recorder.lost == {"snapshots": 2}
    found = read(tmp_path)
    assert found.steps("layers") == [0, 1]
    assert all("(weights of another kind)" in text for _, text in found.events("lost"))
    assert found.events("lost")
