import json
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tb_snapshot_compare.errors import BeingWrittenError, UnreadableSnapshotError
from tb_snapshot_compare.snapshot import FileSet, Format, Position, SnapshotRef, State
from tb_snapshot_compare.sources import Bounds, Probe, Scan, parse_roots, scan
from tb_snapshot_compare.sources.scan import Scanner

Scanned = Callable[..., Scan]
DATE = 1_700_000_000.0


@pytest.fixture
def scanned(tmp_path: Path, clock: Any) -> Scanned:
    """One scan of the logdir."""

    def _scanned(probe: Any = None, extra: str = "", **bounds: Any) -> Scan:
        roots = parse_roots(os.fspath(tmp_path), None, extra)
        return scan(roots, probe, bounds=Bounds(**bounds), clock=clock)

    return _scanned


def _refs(result: Scan) -> list[SnapshotRef]:
    return [ref for run in result.runs for ref in run.snapshots]


def _only(result: Scan) -> SnapshotRef:
    (ref,) = _refs(result)
    return ref


def _by_run(result: Scan) -> dict[str, list[str]]:
    return {run.name: [ref.name for ref in run.snapshots] for run in result.runs}


# --- what is found


def test_every_format_is_found_with_the_path_that_its_reader_opens(
    scanned: Scanned, write: Any, bundle: Any, tmp_path: Path
) -> None:
    write("a.keras", "b.weights.h5", "c.h5", "old.hdf5")
    bundle("ckpt-5", shards=2)
    bundle("exported/variables/variables")
    write("exported/saved_model.pb", "exported/fingerprint.pb")
    found = {fs.path: fs.format for ref in _refs(scanned()) for fs in ref.file_sets}
    assert found == {
        f"{tmp_path}/a.keras": Format.KERAS,
        f"{tmp_path}/b.weights.h5": Format.WEIGHTS_H5,
        f"{tmp_path}/c.h5": Format.LEGACY_H5,
        f"{tmp_path}/old.hdf5": Format.LEGACY_H5,
        f"{tmp_path}/ckpt-5": Format.TF_CHECKPOINT,
        f"{tmp_path}/exported": Format.SAVED_MODEL,
    }


def test_sizes_and_times_cover_all_files_of_a_checkpoint(scanned: Scanned, write: Any) -> None:
    write("m.index", content=b"1234", age=50)
    write("m.data-00000-of-00002", "m.data-00001-of-00002", content=b"12345678", age=60)
    ref = _only(scanned())
    assert (ref.size, ref.modified) == (20, DATE - 50)


@pytest.mark.parametrize(
    "names",
    [
        ["ckpt-1.data-00000-of-00001"],
        [
            "ckpt_temp/part-00000-of-00001.index",
            "ckpt_temp/part-00000-of-00001.data-00000-of-00001",
        ],
        ["m.keras.tmp", "m.weights.h5.tmp"],
        ["m.keras.part", "notes.txt", "checkpoint"],
        ["saved_model.pb"],
        ["ckpt-1.data-00000-of-00001.tempstate123", "ckpt-1.index.tempstate123"],
    ],
)
def test_saves_in_progress_and_other_files_are_not_listed(
    scanned: Scanned, write: Any, names: list[str]
) -> None:
    write(*names)
    assert scanned().runs == ()


def test_missing_second_shard_is_reported_by_name(
    scanned: Scanned, bundle: Any, tmp_path: Path
) -> None:
    bundle("ckpt-1", shards=3)
    (tmp_path / "ckpt-1.data-00001-of-00003").unlink()
    ref = _only(scanned())
    assert ref.state is State.BROKEN
    assert "ckpt-1.data-00001-of-00003 is missing" in (ref.reason or "")


def test_a_shard_left_from_an_older_save_does_not_break_a_checkpoint(
    scanned: Scanned, bundle: Any, write: Any
) -> None:
    bundle("ckpt-1")
    write("ckpt-1.data-00001-of-00002")
    assert _only(scanned()).state is State.READY


