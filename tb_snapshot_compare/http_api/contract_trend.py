"""The wire types of a run's trend: every layer's change from each snapshot to the next."""

from typing import Literal

from tb_snapshot_compare.http_api.contract import Struct


class TrendSnapshot(Struct, frozen=True, kw_only=True):
    """An end of a pair; `gone` when it was deleted after it was compared."""

    id: str
    generation: str
    label: str
    step: int | None
    epoch: int | None
    modified: float
    gone: bool


class TrendPair(Struct, frozen=True, kw_only=True):
    """A snapshot `b` and the one before it, `a`: indices of the trend's snapshots.

    `l2` is ||b-a|| and `relative_l2` ||b-a|| / ||a|| of the layers, in the order of the trend's
    (fewer where later layers are not in this pair); null for what is not known or not defined.
    Both are null before the pair is `done`, and where it was before the version asked `since`.
    `compared` and `total` are elements. `fraction` tells how far a pair is that is computed now.
    """

    a: int
    b: int
    state: Literal["waiting", "computing", "done", "failed"]
    fraction: float | None
    problem: str | None
    compared: int
    total: int
    l2: list[float | None] | None
    relative_l2: list[float | None] | None


class Trend(Struct, frozen=True, kw_only=True):
    """The changes of a run, oldest pair first, as far as they are known at `version`."""

    run: str
    version: int
    layers: list[str]
    snapshots: list[TrendSnapshot]
    pairs: list[TrendPair]
