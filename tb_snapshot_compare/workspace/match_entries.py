"""What can be matched: the tensors of a snapshot, in the pieces that the other one has.

Frameworks cut the same weights differently. A PyTorch attention keeps query, key and value in one
tensor, row below row; Keras's GRU keeps two biases in one; PyTorch's recurrent layers have two
biases that are only ever added, and other gates first. Here each side is given in the smaller of
the two cuts, so that what is left is to find out which is which.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tb_snapshot_compare.readers.transposing import added, rows_of
from tb_snapshot_compare.snapshot import Generation, TensorInfo
from tb_snapshot_compare.workspace.canonical_names import (
    ATTENTION_PARTS,
    FUSED_PARTS,
    CanonicalName,
    canonical,
)
from tb_snapshot_compare.workspace.layouts import normal_shape

_FUSED = ("query", "key", "value")
_GRU = 3
_GATES = (1, _GRU, 4)
"""Gates of a simple recurrent layer, a GRU and an LSTM."""
_STACKED = re.compile(r"l\d+(_reverse)?")
"""Which of the layers and directions that one PyTorch module stacks: the two directions of one
are one layer in Keras."""
_WRAPPED = re.compile(r"(.+?)/(?:forward|backward)_")
"""A direction within Keras's Bidirectional."""
_RECURRENT_ROLES = ("kernel", "recurrent_kernel", "bias", "recurrent_bias")


@dataclass(frozen=True, slots=True)
class Entry:
    """A tensor, or a piece of tensors, that has at most one partner.

    `name` is unique on its side: the tensor's own, or `attn/in_proj/kernel[query]` for a piece.
    `stored` are the tensors that it is made of. `path` is the name that it would have where the
    other side's cut is the usual one.
    """

    tensor: TensorInfo
    name: str
    stored: tuple[TensorInfo, ...]
    path: str

    @property
    def is_cut(self) -> bool:
        """Whether it is a part of a stored tensor."""
        return self.name != self.stored[0].name

    @property
    def canonical(self) -> CanonicalName:
        """The name without wrappers, with one word for each projection of attention."""
        *around, part, last = ("", "", *self.path.split("/"))
        if part in ATTENTION_PARTS:
            return canonical("/".join((*around, ATTENTION_PARTS[part], last)).strip("/"))
        return canonical(self.path)


def entries_of(
    tensors: Sequence[TensorInfo], others: Sequence[TensorInfo], generation: Generation
) -> tuple[Entry, ...]:
    """The tensors of one side in the pieces in which the other side may have them.

    Args:
      tensors: of this side.
      others: of the other side.
      generation: of this side.
    """
    pieces: dict[str, tuple[Entry, ...]] = {}
    if not _has_fused(others) and _has_unfused(others):
        for tensor in tensors:
            if _is_fused(tensor):
                pieces[tensor.name] = _unfused(tensor)
    if is_torch(tensors) and not is_torch(others):
        pieces |= _torch_recurrent(tensors, generation)
    elif is_torch(others) and not is_torch(tensors):
        pieces |= _keras_recurrent(tensors)
    found: list[Entry] = []
    for tensor in tensors:
        if tensor.name in pieces:
            found += pieces[tensor.name]
        else:
            found.append(Entry(tensor, tensor.name, (tensor,), tensor.name))
    return tuple(found)


def is_torch(tensors: Iterable[TensorInfo]) -> bool:
    """Whether any tensor has PyTorch's order of axes."""
    return any(tensor.layout == "torch" for tensor in tensors)


def attention_part(tensor: TensorInfo) -> str:
    """`query`, `key`, `value`, `output`, or empty: which projection of attention it is."""
    return ATTENTION_PARTS.get(_last(tensor), "")


def direction(tensor: TensorInfo) -> str:
    """`backward` for the reverse half of a bidirectional layer."""
    layer = tensor.layer or ""
    return "backward" if layer.endswith("_reverse") or "backward_" in layer else ""


def signature(entry: Entry, kind: str) -> tuple[str, str, tuple[int, ...]]:
    """Part, role and shape, equal for the same weights of both frameworks."""
    tensor = entry.tensor
    part = attention_part(tensor)
    shape = normal_shape(
        tensor,
        depthwise=kind.startswith("Depthwise") or tensor.role == "depthwise_kernel",
        heads=bool(part) and "Conv" not in kind,
    )
    role = "kernel" if tensor.role == "depthwise_kernel" else tensor.role
    return part or direction(tensor), role, shape


def _last(tensor: TensorInfo) -> str:
    return (tensor.layer or "").rpartition("/")[2]


def _is_fused(tensor: TensorInfo) -> bool:
    """Query, key and value of one size, row below row."""
    if _last(tensor) not in FUSED_PARTS or tensor.scope != "weights" or not tensor.shape:
        return False
    rows_are_outputs = len(tensor.shape) == 1 or tensor.layout == "torch"
    return rows_are_outputs and tensor.shape[0] % len(_FUSED) == 0


def _has_fused(tensors: Iterable[TensorInfo]) -> bool:
    return any(_is_fused(tensor) for tensor in tensors)


def _has_unfused(tensors: Iterable[TensorInfo]) -> bool:
    return any(attention_part(tensor) == _FUSED[0] for tensor in tensors)


