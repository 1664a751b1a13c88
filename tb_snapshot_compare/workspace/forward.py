"""Running both snapshots of a pair: which network each is, and its outputs for the same images."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.errors import InvalidRequestError, ModelUnavailableError
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
from tb_snapshot_compare.snapshot import Format, Generation, SnapshotContents
from tb_snapshot_compare.workspace.match_files import Corrections
from tb_snapshot_compare.workspace.model_sources import (
    Sourced,
    configured,
    same_tensors,
    sources_of,
)
from tb_snapshot_compare.workspace.opening import OpenedSnapshot
from tb_snapshot_compare.workspace.streaming import Progress

Probabilities = Literal["model", "softmax", "sigmoid"]
Images = NDArray[np.float32]
_CODE_FLAG = "--snapshot_compare_model MODULE:FUNCTION"
_IMAGE_RANK = 3
_ALIKE_EDGE = 64
_ALIKE_KEPT = 64
_alike: OrderedDict[tuple[Generation, str], bool] = OrderedDict()
"""Whether a SavedModel computes what a configuration does, by its generation."""


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
    own_names: Mapping[str, str] = field(default_factory=dict)
    """What the network itself calls the layers that the pair calls otherwise."""

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

    @property
    def difference(self) -> str:
        """Why weights cannot be exchanged, with what would help."""
        graphs = [
            name
            for name, network in (("a", self.a), ("b", self.b))
            if network.source.kind == "saved_model"
        ]
        if len(graphs) == 1:
            return (
                f"{graphs[0]} is a SavedModel, which runs through its own graph; save a .keras "
                "file to exchange layers."
            )
        return "a and b are different networks: weights of one cannot be put into the other."


def networks_of(
    a: OpenedSnapshot,
    b: OpenedSnapshot,
    factory: str | None,
    runner: Runner,
    progress: Progress | None = None,
    corrections: Corrections = (),
) -> PairNetworks:
    """The networks behind two snapshots.

    A network comes from code where the person who started TensorBoard named some, from the
    Keras configuration (a snapshot without one takes the other's), or from a SavedModel's graph.
    Configurations that differ in names alone are one network, as are SavedModels whose graphs
    are equal, and a SavedModel that computes what the other's configuration does.

    Raises:
      ModelUnavailableError: one of them cannot be run; says why and what to do.
    """
    shared = None if factory else _exchangeable(a, b, runner, progress)
    of_a, of_b = shared or sources_of(a, b, factory, corrections)
    description_a = _checked(runner.describe(of_a.source, progress))
    same = of_a.source == of_b.source
    description_b = description_a if same else _checked(runner.describe(of_b.source, progress))
    if _same_graph(of_a.contents, description_a, of_b.contents, description_b):
        path = min(of_a.contents.path, of_b.contents.path)
        shared_source = ModelSource("saved_model", path=path)
        of_a = Sourced(shared_source, of_a.contents)
        of_b = Sourced(shared_source, of_b.contents)
        description_a = description_b = _checked(runner.describe(shared_source, progress))
    own_names = {name: own for own, name in of_a.names.items()}
    pair = PairNetworks(
        Network(of_a.source, of_a.contents, _in_pair(description_a, of_a.names), own_names),
        Network(of_b.source, of_b.contents, description_b),
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
        wanted=tuple(
            replace(each, layer=network.own_names.get(each.layer, each.layer)) for each in wanted
        ),
        predictions=predictions,
    )
    return runner.run(request, progress)


def _same_graph(
    a: SnapshotContents, of_a: ModelDescription, b: SnapshotContents, of_b: ModelDescription
) -> bool:
    """Whether two SavedModels hold the same tensors and compute the same of them."""
    return bool(of_a.graph) and of_a.graph == of_b.graph and same_tensors(a, b)


def _exchangeable(
    a: OpenedSnapshot, b: OpenedSnapshot, runner: Runner, progress: Progress | None
) -> tuple[Sourced, Sourced] | None:
    """A SavedModel and a snapshot with a configuration through that configuration.

    Only where the SavedModel's own graph gives the same for an image of noise.
    """
    source = configured(a, b)
    if source is None or source.config is None:
        return None
    graph = a.contents if a.contents.format is Format.SAVED_MODEL else b.contents
    key = (graph.generation, source.config)
    if key not in _alike:
        _alike[key] = _computes_alike(graph, source, runner, progress)
        while len(_alike) > _ALIKE_KEPT:
            _alike.popitem(last=False)
    if not _alike[key]:
        return None
    return Sourced(source, a.contents), Sourced(source, b.contents)


def _computes_alike(
    graph: SnapshotContents, source: ModelSource, runner: Runner, progress: Progress | None
) -> bool:
    try:
        results = [
            _outputs_for_noise(Network(each, graph, runner.describe(each, progress)), runner)
            for each in (ModelSource("saved_model", path=graph.path), source)
        ]
    except (ModelUnavailableError, InvalidRequestError):
        return False
    own, rebuilt = results
    return own.shape == rebuilt.shape and np.allclose(own, rebuilt, rtol=1e-3, atol=1e-5)


def _outputs_for_noise(network: Network, runner: Runner) -> Images:
    _checked(network.description)
    height, width, channels = network.input_size
    shape = (1, height or _ALIKE_EDGE, width or _ALIKE_EDGE, channels)
    noise = np.random.default_rng(0).random(shape, np.float32)
    images = np.concatenate([noise, 255 * noise])
    (result,) = _run_one(runner, network, images, (), True, None)
    assert result.predictions is not None
    return result.predictions


def _in_pair(description: ModelDescription, names: Mapping[str, str]) -> ModelDescription:
    """A description with the pair's names of layers."""
    layers = tuple(
        replace(
            layer,
            name=names.get(layer.name, layer.name),
            inputs=tuple(names.get(name, name) for name in layer.inputs),
        )
        for layer in description.layers
    )
    return replace(description, layers=layers)


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
