"""Canonical names of arrays that a file gives by key alone: safetensors, `.npz`, sets of files."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tb_snapshot_compare.readers.path_names import names_by_path
from tb_snapshot_compare.readers.torch_names import StoredEntry, torch_names
from tb_snapshot_compare.readers.weights_file import unique_names
from tb_snapshot_compare.snapshot import TensorInfo

_TORCH = frozenset({"pt", "mlx"})
"""What libraries with PyTorch's names write as `format` into the metadata of safetensors."""


def name_arrays(
    tensors: Sequence[TensorInfo], framework: str | None = None
) -> tuple[TensorInfo, ...]:
    """The tensors with names, layers, roles, scopes and layout told from their keys.

    Keys of a PyTorch state dict join by dots (`layer1.0.weight`), variables of Keras, Flax and
    TensorFlow by slashes (`conv1/kernel`).

    Args:
      tensors: as stored; their keys are looked at together, since what a `weight` is depends
        on what lies beside it.
      framework: the word for the framework in the file's metadata (`pt`, `tf`, `flax`), None
        where there is none.
    """
    keys = [tensor.key for tensor in tensors]
    dotted = any("." in key for key in keys) and not any("/" in key for key in keys)
    named = _by_module(tensors) if dotted or framework in _TORCH else _by_path(tensors)
    return unique_names(named)


def _by_module(tensors: Sequence[TensorInfo]) -> Iterator[TensorInfo]:
    entries = [StoredEntry(tensor.key, tensor.shape, tensor.dtype) for tensor in tensors]
    for tensor, found in zip(tensors, torch_names(entries), strict=True):
        yield replace(
            tensor,
            name=found.name,
            layer=found.layer,
            role=found.role,
            scope=found.scope,
            layout=found.layout,
        )


def _by_path(tensors: Sequence[TensorInfo]) -> Iterator[TensorInfo]:
    names = names_by_path([tensor.key for tensor in tensors])
    for tensor in tensors:
        found = names[tensor.key]
        yield replace(
            tensor,
            name=found.name,
            layer=found.layer,
            role=found.role,
            scope=found.scope,
            layout="keras",
        )
