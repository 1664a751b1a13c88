"""The log of one run while it is recorded: all that happens in the background thread."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tb_snapshot_compare.limits import (
    RECORDING_FLUSH_SECONDS,
    RECORDING_RING_BYTES,
    RECORDING_SCALARS_ROWS,
    RECORDING_SNAPSHOTS_MAX,
)
from tb_snapshot_compare.recording.background import Item
from tb_snapshot_compare.recording.compiling import compile_kernels
from tb_snapshot_compare.recording.hierarchy import Hierarchy, hierarchy_of
from tb_snapshot_compare.recording.losses import Losses
from tb_snapshot_compare.recording.rows import filter_rows, layer_rows, units_with_nan
from tb_snapshot_compare.recording.session_writer import SessionWriter
from tb_snapshot_compare.recording.snapshot_files import snapshot_count, write_snapshot
from tb_snapshot_compare.recording.snapshot_ring import SnapshotRing
from tb_snapshot_compare.recording.thumbnails import thumbnail_rows
from tb_snapshot_compare.recording.values import Dump, Note, ProbeImages, Scalars, ValidationPass
from tb_snapshot_compare.recording.watching import ClassWatch, Finding, LossWatch, NanWatch
from tb_snapshot_compare.store.log_tables import DIRECTORY, Probe

LOSS = "loss"
_CONFIG = "keras_config"
"""What the header of a snapshot calls the network's configuration (`readers/safetensors.py`)."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is recorded; as of `Recorder`."""

    every: int | None = None
    paths: Mapping[str, str] = field(default_factory=dict)
    keep_snapshots: int = 3
    snapshot_every: int | None = None
    keras_config: str | None = None


