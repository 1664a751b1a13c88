"""Answers SQL over a log: DuckDB in this process, confined to the log's files."""

import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from tb_snapshot_compare import processors
from tb_snapshot_compare.errors import InvalidRequestError
from tb_snapshot_compare.limits import LOG_QUERY_BYTES
from tb_snapshot_compare.store.log_listing import Source, State, TableState
from tb_snapshot_compare.store.log_matrices import THREADS_MAX, each
from tb_snapshot_compare.store.log_segments import DamagedSegmentError
from tb_snapshot_compare.store.log_tables import COSINE_DISTANCE, STORED, TABLES

_CONFINED = (
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET allow_community_extensions = false",
    "SET python_enable_replacements = false",
    "SET preserve_insertion_order = false",
    "SET temp_directory = ''",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)
_OF_THE_STATEMENT = (
    duckdb.ParserException,
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.PermissionException,
    duckdb.OutOfMemoryException,
)
"""What has nothing to do with segments."""
_TYPES = {
    pa.int64(): "BIGINT",
    pa.int32(): "INTEGER",
    pa.int16(): "SMALLINT",
    pa.float64(): "DOUBLE",
    pa.float32(): "REAL",
    pa.binary(): "BLOB",
    TABLES["layers"].field("bands").type: "BIGINT[]",
}
"""Of columns; names and texts are VARCHAR."""


class Queries:
    """Runs queries over the segments of a log. Thread-safe."""

    def __init__(self, directory: Path) -> None:
        """DuckDB is started with the first query."""
        self._directory = directory
        self._lock = threading.Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None

    def run(self, state: State, sql: str, parameters: Sequence[Any]) -> pa.Table:
        """The result of one SELECT over views named as the tables.

        Segments are looked at as a whole before DuckDB reads them.

        Raises:
          InvalidRequestError: the statement is none, not only a SELECT, or has failed.
          DamagedSegmentError: a segment is not what was written.
          FileNotFoundError: a segment is gone.
        """
        connection = self._connected().cursor()
        try:
            self._make_views(connection, state, sql)
            statements = connection.extract_statements(sql)
            if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
                raise InvalidRequestError(f"Not a single SELECT: {sql[:200]}")
            return connection.sql(sql, params=list(parameters)).to_arrow_table()
        except _OF_THE_STATEMENT as error:
            raise InvalidRequestError(f"A query has failed: {error}") from error
        except duckdb.Error as error:
            self._forget()  # it may be unusable
            self._blame(state, sql)
            raise InvalidRequestError(f"A query has failed: {error}") from error
        finally:
            connection.close()

    def close(self) -> None:
        """Ends DuckDB; the next query starts it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def _forget(self) -> None:
        """The next query starts DuckDB again; those that are under way end with this one."""
        with self._lock:
            self._connection = None

    def _connected(self) -> "duckdb.DuckDBPyConnection":
        with self._lock:
            if self._connection is None:
                connection = duckdb.connect(
                    ":memory:",
                    config={
                        "threads": min(THREADS_MAX, processors.available()),
                        "memory_limit": f"{LOG_QUERY_BYTES >> 20}MiB",
                    },
                )
                directory = _quoted(str(self._directory))
                connection.execute(f"SET allowed_directories = [{directory}]")
                for statement in _CONFINED:
                    connection.execute(statement)
                self._connection = connection
            return self._connection

    def _make_views(self, connection: duckdb.DuckDBPyConnection, state: State, sql: str) -> None:
        """Makes views, of this connection only, of the tables that are named in the statement."""
        for table, content in _named(state, sql):
            for _ in each(lambda source: source.rows.check(), content.sources):
                pass
            connection.execute(f"CREATE TEMP VIEW {table} AS {self._view(table, content)}")

    def _blame(self, state: State, sql: str) -> None:
        """Looks for a segment that is gone, or that DuckDB cannot decode though it is sound.

        Raises:
          DamagedSegmentError: of the first one.
          OSError: it cannot be read, or is gone.
        """
        for table, content in _named(state, sql):
            columns = ", ".join(f'"{name}"' for name in STORED[table].names)
            for source in content.sources:
                _read_through(self._directory / table / source.segment.text)
                file = self._file(table, source)
                connection = self._connected().cursor()
                try:
                    connection.execute(
                        f"SELECT bit_xor(hash({columns})) FROM read_parquet([{file}])"  # noqa: S608
                    ).fetchall()
                except duckdb.Error as error:
                    self._forget()
                    reason = f"it cannot be decoded: {error}"
                    raise DamagedSegmentError(source.segment.text, reason) from error
                finally:
                    connection.close()

    def _view(self, table: str, content: TableState) -> str:
        whole = [source for source in content.sources if source.part.steps is None]
        selects = []
        if whole:
            files = ", ".join(self._file(table, source) for source in whole)
            selects.append(_select(table, files))
        for source in content.sources:
            if source.part.steps is not None:
                steps = ", ".join(map(str, source.part.steps.tolist()))
                file = self._file(table, source)
                selects.append(f"{_select(table, file)} WHERE step IN ({steps})")
        return " UNION ALL ".join(selects) or f"SELECT {_nulls(table)} WHERE false"

    def _file(self, table: str, source: Source) -> str:
        return _quoted(str(self._directory / table / source.segment.text))


def _read_through(path: Path) -> None:
    """Reads a file to its end, so that it is not the disk what fails.

    Raises:
      OSError: it is.
    """
    with path.open("rb", buffering=0) as file:
        while file.read(1 << 20):
            pass


def _named(state: State, sql: str) -> list[tuple[str, TableState]]:
    """The tables that a statement names, and perhaps others."""
    return [
        (table, content)
        for table, content in state.tables.items()
        if re.search(rf"\b{table}\b", sql, re.IGNORECASE)
    ]


def _select(table: str, files: str) -> str:
    return f"SELECT {_columns(table)} FROM read_parquet([{files}])"  # noqa: S608


def _columns(table: str) -> str:
    distance = f"1.0 - CAST({COSINE_DISTANCE} AS DOUBLE) AS cosine"
    return ", ".join(distance if name == "cosine" else f'"{name}"' for name in TABLES[table].names)


def _nulls(table: str) -> str:
    return ", ".join(
        f'CAST(NULL AS {_TYPES.get(field.type, "VARCHAR")}) AS "{field.name}"'
        for field in TABLES[table]
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
