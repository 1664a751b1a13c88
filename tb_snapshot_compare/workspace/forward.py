"""Running both snapshots of a pair: which network each is, and its outputs for the same images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.errors import ModelUnavailableError
from tb_snapshot_compare.inference.values import (
    A,
    B,
    Mixture,
    MixtureResult,
    ModelDescription,
    ModelSource,
    RunRequest,
    Wanted,
)
from tb_snapshot_compare.snapshot import Format, SnapshotContents
from tb_snapshot_compare.workspace.opening import OpenedSnapshot
from tb_snapshot_compare.workspace.streaming import Progress

Probabilities = Literal["model", "softmax", "sigmoid"]
Images = NDArray[np.float32]
_CODE_FLAG = "--snapshot_compare_model MODULE:FUNCTION"
_IMAGE_RANK = 3
_TRAINING_KEYS = frozenset(
    {
        "build_config",
        "build_input_shape",
        "compile_config",
        "optional",
        "seed",
        "shared_object_id",
        "trainable",
    }
)
_TRAINING_ENDS = ("_initializer", "_regularizer", "_constraint")
"""Learning rates, frozen layers and the like differ between snapshots of one training."""


class Runner(Protocol):
    """Runs models; `inference.Inference` in a child process."""

    def describe(self, source: ModelSource, progress: Progress | None = None) -> ModelDescription:
        """What a network takes and gives."""

    def run(
        self, request: RunRequest, progress: Progress | None = None
    ) -> tuple[MixtureResult, ...]:
        """The outputs of every mixture."""


class _Named(msgspec.Struct):
    config: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Network:
    """One snapshot as a network that can be run."""

    source: ModelSource
    contents: SnapshotContents
    description: ModelDescription

    @property
    def input_size(self) -> tuple[int | None, int | None, int]:
        """Height, width (None where any size is taken) and channels of an image."""
        height, width, channels = self.description.inputs[0].shape
        assert channels is not None
        return height, width, channels

    @property
    def classes(self) -> int:
        """How many probabilities the first output gives for an image; a lone sigmoid counts two."""
        (count,) = self.description.outputs[0].shape
        assert count is not None
        return 2 if count == 1 else count

    @property
    def probabilities(self) -> Probabilities:
        """Whether the network gives probabilities itself, or what makes them of its output."""
        if self.description.final != "raw":
            return "model"
        return "sigmoid" if self.description.outputs[0].shape[0] == 1 else "softmax"


@dataclass(frozen=True, slots=True)
class PairNetworks:
    """Both sides of a pair; `same` when one network takes the weights of either."""

    a: Network
    b: Network

    @property
    def same(self) -> bool:
        """Whether weights can be exchanged between the two."""
        return self.a.source == self.b.source


def networks_of(
    a: OpenedSnapshot,
    b: OpenedSnapshot,
    factory: str | None,
    runner: Runner,
    progress: Progress | None = None,
) -> PairNetworks:
    """The networks behind two snapshots.

    A network comes from code where the person who started TensorBoard named some, from the
    Keras configuration (a snapshot without one takes the other's), or from a SavedModel's graph.

    Raises:
      ModelUnavailableError: one of them cannot be run; says why and what to do.
    """
    source_a, source_b = _source(a, b, factory), _source(b, a, factory)
    description_a = _checked(runner.describe(source_a, progress))
    same = source_a == source_b
    description_b = description_a if same else _checked(runner.describe(source_b, progress))
    pair = PairNetworks(
        Network(source_a, a.contents, description_a), Network(source_b, b.contents, description_b)
    )
    if pair.a.input_size[2] != pair.b.input_size[2]:
        raise ModelUnavailableError(
            f"a takes images of {pair.a.input_size[2]} channels and b of {pair.b.input_size[2]}: "
            "they cannot be run on the same image.",
            "Compare snapshots of networks that take the same kind of image.",
        )
    return pair


def run_pair(
    runner: Runner,
    pair: PairNetworks,
    images: tuple[Images, Images],
    *,
    wanted: Sequence[Wanted] = (),
    predictions: bool = True,
    progress: Progress | None = None,
) -> tuple[MixtureResult, MixtureResult]:
    """The outputs of a and of b.

    Args:
      runner: Runs them.
      pair: The networks.
      images: Prepared for a and for b, each [images, height, width, channels].
      wanted: Layers whose outputs are wanted, of both.
      predictions: Whether the networks' own output is wanted.
      progress: Called with images done and in all, each counted for a and for b; may raise to
        stop.
    """
    if pair.same:
        result_a, result_b = run_mixtures(
            runner, pair, (A, B), images[0], wanted, predictions, progress
        )
        return result_a, result_b
    first, second = _halves(progress)
    (result_a,) = _run_one(runner, pair.a, images[0], wanted, predictions, first)
    (result_b,) = _run_one(runner, pair.b, images[1], wanted, predictions, second)
    return result_a, result_b


def run_mixtures(
    runner: Runner,
    pair: PairNetworks,
    mixtures: Sequence[Mixture],
    images: Images,
    wanted: Sequence[Wanted] = (),
    predictions: bool = True,
    progress: Progress | None = None,
) -> tuple[MixtureResult, ...]:
    """The outputs with mixed weights of a pair whose networks are the same."""
    request = RunRequest(
        model=pair.a.source,
        a=pair.a.contents,
        b=pair.b.contents,
        mixtures=tuple(mixtures),
        images=images,
        wanted=tuple(wanted),
        predictions=predictions,
    )
    return runner.run(request, progress)


def as_probabilities(outputs: NDArray[np.float32], kind: Probabilities) -> NDArray[np.float64]:
    """Outputs [images, units] as class probabilities [images, classes], in float64."""
    values = outputs.astype(np.float64)
    if kind == "softmax":
        shifted = np.exp(values - values.max(axis=1, keepdims=True))
        return shifted / shifted.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]
    if kind == "sigmoid":
        with np.errstate(over="ignore"):  # exp overflows to infinity: a probability of 0
            values = 1.0 / (1.0 + np.exp(-values))
    if values.shape[1] == 1:
        return np.concatenate([1.0 - values, values], axis=1)
    return values


def model_name(config: str | None) -> str | None:
    """What a Keras configuration calls its model."""
    if config is None:
        return None
    try:
        value = msgspec.json.decode(config, type=_Named)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None
    return value.config.get("name") if isinstance(value.config.get("name"), str) else None


def _halves(progress: Progress | None) -> tuple[Progress | None, Progress | None]:
    """The progress of two runs of equal length as that of one."""
    if progress is None:
        return None, None

    def first(done: int, total: int) -> None:
        progress(done, 2 * total)

    def second(done: int, total: int) -> None:
        progress(total + done, 2 * total)

    return first, second


def _run_one(
    runner: Runner,
    network: Network,
    images: Images,
    wanted: Sequence[Wanted],
    predictions: bool,
    progress: Progress | None,
) -> tuple[MixtureResult, ...]:
    request = RunRequest(
        model=network.source,
        a=network.contents,
        b=network.contents,
        mixtures=(A,),
        images=images,
        wanted=tuple(wanted),
        predictions=predictions,
    )
    return runner.run(request, progress)


def _source(snapshot: OpenedSnapshot, other: OpenedSnapshot, factory: str | None) -> ModelSource:
    if factory:
        return ModelSource("code", factory=factory)
    contents = snapshot.contents
    if contents.format is Format.SAVED_MODEL:
        return ModelSource("saved_model", path=_shared_graph(snapshot, other))
    config = _shared_config(snapshot.config or other.config, other.config)
    if config is None:
        raise ModelUnavailableError(
            f"{contents.path} holds weights only, and no configuration of its network was found "
            "in the run.",
            "Save a .keras file in the run, train with Keras's TensorBoard callback, or start "
            f"TensorBoard with {_CODE_FLAG}.",
        )
    return ModelSource("keras", config=config)


def _shared_config(config: str | None, other: str | None) -> str | None:
    """One text for configurations that differ in nothing a forward pass depends on."""
    if config is None or other is None or _computed(config) != _computed(other):
        return config
    return min(config, other)


def _computed(config: str) -> object:
    """A configuration without what matters to training only; the text where it is no JSON."""
    try:
        return _without_training(msgspec.json.decode(config))
    except (msgspec.DecodeError, RecursionError):
        return config


def _without_training(value: object) -> object:
    if isinstance(value, dict):
        return {
            key: _without_training(part)
            for key, part in value.items()
            if key not in _TRAINING_KEYS and not key.endswith(_TRAINING_ENDS)
        }
    if isinstance(value, list):
        return [_without_training(part) for part in value]
    return value


def _shared_graph(snapshot: OpenedSnapshot, other: OpenedSnapshot) -> str:
    """One graph for two SavedModels that hold the same tensors: it is built once."""
    own, others = snapshot.contents, other.contents
    if others.format is not Format.SAVED_MODEL or _shapes(own) != _shapes(others):
        return own.path
    return min(own.path, others.path)


def _shapes(contents: SnapshotContents) -> frozenset[tuple[str, tuple[int, ...]]]:
    return frozenset((tensor.name, tensor.shape) for tensor in contents.tensors)


def _checked(description: ModelDescription) -> ModelDescription:
    """Refuses what does not take one image, or does not give one vector for it."""
    inputs, outputs = description.inputs, description.outputs
    remedy = f"Give a model that takes one image and gives class scores with {_CODE_FLAG}."
    if len(inputs) != 1:
        names = ", ".join(entry.name for entry in inputs)
        raise ModelUnavailableError(f"The network takes {len(inputs)} inputs ({names}).", remedy)
    shape = inputs[0].shape
    if len(shape) != _IMAGE_RANK or shape[-1] not in (1, 3):
        raise ModelUnavailableError(
            f"The network's input {inputs[0].name!r} has the shape {_words(shape)}: it takes no "
            "images of 1 or 3 channels.",
            remedy,
        )
    if len(outputs[0].shape) != 1 or outputs[0].shape[0] is None:
        raise ModelUnavailableError(
            f"The network's output {outputs[0].name!r} has the shape {_words(outputs[0].shape)}: "
            "it gives no vector of class scores.",
            remedy,
        )
    return description


def _words(shape: Sequence[int | None]) -> str:
    return " × ".join("any" if size is None else str(size) for size in shape) or "(scalar)"
