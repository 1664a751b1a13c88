"""`tb-snapshot-compare index`, and the same from Python."""

import os
from pathlib import Path

import pytest

from tb_snapshot_compare import cli
from tb_snapshot_compare.errors import CancelledError
from tb_snapshot_compare.sources import parse_roots, scan
from tb_snapshot_compare.store.log_reader import Log
from tb_snapshot_compare.workspace import index_runs, indexing
from tb_snapshot_compare.workspace.derived_log import DerivedLog, derived_directory
from tests.workspace.made_logs import MadeLog
from tests.workspace.test_deriving import NOW, save, weights


@pytest.fixture
def logdir(tmp_path: Path) -> Path:
    """A run of three snapshots, one of a single one, and one that recorded itself."""
    for step in (10, 20, 30):
        save(tmp_path / "logs" / "long", step, weights(step))
    save(tmp_path / "logs" / "short", 10, weights(1))
    MadeLog.of(dumps=2, passes=2).write(tmp_path / "logs" / "recorded" / "snapshot_log")
    return tmp_path / "logs"


def index(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = cli.main(["index", *map(str, arguments)])
    output = capsys.readouterr()
    return code, output.out, output.err


def log_of(logdir: Path, cache: Path, run: str) -> Log:
    (sources,) = [
        each for each in scan(parse_roots(str(logdir), None, None)).runs if each.name == run
    ]
    log = Log(derived_directory(cache, sources.directory))
    log.refresh()
    return log


def test_every_run_is_computed_once(
    capsys: pytest.CaptureFixture[str], logdir: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    code, out, err = index(capsys, logdir, "--cache-dir", cache)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "long: 3 snapshots, 2 changes known (2 computed now)",
        "recorded: recorded by the training itself, nothing to compute",
        "short: no two snapshots to compare",
    ]
    assert log_of(logdir, cache, "long").steps("layers").tolist() == [10, 20, 30]
    _, out, _ = index(capsys, logdir, "--cache-dir", cache, "--run", "long")
    assert out == "long: 3 snapshots, 2 changes known (0 computed now)\n"
    save(logdir / "long", 40, weights(40))
    _, out, _ = index(capsys, logdir, "--cache-dir", cache, "--run", "long")
    assert out == "long: 4 snapshots, 3 changes known (1 computed now)\n"


def test_who_stops_it_goes_on_there_later(logdir: Path, tmp_path: Path) -> None:
    seen: list[tuple[float, int]] = []

    def stop(run: str, done: float, total: int) -> None:
        seen.append((done, total))
        if done >= 1:
            raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        list(index_runs(str(logdir), "long", str(tmp_path / "cache"), stop))
    assert seen[-1] == (1, 3)
    assert all(0 < done < 1 for done, _ in seen[:-1])
    (run,) = index_runs(str(logdir), "long", str(tmp_path / "cache"))
    assert (run.pairs, run.computed, run.snapshots) == (2, 1, 3)


def test_wrong_usage_has_exit_code_2(capsys: pytest.CaptureFixture[str], logdir: Path) -> None:
    code, _, err = index(capsys, logdir, "--cache-dir", "none")
    assert code == 2
    assert "'none' keeps no log" in err
    with pytest.raises(SystemExit, match="2"):
        cli.main(["index"])


def test_a_recording_of_which_nothing_is_left_is_none(
    capsys: pytest.CaptureFixture[str], logdir: Path, tmp_path: Path
) -> None:
    sessions = logdir / "long" / "snapshot_log" / "sessions"
    sessions.mkdir(parents=True)
    (sessions / "s1.json").write_text("cut sh")
    _, out, _ = index(capsys, logdir, "--cache-dir", tmp_path / "cache", "--run", "long")
    assert out == "long: 3 snapshots, 2 changes known (2 computed now)\n"


def test_what_is_not_there_has_exit_code_1(
    capsys: pytest.CaptureFixture[str], logdir: Path, tmp_path: Path
) -> None:
    code, _, err = index(capsys, logdir, "--run", "other", "--cache-dir", tmp_path / "cache")
    assert code == 1
    assert "no run 'other' with snapshots. Its runs: long, recorded, short." in err
    code, _, err = index(capsys, tmp_path / "nothing", "--cache-dir", tmp_path / "cache")
    assert code == 1
    assert "does not exist" in err
    (tmp_path / "empty").mkdir()
    code, _, err = index(capsys, tmp_path / "empty", "--cache-dir", tmp_path / "cache")
    assert code == 1
    assert "no snapshots" in err


def test_what_is_damaged_is_named_and_the_rest_is_computed(
    capsys: pytest.CaptureFixture[str], logdir: Path, tmp_path: Path
) -> None:
    (data,) = (logdir / "long").glob("ckpt-20.data*")
    content = bytearray(data.read_bytes())
    content[4] ^= 0xFF
    data.write_bytes(content)
    os.utime(data, (NOW - 3500, NOW - 3500))
    code, out, err = index(capsys, logdir, "--run", "long", "--cache-dir", tmp_path / "cache")
    assert code == 1
    assert "2 changes known (2 computed now)" in out
    assert "ckpt-20: " in err
    assert "1 snapshots, or parts of them, could not be read" in err


def test_a_fault_of_ours_on_one_run_leaves_the_others(
    capsys: pytest.CaptureFixture[str],
    logdir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: object) -> tuple[int, int]:
        raise KeyError("of one run")

    computed = indexing._computed
    monkeypatch.setattr(
        indexing,
        "_computed",
        lambda *given: (fails if given[2] == "long" else computed)(*given),
    )
    code, out, err = index(capsys, logdir, "--cache-dir", tmp_path / "cache")
    assert code == 1
    assert "It failed (KeyError)" in err
    assert "short: " in out


def test_a_cache_that_cannot_be_written_is_named(
    capsys: pytest.CaptureFixture[str], logdir: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no directory")
    code, _, err = index(capsys, logdir, "--run", "long", "--cache-dir", tmp_path / "file")
    assert code == 1
    assert "give another --cache-dir" in err


def test_another_program_at_work_on_the_same_is_waited_for(
    logdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (sources,) = scan(parse_roots(str(logdir / "long"), None, None)).runs
    other = DerivedLog(derived_directory(tmp_path / "cache", sources.directory))
    lock = other.locked()
    assert lock.__enter__()
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            lock.__exit__(None, None, None)

    with indexing._opened(str(logdir), str(tmp_path / "cache")) as workspace:
        monkeypatch.setattr(indexing.time, "sleep", wait)
        run = indexing._indexed(workspace, workspace.run("long"), None)
    assert (run.computed, len(waits)) == (2, 3)