def test_sharded_weights_are_one_snapshot(scanned: Scanned, write: Any) -> None:
    write("m.weights.json", "m_00000.weights.h5", "m_00001.weights.h5", "other_00000.weights.h5")
    write("my_weights.json", "my_weights_00000.weights.h5")
    found, mine, other = sorted(_refs(scanned()), key=lambda ref: ref.name)
    assert (found.name, found.state) == ("m", State.READY)
    assert [Path(stamp.path).name for stamp in found.stamps] == [
        "m.weights.json",
        "m_00000.weights.h5",
        "m_00001.weights.h5",
    ]
    assert (mine.name, mine.state) == ("my_weights", State.READY)
    assert (other.name, other.state) == ("other_00000", State.READY)


def test_a_saved_model_without_variables_is_broken(
    scanned: Scanned, write: Any, tmp_path: Path
) -> None:
    write("exported/saved_model.pb")
    (tmp_path / "exported/variables").mkdir()
    ref = _only(scanned())
    assert (ref.run, ref.name, ref.state) == (".", "exported", State.BROKEN)


def test_other_snapshots_beside_a_saved_model_are_found(
    scanned: Scanned, write: Any, bundle: Any
) -> None:
    bundle("run/variables/variables")
    write("run/saved_model.pb", "run/assets/x.keras", "run/ckpts/epoch-1.keras")
    assert _by_run(scanned()) == {".": ["run"], "run/ckpts": ["epoch-1"]}


def test_pipes_and_directories_with_a_snapshots_name_are_ignored(
    scanned: Scanned, tmp_path: Path, write: Any
) -> None:
    os.mkfifo(tmp_path / "m.keras")
    (tmp_path / "n.weights.h5").mkdir()
    os.symlink(tmp_path / "m.keras", tmp_path / "link.keras")
    os.symlink("/dev/zero", tmp_path / "zero.keras")
    os.symlink(tmp_path / "nowhere", tmp_path / "dangling.keras")
    assert scanned().runs == ()


def test_a_name_that_is_not_text_is_left_out_and_counted(
    scanned: Scanned, tmp_path: Path, write: Any
) -> None:
    write("good.keras")
    with open(os.fsencode(tmp_path) + b"/bad\xff.keras", "wb") as file:
        file.write(b"x")
    result = scanned()
    assert _only(result).name == "good"
    assert "1 names are not UTF-8" in (result.roots[0].problem or "")


# --- one snapshot, several files


def test_formats_of_one_step_are_one_snapshot(scanned: Scanned, write: Any, bundle: Any) -> None:
    write("epoch-10.weights.h5", "epoch-10.keras", "epoch-10/saved_model.pb")
    bundle("epoch-10")
    bundle("epoch-10/variables/variables")
    ref = _only(scanned())
    assert [fs.format for fs in ref.file_sets] == [
        Format.KERAS, Format.WEIGHTS_H5, Format.TF_CHECKPOINT, Format.SAVED_MODEL,
    ]  # fmt: skip
    assert ref.name == "epoch-10"
    assert ref.position == Position(epoch=10, epoch_source="file name")
    assert ref.size == sum(fs.size for fs in ref.file_sets)


def test_different_stems_stay_apart_even_at_one_step(scanned: Scanned, write: Any) -> None:
    write("best.keras", "ckpt-10.keras")
    probe = _steps({"best.keras": 500, "ckpt-10.keras": 500})
    assert sorted(ref.name for ref in _refs(scanned(probe))) == ["best", "ckpt-10"]


def test_formats_saved_at_different_steps_are_different_snapshots(
    scanned: Scanned, write: Any, bundle: Any
) -> None:
    write("model.keras", "model.weights.h5")
    bundle("model")
    result = scanned(_steps({"model.keras": 100, "model.weights.h5": 900, "model": 400}))
    assert [(ref.name, ref.position.step) for ref in _refs(result)] == [
        ("model", 100), ("model.index", 400), ("model.weights.h5", 900),
    ]  # fmt: skip
    assert len({ref.id for ref in _refs(result)}) == 3


