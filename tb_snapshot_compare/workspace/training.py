"""What the Training page knows of a run, be it the training that recorded it or this server."""

import itertools
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tb_snapshot_compare.analysis.anomalies import AnomalyCounts
from tb_snapshot_compare.errors import InvalidRequestError
from tb_snapshot_compare.limits import TRAINING_KEPT_BYTES
from tb_snapshot_compare.snapshot import SnapshotRef
from tb_snapshot_compare.sources import RunSources
from tb_snapshot_compare.workspace.deriving import Derived, Deriving
from tb_snapshot_compare.workspace.library import Workspace
from tb_snapshot_compare.workspace.training_classes import (
    ErrorSeries,
    class_counts,
    error_series,
)
from tb_snapshot_compare.workspace.training_curves import log_series
from tb_snapshot_compare.workspace.training_examining import Examining
from tb_snapshot_compare.workspace.training_kept import Kept, Value
from tb_snapshot_compare.workspace.training_logs import TrainingLogs
from tb_snapshot_compare.workspace.training_overview import overview_of
from tb_snapshot_compare.workspace.training_positions import (
    clock_of,
    on_axis,
    placed_in_log,
    steps_per_epoch,
)
from tb_snapshot_compare.workspace.training_rates import learning_rate, rate_stages
from tb_snapshot_compare.workspace.training_saved import SavedParts
from tb_snapshot_compare.workspace.training_states import ImageStates, image_states
from tb_snapshot_compare.workspace.training_tops import TopIndex, filter_layers, top_index
from tb_snapshot_compare.workspace.training_values import (
    Axis,
    Examination,
    PlacedSnapshot,
    RateStage,
    ScalarSeries,
    TrainingOverview,
)
from tb_snapshot_compare.workspace.training_warming import Warming
from tb_snapshot_compare.workspace.turns import Turns

if TYPE_CHECKING:
    from tb_snapshot_compare.store.log_reader import Log

_RATE = "learning_rate"
_DEPTH = 32
"""Filters of a dump that are kept at least: asking for a few more reads nothing again."""


class RateSource(Protocol):
    """What TensorBoard has read of a run's learning rate."""

    def learning_rates(self, event_runs: Sequence[str]) -> Sequence[ScalarSeries]:
        """The series of the runs that tell a learning rate."""


