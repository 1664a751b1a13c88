"""Which tensors belong to which layer of a graph."""

import math
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tb_snapshot_compare.architecture.graph import Leaf
from tb_snapshot_compare.limits import MODEL_NESTING_MAX
from tb_snapshot_compare.snapshot import TensorInfo

_WITHOUT_WEIGHTS = frozenset(
    {
        "Activation",
        "Add",
        "Average",
        "AveragePooling1D",
        "AveragePooling2D",
        "AveragePooling3D",
        "Concatenate",
        "Cropping2D",
        "Dropout",
        "ELU",
        "Flatten",
        "GaussianDropout",
        "GaussianNoise",
        "GlobalAveragePooling1D",
        "GlobalAveragePooling2D",
        "GlobalMaxPooling1D",
        "GlobalMaxPooling2D",
        "InputLayer",
        "LeakyReLU",
        "MaxPooling1D",
        "MaxPooling2D",
        "MaxPooling3D",
        "Maximum",
        "Minimum",
        "Multiply",
        "Permute",
        "ReLU",
        "RepeatVector",
        "Rescaling",
        "Reshape",
        "Softmax",
        "SpatialDropout2D",
        "Subtract",
        "UpSampling2D",
        "ZeroPadding2D",
    }
)
WITH_WEIGHTS = frozenset(
    {
        "BatchNormalization",
        "Conv1D",
        "Conv1DTranspose",
        "Conv2D",
        "Conv2DTranspose",
        "Conv3D",
        "Conv3DTranspose",
        "Dense",
        "DepthwiseConv1D",
        "DepthwiseConv2D",
        "Embedding",
        "GRU",
        "LSTM",
        "MultiHeadAttention",
        "SeparableConv1D",
        "SeparableConv2D",
        "SimpleRNN",
    }
)
"""Built-in layers that always have weights."""
BUILT_IN_KINDS = (
    _WITHOUT_WEIGHTS
    | WITH_WEIGHTS
    | {
        "AdditiveAttention",
        "Attention",
        "Bidirectional",
        "ConvLSTM2D",
        "EinsumDense",
        "Functional",
        "GroupNormalization",
        "LayerNormalization",
        "Model",
        "Normalization",
        "PReLU",
        "RMSNormalization",
        "Sequential",
        "SpectralNormalization",
        "TimeDistributed",
    }
)


@dataclass(frozen=True, slots=True)
class Assigned:
    """Tensors by the path of their layer, and those that no layer owns."""

    by_layer: Mapping[str, tuple[TensorInfo, ...]]
    unmatched: tuple[TensorInfo, ...]


def weights(tensors: Iterable[TensorInfo]) -> list[TensorInfo]:
    """The tensors that count as a model's weights."""
    return [tensor for tensor in tensors if tensor.scope == "weights"]


def parameters(tensors: Iterable[TensorInfo]) -> int:
    """The number of elements."""
    return sum(math.prod(tensor.shape) for tensor in tensors)


def assign(leaves: Sequence[Leaf], tensors: Sequence[TensorInfo]) -> Assigned:
    """Gives every tensor of the weights to the leaf that bears its layer's name.

    Where a file tells the nested models around a layer, or spells them in its name, the leaf's
    full path decides; where it spells them, also for layers in none. Otherwise its name does:

    A tensor's layer is named without the models around it (`conv1`, a part of a composite
    `mha/query`); where several models have a `conv1`, they are numbered in model order
    (`conv1`, `conv1#2`). The leaf's name is the longest beginning of the tensor's layer that
    is one. Layers in the models that a wrapper holds belong to the wrapper, and all of one name
    to the only layer of that name where that is somebody's own class, which may hold several.
    """
    bearers: dict[str, list[Leaf]] = {}
    for leaf in leaves:
        for name in dict.fromkeys((leaf.layer.name, *leaf.layer.inner_names)):
            bearers.setdefault(name, []).append(leaf)
    of_weights = weights(tensors)
    nested = {leaf.path for leaf in leaves if leaf.parent is not None}
    by_path = _by_path(of_weights, nested)
    if any(tensor.layer in by_path and not tensor.models for tensor in of_weights):
        by_path = _by_path(of_weights, {leaf.path for leaf in leaves})
    others = (t.layer for t in of_weights if t.layer and t.layer not in by_path)
    owners = by_path | _owners(others, bearers)
    by_layer: dict[str, list[TensorInfo]] = {}
    unmatched: list[TensorInfo] = []
    for tensor in of_weights:
        owner = owners.get(tensor.layer or "")
        if owner is None:
            unmatched.append(tensor)
        else:
            by_layer.setdefault(owner, []).append(tensor)
    return Assigned({path: tuple(own) for path, own in by_layer.items()}, tuple(unmatched))


def _by_path(tensors: Iterable[TensorInfo], paths: Container[str]) -> dict[str, str]:
    """The path that begins the full path of each layer, by the layer's name."""
    return {
        tensor.layer: owner
        for tensor in tensors
        if tensor.layer and (owner := _longest_known(full_path(tensor), paths)) is not None
    }


def _owners(layers: Iterable[str], bearers: Mapping[str, list[Leaf]]) -> dict[str, str]:
    """The path of the leaf by the name that tensors give their layer."""
    given = list(dict.fromkeys(layers))
    parsed = [numbered(layer) for layer in given]
    most: dict[str, int] = {}
    for name, number in parsed:
        most[name] = max(most.get(name, 1), number)
    owners: dict[str, str] = {}
    for layer, (name, number) in zip(given, parsed, strict=True):
        known = _longest_known(name, bearers)
        if known is None:
            continue
        candidates = bearers[known]
        if most[name] < len(candidates):
            candidates = [
                leaf for leaf in candidates if leaf.layer.kind not in _WITHOUT_WEIGHTS
            ] or candidates
        if number <= len(candidates):
            owners[layer] = candidates[number - 1].path
        elif len(candidates) == 1 and candidates[0].layer.kind not in BUILT_IN_KINDS:
            owners[layer] = candidates[0].path
    return owners


def full_path(tensor: TensorInfo) -> str:
    """The path of a tensor's layer with the nested models that it is known to lie in."""
    name, _ = numbered(tensor.layer or tensor.name) if tensor.models else (tensor.layer, 1)
    return "/".join((*tensor.models, name or tensor.name))


def _longest_known(name: str, bearers: Container[str]) -> str | None:
    parts = name.split("/", MODEL_NESTING_MAX)
    beginnings = ("/".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((beginning for beginning in beginnings if beginning in bearers), None)


def numbered(layer: str) -> tuple[str, int]:
    """`conv1#2` as (`conv1`, 2)."""
    name, separator, digits = layer.rpartition("#")
    if separator and name and digits.isascii() and digits.isdecimal() and len(digits) < 7:
        return name, max(int(digits), 1)
    return layer, 1