class RunLog:
    """Makes rows and snapshots of what it takes. For one thread."""

    def __init__(self, folder: Path, options: Options, losses: Losses) -> None:
        """Prepares; nothing is written before the first item.

        Args:
          folder: The run's.
          options: What to write.
          losses: Counts what could not be written.
        """
        self._folder, self._options, self._losses = folder, options, losses
        self._session = SessionWriter(folder / DIRECTORY, options.every, losses)
        self._scalars: list[Scalars] = []
        self._flushed = time.monotonic()
        self._has_written = False
        self._hierarchy: Hierarchy | None = None
        self._pictures: ProbeImages | None = None
        self._ring = SnapshotRing(
            self._write_snapshot,
            kept=options.keep_snapshots,
            kept_bytes=RECORDING_RING_BYTES,
            every=options.snapshot_every,
            has_place=lambda: snapshot_count(folder) < RECORDING_SNAPSHOTS_MAX,
        )
        self._losses_seen, self._not_finite = LossWatch(), NanWatch()
        self._classes: ClassWatch | None = None

    def take(self, item: Item) -> None:
        """Writes what follows from an item; what cannot be written counts as lost."""
        if isinstance(item, ProbeImages):
            self._take_probe(item)
            return
        is_update = isinstance(item, Scalars)
        is_begun_anew = item.step == 0  # nothing of an earlier training goes on
        self._session.begin(item.step if is_update or is_begun_anew else item.step + 1)
        if self._pictures is not None:
            self._write_thumbnails(self._pictures, item.step)
        if isinstance(item, Scalars):
            self._take_scalars(item)
        elif isinstance(item, Dump):
            self._take_dump(item)
        elif isinstance(item, Note):
            self._session.event(item.step, item.kind, item.text, {})
        else:
            self._take_pass(item)

    def idle(self) -> None:
        """Writes the numbers of steps that have waited long enough, and merges segments."""
        if time.monotonic() - self._flushed >= RECORDING_FLUSH_SECONDS:
            self._flush()
            self._session.note_losses()
        if self._has_written:
            self._has_written = False
            self._session.compact()

    def finish(self) -> None:
        """Writes what waits and the last snapshot, and ends the session."""
        self._flush()
        self._ring.end()
        self._session.note_losses()
        self._session.close()

    def _take_scalars(self, item: Scalars) -> None:
        self._scalars.append(item)
        loss = item.values.get(LOSS)
        if loss is not None:
            self._report(self._losses_seen.look(item.step, loss))
        if len(self._scalars) >= RECORDING_SCALARS_ROWS:
            self._flush()

    def _flush(self) -> None:
        self._flushed = time.monotonic()
        self._has_written = True
        waiting, self._scalars = self._scalars, []
        if not waiting:
            return
        rows = [(s.step, s.time, name, value) for s in waiting for name, value in s.values.items()]
        names = ("step", "time", "name", "value")
        columns = {name: [row[k] for row in rows] for k, name in enumerate(names)}
        self._session.write("scalars", columns, waiting[-1].step, "scalars", len(rows))

    def _take_probe(self, probe: ProbeImages) -> None:
        self._classes = ClassWatch(probe)
        names = probe.names or tuple(str(index) for index in range(probe.count))
        self._session.describe(probe=Probe(names, tuple(probe.labels.tolist()), probe.classes))
        self._pictures = probe

    def _write_thumbnails(self, probe: ProbeImages, step: int) -> None:
        self._pictures = None
        if probe.pictures is not None:
            rows = thumbnail_rows(probe.pictures)
            if rows:
                self._session.write("thumbnails", rows, step, "thumbnails", probe.count)

    def _take_pass(self, item: ValidationPass) -> None:
        count = item.predicted.size
        columns = {
            "step": np.full(count, item.step),
            "image": np.arange(count, dtype=np.int32),
            "predicted": item.predicted,
            "probability": item.probability,
        }
        self._session.write("images", columns, item.step, "passes")
        if self._classes is not None:
            self._report(self._classes.look(item))

    def _take_dump(self, dump: Dump) -> None:
        if self._hierarchy is None or not self._hierarchy.has(dump.weights):
            self._learn(dump)
        assert self._hierarchy is not None
        last = self._ring.last
        before = last.weights if last and self._hierarchy.has(last.weights) else None
        found = None
        if last is None and self._session.is_known("layers", dump.step):
            pass  # where training goes on, with what changed until then, which is not known here
        elif self._session.begin(dump.step):
            rows = layer_rows(dump, before, self._hierarchy)
            found = self._not_finite.look(dump.step, units_with_nan(rows))
            if self._session.write("layers", rows, dump.step, "dumps"):
                filters = filter_rows(dump, before, self._hierarchy)
                if filters:
                    self._session.write("filters", filters, dump.step, "dumps")
        else:
            self._losses.add("dumps", dump.step, self._session.problem)
        self._ring.add(dump)
        self._report(found)
        self._flush()
        self._session.note_losses()

    def _learn(self, dump: Dump) -> None:
        """The units of the network, and the code that their rows are made with."""
        options = self._options
        self._hierarchy = hierarchy_of(
            dump.weights, paths=options.paths, keras_config=options.keras_config
        )
        self._session.describe(units=self._hierarchy.units)
        compile_kernels(_commonest(values.dtype.name for values in dump.weights.values()))

    def _report(self, found: Finding | None) -> None:
        if found is None:
            return
        self._session.event(found.step, found.kind, found.text, found.detail)
        self._ring.fire(found.step, found.text)

    def _write_snapshot(self, dump: Dump, reason: str) -> bool:
        config = self._options.keras_config
        metadata = {_CONFIG: config} if config else {}
        paths = self._options.paths
        named = {paths.get(name, name): values for name, values in dump.weights.items()}
        try:
            path = write_snapshot(
                self._folder, Dump(dump.step, dump.time, named), metadata, self._session.id
            )
        except Exception as error:  # whatever it is, the log goes on
            reason = getattr(error, "strerror", None) or str(error)
            self._losses.add("snapshots", dump.step, reason)
            return False
        text = f"{path.name} was written. {reason}"
        self._session.event(dump.step, "snapshot", text, {"file": path.name, "reason": reason})
        return True


def _commonest(names: Iterable[str]) -> str:
    found = list(names)
    return max(dict.fromkeys(found), key=found.count)
