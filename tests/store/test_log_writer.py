"""What was written is there, and what could not be written leaves nothing behind."""

import errno
import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tb_snapshot_compare.limits import LOG_RUNS_MAX, LOG_SEGMENT_ROWS_MAX
from tb_snapshot_compare.store.log_segments import SegmentName
from tb_snapshot_compare.store.log_tables import decode_session
from tb_snapshot_compare.store.log_writer import LogWriter
from tests.store.logs import (
    KEYS,
    ROWS,
    cells,
    filter_rows,
    on_disk,
    opened,
    scalar_rows,
    session,
    shown,
    write_all,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("table", ROWS)
def test_what_was_written_is_read(tmp_path: Path, table: str) -> None:
    writer = LogWriter(tmp_path, session())
    columns = ROWS[table]([5, 3])
    name = SegmentName.parse(writer.write(table, columns))
    assert name is not None
    assert (name.first, name.last, name.session) == (3, 5, "first")
    value = {"layers": "mean", "filters": "w_l2", "images": "predicted"}.get(table, "step")
    written = cells(columns, KEYS[table], value)
    if table == "filters":
        written = {key: float(np.float32(each)) for key, each in written.items()}
    log = opened(tmp_path)
    assert shown(log, table, value) == written
    assert log.problems == ()
    assert log.steps(table).tolist() == [3, 5]


def test_no_rows_are_no_segment(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path, session())
    assert writer.write("scalars", {"step": [], "name": [], "value": []}) == ""
    assert not (tmp_path / "scalars").exists()


def test_the_sessions_file_is_replaced_and_comes_back(tmp_path: Path) -> None:
    first = session(units=(), probe=None)
    writer = LogWriter(tmp_path, first)
    path = tmp_path / "sessions" / "first.json"
    assert decode_session(path.read_bytes()) == first
    more = session(started=first.started)
    writer.update_session(more)
    assert decode_session(path.read_bytes()) == writer.session == more
    with pytest.raises(ValueError, match="is of session first, not second"):
        writer.update_session(session("second"))
    path.unlink()
    writer.write("scalars", scalar_rows([1]))
    assert decode_session(path.read_bytes()) == more


@pytest.mark.parametrize("name", ["", "a.b", "../a", "a b", "x" * 65])
def test_a_session_has_an_id_that_can_be_in_a_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="1 to 64 letters"):
        LogWriter(tmp_path, session(name))


def test_too_much_at_once_is_refused(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path, session())
    with pytest.raises(ValueError, match=f"at most {LOG_SEGMENT_ROWS_MAX} rows"):
        writer.write("images", dict.fromkeys(("step", "image"), np.zeros(2**22 + 1, int)))
    scattered = np.arange(2 * LOG_RUNS_MAX + 2) ** 2
    with pytest.raises(ValueError, match=f"in {LOG_RUNS_MAX} steps"):
        writer.write("images", {"step": scattered, "image": scattered * 0})
    assert writer.write("images", {"step": scattered[:9], "image": scattered[:9] * 0})


def test_a_closed_writer_writes_no_more(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path, session())
    writer.close()
    actions: list[Callable[[], object]] = [
        lambda: writer.write("scalars", scalar_rows([1])),
        lambda: writer.update_session(session()),
        writer.compact,
    ]
    for action in actions:
        with pytest.raises(ValueError, match="first is closed"):
            action()


def test_times_do_not_run_backwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = LogWriter(tmp_path, session(started=1000.0))
    for now in (500.0, 2000.0, 1500.0):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        writer.write("scalars", scalar_rows([int(now)]))
    segments = writer._segments["scalars"]
    assert [segment.runs["created"].item() for segment in segments] == [1000.0, 2000.0, 2000.0]


def test_a_writer_of_the_same_session_goes_on(tmp_path: Path) -> None:
    write_all(LogWriter(tmp_path, session()), [1, 2])
    again = LogWriter(tmp_path, session())
    write_all(again, range(3, 9))
    assert again.compact() == 8 * len(ROWS)
    log = opened(tmp_path)
    for table in ROWS:
        assert log.steps(table).tolist() == list(range(1, 9))
        (only,) = (tmp_path / table).glob("*")
        assert SegmentName.parse(only.name).number == 8


