"""The log that is computed from a run's snapshots, in our cache.

Every dump is written as rows of `layers` and `filters`, and then an event that says of which
content of which snapshot they are: a dump counts once that is there. So whoever is interrupted
goes on where it stopped.
"""

import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from tb_snapshot_compare import __version__
from tb_snapshot_compare.limits import DERIVED_MAX_BYTES
from tb_snapshot_compare.workspace.derived_dump import DumpRows
from tb_snapshot_compare.workspace.derived_plan import Content, KnownDump, Task
from tb_snapshot_compare.workspace.training_values import Axis

try:
    import fcntl
except ImportError:  # not on Windows: two programs may then do the same work
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from tb_snapshot_compare.recording.hierarchy import Hierarchy
    from tb_snapshot_compare.store.log_reader import Log
    from tb_snapshot_compare.store.log_writer import LogWriter

_SCHEMA = 2
_FOLDER = "logs"
_NAME = re.compile(r"[0-9a-f]{32}")
_LOCK = ".lock"


def derived_directory(cache: Path, run_directory: str) -> Path:
    """Where the log of the snapshots in a directory, or below a URL, lies."""
    digest = blake2b(f"{_SCHEMA}\0{run_directory}".encode(), digest_size=16).hexdigest()
    return cache / _FOLDER / digest


def structure_of(hierarchy: "Hierarchy") -> str:
    """What the numbers of a log depend on: which units there are, and what belongs to each."""
    units = [(unit.path, unit.parent, unit.filters) for unit in hierarchy.units]
    tensors = sorted(
        (name, hierarchy.units[place.unit].path, repr(place.axis), hierarchy.shapes[name])
        for name, place in hierarchy.places.items()
    )
    text = repr((_SCHEMA, __version__, sorted(units, key=repr), tensors))
    return blake2b(text.encode(), digest_size=8).hexdigest()


