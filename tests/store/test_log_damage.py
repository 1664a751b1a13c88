"""Damaged and hostile segments are left out and reported; everything else is served."""

import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tb_snapshot_compare.store import log_files, log_listing, log_pages, log_rows, log_segments
from tb_snapshot_compare.store.log_columns import stored
from tb_snapshot_compare.store.log_files import Draft, write_segment
from tb_snapshot_compare.store.log_layout import Piece, pieces
from tb_snapshot_compare.store.log_reader import Log
from tb_snapshot_compare.store.log_rows import load
from tb_snapshot_compare.store.log_segments import DamagedSegmentError, SegmentName, runs_of
from tb_snapshot_compare.store.log_tables import STORED, TABLES
from tb_snapshot_compare.store.log_writer import LogWriter
from tests.store.logs import (
    ROWS,
    event_rows,
    filter_rows,
    opened,
    scalar_rows,
    session,
    write_all,
)


def served(log: Log) -> dict[str, Any]:
    """Everything that views ask for."""
    return {
        "filters": log.filter_measure("conv1", "w_l2").tolist(),
        "top": [log.filters_at(step, ["g_l1"]).to_pylist() for step in log.steps("filters")],
        "images": log.images()[0].tolist(),
        "layers": log.layer_statistic("weight", "mean").tolist(),
        "bands": log.bands("update").tolist(),
        "scalars": {name: each.values.tolist() for name, each in log.scalars().items()},
        "events": log.events(),
        "rows": {
            table: sorted(map(str, log.query(f"SELECT * FROM {table}").to_pylist()))
            for table in ROWS
        },
    }


@pytest.mark.parametrize("table", ROWS)
def test_no_flipped_bit_is_served(tmp_path: Path, table: str) -> None:
    writer = LogWriter(tmp_path, session())
    write_all(writer, [1])
    whole = served(opened(tmp_path))
    good = LogWriter(tmp_path, session("second", first_step=2))
    path = tmp_path / table / good.write(table, ROWS[table]([2]))
    both = served(opened(tmp_path))
    assert both != whole
    content = path.read_bytes()
    choice = random.Random(table)
    reported = 0
    for _ in range(16):
        damaged = bytearray(content)
        damaged[choice.randrange(len(content))] ^= 1 << choice.randrange(8)
        path.write_bytes(damaged)
        log = opened(tmp_path)
        served(log)
        found = served(log)
        if log.problems:
            (problem,) = log.problems
            assert problem.name == f"{table}/{path.name}"
            assert found == whole
            reported += 1
        else:
            assert found == both
    assert reported >= 9


@pytest.mark.parametrize("length", [0, 3, 11, 12, 200, -100, -8, -1])
def test_a_file_that_is_cut_short_is_left_out(tmp_path: Path, length: int) -> None:
    writer = LogWriter(tmp_path, session())
    writer.write("filters", filter_rows([1]))
    path = tmp_path / "filters" / writer.write("filters", filter_rows([2]))
    path.write_bytes(path.read_bytes()[:length])
    log = opened(tmp_path)
    assert log.steps("filters").tolist() == [1]
    (problem,) = log.problems
    assert "cut short" in problem.reason
    assert log.filter_measure("conv1", "w_l2").shape == (3, 1)


def test_a_file_that_is_cut_while_it_is_open_is_left_out(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path, session())
    writer.write("filters", filter_rows([1]))
    path = tmp_path / "filters" / writer.write("filters", filter_rows([2]))
    log = opened(tmp_path)
    os.truncate(path, 300)
    assert log.filter_measure("conv1", "w_l2").shape == (3, 1)
    assert log.query("SELECT DISTINCT step FROM filters").to_pylist() == [{"step": 1}]
    assert len(log.problems) == 1
    os.truncate(path, 0)
    assert not log.refresh()
    path.unlink()
    assert log.refresh()
    assert log.problems == ()


NAME = SegmentName(1, 1, "noise", 0, "00000000")


