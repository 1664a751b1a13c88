"""What is asked of a model and what it answers: frozen values that cross to the child process."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.snapshot import SnapshotContents

RunnerKind = Literal["keras", "saved_model", "code"]


@dataclass(frozen=True, slots=True)
class ModelSource:
    """What a network is rebuilt from.

    `keras`: `config` is its Keras configuration as JSON text. `saved_model`: `path` is the
    directory whose graph runs. `code`: `factory` is `module:function`, given by whoever
    started TensorBoard; it returns a Keras model.
    """

    kind: RunnerKind
    config: str | None = None
    path: str | None = None
    factory: str | None = None


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Shape without the batch, None for free sizes; a NumPy dtype name."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class LayerOutput:
    """A layer whose output can be asked for: its full path, as in the architecture.

    `shape` is of one example's (first) output; `inputs` are the paths of the layers that feed it.
    """

    name: str
    kind: str
    shape: tuple[int | None, ...]
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """A network that can be run.

    `final` tells what the (first) output is: probabilities by softmax or sigmoid, or raw values.
    `preprocessing` names the layers at its start that prepare pixels (Rescaling, Normalization).
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    layers: tuple[LayerOutput, ...]
    final: Literal["softmax", "sigmoid", "raw"]
    preprocessing: tuple[str, ...] = ()
    graph: str = ""
    """A digest, equal for SavedModels that compute the same of tensors of the same names."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """Tensors of a that are taken from b, by canonical name; of `filters` only, unless None.

    Filters are indices of output channels, the last axis of the layer's output; tensors that
    have no such axis (a recurrent state, a scalar) are replaced whole.
    """

    tensors: tuple[str, ...]
    filters: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Mixture:
    """Weights to run with: those of `base`, with tensors of the other snapshot put in."""

    base: Literal["a", "b"] = "a"
    replaced: tuple[Replacement, ...] = ()


A, B = Mixture("a"), Mixture("b")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A layer's output. `channels` None takes all; `reduction` `max` is over all positions.

    With `none` the array is [images, ..., channels], with `max` [images, channels].
    """

    layer: str
    channels: tuple[int, ...] | None = None
    reduction: Literal["none", "max"] = "none"


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Runs every mixture on the same images.

    `images` is float32 [images, height, width, channels], already prepared. `predictions` False
    leaves out the network's output, and then only what the wanted layers need is computed.
    """

    model: ModelSource
    a: SnapshotContents
    b: SnapshotContents
    mixtures: tuple[Mixture, ...]
    images: NDArray[np.float32]
    wanted: tuple[Wanted, ...] = ()
    predictions: bool = True


@dataclass(frozen=True, slots=True)
class MixtureResult:
    """One mixture's outputs.

    `predictions` [images, classes] is float32 as the network gives it, None where not asked;
    `layers` has an array for each wanted layer, in order.
    """

    predictions: NDArray[np.float32] | None
    layers: tuple[NDArray[np.float32], ...] = field(default_factory=tuple)