class DerivedLog:
    """A log in a directory of its own; see the module. For one thread."""

    def __init__(self, directory: Path) -> None:
        """Reads and writes nothing yet."""
        from tb_snapshot_compare.store.log_reader import Log

        self.directory = directory
        self._log: Log = Log(directory)
        self._writer: LogWriter | None = None
        self._steps: set[int] = set()
        """Of which there are rows, be they whole or not."""
        self._structure = ""
        self.known: Mapping[int, KnownDump] = {}
        """The dumps by step."""
        self.structures: frozenset[str] = frozenset()
        """Of which structures they are."""
        self.axis: Axis | None = None
        """What the steps of the newest one count."""

    def look(self) -> None:
        """Reads what is there by now."""
        if self._log.refresh() or not self.known:
            self._take_in(self._log)

    @contextmanager
    def locked(self) -> Iterator[bool]:
        """Whether nobody else is at work on the log; nobody will be, in the block."""
        self.directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.directory.with_name(self.directory.name + _LOCK)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield _try_lock(descriptor)
        finally:
            os.close(descriptor)

    def restart(self, step: int, hierarchy: "Hierarchy") -> None:
        """Drops the dumps from a step on.

        Raises:
          OSError: the log cannot be written.
        """
        if step <= min(self.known, default=step):
            self.close()
            shutil.rmtree(self.directory)
            self.known, self.structures, self._steps = {}, frozenset(), set()
            return
        self._begin(step, hierarchy)
        self._steps = {each for each in self._steps if each < step}
        event = {"step": [step], "time": [time.time()], "kind": ["resumed"], "detail": ["{}"]}
        text = f"From {step:,} on the snapshots are others than before."
        self._writing().write("events", {**event, "text": [text]})
        self.known = {key: each for key, each in self.known.items() if key < step}
        self.structures = frozenset({structure_of(hierarchy)} if self.known else ())

    def write(self, task: Task, axis: Axis, rows: DumpRows, hierarchy: "Hierarchy") -> None:
        """Adds a dump; one of the same step does not count any more.

        Raises:
          OSError: the log cannot be written.
        """
        step = task.dump.step
        structure = structure_of(hierarchy)
        again = step in self._steps
        if self._writer is None or again or structure != self._structure:
            self._begin(None if not again else max(self._steps) + 1, hierarchy)
        writer = self._writing()
        self._steps.add(step)
        writer.write("layers", rows.layers)
        if rows.filters:
            writer.write("filters", rows.filters)
        writer.write("events", _event(task, axis, structure))
        writer.compact()
        before = None if task.before is None else task.before.content
        dump = KnownDump(step, task.dump.content, task.dump.ref.modified, before)
        self.known = {**self.known, step: dump}
        self.structures |= {structure}
        self.axis = axis

    def close(self) -> None:
        """Nothing is written any more."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _writing(self) -> "LogWriter":
        assert self._writer is not None
        return self._writer

    def _begin(self, first_step: int | None, hierarchy: "Hierarchy") -> None:
        """Begins a session, of which rows at `first_step` and later take the place of others'.

        None goes on with the newest session, if there is one of these units.
        """
        from tb_snapshot_compare.store.log_tables import Session
        from tb_snapshot_compare.store.log_writer import LogWriter

        self.close()
        newest = self._log.sessions[-1:] if first_step is None else ()
        session = Session(
            id=uuid.uuid4().hex,
            started=time.time(),
            first_step=max(self._steps, default=0) + 1 if first_step is None else first_step,
            origin="derived",
            writer=f"tb_snapshot_compare {__version__}",
            units=hierarchy.units,
        )
        if newest and newest[0].units == hierarchy.units:
            session = newest[0]
        self._writer = LogWriter(self.directory, session)
        self._structure = structure_of(hierarchy)

    def _take_in(self, log: "Log") -> None:
        known, structures = {}, set()
        for event in log.events():
            found = _known(event.kind, event.step, event.detail)
            if found is not None:
                known[event.step], structure, self.axis = found
                structures.add(structure)
        self._steps = {*log.steps("layers").tolist(), *known}
        self.known, self.structures = known, frozenset(structures)


def evict(directory: Path, max_bytes: int = DERIVED_MAX_BYTES) -> None:
    """Deletes the logs that were used least recently, but not that in `directory`."""
    found: list[tuple[float, int, Path]] = []
    with suppress(OSError):
        logs = [path for path in directory.parent.iterdir() if _NAME.fullmatch(path.name)]
        found = [(path.stat().st_mtime, _size(path), path) for path in logs]
    excess = sum(size for _, size, _ in found) - max_bytes
    for _, size, path in sorted(found):
        if excess <= 0:
            return
        if path != directory and _delete(path):
            excess -= size


def _delete(path: Path) -> bool:
    """Deletes a log on which nobody is at work."""
    with suppress(OSError), DerivedLog(path).locked() as free:
        if free:
            shutil.rmtree(path, ignore_errors=True)
            return True
    return False


def _size(path: Path) -> int:
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with suppress(OSError):
                total += os.stat(os.path.join(folder, name)).st_size
    return total


def _try_lock(descriptor: int) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _event(task: Task, axis: Axis, structure: str) -> dict[str, Any]:
    ref, before = task.dump.ref, task.before
    detail = {
        "name": ref.name,
        "id": ref.id,
        "generation": ref.generation,
        "modified": ref.modified,
        "previous": None if before is None else list(before.content),
        "axis": axis,
        "structure": structure,
    }
    return {
        "step": [task.dump.step],
        "time": [ref.modified],
        "kind": ["snapshot"],
        "text": [f"{ref.name} was saved."],
        "detail": [json.dumps(detail)],
    }


def _known(kind: str, step: int, detail: str) -> tuple[KnownDump, str, Axis] | None:
    """A dump, its structure and axis; None for any other event."""
    if kind != "snapshot":
        return None
    try:
        told = json.loads(detail)
        previous: Content | None = None
        if told["previous"] is not None:
            of, generation = told["previous"]
            previous = (str(of), str(generation))
        content = (str(told["id"]), str(told["generation"]))
        dump = KnownDump(step, content, float(told["modified"]), previous)
        axis = str(told["axis"])
    except (ValueError, TypeError, KeyError):
        return None
    for word in get_args(Axis):
        if word == axis:
            return dump, str(told["structure"]), word
    return None