def test_files_that_nobody_finished_go_after_an_hour(tmp_path: Path) -> None:
    LogWriter(tmp_path, session()).write("scalars", scalar_rows([1]))
    old, young = tmp_path / "scalars" / ".tmp-old", tmp_path / "scalars" / ".tmp-young"
    for path in (old, young):
        path.write_bytes(b"unfinished")
    hour_ago = time.time() - 3700
    os.utime(old, (hour_ago, hour_ago))
    LogWriter(tmp_path, session("second"))
    assert (old.exists(), young.exists()) == (False, True)
    assert opened(tmp_path).problems == ()


class Failing:
    """An os function that fails at some of its calls, and counts them."""

    def __init__(self, name: str, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
        self.name, self.code = name, code
        self.calls = 0
        self.fails: set[int] = set()
        self.works = getattr(os, name)
        monkeypatch.setattr(os, name, self)

    def __call__(self, *arguments: Any, **others: Any) -> Any:
        self.calls += 1
        if self.calls in self.fails:
            raise OSError(self.code, os.strerror(self.code))
        return self.works(*arguments, **others)


FAULTS = [
    ("open", errno.EACCES),
    ("open", errno.EMFILE),
    ("write", errno.ENOSPC),
    ("write", errno.EIO),
    ("fsync", errno.EIO),
    ("fsync", errno.ENOSPC),
    ("fstat", errno.EIO),
    ("rename", errno.ENOSPC),
    ("rename", errno.EACCES),
    ("close", errno.EIO),
]


@pytest.mark.parametrize(("function", "code"), FAULTS)
def test_a_failed_write_leaves_nothing_and_can_be_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, code: int
) -> None:
    """At every call of the function in turn."""
    writer = LogWriter(tmp_path, session())
    writer.write("scalars", scalar_rows([0]))
    failing = Failing(function, monkeypatch, code)
    writer.write("scalars", scalar_rows([1]))
    calls = failing.calls
    assert calls
    for call in range(1, calls + 1):
        failing.calls, failing.fails = 0, {call}
        with pytest.raises(OSError, match=os.strerror(code)):
            writer.write("scalars", scalar_rows([1 + call]))
        failing.fails = set()
        assert not list(tmp_path.rglob(".tmp-*"))
        log = opened(tmp_path)
        assert log.problems == ()
        assert log.steps("scalars").tolist() == list(range(1 + call))
        writer.write("scalars", scalar_rows([1 + call]))
        assert len(on_disk(tmp_path, "scalars")) == 2 * (2 + call)


