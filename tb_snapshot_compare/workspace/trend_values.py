"""How every layer changed from each snapshot of a run to the next: what the timeline shows."""

from dataclasses import dataclass
from typing import Literal

from tb_snapshot_compare.snapshot import SnapshotRef
from tb_snapshot_compare.workspace.results import Comparison

TrendState = Literal["waiting", "computing", "done", "failed"]


@dataclass(frozen=True, slots=True)
class LayerChanges:
    """The change a -> b of every layer, in the order of the architecture.

    `l2` is ||b-a||, `relative_l2` ||b-a|| / ||a||, None where undefined. `compared` and `total`
    are elements, as in `Coverage`.
    """

    layers: tuple[str, ...]
    l2: tuple[float | None, ...]
    relative_l2: tuple[float | None, ...]
    compared: int
    total: int


@dataclass(frozen=True, slots=True)
class TrendPair:
    """A snapshot and the one before it.

    `fraction` says how far a pair is that is being computed. `version` grows with every change.
    """

    a: SnapshotRef
    b: SnapshotRef
    state: TrendState
    version: int
    fraction: float | None = None
    changes: LayerChanges | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class RunTrend:
    """All consecutive pairs of a run, oldest first; `gone` are ids that are not listed any more."""

    run: str
    version: int
    pairs: tuple[TrendPair, ...]
    gone: frozenset[str]


def changes_of(comparison: Comparison) -> LayerChanges:
    """What the timeline shows of a comparison."""
    coverage = comparison.coverage
    return LayerChanges(
        layers=tuple(layer.name for layer in comparison.layers),
        l2=tuple(layer.measures.l2 for layer in comparison.layers),
        relative_l2=tuple(layer.measures.relative_l2 for layer in comparison.layers),
        compared=coverage.elements_compared,
        total=coverage.elements_total,
    )
