"""Writes a log: what `write` has returned from is on disk, whatever happens afterwards."""

import logging
import math
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tb_snapshot_compare.limits import LOG_RUNS_MAX, LOG_SEGMENT_ROWS_MAX
from tb_snapshot_compare.store.log_columns import column, ranks, stored
from tb_snapshot_compare.store.log_compaction import delete, due, merge
from tb_snapshot_compare.store.log_files import TEMPORARY, Draft, write_document, write_segment
from tb_snapshot_compare.store.log_hiding import unreplaced
from tb_snapshot_compare.store.log_layout import Ranks, pieces
from tb_snapshot_compare.store.log_rows import SegmentRows, load
from tb_snapshot_compare.store.log_segments import (
    SESSION_ID,
    DamagedSegmentError,
    Segment,
    SegmentName,
    runs_of,
)
from tb_snapshot_compare.store.log_tables import SESSIONS, TABLES, Session, encode_session

_ABANDONED_SECONDS = 3600.0
"""An unfinished file of that age is nobody's."""

logger = logging.getLogger(__name__)


class LogWriter:
    """The writer of one session. Thread-safe."""

    def __init__(self, directory: Path, session: Session) -> None:
        """Writes the session's file, and makes the directory.

        Another writer of the same session must have ended; this one goes on with its segments.

        Raises:
          ValueError: the session's id cannot be part of a file's name.
          OSError: that cannot be done.
        """
        if not SESSION_ID.fullmatch(session.id):
            raise ValueError(
                f"A session's id has 1 to 64 letters, digits, '-' and '_', unlike {session.id!r}."
            )
        self._directory = directory
        self._session = session
        self._closed = False
        self._lock = threading.Lock()
        """Of what follows; whoever also takes one of the other two takes that first."""
        self._writing = threading.Lock()
        self._merging = threading.Lock()
        self._created = session.started
        self._numbers = dict.fromkeys(TABLES, 0)
        self._segments: dict[str, list[Segment]] = {table: [] for table in TABLES}
        """Those that count, by number."""
        self._doubtful: set[str] = set()
        """Tables that may have a segment whose rows nobody was told to be safe."""
        self._merged: set[str] = set()
        """Tables that may have a merged segment that is not known."""
        self._untidy = True
        self._write_session()
        for table in TABLES:
            self._drop_abandoned(table)
            for segment in unreplaced(self._found(table)):
                self._add(segment)

    @property
    def session(self) -> Session:
        """As last written."""
        return self._session

    def write(self, table: str, columns: Mapping[str, Any]) -> str:
        """Writes rows, of one or more steps, as one segment.

        Args:
          table: One of `TABLES`.
          columns: By name, equally long: arrays or lists; `bands` as [rows, 57] or a list that has
            None for rows without. Columns that are left out are null, or NaN. No rows, no segment.

        Returns:
          The segment's name, once it is safe on disk; empty for no rows.

        Raises:
          ValueError: a column is unknown, missing, or not of the table's type or length, or there
            are too many rows, or the writer is closed.
          OSError: the rows do not count; the next call may well succeed.
        """
        rows = stored(table, columns)
        if not len(rows):
            return ""
        images = int(column(rows, "image").max()) + 1 if table == "images" else 0
        with self._writing:
            draft = self._draft(table, rows)
            if not self._session_path.exists():
                self._write_session()
            self._doubtful.add(table)
            parts = pieces(table, rows, ranks=self._ranks(images))
            segment = write_segment(self._directory / table, draft, parts)
            with self._lock:
                self._doubtful.discard(table)
                self._add(segment)
        if draft.replaces:
            delete(self._directory / table, draft.replaces)
        return segment.text

    def update_session(self, session: Session) -> None:
        """Replaces the session's file by what is known now (units, probe).

        Raises:
          ValueError: it is another session's.
          OSError: the file is as it was, or not surely the new one.
        """
        if session.id != self._session.id:
            raise ValueError(f"This writer is of session {self._session.id}, not {session.id}.")
        with self._writing:
            self._check_open()
            write_document(self._session_path, encode_session(session))
            self._session = session

    def compact(self) -> int:
        """Merges small segments of this session, of each table at most `LOG_MERGED_AT_ONCE`.

        Call it after every dump, in a thread that may take a second now and then; rows can be
        written at the same time.

        Returns:
          How many segments were merged; 0 when there is nothing to do.

        Raises:
          ValueError: the writer is closed.
          OSError: nothing is lost; the next call tries again.
        """
        with self._merging:
            self._check_open()
            if self._untidy:
                self._untidy = False
                self._tidy()
            return sum(self._merge(table) for table in TABLES)

    def close(self) -> None:
        """Nothing is written any more."""
        with self._writing, self._merging:
            self._closed = True

    @property
    def _session_path(self) -> Path:
        return self._directory / SESSIONS / f"{self._session.id}.json"

    def _write_session(self) -> None:
        write_document(self._session_path, encode_session(self._session))

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError(f"The writer of session {self._session.id} is closed.")

    def _add(self, segment: Segment) -> None:
        """Counts a segment, and no longer those that it replaces."""
        kept = [each for each in self._segments[segment.table] if each.text not in segment.replaces]
        self._segments[segment.table] = [*kept, segment]
        self._numbers[segment.table] = max(self._numbers[segment.table], segment.name.number + 1)
        self._created = max(self._created, float(segment.runs["created"].max()))

    def _number(self, table: str) -> int:
        self._numbers[table] += 1
        return self._numbers[table] - 1

    def _draft(self, table: str, rows: pa.Table) -> Draft:
        """What the segment of these rows will say.

        It replaces those of calls that failed but left a segment behind: their rows may be written
        again.
        """
        steps = np.unique(column(rows, "step")) if "step" in rows.schema.names else [0]
        with self._lock:
            self._check_open()
            self._created = max(self._created, math.floor(time.time() * 1e3) / 1e3)
            runs = runs_of(steps, self._created)
            if len(rows) > LOG_SEGMENT_ROWS_MAX or len(runs) > LOG_RUNS_MAX:
                raise ValueError(
                    f"{len(rows)} rows of {len(steps)} steps of table {table} are too many at "
                    f"once: write at most {LOG_SEGMENT_ROWS_MAX} rows, in {LOG_RUNS_MAX} steps."
                )
            left: list[str] = []
            if table in self._doubtful:
                left = [segment.text for segment in self._unknown(table) if not segment.level]
            return Draft(table, self._session.id, self._number(table), runs, replaces=tuple(left))

    def _merge(self, table: str) -> int:
        """Merges what is due of a table; returns of how many segments."""
        with self._lock:
            if table in self._merged:
                for segment in self._unknown(table):
                    if segment.level:  # its rows are those that it replaces
                        self._add(segment)
                self._merged.discard(table)
            chosen = due(self._segments[table])
            if not chosen:
                return 0
            number = self._number(table)
            self._merged.add(table)
        images = max((g.end for s in chosen for block in s.blocks for g in block.grids), default=0)
        try:
            merged = merge(self._directory / table, chosen, number, self._ranks(images))
        except DamagedSegmentError as error:
            logger.warning("A segment of the log is damaged and stays as it is: %s", error)
            with self._lock:
                kept = [each for each in self._segments[table] if each.text != error.name]
                self._segments[table] = kept
            return 0
        with self._lock:
            self._add(merged)
            self._merged.discard(table)
        return len(chosen)

    def _ranks(self, images: int) -> Ranks | None:
        """The order of images by class, which is how they are looked at; None for their own."""
        probe = self._session.probe
        if probe is None or not images:
            return None
        return ranks(probe.labels, max(images, len(probe.labels)))

    def _unknown(self, table: str) -> list[Segment]:
        """Segments of this session that are there, but were never said to be."""
        known = {segment.text for segment in self._segments[table]}
        return [segment for segment in self._found(table) if segment.text not in known]

    def _found(self, table: str) -> list[Segment]:
        """All sound segments of this session, by number."""
        found = []
        for name in sorted(self._names(table), key=lambda name: name.number):
            if name.session == self._session.id:
                self._numbers[table] = max(self._numbers[table], name.number + 1)
                with suppress(DamagedSegmentError, FileNotFoundError):
                    found.append(load(self._directory / table / str(name), table, name))
        return found

    def _names(self, table: str) -> list[SegmentName]:
        folder = self._directory / table
        names = os.listdir(folder) if folder.is_dir() else []
        return [name for name in map(SegmentName.parse, names) if name is not None]

    def _drop_abandoned(self, table: str) -> None:
        """Removes unfinished files of writers that were killed."""
        folder = self._directory / table
        for path in folder.glob(f"{TEMPORARY}*"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                    path.unlink()

    def _tidy(self) -> None:
        """Deletes what writers that were killed had merged already."""
        for table in TABLES:
            folder = self._directory / table
            segments = []
            for name in self._names(table):
                with suppress(OSError, DamagedSegmentError):
                    segments.append(load(folder / str(name), table, name))
            kept = unreplaced(segments)
            gone = {segment.text for segment in segments} - {segment.text for segment in kept}
            for segment in kept:
                names = sorted(gone & segment.replaces)
                if names:
                    with suppress(OSError, DamagedSegmentError):
                        SegmentRows(folder / segment.text, segment).check()
                        delete(folder, names)