def test_things_that_are_no_segments_are_left_out(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path, session())
    writer.write("scalars", scalar_rows([5]))
    folder = tmp_path / "scalars"
    names = [str(SegmentName(1, 1, "noise", number, "00000000")) for number in range(6)]
    (folder / names[0]).write_bytes(random.Random(0).randbytes(5000))
    (folder / names[1]).mkdir()
    (folder / names[2]).symlink_to("nowhere")
    os.mkfifo(folder / names[3])
    (folder / names[4]).write_bytes(b"PAR1" + b"\xff\xff\xff\xffPAR1")
    (folder / names[5]).symlink_to(tmp_path / "sessions" / "first.json")
    (folder / "notes.txt").write_text("not a segment")
    log = opened(tmp_path)
    assert log.steps("scalars").tolist() == [5]
    reported = {problem.name for problem in log.problems}
    assert reported >= {f"scalars/{name}" for name in names if name != names[2]}
    assert list(log.scalars()) == ["loss", "rate"]


def put(folder: Path, table: str, rows: pa.Table, parts: list[Piece] | None = None) -> None:
    steps = np.unique(rows["step"].to_numpy())
    draft = Draft(table, "hostile", 0, runs_of(steps, 1.0))
    write_segment(folder / table, draft, parts or list(pieces(table, rows)))


def reason(folder: Path) -> str:
    """Of the one problem, once everything was asked for; the sound segment is served."""
    LogWriter(folder, session(first_step=50)).write("events", event_rows([50]))
    log = opened(folder)
    for table in ROWS:
        log.query(f"SELECT * FROM {table}")
    assert [event.step for event in log.events()] == [50]
    (problem,) = log.problems
    return problem.reason


