"""The wire types of the matching of tensors, and of its corrections."""

from typing import Literal

from tb_snapshot_compare.http_api.contract import Struct


class MatchTensor(Struct, frozen=True, kw_only=True):
    """A tensor, or a part of one, that can be matched.

    `shape` is as it is stored. Tensors of one `form` can be compared, whatever their layouts.
    """

    name: str
    layer: str | None
    role: str
    shape: list[int]
    form: str


class MatchPair(Struct, frozen=True, kw_only=True):
    """A tensor of a and one of b, by name, that are one, and by which rule."""

    a: str
    b: str
    rule: Literal["name", "canonical", "fused", "order", "user"]


class UnmatchedTensor(Struct, frozen=True, kw_only=True):
    """A tensor without a partner, and why it has none."""

    name: str
    reason: str


class Match(Struct, frozen=True, kw_only=True):
    """What the user says: two names of one tensor; null where the other has no partner."""

    a: str | None
    b: str | None


class Matches(Struct, frozen=True, kw_only=True):
    """The matching of the weights of two snapshots.

    `corrections` are the user's, which hold for all snapshots of the same two networks; `saved`
    is false where they last only until TensorBoard ends. `matches` is that of the listing.
    """

    tensors_a: list[MatchTensor]
    tensors_b: list[MatchTensor]
    pairs: list[MatchPair]
    unmatched_a: list[UnmatchedTensor]
    unmatched_b: list[UnmatchedTensor]
    corrections: list[Match]
    saved: bool
    matches: str


class Correct(Struct, frozen=True, kw_only=True):
    """The body of `correct`: two snapshots, and all corrections; none remove what was saved.

    Without `save` the answer only tells what the corrections would do.
    """

    a: str
    ga: str
    b: str
    gb: str
    matches: list[Match]
    save: bool = True


class MatchFile(Struct, frozen=True, kw_only=True):
    """What `tb-snapshot-compare diff --match` takes."""

    version: int
    matches: list[Match]
