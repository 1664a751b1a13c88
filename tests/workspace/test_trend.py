"""Every snapshot is compared with the one before it, when nobody waits for anything else."""

import errno
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tb_snapshot_compare.errors import NotFoundError, UnreadableSnapshotError
from tb_snapshot_compare.snapshot import SnapshotRef
from tb_snapshot_compare.sources import parse_roots
from tb_snapshot_compare.store import ResultStore
from tb_snapshot_compare.workspace import (
    Match,
    OpenedSnapshot,
    RunTrend,
    Trends,
    Turns,
    Workspace,
    library,
    trend,
)
from tests.hostile.bundle_writer import BundleWriter

NOW = time.time()


class NoEvents:
    def keras_configs(self, event_runs: Sequence[str]) -> tuple[str, ...]:
        return ()


def write(folder: Path, step: int, values: Sequence[float], age: float | None = None) -> None:
    """A checkpoint of two layers; the second one never changes."""
    folder.mkdir(parents=True, exist_ok=True)
    writer = BundleWriter()
    writer.add("one/kernel", np.array(values, dtype=np.float32))
    writer.add("two/kernel", np.ones(4, dtype=np.float32))
    writer.write(folder / f"ckpt-{step}")
    stamp = NOW - 3600 + step if age is None else NOW - age
    for path in sorted(folder.glob(f"ckpt-{step}.*")):  # the index last, as its writer does
        os.utime(path, (stamp, stamp))


@pytest.fixture
def logdir(tmp_path: Path) -> Path:
    """Four snapshots; a layer changes by 1, 2 and 3 from each to the next."""
    for step, value in ((1, 1.0), (2, 2.0), (3, 4.0), (4, 7.0)):
        write(tmp_path / "logs" / "run", step, [value, 0.0])
    return tmp_path / "logs"


class Site:
    """A workspace with its trends."""

    def __init__(self, logdir: Path, cache: Path | None = None) -> None:
        roots = parse_roots(str(logdir), None, None)
        self.workspace = Workspace(roots, ResultStore(cache), NoEvents(), 1)
        self.turns = Turns()
        self.trends = Trends(self.workspace, self.turns)
        self.until(lambda: not self.workspace.catalog().scanning)

    def until(self, condition: Callable[[], bool], seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.01)

    def done(self, run: str = "run", pairs: int = 3) -> RunTrend:
        """The trend, once so many pairs are done."""
        self.trends.start()
        self.until(lambda: states(self.trends.of(run)).count("done") >= pairs)
        return self.trends.of(run)

    def close(self) -> None:
        self.trends.close()
        self.workspace.close()


@pytest.fixture
def open_site() -> Iterator[Callable[..., Site]]:
    opened: list[Site] = []

    def start(*arguments: Any) -> Site:
        opened.append(Site(*arguments))
        return opened[-1]

    yield start
    for site in opened:
        site.close()


def states(known: RunTrend) -> list[str]:
    return [pair.state for pair in known.pairs]


def changes(known: RunTrend, layer: str) -> list[float | None]:
    found: list[float | None] = []
    for pair in known.pairs:
        assert pair.changes is not None
        found.append(pair.changes.l2[pair.changes.layers.index(layer)])
    return found


def test_each_layer_is_compared_from_each_snapshot_to_the_next(
    logdir: Path, open_site: Callable[..., Site]
) -> None:
    known = open_site(logdir).done()
    assert [(pair.a.name, pair.b.name) for pair in known.pairs] == [
        ("ckpt-1", "ckpt-2"),
        ("ckpt-2", "ckpt-3"),
        ("ckpt-3", "ckpt-4"),
    ]
    assert changes(known, "one") == [1.0, 2.0, 3.0]
    assert changes(known, "two") == [0.0, 0.0, 0.0]
    first = known.pairs[0].changes
    assert first is not None
    assert first.relative_l2[first.layers.index("one")] == 1.0
    assert (first.compared, first.total) == (6, 6)


