"""SQL over a log, which reaches nothing else."""

import threading
from pathlib import Path

import pytest

from tb_snapshot_compare.errors import InvalidRequestError
from tb_snapshot_compare.store import log_queries
from tb_snapshot_compare.store.log_queries import Queries
from tb_snapshot_compare.store.log_reader import Log
from tb_snapshot_compare.store.log_rows import SegmentRows
from tb_snapshot_compare.store.log_writer import LogWriter
from tests.store.logs import ROWS, filter_rows, opened, scalar_rows, session, write_all


@pytest.fixture
def log(tmp_path: Path) -> Log:
    writer = LogWriter(tmp_path / "run", session())
    write_all(writer, [1, 2, 3])
    return opened(tmp_path / "run")


def test_values_are_parameters(log: Log) -> None:
    sql = "SELECT count(*) AS n FROM filters WHERE layer = ? AND step >= ?"
    assert log.query(sql, ["conv1", 2]).to_pylist() == [{"n": 6}]
    assert log.query(sql, ["conv1' OR 1 = 1 --", 2]).to_pylist() == [{"n": 0}]


def test_tables_can_be_joined(log: Log) -> None:
    found = log.query(
        "WITH low AS (SELECT step, min(cosine) AS least FROM filters GROUP BY step) "
        "SELECT step, least, value FROM low JOIN Scalars USING (step) WHERE name = 'loss' "
        "ORDER BY step"
    ).to_pydict()
    assert found["step"] == [1, 2, 3]
    assert found["least"] == [pytest.approx(min(filter_rows([s])["cosine"])) for s in (1, 2, 3)]
    assert found["value"] == [scalar_rows([step])["value"][0] for step in (1, 2, 3)]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT * FROM read_text('/etc/passwd')", "Cannot access file"),
        ("SELECT * FROM read_csv('{0}/../secret.csv')", "Cannot access file"),
        ("SELECT * FROM '/etc/passwd'", "Cannot access file|does not exist"),
        ("SELECT * FROM secret", "secret does not exist"),
        ("SELECT * FROM weights", "weights does not exist"),
        ("SELEC", "syntax error"),
        ("SELECT colour FROM filters", "colour"),
        ("SELECT 1; SELECT 2", "Not a single SELECT"),
        ("COPY (SELECT 1) TO '{0}/evil.csv'", "Not a single SELECT"),
        ("SET threads = 40", "Not a single SELECT"),
        ("ATTACH '{0}/evil.db'", "Not a single SELECT"),
        ("INSTALL httpfs", "Not a single SELECT"),
        ("CREATE TABLE mine (a INT)", "Not a single SELECT"),
        ("", "Not a single SELECT"),
    ],
)
def test_a_query_reaches_nothing_else(log: Log, tmp_path: Path, sql: str, reason: str) -> None:
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    secret = log.filters_at(1)
    assert len(secret) == 8
    with pytest.raises(InvalidRequestError, match=reason):
        log.query(sql.format(tmp_path / "run"))
    assert not list(tmp_path.rglob("evil*"))
    assert len(log.query("SELECT * FROM filters")) == 24


def test_a_query_that_needs_too_much_memory_fails_alone(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_queries, "LOG_QUERY_BYTES", 16 << 20)
    with pytest.raises(InvalidRequestError, match="A query has failed"):
        log.query(
            "SELECT list(a.range) FROM range(1000000) a, range(1000) b GROUP BY a.range % 999"
        )
    assert len(log.query("SELECT * FROM filters")) == 24


@pytest.mark.parametrize("name", ["it's", "run[1]", "a*b?c", "back\\slash", "{0}", "ü ber", "%41"])
def test_a_directory_may_have_any_name(tmp_path: Path, name: str) -> None:
    writer = LogWriter(tmp_path / name, session())
    LogWriter(tmp_path / "run1", session("other")).write("scalars", scalar_rows([7]))
    writer.write("scalars", scalar_rows([1]))
    log = opened(tmp_path / name)
    assert log.query("SELECT DISTINCT step FROM scalars").to_pylist() == [{"step": 1}]
    assert log.scalars()["loss"].steps.tolist() == [1]


def test_the_views_are_of_one_state(tmp_path: Path) -> None:
    """Rows of a resumed training are hidden one by one where a segment holds others too."""
    first = LogWriter(tmp_path, session())
    first.write("scalars", scalar_rows(range(10)))
    second = LogWriter(tmp_path, session("second", first_step=4))
    second.write("scalars", scalar_rows([4], seed=1))
    log = opened(tmp_path)
    found = log.query("SELECT step FROM scalars WHERE name = 'loss' ORDER BY step")
    assert found["step"].to_pylist() == [0, 1, 2, 3, 4]
    assert log.query("SELECT * FROM scalars WHERE step = 4").num_rows == 2


def test_several_threads_ask_at_once(log: Log) -> None:
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            for table in (*ROWS, *ROWS):
                assert log.query(f"SELECT DISTINCT step FROM {table}").num_rows == 3
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    log.close()
    assert log.query("SELECT DISTINCT step FROM layers").num_rows == 3


def test_a_segment_that_only_duckdb_cannot_decode_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pages are what was written, by somebody who meant no good."""
    writer = LogWriter(tmp_path, session())
    writer.write("scalars", scalar_rows([1]))
    path = tmp_path / "scalars" / writer.write("scalars", scalar_rows([2]))
    monkeypatch.setattr(SegmentRows, "check", lambda self: None)
    content = bytearray(path.read_bytes())
    content[40:120] = bytes(80)
    path.write_bytes(content)
    log = opened(tmp_path)
    assert log.problems == ()
    assert log.query("SELECT DISTINCT step FROM scalars").to_pylist() == [{"step": 1}]
    (problem,) = log.problems
    assert problem.name == f"scalars/{path.name}"
    assert problem.reason.startswith("it cannot be decoded")


def test_a_query_that_fails_does_not_end_others(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path, session())
    writer.write("scalars", scalar_rows([1]))
    path = tmp_path / "scalars" / writer.write("scalars", scalar_rows([2]))
    log = opened(tmp_path)
    sql = "SELECT DISTINCT step FROM scalars"
    assert log.query(sql).num_rows == 2
    assert log._queries is not None
    other = log._queries._connected().cursor()
    path.unlink()
    assert log.query(sql).to_pylist() == [{"step": 1}]
    assert other.sql("SELECT 1").fetchall() == [(1,)]


def test_an_error_of_nobodys_making_is_told(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidRequestError, match="Could not convert"):
        log.query("SELECT CAST(layer AS INTEGER) FROM filters")
    assert log.problems == ()
    assert isinstance(log._queries, Queries)
