"""What a comparison found: frozen values that the page, the command line and Python share."""

from dataclasses import dataclass
from typing import Literal

from tb_snapshot_compare.analysis import Measures
from tb_snapshot_compare.snapshot import Format, Scope

Status = Literal["compared", "only_a", "only_b", "shape_differs", "not_numeric", "unreadable"]


Rule = Literal["name", "canonical", "fused", "order", "user"]
"""Why two tensors are the same: they have one name; one name without what wrappers add to it; one
of them is a part of what the other file keeps in one tensor; the order of layers, kinds, roles and
shapes say so; or the user does."""


@dataclass(frozen=True, slots=True)
class SnapshotSummary:
    """One side of a comparison. `path` is what was opened; `size` bytes; see `Position`."""

    path: str
    format: Format
    step: int | None
    step_source: str | None
    epoch: int | None
    epoch_source: str | None
    size: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the model's numbers cover. Elements are pairs in which both values are finite."""

    tensors_compared: int
    tensors_total: int
    elements_compared: int
    elements_total: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Tensors outside the asked scope, by number."""

    optimizer: int
    state: int


@dataclass(frozen=True, slots=True)
class LayerDifference:
    """A layer's measures: those of all its compared tensors as one vector of `count` values."""

    name: str
    kind: str
    count: int
    measures: Measures


@dataclass(frozen=True, slots=True)
class TensorDifference:
    """One tensor of either side; `measures` is None unless `status` is `compared`.

    `low` and `high` are the range of b - a over finite pairs, None where there is none.
    `problem` says why an `unreadable` or `not_numeric` tensor was not compared. `rule` tells how
    the two were matched; `name` is b's, and `name_a` what a calls it where that differs. Shapes
    are as stored.
    """

    name: str
    layer: str | None
    role: str
    scope: Scope
    dtype_a: str | None
    dtype_b: str | None
    shape_a: tuple[int, ...] | None
    shape_b: tuple[int, ...] | None
    status: Status
    count: int
    problem: str | None = None
    measures: Measures | None = None
    low: float | None = None
    high: float | None = None
    rule: Rule = "name"
    name_a: str | None = None


@dataclass(frozen=True, slots=True)
class FilterMeasures:
    """Per-filter measures of one tensor: each array is little-endian float64 of length `filters`.

    NaN where a measure is undefined.
    """

    tensor: str
    layer: str | None
    filters: int
    arrays: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The differences a -> b (always b minus a) of the model, its layers and its tensors."""

    a: SnapshotSummary
    b: SnapshotSummary
    coverage: Coverage
    left_out: LeftOut
    model: Measures
    layers: tuple[LayerDifference, ...]
    tensors: tuple[TensorDifference, ...]
    filters: tuple[FilterMeasures, ...]

    def _repr_html_(self) -> str:
        """A table of the layers, for notebooks."""
        from tb_snapshot_compare.workspace.display import comparison_html

        return comparison_html(self)


@dataclass(frozen=True, slots=True)
class Distribution:
    """Counts of the signed change b - a, by bin of change and level of relative change.

    `bin_edges` holds one more value than there are bins, `level_edges` likewise over [0, 2];
    both half-open, the last closed. `counts[bin][level]`. `excluded` counts pairs that are
    not both finite. `layer` None: the whole model; `tensor` None: all tensors of the layer.
    """

    layer: str | None
    tensor: str | None
    bin_edges: tuple[float, ...]
    level_edges: tuple[float, ...]
    counts: tuple[tuple[int, ...], ...]
    total: int
    excluded: int
