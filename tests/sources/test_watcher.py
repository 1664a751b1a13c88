import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tb_snapshot_compare.snapshot import FileSet, State
from tb_snapshot_compare.sources import Bounds, Catalog, Probe, Watcher, parse_roots

PATIENCE = 20.0
QUICK = Bounds(settle_seconds=0.02)


@pytest.fixture
def watch(tmp_path: Path, clock: Any) -> Iterator[Callable[..., Watcher]]:
    watchers: list[Watcher] = []

    def _watch(interval: float = 0, probe: Any = None, bounds: Bounds = QUICK) -> Watcher:
        roots = parse_roots(os.fspath(tmp_path), None, None)
        watchers.append(Watcher(roots, interval, probe, bounds=bounds, clock=clock))
        return watchers[-1]

    yield _watch
    for watcher in watchers:
        watcher.close()


def _until(watcher: Watcher, condition: Callable[[Catalog], bool]) -> Catalog:
    end = time.monotonic() + PATIENCE
    while not condition(catalog := watcher.catalog()):
        assert time.monotonic() < end, catalog
        time.sleep(0.005)
    return catalog


def _names(catalog: Catalog) -> list[str]:
    return [ref.name for run in catalog.runs for ref in run.snapshots]


def _instead_of_listing(
    folder: Path, act: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Acts before `folder`, or something in it, is listed; other scans do not notice."""
    real = os.scandir

    def scandir(path: Any) -> Any:
        if os.fspath(path).startswith(os.fspath(folder)):
            act(os.fspath(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)


def _threads() -> int:
    return sum(thread.name == "snapshot-scan" for thread in threading.enumerate())


def test_construction_starts_nothing_and_touches_no_disk(
    watch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touched: list[str] = []
    _instead_of_listing(tmp_path, touched.append, monkeypatch)
    before = _threads()
    watch()
    assert _threads() == before
    assert touched == []


def test_the_first_catalog_is_empty_and_says_that_a_scan_runs(
    watch: Any, write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("m.keras")
    release = threading.Event()
    _instead_of_listing(tmp_path, lambda path: release.wait(PATIENCE), monkeypatch)
    watcher = watch()
    first = watcher.catalog()
    assert (first.version, first.scanning, first.runs) == (0, True, ())
    release.set()
    assert watcher.wait_first(PATIENCE)
    settled = _until(watcher, lambda catalog: not catalog.scanning)
    assert (settled.version, _names(settled)) == (1, ["m"])


def test_an_empty_directory_has_been_scanned_once_the_version_is_one(watch: Any) -> None:
    catalog = _until(watch(), lambda catalog: not catalog.scanning)
    assert (catalog.version, catalog.runs) == (1, ())


def test_many_callers_start_one_thread(watch: Any) -> None:
    watcher = watch()
    before = _threads()
    callers = [threading.Thread(target=watcher.catalog) for _ in range(16)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert _threads() == before + 1


def test_new_changed_and_vanished_snapshots_appear_by_themselves(
    watch: Any, write: Any, tmp_path: Path
) -> None:
    write("a.keras")
    watcher = watch(interval=0.02)
    first = _until(watcher, lambda c: _names(c) == ["a"])
    write("b.keras")
    second = _until(watcher, lambda c: sorted(_names(c)) == ["a", "b"])
    assert second.version > first.version
    generation = second.runs[0].snapshots[0].generation
    write("a.keras", content=b"other")
    _until(watcher, lambda c: generation not in {r.generation for r in c.runs[0].snapshots})
    (tmp_path / "b.keras").unlink()
    _until(watcher, lambda c: _names(c) == ["a"])


def test_the_version_stays_while_nothing_changes(watch: Any, write: Any) -> None:
    write("a.keras")
    rounds = []
    watcher = watch(interval=0.005)
    real = watcher._scanner.look
    watcher._scanner.look = lambda: (rounds.append(1), real())
    version = _until(watcher, lambda c: bool(_names(c))).version
    _until(watcher, lambda c: len(rounds) > 5)
    assert watcher.catalog().version == version


def test_a_request_is_answered_without_waiting_for_the_interval(watch: Any, write: Any) -> None:
    watcher = watch(interval=3600)
    _until(watcher, lambda c: not c.scanning)
    write("a.keras")
    watcher.request()
    _until(watcher, lambda c: _names(c) == ["a"])


def test_a_young_file_becomes_ready_without_waiting_for_the_interval(
    watch: Any, write: Any, clock: Any
) -> None:
    write("a.keras", age=0)
    watcher = watch(interval=3600)
    ref = _until(watcher, lambda c: bool(c.runs)).runs[0].snapshots[0]
    assert ref.state is State.BEING_WRITTEN
    clock.now += 2
    _until(watcher, lambda c: c.runs[0].snapshots[0].state is State.READY)


def test_catalog_never_waits_for_a_slow_probe(watch: Any, write: Any) -> None:
    write("a.keras")
    release = threading.Event()

    def probe(files: FileSet) -> Probe:
        release.wait(PATIENCE)
        return Probe()

    watcher = watch(probe=probe)
    started = time.monotonic()
    for _ in range(1000):
        assert watcher.catalog().scanning
    assert time.monotonic() - started < PATIENCE / 2
    assert not watcher.wait_first(0.01)
    release.set()
    assert watcher.wait_first(PATIENCE)


def test_a_long_round_shows_what_it_has(
    watch: Any, write: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tb_snapshot_compare.sources.watcher._PUBLISH_SECONDS", 0.0)
    write("a.keras", "b.keras")
    release = threading.Event()
    asked: list[str] = []

    def probe(files: FileSet) -> Probe:
        asked.append(files.path)
        if len(asked) == 2:
            release.wait(PATIENCE)
        return Probe()

    watcher = watch(probe=probe)
    catalog = _until(watcher, lambda c: len(_names(c)) == 2)
    assert catalog.scanning
    release.set()
    _until(watcher, lambda c: not c.scanning)


def test_a_fault_in_a_scan_becomes_a_problem_and_the_next_scan_succeeds(
    watch: Any, write: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("a.keras")
    watcher = watch(interval=0.01)
    real = watcher._scanner.look
    watcher._scanner.look_nearby = lambda: False
    watcher._scanner.look = lambda: 1 / 0
    catalog = _until(watcher, lambda c: c.version > 0)
    assert "ZeroDivisionError" in (catalog.roots[0].problem or "")
    assert not catalog.scanning
    watcher._scanner.look = real
    catalog = _until(watcher, lambda c: _names(c) == ["a"])
    assert catalog.roots[0].problem is None


def test_close_ends_the_thread_and_keeps_the_last_catalog(watch: Any, write: Any) -> None:
    write("a.keras")
    before = _threads()
    watcher = watch(interval=3600)
    _until(watcher, lambda c: not c.scanning)
    watcher.close()
    assert _threads() == before
    assert _names(watcher.catalog()) == ["a"]
    assert _threads() == before


@pytest.fixture
def real_time(tmp_path: Path) -> Iterator[Watcher]:
    """Scans every hour only: what is seen sooner is seen by a glance."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "epoch-1.keras").write_bytes(b"x")
    watcher = Watcher(parse_roots(os.fspath(tmp_path), None, None), 3600)
    _until(watcher, lambda c: _states(c) == {"epoch-1": State.READY})
    yield watcher
    watcher.close()


def _states(catalog: Catalog) -> dict[str, State]:
    return {ref.name: ref.state for run in catalog.runs for ref in run.snapshots}


def _seconds_until(watcher: Watcher, condition: Callable[[Catalog], bool]) -> float:
    started = time.monotonic()
    _until(watcher, condition)
    return time.monotonic() - started


def test_a_new_file_is_ready_within_two_seconds_of_its_last_byte(
    real_time: Watcher, tmp_path: Path
) -> None:
    with (tmp_path / "run" / "epoch-2.keras").open("wb") as file:
        for _ in range(4):
            file.write(b"more")
            file.flush()
            time.sleep(0.3)
        assert _states(real_time.catalog())["epoch-2"] is State.BEING_WRITTEN
        file.write(b"the end")
    took = _seconds_until(real_time, lambda c: _states(c).get("epoch-2") is State.READY)
    assert took < 1.6


def test_a_rewrite_in_place_a_deletion_and_a_new_directory_are_seen_at_once(
    real_time: Watcher, tmp_path: Path
) -> None:
    before = real_time.catalog().runs[0].snapshots[0].generation
    (tmp_path / "run" / "epoch-1.keras").write_bytes(b"y")
    took = _seconds_until(real_time, lambda c: c.runs[0].snapshots[0].generation != before)
    assert took < 1.0
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "w.keras").write_bytes(b"x")
    took = _seconds_until(real_time, lambda c: _states(c).get("w") is State.READY)
    assert took < 2.5
    (tmp_path / "run" / "epoch-1.keras").unlink()
    assert _seconds_until(real_time, lambda c: "epoch-1" not in _states(c)) < 1.0