class NoRates:
    """Where there is no TensorBoard."""

    def learning_rates(self, event_runs: Sequence[str]) -> Sequence[ScalarSeries]:  # noqa: ARG002
        """None."""
        return ()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the log of a run is, and whether the training recorded it."""

    sources: RunSources
    directory: Path
    recorded: bool


@dataclass(frozen=True, slots=True)
class TrainingSeries:
    """The scalar series of a log, what its steps count, and how many an epoch has where known."""

    series: tuple[ScalarSeries, ...]
    axis: Axis
    steps_per_epoch: int | None


class Trainings:
    """The trainings of a workspace's runs. Safe to call from any thread."""

    def __init__(self, workspace: Workspace, turns: Turns, rates: RateSource | None = None) -> None:
        """Nothing is computed before `start`, and nothing read before it is asked for.

        Args:
          workspace: whose runs.
          turns: says when somebody waits for something else.
          rates: where a learning rate is looked for that the log does not have.
        """
        self._workspace = workspace
        self._rates = rates or NoRates()
        self._versions = itertools.count(time.time_ns() // 1_000_000)
        self._version = next(self._versions)
        self._logs = TrainingLogs(self._grown)
        self._kept = Kept(TRAINING_KEPT_BYTES)
        self._saved = SavedParts(workspace.results)
        self._deriving = Deriving(workspace, turns, self._grown, self._logs.look_soon)
        self._examining = Examining(self._logs, self._examine, turns, self._grown)
        self._warming = Warming(self._logs, self._first_log)

    def start(self) -> None:
        """Starts the threads, once; after `close` it does nothing."""
        self._deriving.start()
        self._examining.start()

    def close(self) -> None:
        """Ends the threads and waits for them briefly."""
        for part in (self._warming, self._deriving, self._examining, self._logs):
            part.close()

    def version(self) -> int:
        """Grows with every change of a log on show; asked for by every open page now and then."""
        self._logs.watch()
        self._warming.begin()
        return self._version

    def overview(self, run: str) -> tuple[TrainingOverview, Examination, bool]:
        """What there is of a run, what was found in it, and whether that is of this version.

        A run that did not record itself has its log computed from now on.

        Raises:
          NotFoundError: no such run.
        """
        place = self._place(run)
        derived = None if place.recorded else self._deriving.of(place.sources)
        log = self._logs.of(place.directory)
        version, found = log.version, self._overview(place, log, derived)
        while log.version != version:  # it grew meanwhile: these may be steps of the one before
            version, found = log.version, self._overview(place, log, derived)
        if not version:
            return found, Examination(), True
        return found, *self._examining.of(place.directory, version, found.axis)

    @contextmanager
    def reading(self, run: str, version: str | None) -> Iterator["Log"]:
        """The log of a run at a version; None for any.

        Raises:
          NotFoundError: no such run.
          SnapshotChangedError: the log has another version by now.
        """
        with self._logs.reading(self._place(run).directory, version) as log:
            yield log

    def kept(self, key: tuple[Hashable, ...], make: Callable[[], Value]) -> Value:
        """What several answers are made of, by a key that tells the log's version."""
        return self._kept.get(key, make)

    def states(self, log: "Log") -> ImageStates:
        """Whether the probe images of a log were predicted right.

        Raises:
          NotFoundError: it has no validation passes.
        """

        def renew(known: ImageStates | None) -> ImageStates:
            return image_states(log, known or self._saved.states(log))

        return self._kept.renewed(("states", log.directory), renew)

    def errors(self, log: "Log", states: ImageStates, clusters: int | None) -> ErrorSeries:
        """The errors of a log's classes; see `training_classes.error_series`."""

        def make() -> ErrorSeries:
            saved = None if clusters else self._saved.errors(log, states)
            return saved or error_series(states, clusters)

        return self.kept(("errors", states.of, states.content, clusters), make)

    def counts(self, states: ImageStates, run_length: int | None) -> AnomalyCounts:
        """How many images of each class changed state; see `training_classes.class_counts`."""
        key = ("counts", states.of, states.content, run_length)
        return self.kept(key, lambda: class_counts(states, run_length))

    def tops(self, log: "Log", *, every: bool, depth: int = 0) -> TopIndex:
        """The most changed filters of every dump of a log, at least `depth` of them.

        Args:
          log: the log.
          every: whether the first convolution and the last layer are considered too.
          depth: how many filters are wanted of a dump.
        """
        layers, depth = filter_layers(log, every=every), max(depth, _DEPTH)
        key = ("tops", log.directory, every, depth)
        if self._kept.known(key) is None:
            self._take_saved_tops(log)
        return self._kept.renewed(key, lambda known: top_index(log, layers, depth, known))

    def tops_known(self, log: "Log", *, every: bool) -> TopIndex | None:
        """`tops`, where that is there already."""
        key = ("tops", log.directory, every, _DEPTH)
        known: TopIndex | None = self._kept.known(key)
        if known is None and self._take_saved_tops(log):
            known = self._kept.known(key)
        return known if known and known.content == log.content_of("filters") else None

    def _take_saved_tops(self, log: "Log") -> bool:
        """Whether those of a server before are kept now."""
        saved = self._saved.tops(log)
        if saved is not None:
            self._kept.put(("tops", log.directory, False, _DEPTH), saved)
        return saved is not None

    def _prepare_tops(self, log: "Log", pause: Callable[[], None]) -> TopIndex:
        """Makes `tops` ready; whoever asks meanwhile does not wait for this, which gives way."""
        key = ("tops", log.directory, False, _DEPTH)
        known: TopIndex | None = self._kept.known(key) or self._saved.tops(log)
        layers = filter_layers(log, every=False)
        made = top_index(log, layers, _DEPTH, known, pause)
        self._kept.put(key, made)
        return made

    def _examine(self, log: "Log", axis: Axis, pause: Callable[[], None]) -> Examination:
        """Looks through a log, and makes ready what people ask for next."""
        from tb_snapshot_compare.workspace.training_findings import examine

        found = examine(log, axis, pause, lambda: self.states(log))
        pause()
        with suppress(InvalidRequestError):  # whoever asks for more than can be shown is told so
            if log.steps("images").size and log.probe is not None:
                states = self.states(log)
                errors = self.errors(log, states, None)
                self._saved.keep_states(log, states)
                self._saved.keep_errors(log, states, errors)
        pause()
        with suppress(InvalidRequestError):
            if log.steps("filters").size:
                self._saved.keep_tops(log, self._prepare_tops(log, pause))
        return found

    def check(self, run: str, version: str) -> None:
        """Raises what `reading` raises, before work on a log is queued."""
        with self.reading(run, version):
            return

    def series(self, run: str) -> TrainingSeries:
        """The scalar series of a run's log.

        Raises:
          NotFoundError: no such run.
        """
        place = self._place(run)
        log = self._logs.of(place.directory)
        derived = None if place.recorded else self._deriving.of(place.sources)
        placed = {each.id: each.step for each in self._snapshots(place, log, derived)}
        axis: Axis = "step" if derived is None else derived.axis
        return TrainingSeries(
            tuple(log_series(log)), axis, steps_per_epoch(self._refs(place), placed)
        )

    def _first_log(self) -> Path | None:
        logs = (run.log for run in self._workspace.catalog().runs if run.log is not None)
        return next(map(Path, logs), None)

    def _grown(self) -> None:
        self._version = next(self._versions)

    def _place(self, run: str) -> _Place:
        sources = self._workspace.run(run)
        if sources.log is not None:
            directory = Path(sources.log)
            if self._logs.known(directory).sessions:
                return _Place(sources, directory, recorded=True)
        return _Place(sources, self._deriving.directory(sources), recorded=False)

    def _overview(self, place: _Place, log: "Log", derived: Derived | None) -> TrainingOverview:
        axis: Axis = "step" if derived is None else derived.axis
        snapshots = self._snapshots(place, log, derived)
        nothing = not place.recorded and (derived is None or not derived.total)
        waiting = not place.recorded and derived is None and len(place.sources.snapshots) > 1
        unseen = derived is not None and derived.dumps > log.steps("layers").size
        working = waiting or (not nothing and (unseen or (derived is not None and derived.working)))
        return overview_of(
            place.sources.name,
            log,
            origin="recorded"
            if place.recorded
            else "none"
            if nothing and not working
            else "derived",
            axis=axis,
            done=0 if derived is None else derived.done,
            total=0 if derived is None else derived.total,
            state="indexing" if working else "empty" if nothing else "ready",
            snapshots=snapshots,
            rates=self._stages(place, log, axis, snapshots),
            problems=() if derived is None else derived.problems,
        )

    def _refs(self, place: _Place) -> list[SnapshotRef]:
        """The snapshots of all runs that the log is of."""
        if not place.recorded:
            return list(place.sources.snapshots)
        runs = self._workspace.catalog().runs
        return [ref for run in runs if run.log == place.sources.log for ref in run.snapshots]

    def _snapshots(
        self, place: _Place, log: "Log", derived: Derived | None
    ) -> tuple[PlacedSnapshot, ...]:
        if place.recorded:
            sessions = log.writers("layers", "scalars")
            return placed_in_log(self._refs(place), log.events(), lambda: clock_of(log), sessions)
        return () if derived is None else derived.snapshots

    def _stages(
        self, place: _Place, log: "Log", axis: Axis, snapshots: Sequence[PlacedSnapshot]
    ) -> tuple[RateStage, ...]:
        """The stages of the learning rate, from the log or else from TensorBoard."""
        own = log_series(log, [_RATE])
        found = own or list(self._rates.learning_rates(place.sources.event_runs))
        steps = {placed.id: placed.step for placed in snapshots}
        per_epoch = steps_per_epoch(self._refs(place), steps)
        series = learning_rate(list(filter(None, (on_axis(one, axis, per_epoch) for one in found))))
        if series is None:
            return ()
        ends = [*log.steps("layers")[-1:].tolist(), *log.steps("images")[-1:].tolist()]
        return tuple(rate_stages(series, max(ends, default=0)))
