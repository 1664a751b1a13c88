"""The wire types: the one source of openapi.json and of the page's TypeScript types.

Numbers that are not finite travel as null. Times are seconds since the epoch, sizes bytes.
"""

from typing import Literal

import msgspec


class Struct(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every wire type: immutable, fields by keyword."""


class ErrorDetail(Struct, frozen=True, kw_only=True):
    """Why a request failed; the message may be shown as it is."""

    code: str
    message: str


class ErrorBody(Struct, frozen=True, kw_only=True):
    """The one shape of every answer with a 4xx or 5xx status."""

    error: ErrorDetail


class Job(Struct, frozen=True, kw_only=True):
    """Work under way (status 202): ask the same URL again until it answers 200.

    `done` and `total` are bytes; `total` is 0 while it is not known.
    """

    id: str
    label: str
    state: Literal["queued", "running"]
    done: int
    total: int


class Snapshot(Struct, frozen=True, kw_only=True):
    """One snapshot of a run; `id` names it, `generation` its bytes."""

    id: str
    generation: str
    run: str
    name: str
    label: str
    step: int | None
    step_source: str | None
    epoch: int | None
    epoch_source: str | None
    modified: float
    size: int
    formats: list[str]
    state: Literal["ready", "being_written", "broken"]
    reason: str | None


class Run(Struct, frozen=True, kw_only=True):
    """A directory that holds snapshots, in training order, with its event runs.

    `has_log` tells that its training recorded itself; such a run may have no snapshots.
    """

    name: str
    event_runs: list[str]
    snapshots: list[Snapshot]
    has_log: bool = False


class Root(Struct, frozen=True, kw_only=True):
    """A directory that is scanned: `path` as the user gave it, `problem` why it is not whole."""

    name: str
    path: str
    problem: str | None


class Pair(Struct, frozen=True, kw_only=True):
    """Two snapshot ids."""

    a: str
    b: str


class Listing(Struct, frozen=True, kw_only=True):
    """Every snapshot that is known at `version`.

    `matches` changes whenever the user corrects which tensors are one; empty without corrections.
    What is asked of a pair names it as `m`.
    """

    version: int
    scanning: bool
    roots: list[Root]
    runs: list[Run]
    suggested: Pair | None
    matches: str


class Changes(Struct, frozen=True, kw_only=True):
    """A cheap poll: the listing's version, whether a scan runs, and other things' versions.

    `trend` is the version of the trends, `training` that of all logs that were asked for.
    """

    version: int
    scanning: bool
    trend: int
    training: int


class Measures(Struct, frozen=True, kw_only=True):
    """Differences a -> b over the pairs in which both values are finite.

    `relative_l2` is ||b-a|| / ||a||; `mean_relative_percent` is the mean of
    2|b-a| / (|a|+|b|), in [0, 2]; `changed` is the fraction of all pairs that differ,
    non-finite ones included. Null where a measure is undefined (no finite pair, or a
    zero norm).
    """

    l2: float | None
    relative_l2: float | None
    l1: float | None
    max_abs: float | None
    mean_abs: float | None
    mean_relative_percent: float | None
    cosine: float | None
    sign_flips: int
    changed: float | None
    nan_a: int
    nan_b: int
    inf_a: int
    inf_b: int


class LayerDifference(Struct, frozen=True, kw_only=True):
    """A layer's measures, over all its compared tensors as one vector of `count` values."""

    name: str
    kind: str
    count: int
    measures: Measures


class TensorDifference(Struct, frozen=True, kw_only=True):
    """One tensor of either side; `measures` is null unless `status` is `compared`.

    `rule` tells how the two were matched: by one name, one name without wrappers, as a part of
    what the other keeps in one tensor, by the order of layers, roles and shapes, or by the user.
    """

    name: str
    layer: str | None
    role: str
    scope: Literal["weights", "optimizer", "state"]
    dtype_a: str | None
    dtype_b: str | None
    shape_a: list[int] | None
    shape_b: list[int] | None
    status: Literal["compared", "only_a", "only_b", "shape_differs", "not_numeric", "unreadable"]
    count: int
    problem: str | None
    rule: Literal["name", "canonical", "fused", "order", "user"]
    measures: Measures | None


class Coverage(Struct, frozen=True, kw_only=True):
    """What the model's numbers cover; elements are pairs of finite values."""

    tensors_compared: int
    tensors_total: int
    elements_compared: int
    elements_total: int


class LeftOut(Struct, frozen=True, kw_only=True):
    """Tensors outside the asked scope: listed by number, not compared."""

    optimizer: int
    state: int


class Comparison(Struct, frozen=True, kw_only=True):
    """The differences a -> b of the model, its layers and its tensors."""

    a: Snapshot
    b: Snapshot
    coverage: Coverage
    left_out: LeftOut
    model: Measures
    layers: list[LayerDifference]
    tensors: list[TensorDifference]


class LayerNode(Struct, frozen=True, kw_only=True):
    """A layer, or (`is_group`) a nested model or name scope that holds layers.

    `name` is the full path (`encoder/conv1`), `parent` the group it lies in. `kind` is the
    Keras class (`Conv2D`) or `Unknown`. `output_shape` has null for unknown sizes; a layer
    of several outputs gives the first. `side` tells which snapshot has it.
    """

    name: str
    kind: str
    parent: str | None
    is_group: bool
    output_shape: list[int | None] | None
    tensors: list[str]
    parameters: int
    side: Literal["both", "a", "b"]


class LayerEdge(Struct, frozen=True, kw_only=True):
    """Data flows from the layer `source` to the layer `target` (full paths, never groups)."""

    source: str
    target: str


class Architecture(Struct, frozen=True, kw_only=True):
    """The network as a directed acyclic graph of layers, in topological order.

    `source` tells what it was read from; `note` says so in a sentence for the page.
    """

    source: Literal["keras_config", "event_file", "graph", "names"]
    note: str
    nodes: list[LayerNode]
    edges: list[LayerEdge]


class Distribution(Struct, frozen=True, kw_only=True):
    """Counts of the signed change b - a, by bin of change and level of relative change.

    `bin_edges` has one more value than there are bins; bins are half-open [lower, upper),
    the last one closed. `level_edges` splits [0, 2] evenly, likewise. `counts[bin][level]`.
    `excluded` is the number of pairs that are not both finite. `layer` null means the whole
    model, `tensor` null all tensors of the layer.
    """

    layer: str | None
    tensor: str | None
    bin_edges: list[float]
    level_edges: list[float]
    counts: list[list[int]]
    total: int
    excluded: int


class Curve(Struct, frozen=True, kw_only=True):
    """One scalar series of an event run, thinned to a bounded number of points.

    `axis` is what `x` counts: epochs from 1 (Keras's `epoch_*` tags, whose step counts
    from 0), or steps.
    """

    run: str
    tag: str
    kind: Literal["loss", "accuracy", "other"]
    axis: Literal["epoch", "step"]
    x: list[float]
    y: list[float | None]


class Curves(Struct, frozen=True, kw_only=True):
    """The scalar series of a run's event runs."""

    run: str
    curves: list[Curve]


class Cancel(Struct, frozen=True, kw_only=True):
    """The body of `cancel`: the job that is no longer wanted."""

    job: str


class Empty(Struct, frozen=True, kw_only=True):
    """The body of a command without parameters."""


class Accepted(Struct, frozen=True, kw_only=True):
    """The command was taken; `ok` is false where there was nothing left to do."""

    ok: bool