def test_one_broken_format_is_named_and_the_others_are_readable(
    scanned: Scanned, write: Any
) -> None:
    write("m.keras", "m.weights.h5")

    def probe(files: FileSet) -> Probe:
        if files.format is Format.KERAS:
            raise UnreadableSnapshotError("m.keras is truncated.")
        return Probe()

    ref = _only(scanned(probe))
    assert (ref.state, ref.reason) == (State.READY, "m.keras is truncated.")
    assert ref.file_sets[0].format is Format.WEIGHTS_H5


# --- identity


def test_ids_are_opaque_and_the_same_in_every_session(
    scanned: Scanned, write: Any, clock: Any
) -> None:
    write("train/epoch-1.keras")
    before = _only(scanned())
    clock.now += 1000
    write("train/epoch-1.keras", content=b"longer", age=500)
    write("train/epoch-1.weights.h5")
    after = _only(scanned())
    assert before.id == after.id
    assert before.generation != after.generation
    assert re.fullmatch("[0-9a-f]{12}", before.id)


def test_equal_names_in_different_roots_and_runs_have_different_ids(
    scanned: Scanned, write: Any, tmp_path: Path
) -> None:
    write("a/m.keras", "b/m.keras", "m.keras")
    refs = _refs(scanned(extra=f"more:{tmp_path}/a"))
    assert len(refs) == 4
    assert len({ref.id for ref in refs}) == 4


def test_a_rewrite_of_the_same_size_is_another_generation(
    scanned: Scanned, bundle: Any, write: Any
) -> None:
    bundle("ckpt-1", shards=2)
    before = _only(scanned())
    write("ckpt-1.data-00001-of-00002", age=3599)
    assert _only(scanned()).generation != before.generation
    assert _only(scanned()).id == before.id


# --- position


def _steps(steps: dict[str, int]) -> Callable[[FileSet], Probe]:
    def probe(files: FileSet) -> Probe:
        step = steps.get(os.path.basename(files.path))
        return Probe(Position(step, None if step is None else "optimizer iterations"))

    return probe


def test_step_of_the_contents_joins_the_epoch_of_the_name(scanned: Scanned, write: Any) -> None:
    write("epoch-3.keras", "epoch-3.weights.h5")
    ref = _only(scanned(_steps({"epoch-3.weights.h5": 1200})))
    assert ref.position == Position(1200, "optimizer iterations", 3, "file name")


def test_backup_and_restore_tells_its_epoch(scanned: Scanned, write: Any) -> None:
    write("backup/training_metadata.json.bkp", content=json.dumps({"epoch": 6}).encode())
    write("backup/latest.weights.h5.bkp", age=4000)
    write("backup/latest.weights.h5", age=10)
    write(
        "backup/training_metadata.json",
        content=json.dumps({"epoch": 7, "batch": 0}).encode(),
        age=9,
    )
    refs = {ref.name: ref for ref in _refs(scanned())}
    assert refs["latest"].position == Position(epoch=7, epoch_source="training_metadata.json")
    assert refs["latest.weights.h5.bkp"].position.epoch == 6
    assert all(len(ref.file_sets) == 1 and ref.size == 1 for ref in refs.values())


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b'{"epoch": "7"}', b'{"epoch": true}', b"[" * 4000, b" " * 9000, b"\xff"],
)
def test_malformed_backup_metadata_is_no_position(
    scanned: Scanned, write: Any, content: bytes
) -> None:
    write("latest.weights.h5", "training_metadata.json", content=content)
    assert _only(scanned()).position == Position()


def test_metadata_older_than_the_weights_is_that_of_the_last_save(
    scanned: Scanned, write: Any
) -> None:
    write("latest.weights.h5", age=10)
    write("training_metadata.json", content=b'{"epoch": 7}', age=20)
    assert _only(scanned()).position.epoch is None


# --- state