def test_rows_that_could_not_be_taken_back_count_once_when_they_are_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The directory cannot be made safe, and then the segment cannot be removed either."""
    writer = LogWriter(tmp_path, session())
    writer.write("scalars", scalar_rows([1]))
    fsync = Failing("fsync", monkeypatch, errno.EIO)
    unlink = Failing("unlink", monkeypatch, errno.EIO)
    fsync.fails, unlink.fails = {2}, {1}
    with pytest.raises(OSError, match="Input/output"):
        writer.write("scalars", scalar_rows([2]))
    assert opened(tmp_path).steps("scalars").tolist() == [1, 2]
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(OSError(errno.EIO)))
    writer.write("scalars", scalar_rows([2], seed=7))
    assert len(on_disk(tmp_path, "scalars")) == 6
    wanted = cells(scalar_rows([1]), KEYS["scalars"], "value")
    wanted |= cells(scalar_rows([2], seed=7), KEYS["scalars"], "value")
    assert shown(opened(tmp_path), "scalars", "value") == wanted
    for step in range(3, 9):
        writer.write("scalars", scalar_rows([step]))
        wanted |= cells(scalar_rows([step]), KEYS["scalars"], "value")
    assert writer.compact() == 8  # what was replaced cannot be removed, and must not come back
    assert shown(opened(tmp_path), "scalars", "value") == wanted


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    works = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: works(descriptor, data[:7]))
    writer = LogWriter(tmp_path, session())
    writer.write("filters", filter_rows([1, 2]))
    monkeypatch.undo()
    log = opened(tmp_path)
    assert log.problems == ()
    assert log.filter_measure("conv1", "w_l2").shape == (3, 2)


def test_a_file_that_is_cut_behind_the_writers_back_gets_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = LogWriter(tmp_path, session())
    monkeypatch.setattr(os, "fsync", lambda descriptor: os.ftruncate(descriptor, 100))
    with pytest.raises(OSError, match="not as long as"):
        writer.write("scalars", scalar_rows([1]))
    assert list((tmp_path / "scalars").iterdir()) == []


def as_nobody(script: str, folder: Path) -> str:
    """What a script prints that is run by a user who may not do everything."""
    program = f"""
        import os, resource, signal, sys
        from pathlib import Path
        from tests.store.logs import *
        write_all(LogWriter(Path(sys.argv[2]), session()), [1])  # whatever is imported late
        if os.getuid() == 0:
            os.setgid(65534); os.setuid(65534)
        folder = Path(sys.argv[1])
        {textwrap.indent(textwrap.dedent(script), " " * 8).strip()}
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(folder), f"{folder}-before"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_folder_that_may_not_be_written_is_an_error_and_works_once_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readable = tmp_path
    while readable != readable.parent and os.stat(readable).st_uid == os.getuid():
        readable.chmod(0o755)
        readable = readable.parent
    folder = tmp_path / "log"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    script = """
        writer = LogWriter(folder / "inner", session())
        writer.write("scalars", scalar_rows([1]))
        for path in (folder / "inner" / "scalars", folder / "inner"):
            path.chmod(0o555)
        for table, rows in (("scalars", scalar_rows), ("events", event_rows)):
            try:
                writer.write(table, rows([2]))
            except PermissionError as error:
                print(error.strerror)
        for path in (folder / "inner", folder / "inner" / "scalars"):
            path.chmod(0o755)
        writer.write("scalars", scalar_rows([2]))
        writer.write("events", event_rows([2]))
    """
    assert as_nobody(script, folder) == "Permission denied\n" * 2
    log = opened(folder / "inner")
    assert log.steps("scalars").tolist() == [1, 2]
    assert log.problems == ()
    assert not list(folder.rglob(".tmp-*"))


def test_a_full_disk_stops_no_training_and_nothing_half_is_left(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk."""
    script = """
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        writer = LogWriter(folder, session())
        writer.write("scalars", scalar_rows([1]))
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        for size in range(1, 3000, 97):
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
            try:
                writer.write("scalars", scalar_rows([2]))
                print("written")
            except OSError as error:
                print(error.strerror)
            left = [path.name for path in folder.rglob("*.tmp*")]
            assert not left, left
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        writer.write("scalars", scalar_rows([3]))
    """
    tmp_path.chmod(0o777)
    for above in tmp_path.parents:
        if os.stat(above).st_uid == os.getuid() and above != Path("/"):
            above.chmod(os.stat(above).st_mode | 0o055)
    words = as_nobody(script, tmp_path).split("\n")[:-1]
    assert words.count("File too large") >= 10
    assert set(words) <= {"File too large", "written"}
    log = opened(tmp_path)
    assert log.problems == ()
    assert set(log.steps("scalars").tolist()) == {1, 3} | ({2} if "written" in words else set())


def test_several_threads_write_at_once(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path, session())
    failures: list[BaseException] = []

    def write(first: int) -> None:
        try:
            for step in range(first, first + 6):
                writer.write("scalars", scalar_rows([step]))
                writer.compact()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(10 * number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    steps = [10 * number + more for number in range(4) for more in range(6)]
    wanted: dict[Any, Any] = {}
    for step in steps:
        wanted |= cells(scalar_rows([step]), KEYS["scalars"], "value")
    assert shown(opened(tmp_path), "scalars", "value") == wanted
