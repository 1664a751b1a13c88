"""Merging changes where rows lie, and nothing else, wherever it is interrupted."""

import errno
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tb_snapshot_compare.limits import LOG_MERGED_AT_ONCE
from tb_snapshot_compare.store import log_compaction, log_layout
from tb_snapshot_compare.store.log_compaction import due
from tb_snapshot_compare.store.log_segments import Segment, SegmentName, runs_of
from tb_snapshot_compare.store.log_tables import Probe
from tb_snapshot_compare.store.log_writer import LogWriter
from tests.store.logs import (
    IMAGES,
    LABELS,
    ROWS,
    filter_rows,
    flip,
    image_rows,
    on_disk,
    opened,
    scalar_rows,
    session,
    shown,
    write_all,
)

VALUES = {
    "scalars": "value",
    "layers": "mean",
    "filters": "w_l2",
    "images": "probability",
    "events": "detail",
}


def everything(folder: Path) -> dict[str, list[str]]:
    """All rows that count, in an order."""
    log = opened(folder)
    assert log.problems == ()
    found = {
        table: sorted(map(str, log.query(f"SELECT * FROM {table}").to_pylist())) for table in ROWS
    }
    log.close()
    return found


def numbers(folder: Path) -> list[tuple[int, str, float]]:
    """Step, name and value of all scalars that count."""
    log = opened(folder)
    assert log.problems == ()
    return sorted(
        (step, name, value)
        for name, scalar in log.scalars().items()
        for step, value in zip(scalar.steps.tolist(), scalar.values.tolist(), strict=True)
    )


def count_files(folder: Path) -> int:
    return len(list(folder.rglob("*.parquet")))


def test_merging_keeps_every_row_once(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path, session())
    write_all(writer, range(0, 1700, 100))
    before = everything(tmp_path)
    assert writer.compact() == LOG_MERGED_AT_ONCE * len(ROWS)
    assert everything(tmp_path) == before
    assert writer.compact() == LOG_MERGED_AT_ONCE * len(ROWS)
    assert writer.compact() == 0
    assert everything(tmp_path) == before
    assert count_files(tmp_path) == 3 * len(ROWS)
    log = opened(tmp_path)
    for table in ROWS:
        assert log.steps(table).tolist() == list(range(0, 1700, 100))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(st.randoms(use_true_random=False))
def test_rows_of_any_shape_survive_any_merging(
    tmp_path_factory: pytest.TempPathFactory, choice: random.Random
) -> None:
    """Filters and images that are missing at some steps, or given twice, in several writes."""
    folder = tmp_path_factory.mktemp("log")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_compaction, "LOG_MERGED_AT_ONCE", choice.choice((2, 3)))
        patch.setattr(log_layout, "_IMAGES_ROWS", choice.choice((4, 20, 1000)))
        patch.setattr(log_layout, "_BLOCK_ROWS", choice.choice((4, 1000)))
        labelled = choice.random() < 0.7
        probe = Probe(("x",) * IMAGES, LABELS, ("a", "b", "c")) if labelled else None
        writer = LogWriter(folder, session(probe=probe))
        written: list[tuple[int, str, int]] = []
        pictures: list[tuple[int, int]] = []
        for _ in range(choice.randint(2, 9)):
            rows = [
                (choice.randint(0, 9), choice.choice("ab"), choice.randint(0, 3))
                for _ in range(choice.randint(1, 9))
            ]
            images = [(step, number) for step, _, number in rows]
            written += rows
            pictures += images
            writer.write(
                "filters",
                dict(zip(("step", "layer", "filter"), zip(*rows, strict=True), strict=True)),
            )
            writer.write(
                "images", dict(zip(("step", "image"), zip(*images, strict=True), strict=True))
            )
            if choice.random() < 0.7:
                writer.compact()
        while writer.compact():
            pass
    log = opened(folder)
    filters = log.query("SELECT step, layer, filter FROM filters").to_pydict()
    assert sorted(zip(*filters.values(), strict=True)) == sorted(written)
    shown_images = log.query("SELECT step, image FROM images").to_pydict()
    assert sorted(zip(*shown_images.values(), strict=True)) == sorted(pictures)


def segment(number: int, level: int, rows: int = 1, runs: int = 1) -> Segment:
    return Segment(
        "layers",
        SegmentName(number, number, "one", number, "00000000"),
        1,
        rows,
        level,
        runs_of(np.arange(runs) ** 2, 1.0) if runs > 1 else runs_of([number], 1.0),
        frozenset(),
        (),
        (),
    )


def test_the_oldest_of_the_lowest_level_are_due() -> None:
    few = [segment(number, 0) for number in range(7)]
    assert due(few) == ()
    many = [segment(number, 0) for number in range(20, 0, -1)]
    assert [each.name.number for each in due(many)] == list(range(1, 9))
    higher = [segment(number, 1) for number in range(100, 108)]
    assert due([*few, *higher]) == tuple(higher)
    assert {each.level for each in due([*many, *higher])} == {0}


def test_segments_do_not_grow_without_end() -> None:
    assert due([segment(number, 3, rows=1 << 15) for number in range(8)]) == ()
    assert len(due([segment(number, 3, rows=1 << 14) for number in range(8)])) == 8
    assert due([segment(number, 3, runs=4000) for number in range(8)]) == ()
    large = [segment(number, 0, rows=1 << 16) for number in range(8)]
    higher = [segment(number, 1) for number in range(100, 108)]
    assert due([*large, *higher]) == tuple(higher)


def test_images_of_a_class_lie_together_once_they_are_merged(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path, session())
    for step in range(8):
        writer.write("images", image_rows([step]))
    writer.compact()
    images = [row["image"] for row in on_disk(tmp_path, "images")][::8]
    assert images == [5, 1, 3, 2, 6, 0, 4]