def test_columns_of_another_table_are_refused(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setitem(STORED, "events", STORED["scalars"])
    put(tmp_path, "events", stored("scalars", scalar_rows([1])))
    monkeypatch.undo()
    assert reason(tmp_path) == "its columns are not those of table events"


def test_a_file_without_a_description_is_refused(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(log_files, "KEY", b"other")
    put(tmp_path, "events", stored("events", event_rows([1])))
    monkeypatch.undo()
    assert reason(tmp_path) == "it does not describe itself"


def test_row_groups_that_are_not_those_described_are_refused(
    tmp_path: Path, monkeypatch: Any
) -> None:
    works = pq.ParquetWriter.write_table
    monkeypatch.setattr(
        pq.ParquetWriter, "write_table", lambda self, rows, **_: works(self, rows, row_group_size=2)
    )
    put(tmp_path, "events", stored("events", event_rows([1, 2, 3])))
    monkeypatch.undo()
    assert reason(tmp_path) == "its row groups are not those it describes"


def test_a_page_that_would_fill_the_memory_is_not_unpacked(
    tmp_path: Path, monkeypatch: Any
) -> None:
    rows = event_rows([1])
    rows["text"] = ["a" * 100_000]
    put(tmp_path, "events", stored("events", rows))
    (path,) = (tmp_path / "events").iterdir()
    assert path.stat().st_size < 5000
    monkeypatch.setattr(log_pages, "LOG_PAGE_BYTES_MAX", 50_000)
    assert "a page is larger than any" in reason(tmp_path)


def test_row_groups_that_would_fill_the_memory_are_refused(
    tmp_path: Path, monkeypatch: Any
) -> None:
    rows = event_rows([1])
    rows["text"] = ["a" * 100_000]
    put(tmp_path, "events", stored("events", rows))
    monkeypatch.setattr(log_rows, "LOG_TEXT_BYTES_MAX", 50_000)
    assert reason(tmp_path) == "a row group is larger than any"


def test_texts_that_unfold_from_a_dictionary_are_refused(tmp_path: Path, monkeypatch: Any) -> None:
    """A million rows could share one text of a megabyte."""
    monkeypatch.setattr(log_files, "_PLAIN", frozenset())
    rows = event_rows(range(40))
    rows["text"] = ["a" * 1000] * 40
    put(tmp_path, "events", stored("events", rows))
    monkeypatch.undo()
    assert "a page is of another kind" in reason(tmp_path)


def test_a_rectangle_that_is_not_what_lies_there_does_no_harm(tmp_path: Path) -> None:
    """Numbers of a log can be wrong; an index beyond an array cannot."""
    rows = stored("filters", filter_rows([1, 2]))
    (part,) = pieces("filters", rows)
    swapped = tuple(
        type(each)(each.group, each.members[::-1].copy(), np.array([10**11, -5]))
        for each in part.rectangles
    )
    put(tmp_path, "filters", rows, [Piece(None, part.rows, swapped)])
    log = opened(tmp_path)
    assert log.problems == ()
    assert log.filter_measure("conv1", "w_l2").shape == (0, 2)


@pytest.mark.parametrize(
    ("module", "limit", "value", "words"),
    [
        (log_listing, "LOG_SEGMENTS_MAX", 3, "more than 3 segments"),
        (log_listing, "LOG_FOOTERS_MAX_BYTES", 500, "more than 500 bytes of descriptions"),
        (log_listing, "LOG_STEPS_MAX", 3, "more than 3 steps"),
        (log_listing, "LOG_GRIDS_MAX", 4, "more than 4 parts"),
    ],
)
def test_a_log_of_any_size_is_read_in_part(
    tmp_path: Path, monkeypatch: Any, module: Any, limit: str, value: int, words: str
) -> None:
    writer = LogWriter(tmp_path, session())
    monkeypatch.setattr(log_segments, "_decoded_blocks", log_segments._decoded_blocks.__wrapped__)
    table = "filters" if "GRIDS" in limit else "scalars"
    for step in range(8):
        writer.write(table, ROWS[table]([step]))
    monkeypatch.setattr(module, limit, value)
    log = opened(tmp_path)
    assert 0 < len(log.steps(table)) < 8
    assert any(words in problem.reason for problem in log.problems)


def test_sessions_of_any_number_are_read_in_part(tmp_path: Path, monkeypatch: Any) -> None:
    for number in range(5):
        LogWriter(tmp_path, session(f"s{number}"))
    monkeypatch.setattr(log_listing, "LOG_SESSIONS_MAX", 3)
    assert len(opened(tmp_path).sessions) == 3
    monkeypatch.undo()
    monkeypatch.setattr(log_listing, "LOG_SESSIONS_MAX_BYTES", 2000)
    assert len(opened(tmp_path).sessions) < 5


def test_problems_of_any_number_are_bounded(tmp_path: Path, monkeypatch: Any) -> None:
    folder = tmp_path / "scalars"
    folder.mkdir()
    for number in range(9):
        (folder / str(SegmentName(1, 1, "noise", number, "00000000"))).write_bytes(b"")
    monkeypatch.setattr(log_listing, "LOG_PROBLEMS_MAX", 4)
    assert len(opened(tmp_path).problems) == 4


def test_a_footer_must_be_that_of_its_name(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path, session())
    name = writer.write("scalars", scalar_rows([1]))
    other = writer.write("scalars", scalar_rows([2]))
    path = tmp_path / "scalars" / name
    path.write_bytes((tmp_path / "scalars" / other).read_bytes())
    parsed = SegmentName.parse(name)
    assert parsed is not None
    with pytest.raises(DamagedSegmentError, match="does not match the checksum in its name"):
        load(path, "scalars", parsed)
    assert set(TABLES) == set(STORED)


def test_of_too_many_sessions_the_newest_are_read_and_the_others_told(
    tmp_path: Path, monkeypatch: Any
) -> None:
    for number in (3, 0, 4, 1, 2):
        LogWriter(tmp_path, session(f"s{number}"))
        os.utime(tmp_path / "sessions" / f"s{number}.json", (1000 + number, 1000 + number))
    monkeypatch.setattr(log_listing, "LOG_SESSIONS_MAX", 3)
    log = opened(tmp_path)
    assert {each.id for each in log.sessions} == {"s2", "s3", "s4"}
    assert [problem.name for problem in log.problems] == ["sessions"]
    assert log.problems[0].reason.startswith("2 sessions are not read, the oldest ones: at most 3")