def test_a_young_file_is_ready_at_a_later_look(write: Any, tmp_path: Path, clock: Any) -> None:
    write("m.keras", age=0.2)
    scanner = Scanner(parse_roots(os.fspath(tmp_path), None, None), clock=clock)
    scanner.look()
    assert _only(scanner.result()).state is State.BEING_WRITTEN
    assert scanner.unsettled
    clock.now += 0.1
    scanner.look()
    assert _only(scanner.result()).state is State.BEING_WRITTEN
    clock.now += 1.0
    scanner.look()
    assert _only(scanner.result()).state is State.READY
    assert not scanner.unsettled


def test_a_file_that_changes_between_two_looks_is_being_written(
    write: Any, tmp_path: Path, clock: Any
) -> None:
    write("m.keras", "m.weights.h5")
    scanner = Scanner(parse_roots(os.fspath(tmp_path), None, None), clock=clock)
    scanner.look()
    assert _only(scanner.result()).state is State.READY
    write("m.weights.h5", content=b"more", age=100)
    clock.now += 5
    scanner.look()
    ref = _only(scanner.result())
    assert (ref.state, ref.reason) == (State.BEING_WRITTEN, "Its files are still changing.")
    clock.now += 5
    scanner.look()
    assert _only(scanner.result()).state is State.READY


def test_a_file_from_the_future_settles_too(write: Any, tmp_path: Path, clock: Any) -> None:
    write("m.keras", age=-9999)
    scanner = Scanner(parse_roots(os.fspath(tmp_path), None, None), clock=clock)
    scanner.look()
    clock.now += 2
    scanner.look()
    assert _only(scanner.result()).state is State.READY


def test_files_still_being_written_are_not_probed(scanned: Scanned, write: Any) -> None:
    write("young.keras", age=0)
    write("old.keras")
    asked: list[str] = []
    scanned(lambda files: asked.append(os.path.basename(files.path)) or Probe())
    assert asked == ["old.keras"]


def test_contents_are_probed_once_per_generation(write: Any, tmp_path: Path, clock: Any) -> None:
    asked: list[str] = []
    scanner = Scanner(
        parse_roots(os.fspath(tmp_path), None, None),
        lambda files: asked.append(files.path) or Probe(),
        clock=clock,
    )
    for age in (3600, 1800):
        write("m.keras", age=age)
        for _ in range(4):
            clock.now += 10
            scanner.look()
            while scanner.examine():
                pass
    assert len(asked) == 2


def test_an_unfinished_file_is_asked_again_and_given_up_when_nobody_touches_it(
    write: Any, tmp_path: Path, clock: Any
) -> None:
    def probe(files: FileSet) -> Probe:
        raise BeingWrittenError("m.keras ends early.")

    write("m.keras")
    scanner = Scanner(parse_roots(os.fspath(tmp_path), None, None), probe, clock=clock)
    for waited, state in ((0, State.BEING_WRITTEN), (60, State.BEING_WRITTEN), (90, State.BROKEN)):
        clock.now += waited
        scanner.look()
        assert scanner.examine()
        ref = _only(scanner.result())
        assert ref.state is state
    assert ref.reason == "m.keras ends early. Its writer has stopped: delete it."


