"""What was made of logs, on disk: a server that is started anew need not read all of a log again.

Each entry is of a log as it was at some time, and tells by itself of which: whoever reads it goes
on from there, or makes it anew.
"""

import io
import zipfile
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare import __version__
from tb_snapshot_compare.store import ResultStore
from tb_snapshot_compare.workspace.training_classes import ErrorSeries
from tb_snapshot_compare.workspace.training_states import ImageStates, class_names
from tb_snapshot_compare.workspace.training_tops import TopIndex

if TYPE_CHECKING:
    from tb_snapshot_compare.store.log_reader import Log

_SCHEMA = 2
_TEXTS = "texts"
_GROWTH = 1.1
"""An entry is replaced once its log is so many times as long, so that one that grows by a dump now
and then costs no more than a few times its final size."""

Arrays = Mapping[str, NDArray[Any]]
Texts = Mapping[str, str]


class SavedParts:
    """Entries in the store of results. For one thread that writes and any that read."""

    def __init__(self, results: ResultStore) -> None:
        """Nothing is read yet; a store that keeps nothing is never asked."""
        self._results = results
        self._written: dict[str, tuple[str, int]] = {}
        """The content and the number of steps that were written last, by key."""

    def states(self, log: "Log") -> ImageStates | None:
        """The states of the probe images, of this log or of one that was there before."""
        found = self._read("states", log)
        if found is None or log.probe is None:
            return None
        arrays, texts = found
        return ImageStates(
            right=arrays["right"],
            seen=arrays.get("seen"),
            labels=arrays["labels"],
            classes=class_names(log.probe),
            steps=arrays["steps"],
            counts=arrays["counts"],
            of=texts["of"],
            content=texts["content"],
        )

    def keep_states(self, log: "Log", states: ImageStates) -> None:
        """Writes them, unless nearly the same are there."""
        names = ("right", "labels", "steps", "counts")
        arrays = {name: getattr(states, name) for name in names}
        if states.seen is not None:
            arrays["seen"] = states.seen
        self._write("states", log, arrays, _texts(states), states.steps.size)

    def errors(self, log: "Log", states: ImageStates) -> ErrorSeries | None:
        """The errors of classes, if those of these states are there."""
        found = self._read("errors", log)
        if found is None or found[1] != _texts(states):
            return None
        return ErrorSeries(**found[0])

    def keep_errors(self, log: "Log", states: ImageStates, errors: ErrorSeries) -> None:
        """Writes those of states, unless those of nearly the same log are there."""
        names = ("classes", "model", "mds", "cluster")
        arrays = {name: getattr(errors, name) for name in names}
        self._write("errors", log, arrays, _texts(states), errors.model.size)

    def tops(self, log: "Log") -> TopIndex | None:
        """The most changed filters, of dumps of this log or of one that was there before."""
        found = self._read("tops", log)
        if found is None:
            return None
        arrays, texts = found
        return TopIndex(
            steps=arrays["steps"],
            layers=arrays["layers"],
            filters=arrays["filters"],
            cosines=arrays["cosines"],
            of=texts["of"],
            content=texts["content"],
        )

    def keep_tops(self, log: "Log", tops: TopIndex) -> None:
        """Writes them, unless nearly the same are there."""
        names = ("steps", "layers", "filters", "cosines")
        arrays = {name: getattr(tops, name) for name in names}
        self._write("tops", log, arrays, _texts(tops), tops.steps.size)

    def _read(self, kind: str, log: "Log") -> tuple[dict[str, NDArray[Any]], Texts] | None:
        payload = self._results.get(_key(kind, log))
        if payload is None:
            return None
        try:
            with np.load(io.BytesIO(payload), allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            return arrays, msgspec.json.decode(arrays.pop(_TEXTS).tobytes(), type=dict[str, str])
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
            return None

    def _write(self, kind: str, log: "Log", arrays: Arrays, texts: Texts, steps: int) -> None:
        key, content = _key(kind, log), texts["content"]
        known, before = self._written.get(key, ("", 0))
        if known == content or steps < before * _GROWTH:
            return
        text = np.frombuffer(msgspec.json.encode(texts), np.uint8)
        file = io.BytesIO()
        columns: dict[str, Any] = {_TEXTS: text, **arrays}
        np.savez(file, **columns)
        self._results.put(key, file.getvalue())
        self._written[key] = (content, steps)


def _texts(value: ImageStates | TopIndex) -> Texts:
    return {"of": value.of, "content": value.content}


def _key(kind: str, log: "Log") -> str:
    return f"training {kind} {_SCHEMA} {__version__} {log.directory}"