def _unfused(tensor: TensorInfo) -> tuple[Entry, ...]:
    size = tensor.shape[0] // len(_FUSED)
    around = (tensor.layer or "").rpartition("/")[0]
    found = []
    for number, part in enumerate(_FUSED):
        rows = rows_of(tensor, [(number * size, (number + 1) * size)])
        layer = f"{around}/{part}" if around else part
        found.append(_piece(rows, part, layer, (tensor,)))
    return tuple(found)


def _piece(
    tensor: TensorInfo, part: str, layer: str | None, stored: tuple[TensorInfo, ...]
) -> Entry:
    name = f"{stored[0].name}[{part}]"
    path = f"{layer}/{tensor.role}" if layer else tensor.role
    return Entry(replace(tensor, name=name, layer=layer), name, stored, path)


def _by_layer(tensors: Iterable[TensorInfo]) -> dict[str, dict[str, TensorInfo]]:
    """Tensors of recurrent layers by layer and role."""
    found: dict[str, dict[str, TensorInfo]] = {}
    for tensor in tensors:
        if tensor.scope == "weights" and tensor.role in _RECURRENT_ROLES:
            found.setdefault(tensor.layer or "", {})[tensor.role] = tensor
    return {layer: roles for layer, roles in found.items() if "recurrent_kernel" in roles}


def _torch_recurrent(
    tensors: Sequence[TensorInfo], generation: Generation
) -> dict[str, tuple[Entry, ...]]:
    """PyTorch's RNN, LSTM and GRU as Keras cuts them, by the name of each stored tensor.

    LSTM: both have the gates input, forget, cell, output; PyTorch's two biases are added. GRU:
    PyTorch has reset, update, new, and Keras update, reset, candidate; both keep two biases
    (`torch/nn/modules/rnn.py`, `keras/src/layers/rnn/{lstm,gru}.py`).
    """
    pieces: dict[str, tuple[Entry, ...]] = {}
    for roles in _by_layer(tensors).values():
        gates = _gates_of(roles["recurrent_kernel"])
        if gates is None:
            continue
        if gates == _GRU:
            for role, tensor in roles.items():
                part = {"bias": "input", "recurrent_bias": "recurrent"}.get(role)
                pieces[tensor.name] = (_gru_piece(tensor, part),)
        elif {"bias", "recurrent_bias"} <= roles.keys():
            bias, other = roles["bias"], roles["recurrent_bias"]
            if (bias.shape, bias.dtype) == (other.shape, other.dtype):
                total = added(bias, other, generation)
                pieces[bias.name] = (Entry(total, bias.name, (bias, other), bias.name),)
                pieces[other.name] = ()
    return pieces


def _gates_of(recurrent: TensorInfo) -> int | None:
    """How many gates PyTorch's `(gates * hidden, hidden)` has."""
    if len(recurrent.shape) != 2 or not recurrent.shape[1]:
        return None
    rows, units = recurrent.shape
    gates, rest = divmod(rows, units)
    return gates if not rest and gates in _GATES else None


def _gru_piece(tensor: TensorInfo, part: str | None) -> Entry:
    """With the gates in Keras's order; a bias under the role `bias`."""
    size = tensor.shape[0] // _GRU
    rows = rows_of(tensor, [(size, 2 * size), (0, size), (2 * size, 3 * size)])
    if part is None:
        return Entry(rows, tensor.name, (tensor,), tensor.name)
    of = replace(rows, role=f"{part}_bias")
    return Entry(of, tensor.name, (tensor,), f"{tensor.layer or ''}/{of.role}".strip("/"))


def _keras_recurrent(tensors: Sequence[TensorInfo]) -> dict[str, tuple[Entry, ...]]:
    """Keras's GRU with `reset_after`: its biases `(2, 3 * units)` one by one."""
    pieces: dict[str, tuple[Entry, ...]] = {}
    for layer, roles in _by_layer(tensors).items():
        bias = roles.get("bias")
        if bias is None or len(bias.shape) != 2 or bias.shape[0] != 2:
            continue
        columns = math.prod(bias.shape[1:])
        found = []
        for number, part in enumerate(("input", "recurrent")):
            row = rows_of(bias, [(number, number + 1)], (columns,))
            found.append(_piece(replace(row, role=f"{part}_bias"), part, layer or None, (bias,)))
        pieces[bias.name] = tuple(found)
    return pieces


def units_of(entries: Sequence[Entry], layer_of: Mapping[str, str]) -> dict[str, list[Entry]]:
    """Entries by the layer that they make up, in their order; attention is one layer.

    Args:
      entries: of one side.
      layer_of: full path of the layer by tensor name.
    """
    units: dict[str, list[Entry]] = {}
    for entry in entries:
        stored = entry.stored[0]
        layer = layer_of.get(stored.name) or stored.layer or stored.name
        *around, last = layer.split("/")
        if around and (last in FUSED_PARTS or last in ATTENTION_PARTS):
            layer = "/".join(around)
        if (wrapped := _WRAPPED.match(layer)) is not None:
            layer = wrapped[1]
        elif _STACKED.fullmatch(last):
            layer = layer.removesuffix("_reverse")
        units.setdefault(layer, []).append(entry)
    return units
