"""One session of a log: begun when that works, and never in the way of the training."""

import json
import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from tb_snapshot_compare import __version__
from tb_snapshot_compare.limits import RECORDING_RETRY_SECONDS
from tb_snapshot_compare.recording.losses import Losses
from tb_snapshot_compare.store.log_listing import Listing
from tb_snapshot_compare.store.log_tables import Probe, Session, Unit
from tb_snapshot_compare.store.log_writer import LogWriter

_WRITER = f"tb-snapshot-compare {__version__}"


class SessionWriter:
    """Writes the tables of one session. For one thread.

    What cannot be written is counted as lost; the next call tries again, and once one succeeds an
    event says what is missing.
    """

    def __init__(self, directory: Path, every: int | None, losses: Losses) -> None:
        """Prepares; nothing is written before `begin`.

        Args:
          directory: Of the log.
          every: Steps between dumps, None where there is no fixed number.
          losses: Counts what could not be written.
        """
        self._directory, self._every, self._losses = directory, every, losses
        self.id = secrets.token_hex(6)
        self._session: Session | None = None
        self._writer: LogWriter | None = None
        self._described = True
        self._next_attempt = 0.0
        self.problem = ""
        """Why the session cannot be written to, where it cannot."""
        self._units: tuple[Unit, ...] = ()
        self._probe: Probe | None = None

    def begin(self, step: int) -> bool:
        """Begins the session, unless it has begun; whether it can be written to.

        Args:
          step: From which on the session's rows count and not those that others wrote before.
        """
        if self._session is None:
            self._session = Session(
                id=self.id,
                started=time.time(),
                first_step=step,
                origin="recorded",
                writer=_WRITER,
                units=self._units,
                probe=self._probe,
                every=self._every,
            )
        if self._writer is None and time.monotonic() >= self._next_attempt:
            self._open(self._session)
        return self._writer is not None

    def _open(self, session: Session) -> None:
        is_resumed = session.first_step > 1 and _has_sessions(self._directory)
        try:
            self._writer = LogWriter(self._directory, session)
        except OSError as error:
            self._next_attempt = time.monotonic() + RECORDING_RETRY_SECONDS
            self.problem = _reason(error)
            return
        if is_resumed:
            step = session.first_step
            self.event(step, "resumed", f"Training goes on with step {step:,}.", {})

    def is_known(self, table: str, step: int) -> bool:
        """Whether other sessions have rows of a step that count and are not hidden by this one."""
        if self._session is not None and step >= self._session.first_step:
            return False
        listing = Listing(self._directory)
        listing.refresh()
        return bool(np.isin(step, listing.state.tables[table].steps))

    def describe(self, units: tuple[Unit, ...] | None = None, probe: Probe | None = None) -> None:
        """Says what the session's rows are of; now, or once it can be written."""
        self._units = self._units if units is None else units
        self._probe = self._probe if probe is None else probe
        if self._session is not None:
            self._session = msgspec.structs.replace(
                self._session, units=self._units, probe=self._probe
            )
            self._described = self._writer is None
            self._update()

    def _update(self) -> None:
        if self._writer is None or self._described or self._session is None:
            return
        try:
            self._writer.update_session(self._session)
            self._described = True
        except OSError:
            return

    def write(
        self, table: str, columns: Mapping[str, Any], step: int, what: str, count: int = 1
    ) -> bool:
        """Writes rows; False where they are lost.

        Args:
          table: Its name.
          columns: Those of the rows.
          step: The last one that they are of.
          what: What is lost with them: `dumps`, `scalars`, ...
          count: How many of it.
        """
        if not self.begin(step) or self._writer is None:
            self._losses.add(what, step, self.problem, count)
            return False
        self._update()
        try:
            self._writer.write(table, columns)
        except Exception as error:  # whatever a table cannot hold costs these rows
            self._losses.add(what, step, _reason(error), count)
            return False
        return True

    def event(self, step: int, kind: str, text: str, detail: Mapping[str, Any]) -> bool:
        """Writes an event; False where it is lost."""
        return self.write("events", _event(step, kind, text, json.dumps(detail)), step, "events")

    def note_losses(self) -> None:
        """Writes what was lost, where something was and writing works again."""
        lost = self._losses.event()
        if lost is None or not self.begin(lost[0]) or self._writer is None:
            return
        step, text, detail = lost
        try:
            self._writer.write("events", _event(step, "lost", text, detail))
        except OSError:
            return
        self._losses.noted()

    def compact(self) -> None:
        """Merges small segments; what fails is tried again later."""
        if self._writer is not None:
            try:
                self._writer.compact()
            except OSError:
                return

    def close(self) -> None:
        """Ends the session."""
        if self._writer is not None:
            self._update()
            self._writer.close()


def _event(step: int, kind: str, text: str, detail: str) -> dict[str, Any]:
    values = {"step": step, "time": time.time(), "kind": kind, "text": text, "detail": detail}
    return {name: [value] for name, value in values.items()}


def _has_sessions(directory: Path) -> bool:
    try:
        with os.scandir(directory / "sessions") as entries:
            return any(entry.name.endswith(".json") for entry in entries)
    except OSError:
        return False


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
