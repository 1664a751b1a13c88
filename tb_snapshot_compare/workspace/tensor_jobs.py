"""What is to be measured of a pair of tensors, and what was."""

from dataclasses import dataclass

from tb_snapshot_compare.analysis import FilterAxis, SumColumns
from tb_snapshot_compare.snapshot import TensorInfo
from tb_snapshot_compare.workspace.pairing import TensorPair


@dataclass(frozen=True, slots=True)
class Job:
    """A pair that is compared. `axis` says where its filters lie.

    Of a pair that is `unchanged`, by the checksums that the files state, only a is read.
    `digest_a` and `digest_b` tell whether the content is given an identity on the way.
    """

    pair: TensorPair
    axis: FilterAxis | None
    unchanged: bool = False
    digest_a: bool = False
    digest_b: bool = False

    @property
    def read(self) -> tuple[TensorInfo, ...]:
        """The tensors whose bytes are read."""
        sides = (self.pair.a, None if self.unchanged else self.pair.b)
        return tuple(side for side in sides if side is not None)


@dataclass(frozen=True, slots=True)
class Measured:
    """The sums of a pair, or why it could not be read; and the identities that were asked for."""

    sums: SumColumns | None = None
    problem: str | None = None
    identity_a: str | None = None
    identity_b: str | None = None
