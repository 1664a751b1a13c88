"""Which tensor of a is compared with which of b."""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

from tb_snapshot_compare.analysis import is_comparable
from tb_snapshot_compare.snapshot import Scope, TensorInfo
from tb_snapshot_compare.workspace.results import LeftOut, Rule, Status

COMPLEX = "complex numbers are not compared"


@dataclass(frozen=True, slots=True)
class TensorPair:
    """A tensor of a, of b, or of both.

    `layer` is the full path of its layer in the architecture of the pair. `rule` tells why the
    two are the same; `name` is that of b. `a` and `b` are in one layout and cut alike, where they
    can be; `stored_a` and `stored_b` are what the files hold where that is something else.
    """

    name: str
    layer: str | None
    a: TensorInfo | None
    b: TensorInfo | None
    rule: Rule = "name"
    stored_a: TensorInfo | None = None
    stored_b: TensorInfo | None = None

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
        alike = self.a.shape == self.b.shape and self.a.layout == self.b.layout
        return "compared" if alike else "shape_differs"

    @property
    def count(self) -> int:
        """Elements of the larger side."""
        if self.a is None or self.b is None or self.a.shape == self.b.shape:
            return math.prod(self.either.shape)
        return max(math.prod(self.a.shape), math.prod(self.b.shape))

    @property
    def problem(self) -> str | None:
        """What a reader said of either side, or that it holds complex numbers."""
        if any(side.dtype.startswith("complex") for side in (self.a, self.b) if side is not None):
            return COMPLEX
        return next(
            (side.problem for side in (self.a, self.b) if side is not None and side.problem), None
        )


def pair_tensors(
    a: Sequence[TensorInfo],
    b: Sequence[TensorInfo],
    layers: Mapping[str, str],
    scopes: frozenset[Scope],
) -> tuple[TensorPair, ...]:
    """Pairs by canonical name, then by layer, in the order of b, then what only a has.

    What one name does not join is paired where the architecture gives both the same layer, by
    role and shape, or by shape alone where the format of one side does not store roles; only
    where that leaves no choice.

    Args:
      a: tensors of the first snapshot.
      b: tensors of the second.
      layers: full layer path by tensor name.
      scopes: what to pair; the rest is left out.
    """
    of_a = {tensor.name: tensor for tensor in a if tensor.scope in scopes}
    of_b = {tensor.name: tensor for tensor in b if tensor.scope in scopes}
    only_a = [tensor for name, tensor in of_a.items() if name not in of_b]
    only_b = [tensor for name, tensor in of_b.items() if name not in of_a]
    partners = _partners(only_a, only_b, layers)
    paired = {partner.name for partner in partners.values()}
    pairs = [
        TensorPair(
            name,
            layers.get(name),
            partners.get(name, of_a.get(name)),
            tensor,
            "order" if name in partners else "name",
        )
        for name, tensor in of_b.items()
    ]
    pairs += [
        TensorPair(tensor.name, layers.get(tensor.name), tensor, None)
        for tensor in only_a
        if tensor.name not in paired
    ]
    return tuple(pairs)


def _partners(
    only_a: Sequence[TensorInfo], only_b: Sequence[TensorInfo], layers: Mapping[str, str]
) -> dict[str, TensorInfo]:
    """The tensor of a by the name of that of b."""
    found: dict[str, TensorInfo] = {}
    left_a = [tensor for tensor in only_a if tensor.scope == "weights"]
    left_b = [tensor for tensor in only_b if tensor.scope == "weights"]
    for key in (_by_part, _by_role, _by_shape):
        of_a, of_b = _grouped(left_a, layers, key), _grouped(left_b, layers, key)
        for group, ones in of_a.items():
            others = of_b.get(group, ())
            if len(ones) == len(others) == 1:
                found[others[0].name] = ones[0]
        paired = {tensor.name for tensor in found.values()}
        left_a = [tensor for tensor in left_a if tensor.name not in paired]
        left_b = [tensor for tensor in left_b if tensor.name not in found]
    return found


_Key = Callable[[TensorInfo], Hashable]


def _grouped(
    tensors: Sequence[TensorInfo], layers: Mapping[str, str], key: _Key
) -> dict[Hashable, list[TensorInfo]]:
    groups: dict[Hashable, list[TensorInfo]] = {}
    for tensor in tensors:
        layer = layers.get(tensor.name)
        if layer is not None:
            groups.setdefault((layer, tensor.shape, key(tensor)), []).append(tensor)
    return groups


def _by_part(tensor: TensorInfo) -> Hashable:
    """The part of a composite layer (`query` of `mha/query`) and the role."""
    return (tensor.layer or "").rpartition("/")[2], tensor.role


def _by_role(tensor: TensorInfo) -> Hashable:
    return tensor.role


def _by_shape(tensor: TensorInfo) -> Hashable:
    """Tensors of one shape, less those whose role is one that Keras's own layers have."""
    return None if tensor.role not in _COMMON_ROLES else tensor.role


_COMMON_ROLES = frozenset(
    {"kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance", "embeddings"}
)


def left_out(a: Sequence[TensorInfo], b: Sequence[TensorInfo], scopes: frozenset[Scope]) -> LeftOut:
    """How many tensor names lie outside `scopes`."""
    names = {(tensor.scope, tensor.name) for tensor in (*a, *b) if tensor.scope not in scopes}
    return LeftOut(
        optimizer=sum(scope == "optimizer" for scope, _ in names),
        state=sum(scope == "state" for scope, _ in names),
    )
