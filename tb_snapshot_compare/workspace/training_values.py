"""What the Training page shows of a run: frozen values."""

from dataclasses import dataclass
from typing import Literal

Axis = Literal["step", "epoch", "save"]
"""What the steps of a log count; see `training_places`."""
State = Literal["ready", "indexing", "empty"]
Severity = Literal["problem", "warning", "note"]
FindingKind = Literal[
    "never_trained", "stopped", "frozen_statistics", "dead_filters", "not_finite", "spike",
    "anomaly", "lost",
]  # fmt: skip
View = Literal["layers", "validation", "forensics", "model"]


@dataclass(frozen=True, slots=True)
class TrainingUnit:
    """A node of the network's hierarchy, as `log_tables.Unit`."""

    path: str
    parent: str | None
    kind: str
    is_layer: bool
    filters: int
    parameters: int


@dataclass(frozen=True, slots=True)
class TrainingSession:
    """One life of a program that recorded; `started` in seconds since the epoch."""

    id: str
    started: float
    first_step: int
    writer: str


@dataclass(frozen=True, slots=True)
class PlacedSnapshot:
    """A snapshot that can be read, by its id, and its step on the axis of a log."""

    id: str
    step: int


@dataclass(frozen=True, slots=True)
class RateStage:
    """Steps `first` to `last` of a constant learning rate."""

    first: int
    last: int
    value: float


@dataclass(frozen=True, slots=True)
class LogEvent:
    """Something that was noted while it was recorded."""

    step: int
    time: float
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that nobody asked about but should know.

    `text` is a sentence. `view` is where its evidence is seen, with the units, classes and steps to
    choose there. `also` are units that it stands for besides, which the text does not name.
    """

    id: str
    kind: FindingKind
    severity: Severity
    text: str
    view: View
    units: tuple[str, ...] = ()
    classes: tuple[int, ...] = ()
    steps: tuple[int, ...] = ()
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found in a log at one version.

    `threshold` is the number of images that changes of chance reach in fewer than one of a thousand
    passes, after states of `run_length` + 1 passes; None without enough validation passes.
    """

    findings: tuple[Finding, ...] = ()
    threshold: int | None = None
    run_length: int | None = None


@dataclass(frozen=True, slots=True)
class TrainingOverview:
    """What there is of a run's training; see `contract_training.Training`."""

    run: str
    version: str
    origin: Literal["recorded", "derived", "none"]
    note: str
    state: State
    done: int
    total: int
    axis: Axis
    dumps: tuple[int, ...]
    passes: tuple[int, ...]
    units: tuple[TrainingUnit, ...]
    kinds: tuple[str, ...]
    measures: tuple[str, ...]
    band_edges: tuple[float, ...]
    classes: tuple[str, ...]
    probe_images: int
    labelled: bool
    pictures: str | None
    sessions: tuple[TrainingSession, ...]
    snapshots: tuple[PlacedSnapshot, ...]
    rates: tuple[RateStage, ...]
    events: tuple[LogEvent, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScalarSeries:
    """A quantity over training: finite x ascending, y may be NaN; `per_epoch` x counts epochs."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    per_epoch: bool = False