def test_glances_take_a_small_share_of_the_time(tmp_path: Path) -> None:
    for run in range(20):
        (tmp_path / f"run{run}").mkdir()
        for epoch in range(50):
            path = tmp_path / f"run{run}" / f"epoch-{epoch}.keras"
            path.write_bytes(b"x")
            os.utime(path, (1_700_000_000, 1_700_000_000 + epoch))
    watcher = Watcher(parse_roots(os.fspath(tmp_path), None, None), 3600)
    _until(watcher, lambda c: not c.scanning)
    spent = 0.0
    glance = watcher._scanner.glance

    def timed() -> bool:
        nonlocal spent
        started = time.perf_counter()
        complete = glance()
        spent += time.perf_counter() - started
        return complete

    watcher._scanner.glance = timed  # type: ignore[method-assign]
    time.sleep(2)
    watcher.close()
    assert 0 < spent < 0.1


def test_what_lies_near_is_listed_before_the_rest_is_walked(
    watch: Any, write: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = sys.modules["tb_snapshot_compare.sources.scan"]
    monkeypatch.setattr(scan, "_NEARBY_ENTRIES", 100)
    write(*(f"run/near-{number}.keras" for number in range(70)))
    write(*(f"run/deep/er/{number}.png" for number in range(100)), "run/deep/er/far.keras")
    watcher = watch(probe=lambda files: Probe())
    release = threading.Event()
    real = watcher._scanner.look
    watcher._scanner.look = lambda: (release.wait(PATIENCE), real())
    catalog = _until(watcher, lambda c: len(_names(c)) == 70)
    assert catalog.scanning
    assert catalog.roots[0].problem is None
    release.set()
    _until(watcher, lambda c: not c.scanning and len(_names(c)) == 71)