def test_a_fault_of_the_reader_breaks_that_snapshot_only(
    scanned: Scanned, write: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def probe(files: FileSet) -> Probe:
        if "bad" in files.path:
            raise ZeroDivisionError
        return Probe()

    write("bad.keras", "good.keras")
    states = {ref.name: (ref.state, ref.reason) for ref in _refs(scanned(probe))}
    assert states["good"] == (State.READY, None)
    assert states["bad"][0] is State.BROKEN
    assert "ZeroDivisionError" in (states["bad"][1] or "")


def test_vanished_snapshots_vanish(write: Any, tmp_path: Path, clock: Any) -> None:
    write("a.keras", "b.keras")
    scanner = Scanner(parse_roots(os.fspath(tmp_path), None, None), clock=clock)
    scanner.look()
    assert len(_refs(scanner.result())) == 2
    (tmp_path / "a.keras").unlink()
    scanner.look()
    assert [ref.name for ref in _refs(scanner.result())] == ["b"]


def test_an_unchanged_directory_gives_the_very_same_result(
    write: Any, tmp_path: Path, clock: Any
) -> None:
    write("a.keras")
    scanner = Scanner(parse_roots(os.fspath(tmp_path), None, None), clock=clock)
    scanner.look()
    first = scanner.result()
    clock.now += 60
    scanner.look()
    assert scanner.result() is first


# --- the walk


def test_links_are_followed_and_each_real_directory_is_visited_once(
    scanned: Scanned, write: Any, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "far.keras").write_bytes(b"x")
    write("run/m.keras", "deep/er/x.keras")
    os.symlink(elsewhere, tmp_path / "linked")
    os.symlink(elsewhere, tmp_path / "run" / "linked_again")
    os.symlink(tmp_path / "deep" / "er", tmp_path / "a_link_that_sorts_first")
    assert _by_run(scanned()) == {"deep/er": ["x"], "linked": ["far"], "run": ["m"]}


def test_link_loops_end(scanned: Scanned, write: Any, tmp_path: Path) -> None:
    write("a/m.keras")
    os.symlink(tmp_path, tmp_path / "a" / "up")
    os.symlink(tmp_path / "a", tmp_path / "a" / "self")
    os.symlink("b", tmp_path / "b")
    result = scanned()
    assert _by_run(result) == {"a": ["m"]}
    assert result.roots[0].problem is None


def test_a_linked_file_is_a_snapshot_under_its_own_name(
    scanned: Scanned, write: Any, tmp_path: Path
) -> None:
    write("epoch-3.keras")
    os.symlink("epoch-3.keras", tmp_path / "best.keras")
    assert sorted(ref.name for ref in _refs(scanned())) == ["best", "epoch-3"]


def test_what_lies_too_deep_is_named_with_the_remedy(scanned: Scanned, write: Any) -> None:
    write("a/b/c/m.keras", "a/m.keras")
    result = scanned(max_depth=2)
    assert _by_run(result) == {"a": ["m"]}
    problem = result.roots[0].problem or ""
    assert "1 directory is below depth 2 not scanned" in problem or "a/b/c" in problem
    assert "--snapshot_compare_dirs" in problem


def test_too_many_entries_stop_the_scan_with_the_remedy(scanned: Scanned, write: Any) -> None:
    write("m.keras", *(f"many/file{n}" for n in range(50)), "many/deep/m.keras")
    result = scanned(max_entries=20)
    assert _by_run(result) == {".": ["m"]}
    assert "stopped after 20 files" in (result.roots[0].problem or "")


def test_an_unreadable_directory_is_named_and_the_rest_is_scanned(
    scanned: Scanned, write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("secret/m.keras", "open/m.keras")
    real = os.scandir

    def scandir(path: str) -> Any:
        if path.endswith("secret"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    result = scanned()
    assert _by_run(result) == {"open": ["m"]}
    problem = result.roots[0].problem or ""
    assert "1 directory is not readable (secret)" in problem
    assert os.fspath(tmp_path) not in problem


def test_an_io_error_half_way_through_a_directory_is_reported(
    scanned: Scanned, write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("m.keras", "n.keras")

    class Failing:
        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None: ...

        def __iter__(self) -> Any:
            raise OSError(5, "Input/output error")

    real = os.scandir
    mine = os.fspath(tmp_path)
    monkeypatch.setattr(
        os, "scandir", lambda path: Failing() if path.startswith(mine) else real(path)
    )
    result = scanned()
    assert result.runs == ()
    assert "the directory itself" in (result.roots[0].problem or "")


def test_a_fault_in_one_root_does_not_hide_the_others(
    write: Any, tmp_path: Path, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("a/m.keras", "b/m.keras")
    real = os.scandir

    def scandir(path: str) -> Any:
        if path.endswith("/a"):
            raise RuntimeError
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    result = scan(parse_roots(None, f"a:{tmp_path}/a,b:{tmp_path}/b", None), clock=clock)
    assert _by_run(result) == {"b": ["m"]}
    assert "RuntimeError" in (result.roots[0].problem or "")
    assert result.roots[1].problem is None


def test_a_missing_logdir_and_a_file_in_its_place_say_so(write: Any, tmp_path: Path) -> None:
    write("file")
    missing, file = scan(parse_roots(None, None, f"a:{tmp_path}/no,b:{tmp_path}/file")).roots
    assert "does not exist (yet)" in (missing.problem or "")
    assert "is a file" in (file.problem or "")


def test_20_000_files_need_one_scandir_per_directory_and_no_stat_of_other_files(
    scanned: Scanned, write: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for number in range(20):
        folder = tmp_path / f"run{number}"
        folder.mkdir()
        for other in range(999):
            (folder / f"{other}.txt").touch()
        write(f"run{number}/m.keras")
    calls = SimpleNamespace(scandir=0, stat=0)
    scandir, status = os.scandir, os.stat

    mine = os.fspath(tmp_path)

    def counted_scandir(path: str) -> Any:
        calls.scandir += path.startswith(mine)
        return scandir(path)

    def counted_stat(path: Any, **options: Any) -> os.stat_result:
        calls.stat += isinstance(path, str) and path.startswith(mine)
        return status(path, **options)

    monkeypatch.setattr(os, "scandir", counted_scandir)
    monkeypatch.setattr(os, "stat", counted_stat)
    assert len(scanned().runs) == 20
    assert calls.scandir == calls.stat == 21


def test_nothing_is_opened_and_nothing_is_written(
    scanned: Scanned, write: Any, bundle: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("m.keras", "m.weights.h5", "events.out.tfevents.1")
    bundle("ckpt-1")
    before = {path: path.stat() for path in tmp_path.iterdir()}

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a snapshot was opened")

    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr(os, "open", refuse)
    assert len(_refs(scanned())) == 2
    assert {path: path.stat() for path in tmp_path.iterdir()} == before
    assert all(stat.S_ISREG(status.st_mode) for status in before.values())


# --- an index alone


def test_an_index_without_data_is_broken_and_names_what_is_missing(
    scanned: Scanned, write: Any
) -> None:
    write("ckpt-1.index")
    ref = _only(scanned())
    assert ref.state is State.BROKEN
    assert "ckpt-1.data-00000-of-00001 is missing" in (ref.reason or "")


def test_another_programs_index_is_not_listed(scanned: Scanned, write: Any) -> None:
    write("faiss.index")
    assert scanned(lambda files: Probe(state=State.BROKEN, is_snapshot=False)).runs == ()


def test_a_readable_snapshot_may_have_a_reason(scanned: Scanned, write: Any) -> None:
    write("m.keras")
    ref = _only(scanned(lambda files: Probe(reason="1 of 2 weights cannot be read.")))
    assert (ref.state, ref.reason) == (State.READY, "1 of 2 weights cannot be read.")


def test_a_patient_scan_looks_twice_at_young_files(tmp_path: Path) -> None:
    (tmp_path / "m.keras").write_bytes(b"x")
    roots = parse_roots(os.fspath(tmp_path), None, None)
    bounds = Bounds(settle_seconds=0.1)
    assert _only(scan(roots, bounds=bounds)).state is State.BEING_WRITTEN
    assert _only(scan(roots, bounds=Bounds(settle_seconds=0.3), patient=True)).state is State.READY


def test_a_glance_settles_nothing_that_it_did_not_look_at(
    write: Any, tmp_path: Path, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tb_snapshot_compare.sources.glancing._DIRECTORIES_MAX", 0)
    write("m.keras", age=0)
    scanner = Scanner(parse_roots(os.fspath(tmp_path), None, None), clock=clock)
    scanner.look()
    scanner.choose_places()
    clock.now += 10
    assert not scanner.glance()
    assert scanner.unsettled
    scanner.look()
    assert not scanner.unsettled