def test_each_snapshot_is_opened_once(
    logdir: Path, open_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    open_ref = library.open_ref

    def noted(ref: SnapshotRef) -> OpenedSnapshot:
        opened.append(ref.name)
        return open_ref(ref)

    monkeypatch.setattr(library, "open_ref", noted)
    site = open_site(logdir)
    site.done()
    assert sorted(opened) == ["ckpt-1", "ckpt-2", "ckpt-3", "ckpt-4"]


def test_two_walks_at_once_open_each_snapshot_once_each(
    open_site: Callable[..., Site], logdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trend and the derived log go through other snapshots at the same time."""
    for step in range(5, 13):
        write(logdir / "run", step, [float(step), 0.0])
    site = open_site(logdir)
    refs = site.workspace.run("run").snapshots
    opened: list[str] = []
    open_ref = library.open_ref
    monkeypatch.setattr(
        library, "open_ref", lambda ref: (opened.append(ref.name), open_ref(ref))[1]
    )
    first, second = (list(itertools.pairwise(half))[::-1] for half in (refs[:6], refs[6:]))
    for pairs in zip(first, second, strict=True):
        for pair in pairs:
            for ref in pair:
                site.workspace.open_once(ref)
    assert len(opened) == len(set(opened)) == 12


def test_nothing_is_computed_before_the_start(logdir: Path, open_site: Callable[..., Site]) -> None:
    site = open_site(logdir)
    assert states(site.trends.of("run")) == ["waiting"] * 3
    with pytest.raises(NotFoundError, match="'other'"):
        site.trends.of("other")


def test_the_newest_pair_comes_first_and_progress_is_told(
    logdir: Path, open_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = open_site(logdir)
    order: list[str] = []
    seen: list[str] = []
    compare = trend.compare

    def noted(a: Any, b: Any, **options: Any) -> Any:
        order.append(b.contents.path.rpartition("/")[2])
        seen.extend(states(site.trends.of("run")))
        return compare(a, b, **options)

    monkeypatch.setattr(trend, "compare", noted)
    before = site.trends.version
    known = site.done()
    assert order == ["ckpt-4", "ckpt-3", "ckpt-2"]
    assert seen[:3] == ["waiting", "waiting", "computing"]
    assert known.version > before


def test_a_restart_computes_nothing_again(
    logdir: Path, tmp_path: Path, open_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_site(logdir, tmp_path / "cache")
    known = first.done()
    first.close()
    monkeypatch.setattr(trend, "compare", lambda *_, **__: pytest.fail("computed again"))
    again = open_site(logdir, tmp_path / "cache").done()
    assert [pair.changes for pair in again.pairs] == [pair.changes for pair in known.pairs]
    assert again.version > known.version


def test_what_lands_compares_itself_in_a_run_that_nobody_looks_at(
    logdir: Path, open_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []
    compare = trend.compare

    def noted(a: Any, b: Any, **options: Any) -> Any:
        compared.append(b.contents.path.rpartition("/")[2])
        return compare(a, b, **options)

    monkeypatch.setattr(trend, "compare", noted)
    site = open_site(logdir)
    site.trends.start()
    time.sleep(0.6)
    assert compared == []
    write(logdir / "run", 5, [7.0, 4.0], age=10)
    site.until(lambda: compared == ["ckpt-5"])


def test_a_pair_goes_on_only_when_nobody_waits(
    logdir: Path, open_site: Callable[..., Site]
) -> None:
    site = open_site(logdir)
    with site.turns.urgent():
        site.trends.of("run")
        site.trends.start()
        time.sleep(0.7)
        assert "done" not in states(site.trends.of("run"))
    site.done()


def test_what_was_compared_of_deleted_snapshots_stays(
    logdir: Path, open_site: Callable[..., Site]
) -> None:
    site = open_site(logdir)
    site.done()
    for path in (logdir / "run").glob("ckpt-[12].*"):
        path.unlink()
    site.until(lambda: len(site.workspace.run("run").snapshots) == 2)
    known = site.trends.of("run")
    assert changes(known, "one") == [1.0, 2.0, 3.0]
    assert known.gone == {known.pairs[0].a.id, known.pairs[0].b.id}


def test_a_snapshot_that_was_written_anew_is_compared_anew(
    logdir: Path, open_site: Callable[..., Site]
) -> None:
    site = open_site(logdir)
    site.done()
    write(logdir / "run", 4, [4.0, 5.0], age=5)
    site.until(lambda: changes_or_none(site.trends.of("run")) == [1.0, 2.0, 5.0])


def changes_or_none(known: RunTrend) -> list[float | None] | None:
    return changes(known, "one") if set(states(known)) == {"done"} else None


def test_a_broken_pair_says_why_and_does_not_end_the_others(
    logdir: Path, open_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    compare = trend.compare

    def failing(a: Any, b: Any, **options: Any) -> Any:
        if b.contents.path.endswith("ckpt-3"):
            raise ZeroDivisionError
        return compare(a, b, **options)

    monkeypatch.setattr(trend, "compare", failing)
    site = open_site(logdir)
    known = site.done(pairs=2)
    site.until(lambda: states(site.trends.of("run")) == ["done", "failed", "done"])
    problem = site.trends.of("run").pairs[1].problem
    assert problem is not None
    assert "ZeroDivisionError" in problem
    assert known.run == "run"


def test_a_pair_that_a_disk_fails_to_give_is_tried_again(
    logdir: Path, open_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    compare = trend.compare
    failures = [OSError(errno.EMFILE, "Too many open files")]

    def failing_once(a: Any, b: Any, **options: Any) -> Any:
        if failures:
            raise UnreadableSnapshotError("It cannot be opened.") from failures.pop()
        return compare(a, b, **options)

    monkeypatch.setattr(trend, "_AGAIN_SECONDS", 0.2)
    monkeypatch.setattr(trend, "compare", failing_once)
    known = open_site(logdir).done()
    assert states(known) == ["done", "done", "done"]
    assert not failures


def test_close_ends_the_thread(logdir: Path, open_site: Callable[..., Site]) -> None:
    site = open_site(logdir)
    before = _threads()
    site.done()
    assert _threads() == before + 1
    site.close()
    assert _threads() == before
    site.trends.start()
    assert _threads() == before


def _threads() -> int:
    return sum(thread.name == "snapshot-compare-trend" for thread in threading.enumerate())


def test_matches_of_the_user_hold_for_the_trend_too(
    logdir: Path, open_site: Callable[..., Site]
) -> None:
    site = open_site(logdir)
    before = site.done()
    a, b = before.pairs[0].a, before.pairs[0].b
    site.workspace.correct(a, b, (Match("one/kernel", None),))
    site.until(lambda: site.trends.version > before.version)
    known = site.done()
    assert [pair.changes.compared for pair in known.pairs if pair.changes] == [4, 4, 4]
    site.workspace.correct(a, b, ())
    site.until(lambda: site.trends.version > known.version)
    assert changes(site.done(), "one") == [1.0, 2.0, 3.0]
