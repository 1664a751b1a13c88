"""Reads a log, recorded or derived, while it is written."""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tb_snapshot_compare.errors import SnapshotChangedError, UnreadableSnapshotError
from tb_snapshot_compare.store import log_answers, log_images
from tb_snapshot_compare.store.log_answers import (
    Event,
    FilterRows,
    Scalar,
    Thumbnail,
    steps_within,
)
from tb_snapshot_compare.store.log_listing import Listing, Problem, State, newest_probe
from tb_snapshot_compare.store.log_segments import DamagedSegmentError, Steps
from tb_snapshot_compare.store.log_tables import (
    BANDS,
    MEASURES,
    TABLES,
    Origin,
    Probe,
    Session,
    Unit,
)

if TYPE_CHECKING:
    from tb_snapshot_compare.store.log_queries import Queries

__all__ = ["Event", "FilterRows", "Log", "Problem", "Scalar", "Thumbnail"]

_TRIES = 5


_Result = TypeVar("_Result")


class Log:
    """The log in a directory, as of the last `refresh`. Thread-safe.

    Ranges of steps include both ends; None is the first or the last. Axes of dumps are those of
    `steps(table)` within the range. What was not recorded is NaN; -1 for predicted classes.

    What reads rows raises SnapshotChangedError where the log changes faster than it can be read,
    UnreadableSnapshotError where the disk fails, and InvalidRequestError where too much is asked
    for at once, or something unknown. Damaged segments are left out, and listed in `problems`.
    """

    def __init__(self, directory: Path) -> None:
        """Nothing is read before the first `refresh`."""
        self._listing = Listing(directory)
        self._directory = directory
        self._queries: Queries | None = None
        self._lock = threading.Lock()

    def refresh(self) -> bool:
        """Looks for what was written since; whether anything has changed."""
        with self._lock:
            return self._listing.refresh()

    def close(self) -> None:
        """Ends what runs queries."""
        with self._lock:
            if self._queries is not None:
                self._queries.close()

    @property
    def directory(self) -> Path:
        """Where the log lies."""
        return self._directory

    @property
    def version(self) -> str:
        """A short text that changes with everything else."""
        return self._state.version

    @property
    def sessions(self) -> tuple[Session, ...]:
        """By the time they started."""
        return self._state.sessions

    @property
    def units(self) -> tuple[Unit, ...]:
        """The network's hierarchy, in order: that of the newest session that knows it."""
        known = (session.units for session in reversed(self.sessions) if session.units)
        return tuple(sorted(next(known, ()), key=lambda unit: unit.order))

    @property
    def probe(self) -> Probe | None:
        """The probe images of the newest session that has any; those of others do not count."""
        return newest_probe(self.sessions)

    @property
    def origin(self) -> Origin | None:
        """That of the newest session."""
        return self.sessions[-1].origin if self.sessions else None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Files that are left out."""
        return self._state.problems

    def steps(self, table: str) -> Steps:
        """The steps of which a table has rows, ascending; 0 for thumbnails."""
        log_answers.check_name("table", table, tuple(TABLES))
        return self._state.tables[table].steps

    def writers(self, *tables: str) -> tuple[Session, ...]:
        """The sessions with rows of some tables that count, by the time they started."""
        for table in tables:
            log_answers.check_name("table", table, tuple(TABLES))
        state = self._state
        ids = {each.segment.session for table in tables for each in state.tables[table].sources}
        return tuple(session for session in state.sessions if session.id in ids)

    def content_of(self, table: str) -> str:
        """A short text that changes with the rows of a table, but not when they are merged."""
        log_answers.check_name("table", table, tuple(TABLES))
        return log_answers.content_of(self._state, table)

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """The result of one SELECT over views named as the tables (DuckDB's SQL).

        Args:
          sql: Of this package, not of a user; values are ? in it.
          parameters: The values.
        """
        with self._lock:
            if self._queries is None:  # DuckDB takes 30 MiB, and many ask for nothing of it
                from tb_snapshot_compare.store.log_queries import Queries

                self._queries = Queries(self._directory)
            queries = self._queries
        return self._reading(lambda state: queries.run(state, sql, parameters))

    def layer_statistic(
        self,
        kind: str,
        statistic: str,
        units: Sequence[str] | None = None,
        first: int | None = None,
        last: int | None = None,
    ) -> npt.NDArray[np.float64]:
        """A column of `layers`, float64 [units, dumps]; all `self.units` when none are given."""
        values: npt.NDArray[np.float64] = self.layer_statistics(
            kind, [statistic], units, first, last
        )[0]
        return values

    def layer_statistics(
        self,
        kind: str,
        statistics: Sequence[str],
        units: Sequence[str] | None = None,
        first: int | None = None,
        last: int | None = None,
    ) -> npt.NDArray[np.float64]:
        """Several columns of `layers` at once, float64 [statistics, units, dumps]."""
        paths = self._paths(units)
        return self._reading(
            lambda state: log_answers.layer_statistics(
                state, kind, statistics, paths, steps_within(state, "layers", first, last)
            )
        )

    def bands(
        self,
        kind: str,
        units: Sequence[str] | None = None,
        first: int | None = None,
        last: int | None = None,
    ) -> npt.NDArray[np.int64]:
        """Counts by band, int64 [units, dumps, 57]; all 0 where none were recorded."""
        return self.joined_bands(kind, range(BANDS), units, first, last)

    def joined_bands(
        self,
        kind: str,
        starts: Sequence[int],
        units: Sequence[str] | None = None,
        first: int | None = None,
        last: int | None = None,
    ) -> npt.NDArray[np.int64]:
        """Counts added up from each band of `starts` to the next, int64 [units, dumps, starts].

        Args:
          kind: One of `log_tables.KINDS`, or `MOVING`.
          starts: Ascending indices of bands; the first is 0.
          units: As of `layer_statistic`.
          first: Step.
          last: Step.
        """
        paths = self._paths(units)
        return self._reading(
            lambda state: log_answers.bands(
                state, kind, paths, steps_within(state, "layers", first, last), starts
            )
        )

    def filter_measure(
        self, layer: str, measure: str, first: int | None = None, last: int | None = None
    ) -> npt.NDArray[Any]:
        """A measure of a layer's filters, [filters, dumps], float32 (float64 for the cosine)."""
        return self._reading(
            lambda state: log_answers.filter_measure(
                state, layer, measure, steps_within(state, "filters", first, last)
            )
        )

    def filters_at(self, step: int, measures: Sequence[str] = MEASURES) -> pa.Table:
        """All filters at a dump: layer, filter and the measures; no rows without such a dump.

        Layers are in the order of `units`.
        """
        return self.filters_over([step], measures).table()

    def filters_over(
        self,
        steps: Sequence[int],
        measures: Sequence[str],
        only: Collection[str] | None = None,
    ) -> FilterRows:
        """All filters at some dumps, read at once; layers are in the order of `units`.

        Args:
          steps: Of the dumps, ascending, each once.
          measures: Of the filters.
          only: Layers to which they belong; None for all.
        """
        layers, dumps = self._paths(None), np.asarray(steps, np.int64)
        return self._reading(
            lambda state: log_answers.filters_at(state, dumps, measures, layers, only)
        )

    def images(
        self,
        first: int | None = None,
        last: int | None = None,
        images: npt.ArrayLike | None = None,
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """Predicted classes int32 and true classes' probabilities float32, [images, passes].

        Rows are all probe images, or those of the indices `images`, in their order.
        """
        count = len(self._labels())
        return self._reading(
            lambda state: log_images.images(
                state, steps_within(state, "images", first, last), images, count
            )
        )

    def correct(
        self,
        first: int | None = None,
        last: int | None = None,
        images: npt.ArrayLike | None = None,
    ) -> npt.NDArray[np.bool_]:
        """Whether the predicted class is the label, [images, passes]: a byte each."""
        labels = self._labels()
        return self._reading(
            lambda state: log_images.correct(
                state, steps_within(state, "images", first, last), images, labels
            )
        )

    def seen(
        self,
        first: int | None = None,
        last: int | None = None,
        images: npt.ArrayLike | None = None,
    ) -> npt.NDArray[np.bool_]:
        """Whether each image was in each pass, [images, passes]; no rows are read for it."""
        count = len(self._labels())
        return self._reading(
            lambda state: log_images.seen(
                state, steps_within(state, "images", first, last), images, count
            )
        )

    def images_seen(self) -> npt.NDArray[np.int64]:
        """How many different images each pass has rows of, [passes]; no rows are read for it."""
        return self._reading(
            lambda state: log_images.images_seen(state, state.tables["images"].steps)
        )

    def scalar_names(self) -> tuple[str, ...]:
        """The names of all quantities that were recorded, sorted."""
        return self._reading(log_answers.scalar_names)

    def scalars(self, names: Sequence[str] | None = None) -> Mapping[str, Scalar]:
        """Quantities by name; all when no names are given. Those without rows are left out."""
        return self._reading(lambda state: log_answers.scalars(state, names))

    def events(self) -> tuple[Event, ...]:
        """By step, then time: the newest 10,000."""
        return self._reading(log_answers.events)

    def thumbnail(self, image: int) -> Thumbnail | None:
        """That of a probe image, if there is one."""
        return self._reading(lambda state: log_answers.thumbnail(state, image))

    def pictured(self) -> npt.NDArray[np.int64]:
        """The probe images that have a thumbnail, ascending; no rows are read for it."""
        return log_answers.pictured(self._state)

    @property
    def _state(self) -> State:
        return self._listing.state

    def _paths(self, units: Sequence[str] | None) -> tuple[str, ...]:
        return tuple(unit.path for unit in self.units) if units is None else tuple(units)

    def _labels(self) -> npt.NDArray[np.int32]:
        probe = self.probe
        return np.array(() if probe is None else probe.labels, np.int32)

    def _reading(self, work: Callable[[State], _Result]) -> _Result:
        """Does `work` with what is there, without what turns out to be damaged or merged."""
        tries = 0
        while True:
            try:
                return work(self._state)
            except DamagedSegmentError as error:  # one less each time
                with self._lock:
                    self._listing.leave_out(error)
            except FileNotFoundError as error:
                tries += 1
                if tries == _TRIES:
                    raise SnapshotChangedError(
                        "The log has changed again and again while it was read: try again."
                    ) from error
                self.refresh()
            except OSError as error:
                raise UnreadableSnapshotError(
                    f"The log cannot be read ({error.strerror or error}): try again."
                ) from error
