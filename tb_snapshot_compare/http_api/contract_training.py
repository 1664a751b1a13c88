"""The wire types of the Training page: a whole training, as its log tells it.

*Dump*: a recorded step of the weights. *Pass*: a validation pass over the probe images. *Unit*: a
node of the network's hierarchy; "" is the whole model, a leaf a layer. Series have one value for
each dump or pass, in the order of `Training.dumps` or `Training.passes`.
"""

from typing import Literal

from tb_snapshot_compare.http_api.contract import Curve, Struct

Origin = Literal["recorded", "derived", "none"]
Kind = Literal["weight", "update", "gradient", "moment1", "moment2"]


class TrainingUnit(Struct, frozen=True, kw_only=True):
    """A node of the hierarchy: `parent` null for the model; `filters` 0 where it has none."""

    path: str
    parent: str | None
    kind: str
    is_layer: bool
    filters: int
    parameters: int


class TrainingSession(Struct, frozen=True, kw_only=True):
    """One life of a program that recorded: `started` in seconds, `first_step` where it began."""

    id: str
    started: float
    first_step: int
    writer: str


class RateStage(Struct, frozen=True, kw_only=True):
    """Steps `first` to `last` of a constant learning rate."""

    first: int
    last: int
    value: float


class LogEvent(Struct, frozen=True, kw_only=True):
    """Something that the recording noted: a snapshot it wrote, an anomaly, what was lost.

    `probe`: why the network was not asked about the probe images.
    """

    step: int
    time: float
    kind: Literal["snapshot", "anomaly", "lost", "resumed", "nan", "probe"]
    text: str


class Finding(Struct, frozen=True, kw_only=True):
    """Something that nobody asked about but should know; `text` is a sentence.

    `view` is where its evidence is seen, with the units, classes and steps to choose there; `also`
    are units that it stands for besides, which the text does not name.
    """

    id: str
    kind: Literal[
        "never_trained", "stopped", "frozen_statistics", "dead_filters", "not_finite", "spike",
        "anomaly", "lost",
    ]  # fmt: skip
    severity: Literal["problem", "warning", "note"]
    text: str
    view: Literal["layers", "validation", "forensics", "model"]
    units: list[str]
    classes: list[int]
    steps: list[int]
    also: list[str]


class TrainingSnapshot(Struct, frozen=True, kw_only=True):
    """Where a listed snapshot of the run stands among the steps of the log."""

    id: str
    step: int


class Training(Struct, frozen=True, kw_only=True):
    """What there is of a run's training at `version`, which the other routes name as `v`.

    `origin` tells who computed the numbers: the training program, or this server from snapshots;
    `note` says so in a sentence. While `state` is `indexing`, `done` of `total` pairs of snapshots
    are known. `axis` is what dumps, passes and all other steps count: steps of training, or epochs
    or saves where snapshots tell no step. `band_edges` are those that bands can have.
    `probe_images` is 0 where no validation passes were recorded. `snapshots` are those that can be
    read, by step. `findings` and `suggested_threshold` are not complete until `examined`; the
    version stays the same then. `suggested_threshold` is the number of images that changes of
    chance reach in fewer than one of a thousand passes, with states that lasted for
    `suggested_run_length` passes and one more; null without enough passes.
    """

    run: str
    version: str
    origin: Origin
    note: str
    state: Literal["ready", "indexing", "empty"]
    done: int
    total: int
    axis: Literal["step", "epoch", "save"]
    dumps: list[int]
    passes: list[int]
    units: list[TrainingUnit]
    kinds: list[Kind]
    measures: list[str]
    band_edges: list[float]
    classes: list[str]
    probe_images: int
    labelled: bool
    pictures: str | None
    sessions: list[TrainingSession]
    snapshots: list[TrainingSnapshot]
    rates: list[RateStage]
    events: list[LogEvent]
    examined: bool
    findings: list[Finding]
    problems: list[str]
    suggested_threshold: int | None
    suggested_run_length: int | None
    published_threshold: int
    published_run_length: int


class TrainingCurves(Struct, frozen=True, kw_only=True):
    """The scalar series of a run: TensorBoard's own, and those of the log that it has not."""

    run: str
    curves: list[Curve]


class TopFilter(Struct, frozen=True, kw_only=True):
    """A filter among the most changed at every step asked for.

    `cosine` is the similarity to the filter one dump before, at each step; null where undefined.
    """

    layer: str
    filter: int
    cosine: list[float | None]
    relative_l2: list[float | None]


class TopFilters(Struct, frozen=True, kw_only=True):
    """The filters that are among the `count` most changed at every one of `steps`.

    `steps` are the dumps that were looked at: of each step asked for, the first at or after it.
    `left_out` are layers that were not considered.
    """

    steps: list[int]
    count: int
    filters: list[TopFilter]
    left_out: list[str]


class ImageHistory(Struct, frozen=True, kw_only=True):
    """What was predicted for one probe image in every pass, as indices of classes.

    `probability` is that of the true class, null where it is not known.
    """

    image: int
    name: str
    label: int | None
    has_thumbnail: bool
    predicted: list[int | None]
    probability: list[float | None]


class MiniSet(Struct, frozen=True, kw_only=True):
    """Filters of a layer that always changed together; `columns` are indices of the columns."""

    filters: list[int]
    columns: list[int]


class CorrelationColumn(Struct, frozen=True, kw_only=True):
    """An anomaly iteration of a class."""

    class_index: int
    step: int
    side: Literal["left", "right"]
    count: int


class CorrelationRow(Struct, frozen=True, kw_only=True):
    """A layer with its mini-sets, largest first.

    `distinct` is, for each class of `Correlation.classes`, how many different filters of the
    layer changed strongly over all of the class's anomaly iterations.
    """

    layer: str
    sets: list[MiniSet]
    distinct: list[int]


class Correlation(Struct, frozen=True, kw_only=True):
    """Layers against classes: which filters changed most when which class had an anomaly.

    `classes` are indices of classes, in the order in which they are drawn; `columns` are grouped
    by class in that order, then by step. `left_out` are layers that were not considered.
    """

    classes: list[int]
    columns: list[CorrelationColumn]
    rows: list[CorrelationRow]
    left_out: list[str]


class MovedSeries(Struct, frozen=True, kw_only=True):
    """A quantity of a unit that left its usual range before or at a step.

    The learning rate and the loss are those of the whole model, unit "". It was seen at `onset`
    first, and happened after `after`, the dump or step before, null where there is none. `lead` is
    how many steps `onset` is before the loss's own (negative: after it); null where the loss did
    not move. `deviation` is how far it was at `onset`, in robust standard deviations, 1e9 at most:
    as for values that are not finite; of a learning rate, how many times the one before.
    """

    unit: str
    quantity: Literal[
        "learning_rate", "gradient", "moment1", "moment2", "update", "weight", "loss"
    ]  # fmt: skip
    onset: int
    after: int | None
    lead: int | None
    deviation: float


class Forensics(Struct, frozen=True, kw_only=True):
    """What moved first around a step: by the dump that saw it, and there from causes to effects."""

    step: int
    loss_onset: int | None
    series: list[MovedSeries]
