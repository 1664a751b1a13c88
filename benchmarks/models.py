"""The made-up models that are compared: their tensors' shapes and, from a seed, their values."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING

import ml_dtypes
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from tb_snapshot_compare.analysis import FilterAxis

Shapes = dict[str, tuple[int, ...]]
_NORM_ROLES = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
_SPREAD, _STEP = np.float32(0.02), np.float32(0.0005)


@dataclass(frozen=True)
class Model:
    """Tensors by name (`layer.weight`, `layer.bias`), in the order of the file.

    Snapshot 0 is random, of the usual size of weights; each further one adds a little noise to
    every value, or to those of `changing` only.
    """

    seed: int
    shapes: Mapping[str, tuple[int, ...]]
    dtype: str = "float32"
    changing: str | None = None

    @property
    def weights(self) -> int:
        """How many values a snapshot has."""
        return sum(prod(shape) for shape in self.shapes.values())

    @property
    def nbytes(self) -> int:
        """How many bytes a snapshot has."""
        return self.weights * self.numpy_dtype.itemsize

    @cached_property
    def numpy_dtype(self) -> np.dtype[np.generic]:
        """The dtype that `dtype` names."""
        return np.dtype(getattr(ml_dtypes, self.dtype, self.dtype))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.shapes)}

    def history(self, name: str, snapshots: int) -> Iterator[NDArray[np.generic]]:
        """A tensor's values in snapshot 0, 1, ...; every array is a new one."""
        rng = np.random.default_rng([self.seed, self._numbers[name]])
        values = rng.standard_normal(self.shapes[name], np.float32) * _SPREAD
        yield values.astype(self.numpy_dtype)
        for _ in range(snapshots - 1):
            if self.changing in (None, name):
                values = values + rng.standard_normal(values.shape, np.float32) * _STEP
            yield values.astype(self.numpy_dtype)

    def snapshots(self, count: int) -> Iterator[dict[str, NDArray[np.generic]]]:
        """All values of snapshot 0, 1, ..."""
        histories = {name: self.history(name, count) for name in self.shapes}
        for _ in range(count):
            yield {name: next(values) for name, values in histories.items()}


def canonical(name: str) -> str:
    """What this package calls a tensor of these models: `layer/kernel`, `layer/gamma`, ..."""
    if "/" in name:
        return name
    layer, _, role = name.rpartition(".")
    roles = {"weight": "embeddings" if layer == "embedding" else "kernel"}
    if "norm" in layer:
        roles = _NORM_ROLES
    return f"{layer.replace('.', '/')}/{roles.get(role, role)}"


def transformer(tiny: bool, dtype: str = "float32", changing: str | None = None) -> Model:
    """146 tensors with 259.3 million weights, the largest of 32.8 million."""
    width, inner, words = (32, 48, 256) if tiny else (1024, 3243, 32_000)
    shapes: Shapes = {"embedding.weight": (words, width)}
    for block in range(16):
        for name in ("query", "key", "value", "output"):
            shapes[f"block{block:02d}.{name}.weight"] = (width, width)
        for name in ("gate", "up"):
            shapes[f"block{block:02d}.{name}.weight"] = (inner, width)
        shapes[f"block{block:02d}.down.weight"] = (width, inner)
        for name in ("norm1", "norm2"):
            shapes[f"block{block:02d}.{name}.weight"] = (width,)
    shapes["norm.weight"] = (width,)
    return Model(146, shapes, dtype, changing)


def resnet18(tiny: bool) -> Model:
    """ResNet-18: 11.7 million weights in 102 tensors."""
    base = 4 if tiny else 64
    shapes: Shapes = {"conv1.weight": (base, 3, 7, 7), **_norm("norm1", base)}
    inputs = base
    for stage in range(4):
        outputs = base * 2**stage
        for block in range(2):
            name = f"layer{stage + 1}_{block}"
            kernels = {"1": (inputs, 3), "2": (outputs, 3), "3": (inputs, 1)}
            if inputs == outputs:
                del kernels["3"]
            for number, (channels, side) in kernels.items():
                shapes[f"{name}_conv{number}.weight"] = (outputs, channels, side, side)
                shapes |= _norm(f"{name}_norm{number}", outputs)
            inputs = outputs
    classes = 10 if tiny else 1000
    shapes |= {"fc.weight": (classes, inputs), "fc.bias": (classes,)}
    return Model(18, shapes)


def _norm(name: str, channels: int) -> Shapes:
    return {f"{name}.{role}": (channels,) for role in _NORM_ROLES}


def many(tiny: bool) -> Model:
    """12,345 tensors of 64 weights."""
    count = 345 if tiny else 12_345
    return Model(4170, {f"layer{number:05d}.weight": (8, 8) for number in range(count)})


def vgg16(tiny: bool) -> Model:
    """VGG-16's 138.36 million weights in 32 tensors."""
    scale = 16 if tiny else 1
    widths = [64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]
    shapes: Shapes = {}
    inputs = 3
    for number, outputs in enumerate(width // scale for width in widths):
        shapes[f"conv{number:02d}.weight"] = (3, 3, inputs, outputs)
        shapes[f"conv{number:02d}.bias"] = (outputs,)
        inputs = outputs
    rows = 49 * inputs
    for name, units in (("fc1", 4096 // scale), ("fc2", 4096 // scale), ("predictions", 1000)):
        shapes |= {f"{name}.weight": (rows, units), f"{name}.bias": (units,)}
        rows = units
    return Model(16, shapes)


def axis_of(name: str, shape: tuple[int, ...], form: str) -> FilterAxis:
    """Where the filters of a tensor of these models lie in a file of a format."""
    from tb_snapshot_compare.analysis import FilterAxis

    if form != "bundle" and len(shape) > 1 and name != "embedding.weight":
        return FilterAxis(shape[0], prod(shape[1:]))
    return FilterAxis(shape[-1], 1)
