"""Which tensor of a is compared with which of b."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tb_snapshot_compare.analysis import is_comparable
from tb_snapshot_compare.snapshot import Scope, TensorInfo
from tb_snapshot_compare.workspace.results import LeftOut, Status


@dataclass(frozen=True, slots=True)
class TensorPair:
    """A tensor of a, of b, or of both under one canonical name.

    `layer` is the full path of its layer in the architecture of the pair.
    """

    name: str
    layer: str | None
    a: TensorInfo | None
    b: TensorInfo | None

    @property
    def either(self) -> TensorInfo:
        """The tensor of a, or of b where a has none."""
        tensor = self.a if self.a is not None else self.b
        assert tensor is not None
        return tensor

    @property
    def status(self) -> Status:
        """Whether, and if not why not, the two can be compared."""
        if self.a is None or self.b is None:
            return "only_b" if self.a is None else "only_a"
        if not (is_comparable(self.a.dtype) and is_comparable(self.b.dtype)):
            return "not_numeric"
        if self.a.problem is not None or self.b.problem is not None:
            return "unreadable"
        return "compared" if self.a.shape == self.b.shape else "shape_differs"

    @property
    def count(self) -> int:
        """Elements of the larger side."""
        return max(math.prod(side.shape) for side in (self.a, self.b) if side is not None)

    @property
    def problem(self) -> str | None:
        """What a reader said of either side."""
        return next(
            (side.problem for side in (self.a, self.b) if side is not None and side.problem), None
        )


def pair_tensors(
    a: Sequence[TensorInfo],
    b: Sequence[TensorInfo],
    layers: Mapping[str, str],
    scopes: frozenset[Scope],
) -> tuple[TensorPair, ...]:
    """Pairs by canonical name, in the order of b, then what only a has.

    Args:
      a: tensors of the first snapshot.
      b: tensors of the second.
      layers: full layer path by tensor name.
      scopes: what to pair; the rest is left out.
    """
    of_a = {tensor.name: tensor for tensor in a if tensor.scope in scopes}
    of_b = {tensor.name: tensor for tensor in b if tensor.scope in scopes}
    names = [*of_b, *(name for name in of_a if name not in of_b)]
    return tuple(
        TensorPair(name, layers.get(name), of_a.get(name), of_b.get(name)) for name in names
    )


def left_out(a: Sequence[TensorInfo], b: Sequence[TensorInfo], scopes: frozenset[Scope]) -> LeftOut:
    """How many tensor names lie outside `scopes`."""
    names = {(tensor.scope, tensor.name) for tensor in (*a, *b) if tensor.scope not in scopes}
    return LeftOut(
        optimizer=sum(scope == "optimizer" for scope, _ in names),
        state=sum(scope == "state" for scope, _ in names),
    )