FAULTS: list[tuple[str, int]] = [
    ("open", errno.EMFILE),
    ("pread", errno.EIO),
    ("write", errno.ENOSPC),
    ("fsync", errno.EIO),
    ("rename", errno.ENOSPC),
    ("unlink", errno.EACCES),
]


class Stopping:
    """An os function that, from some call on, does no more, and neither does any other."""

    def __init__(self, patch: pytest.MonkeyPatch, names: list[str]) -> None:
        self.calls = 0
        self.last = 10**9
        for name in names:
            patch.setattr(os, name, self._stopping(getattr(os, name)))

    def _stopping(self, works: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **others: Any) -> Any:
            self.calls += 1
            if self.calls > self.last:
                raise KeyboardInterrupt
            return works(*arguments, **others)

        return call


def test_a_merge_that_ends_anywhere_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """After every single call by which it changes the disk, as if the process were gone."""
    whole = tmp_path / "whole"
    first = LogWriter(whole, session())
    for step in range(8):
        first.write("scalars", scalar_rows([step]))
    before = numbers(whole)
    for stop in range(1000):
        folder = tmp_path / str(stop)
        shutil.copytree(whole, folder)
        writer = LogWriter(folder, session())
        with pytest.MonkeyPatch.context() as patch:
            stopping = Stopping(patch, ["write", "fsync", "rename", "unlink", "close"])
            stopping.last = stop
            try:
                writer.compact()
                done = True
            except KeyboardInterrupt:
                done = False
        assert numbers(folder) == before
        if stop % 2:  # the process goes on, as a notebook does after Ctrl-C
            for step in range(8, 16):
                writer.write("scalars", scalar_rows([step]))
            while writer.compact():
                pass
            more = {key: value for step in range(8, 16) for key, value in one(step).items()}
            assert numbers(folder) == sorted(before + [(*key, more[key]) for key in more])
        else:
            again = LogWriter(folder, session("second", first_step=8))
            again.compact()  # deletes what was merged
            assert len(on_disk(folder, "scalars")) == 16
        if done:
            break
    else:
        pytest.fail("the merge has no end")
    assert stop > 10


@pytest.mark.parametrize(("function", "code"), FAULTS)
def test_a_merge_that_fails_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, code: int
) -> None:
    writer = LogWriter(tmp_path, session())
    for step in range(8):
        writer.write("scalars", scalar_rows([step]))
        writer.write("images", image_rows([step]))
    before, seen = numbers(tmp_path), opened(tmp_path).images()[0]
    works, calls = getattr(os, function), 0

    def fails(*arguments: Any, **others: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls % 5 == 3:
            raise OSError(code, os.strerror(code))
        return works(*arguments, **others)

    for _ in range(40):
        monkeypatch.setattr(os, function, fails)
        try:
            merged = writer.compact()
        except OSError:
            merged = 1
        monkeypatch.setattr(os, function, works)
        assert numbers(tmp_path) == before
        assert np.array_equal(opened(tmp_path).images()[0], seen)
        if not merged:
            break
    writer.compact()
    log = opened(tmp_path)
    assert all(len(log._state.tables[table].sources) == 1 for table in ("scalars", "images"))
    assert opened(tmp_path).query("SELECT * FROM images").num_rows == 8 * IMAGES


def test_a_merged_segment_that_could_not_be_taken_back_is_not_merged_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = LogWriter(tmp_path, session())
    for step in range(8):
        writer.write("scalars", scalar_rows([step]))
    before = shown(opened(tmp_path), "scalars", "value")
    works = os.fsync

    def fails(descriptor: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.EIO, "Input/output error")
        works(descriptor)

    monkeypatch.setattr(os, "fsync", fails)
    monkeypatch.setattr(os, "unlink", lambda *_, **__: fails(0) or (_ for _ in ()).throw(OSError()))
    with pytest.raises(OSError, match="Input/output"):
        writer.compact()
    monkeypatch.undo()
    assert shown(opened(tmp_path), "scalars", "value") == before
    for step in range(8, 16):
        writer.write("scalars", scalar_rows([step]))
        before |= one(step)
    while writer.compact():
        assert shown(opened(tmp_path), "scalars", "value") == before
    assert shown(opened(tmp_path), "scalars", "value") == before


def one(step: int) -> dict[Any, float]:
    rows = scalar_rows([step])
    return dict(zip(zip(rows["step"], rows["name"], strict=True), rows["value"], strict=True))


def test_a_damaged_segment_is_not_merged_and_holds_up_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    writer = LogWriter(tmp_path, session())
    names = [writer.write("filters", filter_rows([step])) for step in range(9)]
    flip(tmp_path / "filters" / names[2], "w_l2")
    assert writer.compact() == 0
    assert names[2] in caplog.text
    assert writer.compact() == 8
    log = opened(tmp_path)
    assert log.steps("filters").tolist() == list(range(9))
    measure = log.filter_measure("conv1", "w_l2")
    assert log.steps("filters").tolist() == [0, 1, 3, 4, 5, 6, 7, 8]
    assert measure.shape == (3, 8)
    assert not np.isnan(measure).any()
    (problem,) = log.problems
    assert problem.name == f"filters/{names[2]}"


def test_only_segments_of_ones_own_session_are_merged(tmp_path: Path) -> None:
    first, second = LogWriter(tmp_path, session()), LogWriter(tmp_path, session("second"))
    for step in range(7):
        first.write("scalars", scalar_rows([step]))
        second.write("scalars", scalar_rows([10 + step]))
    assert (first.compact(), second.compact()) == (0, 0)
    assert len(list((tmp_path / "scalars").iterdir())) == 14
