"""Whether a configuration describes the network that some weights belong to."""

from collections.abc import Mapping, Sequence
from typing import Any

from tb_snapshot_compare.architecture.assignment import WITH_WEIGHTS, assign, weights
from tb_snapshot_compare.architecture.config import LayerConfig, parse_model
from tb_snapshot_compare.architecture.graph import flatten
from tb_snapshot_compare.architecture.values import MalformedConfigError
from tb_snapshot_compare.snapshot import TensorInfo

_MISFITS = 0.1
"""A share of the weights that may be foreign: a head that was exchanged, layers added since."""
_MISFITS_OF_FEW = (2, 0.25)
"""The kernel and the bias of one layer, where they are no large share."""
_DENSE = frozenset({"Dense"})
_CONVOLUTIONS = frozenset({"Conv1D", "Conv2D", "Conv3D"})
_TRANSPOSED = frozenset({"Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"})


def fits(config_text: str, tensors: Sequence[TensorInfo]) -> bool:
    """Whether nearly all weights belong to layers of the configuration, and those have weights.

    Args:
      config_text: what `model.to_json()` gives, of Keras 2 or 3; of any content.
      tensors: all tensors of the snapshot.
    """
    try:
        model = parse_model(config_text)
        if isinstance(model, str):
            return False
        leaves = flatten(model).leaves
    except MalformedConfigError:
        return False
    own = weights(tensors)
    assigned = assign(leaves, tensors)
    by_path = {leaf.path: leaf.layer for leaf in leaves}
    fitting = sum(
        _fits(by_path[path], tensor)
        for path, tensors_of_layer in assigned.by_layer.items()
        for tensor in tensors_of_layer
    )
    expected = [leaf.path for leaf in leaves if leaf.layer.kind in WITH_WEIGHTS]
    filled = sum(path in assigned.by_layer for path in expected)
    return bool(own) and _nearly_all(fitting, len(own)) and _nearly_all(filled, len(expected))


def _nearly_all(count: int, total: int) -> bool:
    few, share = _MISFITS_OF_FEW
    return total - count <= max(_MISFITS * total, min(few, share * total))


def _fits(layer: LayerConfig, tensor: TensorInfo) -> bool:
    """Whether a tensor has a shape that its layer's configuration allows, as far as it tells."""
    shape, config = tensor.shape, layer.config
    units = config.get("units" if layer.kind in _DENSE else "filters")
    if tensor.role == "bias" and layer.kind in _DENSE | _CONVOLUTIONS | _TRANSPOSED:
        return _same(shape, (units,))
    if tensor.role == "embeddings" and layer.kind == "Embedding":
        return _same(shape, (config.get("input_dim"), config.get("output_dim")))
    if tensor.role != "kernel" or len(shape) < 2:
        return True
    if layer.kind in _DENSE:
        return _same(shape, (_channels(layer), units))
    if layer.kind in _CONVOLUTIONS:
        return _same(shape, (*_kernel_size(config, len(shape)), _channels(layer), units))
    if layer.kind in _TRANSPOSED:
        return _same(shape, (*_kernel_size(config, len(shape)), units, _channels(layer)))
    return True


def _kernel_size(config: Mapping[str, Any], rank: int) -> tuple[Any, ...]:
    size = config.get("kernel_size")
    sizes = tuple(size) if isinstance(size, list) else (size,)
    return sizes * (rank - 2) if len(sizes) == 1 else sizes


def _channels(layer: LayerConfig) -> int | None:
    """The last size of what the layer takes, None where it is not the channels or not known."""
    config = layer.config
    if config.get("data_format") == "channels_first" or config.get("groups", 1) != 1:
        return None
    call = layer.calls[0].references[:1] if layer.calls else ()
    shape = (call[0].shape if call else None) or layer.built_for
    return shape[-1] if shape else None


def _same(shape: tuple[int, ...], expected: tuple[Any, ...]) -> bool:
    """Whether they agree where the expected size is a number."""
    return len(shape) == len(expected) and all(
        size == wanted
        for size, wanted in zip(shape, expected, strict=True)
        if isinstance(wanted, int)
    )
