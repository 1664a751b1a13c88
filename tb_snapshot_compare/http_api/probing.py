"""`probe_model`, `predictions`, `channels`, `activation_maps`, `patches`, `flow`, `attribution`."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import msgspec
import numpy as np
from werkzeug.wrappers import Request, Response

from tb_snapshot_compare.errors import InvalidRequestError, ModelUnavailableError, NotFoundError
from tb_snapshot_compare.http_api import contract_probing
from tb_snapshot_compare.http_api.arrays import MIMETYPE, encode_arrays
from tb_snapshot_compare.http_api.hiding import Hide
from tb_snapshot_compare.http_api.jobs import Progress, WorkQueue
from tb_snapshot_compare.http_api.parameters import (
    choice,
    integer,
    numbers,
    optional,
    ranges,
    required,
    snapshot_pair,
)
from tb_snapshot_compare.http_api.queued import respond_queued
from tb_snapshot_compare.http_api.respond import respond_bytes, respond_json
from tb_snapshot_compare.images import ImageSet
from tb_snapshot_compare.workspace import Workspace
from tb_snapshot_compare.workspace.attributing import Attribution
from tb_snapshot_compare.workspace.channel_maps import ChannelMaps, shrunk
from tb_snapshot_compare.workspace.outcomes import SetOutcome
from tb_snapshot_compare.workspace.patching import PATCHES_DEFAULT, Patching, Way
from tb_snapshot_compare.workspace.probed import ImagePrediction, Pair, ProbedPair, Side
from tb_snapshot_compare.workspace.probing import Probing

SIDES: tuple[Side, ...] = ("output", "input")
WAYS: tuple[Way, ...] = ("crop", "field")
CHANNELS_DEFAULT, CHANNELS_MAX = 64, 1024
EDGE_DEFAULT, EDGE_MAX = 64, 1024
MAP_VALUES_MAX = 4 * 1024 * 1024
"""Float32 values of one answer: 16 MiB."""
PATCHES_MAX = 50
_IMAGES_MAX = 4096
_CHOICES = {
    "resize": ("stretch", "crop", "pad"),
    "scale": ("none", "unit", "signed"),
    "order": ("rgb", "bgr"),
}
Wire = TypeVar("Wire")


class ProbingRoutes:
    """Each answer names its generations in the URL, so that a 200 may be cached for ever."""

    def __init__(
        self,
        workspace: Workspace,
        probing: Probing,
        patching: Patching,
        queue: WorkQueue,
        hide: Hide,
    ) -> None:
        self._workspace = workspace
        self._probing = probing
        self._patching = patching
        self._queue = queue
        self._hide = hide

    def probe_model(self, request: Request) -> Response:
        """Whether and how the pair can be run."""
        pair = self._pair(request)
        return self._queued(
            request,
            "Building the network",
            lambda _progress: self._model(pair),
            respond_json,
        )

    def predictions(self, request: Request) -> Response:
        """Class probabilities of one image."""
        pair, image = self._pair(request), required(request, "image")
        changes = preparing(request)
        return self._queued(
            request,
            "Running both snapshots",
            lambda progress: _wire_prediction(
                self._probing.prediction(pair, image, changes, progress)
            ),
            respond_json,
            self._probing.version_of_image(image),
        )

    def channels(self, request: Request) -> Response:
        """The difference of every channel's map, of a layer and of what feeds it."""
        pair, image = self._pair(request), required(request, "image")
        layer, changes = required(request, "layer"), preparing(request)

        def work(progress: Progress) -> contract_probing.ChannelStrip:
            outputs = self._probing.maps(pair, image, layer, changes, progress=progress)
            inputs: list[float | None] = []
            if self._probing.fed_by(self._probing.probed(pair), layer) is not None:
                found = self._probing.maps(pair, image, layer, changes, "input")
                inputs = _finite(found.difference.tolist())
            return contract_probing.ChannelStrip(
                image=image,
                layer=layer,
                inputs=inputs,
                outputs=_finite(outputs.difference.tolist()),
            )

        return self._queued(
            request, f"Running both snapshots up to {layer}", work, self._lasting(pair)
        )

    def activation_maps(self, request: Request) -> Response:
        """The maps of some channels, as arrays."""
        pair, image = self._pair(request), required(request, "image")
        layer, changes = required(request, "layer"), preparing(request)
        side = choice(request, "side", SIDES)
        edge = _bounded(request, "edge", EDGE_DEFAULT, EDGE_MAX)
        count = _bounded(request, "count", CHANNELS_DEFAULT, CHANNELS_MAX)
        wanted = ranges(request, "channels", CHANNELS_MAX)

        def work(progress: Progress) -> bytes:
            maps = self._probing.maps(pair, image, layer, changes, side, progress)
            channels = wanted or maps.by_difference()[:count].tolist()
            return _encode_maps(maps, _existing(channels, maps, layer), edge)

        return self._queued(
            request,
            f"Running both snapshots up to {layer}",
            work,
            lambda body: respond_bytes(body, MIMETYPE, immutable=self._is_lasting(pair)),
        )

    def patches(self, request: Request) -> Response:
        """The patches that drive a channel most."""
        pair, image = self._pair(request), required(request, "image")
        layer, changes = required(request, "layer"), preparing(request)
        channel = integer(request, "channel", -1)
        way = choice(request, "way", WAYS)
        side = choice(request, "side", SIDES)
        count = _bounded(request, "count", PATCHES_DEFAULT, PATCHES_MAX)

        def work(progress: Progress) -> contract_probing.Patches:
            found = self._patching.patches(
                pair,
                image,
                layer,
                channel,
                way=way,
                side=side,
                count=count,
                changes=changes,
                progress=progress,
            )
            return contract_probing.Patches(
                image=image,
                layer=found.layer,
                channel=channel,
                way=way,
                proposals=found.proposals,
                a=[_convert(patch, contract_probing.Patch) for patch in found.a],
                b=[_convert(patch, contract_probing.Patch) for patch in found.b],
            )

        return self._queued(
            request, f"Looking for patches of channel {channel}", work, self._lasting(pair)
        )

    def flow(self, request: Request) -> Response:
        """The predictions for every image of a set."""
        pair, chosen = self._pair(request), required(request, "set")
        changes = preparing(request)

        def work(progress: Progress) -> contract_probing.Flow:
            return _wire_flow(*self._probing.outcome(pair, chosen, changes, progress))

        return self._queued(
            request, "Running all images", work, respond_json, self._probing.version_of(chosen)
        )

    def attribution(self, request: Request) -> Response:
        """Which layer carries the change in outcome."""
        pair, chosen = self._pair(request), required(request, "set")
        changes, layer = preparing(request), optional(request, "layer")
        images = [name for name in (request.args.get("images") or "").split(",") if name]
        if len(images) > _IMAGES_MAX:
            raise InvalidRequestError(f"{len(images)} images are named: at most {_IMAGES_MAX}.")
        filters = ranges(request, "filters", 1 << 20)

        def work(progress: Progress) -> contract_probing.Attribution:
            found = self._probing.attribution(
                pair,
                chosen,
                changes,
                image_ids=images,
                layer=layer,
                filters=filters,
                progress=progress,
            )
            return _wire_attribution(found)

        what = f"the filters of {layer}" if layer else "one layer after the other"
        return self._queued(
            request, f"Exchanging {what}", work, respond_json, self._probing.version_of(chosen)
        )

    def _is_lasting(self, pair: Pair) -> bool:
        """Whether the URL names all that the answer depends on: not code, nor what may turn up."""
        return not self._probing.uses_code and self._workspace.is_final(pair.a, pair.b)

    def _lasting(self, pair: Pair) -> Callable[[object], Response]:
        return lambda value: respond_json(value, immutable=self._is_lasting(pair))

    def _pair(self, request: Request) -> Pair:
        return Pair(*snapshot_pair(request, self._workspace))

    def _model(self, pair: Pair) -> contract_probing.ProbeModel:
        try:
            return _wire_model(self._probing, self._probing.probed(pair))
        except ModelUnavailableError as error:
            return contract_probing.ProbeModel(
                state="unavailable",
                reason=self._hide(error.reason),
                remedy=self._hide(error.remedy),
                runner=None,
                input_size=[],
                classes=0,
                probabilities=None,
                preprocessing=None,
                layers=[],
            )

    def _queued(
        self,
        request: Request,
        label: str,
        work: Callable[[Progress], object],
        respond: Callable[[Any], Response],
        version: str = "",
    ) -> Response:
        given = sorted(request.args.items(multi=True))
        key = (request.path, version, *(f"{name}={value}" for name, value in given))
        return respond_queued(self._queue, key, label, work, respond)


def preparing(request: Request) -> dict[str, Any]:
    """How images are prepared, as far as the request says; the rest is as suggested."""
    mean, std = numbers(request, "mean", 4), numbers(request, "std", 4)
    if any(value <= 0 for value in std):
        raise InvalidRequestError("Parameter 'std' must hold positive numbers.")
    words = {
        name: choice(request, name, choices)
        for name, choices in _CHOICES.items()
        if optional(request, name) is not None
    }
    vectors = {name: value for name, value in (("mean", mean), ("std", std)) if value}
    return {**words, **vectors}


def _bounded(request: Request, name: str, default: int, largest: int) -> int:
    value = integer(request, name, default)
    if not 1 <= value <= largest:
        raise InvalidRequestError(f"{name}={value}: choose from 1 to {largest}.")
    return value


def _existing(channels: list[int], maps: ChannelMaps, layer: str) -> list[int]:
    beyond = [channel for channel in channels if channel >= maps.channels]
    if beyond:
        raise NotFoundError(
            f"The layer {layer!r} has {maps.channels} channels: none is {beyond[0]}."
        )
    return channels


def _encode_maps(maps: ChannelMaps, channels: list[int], edge: int) -> bytes:
    height, width = (min(edge, size) for size in maps.a.shape[1:])
    values = 2 * len(channels) * height * width
    if values > MAP_VALUES_MAX:
        raise InvalidRequestError(
            f"{len(channels)} maps of {height} x {width} are {values:,} values, more than "
            f"{MAP_VALUES_MAX:,}: ask for fewer channels or a smaller edge."
        )
    arrays: Mapping[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]] = {
        "difference": maps.difference[channels],
        "a": shrunk(maps.a[channels], edge),
        "b": shrunk(maps.b[channels], edge),
        "channels": np.asarray(channels, dtype=np.int32),
    }
    metadata = {"channels_total": str(maps.channels)}
    for name, side in (("a", maps.a), ("b", maps.b)):
        height, width = side.shape[1:]
        metadata[f"size_{name}"] = f"{height}x{width}"
    return encode_arrays(arrays, metadata)


def _wire_model(probing: Probing, probed: ProbedPair) -> contract_probing.ProbeModel:
    network = probed.networks.a
    sizes = {layer.name: layer.shape for layer in probed.layers}
    layers = []
    for layer in probed.layers:
        fed_by = probing.fed_by(probed, layer.name)
        layers.append(
            contract_probing.ProbeLayer(
                name=layer.name,
                shape=list(layer.shape),
                channels=layer.shape[-1] or 0,
                input_layer=fed_by,
                input_channels=None if fed_by is None else sizes[fed_by][-1],
            )
        )
    return contract_probing.ProbeModel(
        state="ready",
        reason=None,
        remedy=None,
        runner=network.source.kind,
        input_size=list(network.input_size),
        classes=network.classes,
        probabilities=network.probabilities,
        preprocessing=contract_probing.Preprocessing(
            resize=probed.preprocessing.resize,
            scale=probed.preprocessing.scale,
            order=probed.preprocessing.order,
            mean=list(probed.preprocessing.mean),
            std=list(probed.preprocessing.std),
            in_model=list(network.description.preprocessing),
            stated=probed.stated,
        ),
        layers=layers,
    )


def _wire_prediction(found: ImagePrediction) -> contract_probing.Predictions:
    classes = max(len(found.a), len(found.b))
    return contract_probing.Predictions(
        image=found.image.id,
        classes=_class_names(found.set, classes),
        a=_finite(found.a.tolist()),
        b=_finite(found.b.tolist()),
        label=found.image.label,
        references=_references(found.set, classes),
        note=found.note,
    )


def _references(image_set: ImageSet, classes: int) -> list[str | None]:
    """The first image of each class."""
    first: dict[int, str] = {}
    for image in image_set.images:
        if image.label is not None:
            first.setdefault(image.label, image.id)
    return [first.get(label) for label in range(classes)]


def _class_names(image_set: ImageSet, classes: int) -> list[str]:
    """Names by index; a number where the set names fewer classes than the network gives."""
    names = image_set.classes
    return [names[i] if i < len(names) else f"class {i}" for i in range(classes)]


def _wire_flow(image_set: ImageSet, found: SetOutcome, note: str | None) -> contract_probing.Flow:
    largest = max((max(image.predicted_a, image.predicted_b) for image in found.images), default=-1)
    return contract_probing.Flow(
        set=image_set.id,
        classes=_class_names(image_set, max(largest + 1, len(image_set.classes))),
        images=[
            contract_probing.FlowImage(
                image=image.image,
                label=image.label,
                predicted_a=image.predicted_a,
                predicted_b=image.predicted_b,
                truth_a=_number(image.truth_a),
                truth_b=_number(image.truth_b),
            )
            for image in found.images
        ],
        labelled=found.labelled,
        accuracy_a=found.accuracy_a,
        accuracy_b=found.accuracy_b,
        failed=list(found.failed),
        note=note,
    )


def _wire_attribution(found: Attribution) -> contract_probing.Attribution:
    return contract_probing.Attribution(
        layer=found.layer,
        images=found.images,
        parts=[
            contract_probing.AttributionPart(
                name=outcome.part.name,
                tensors=list(outcome.part.tensors),
                filters=None if outcome.part.filters is None else list(outcome.part.filters),
                carried=_number(outcome.carried),
                truth=_number(outcome.truth),
                flips=outcome.flips,
            )
            for outcome in found.parts
        ],
        sum=_number(found.sum),
        whole_truth=_number(found.whole_truth),
        whole_flips=found.whole_flips,
        distance=found.distance if math.isfinite(found.distance) else 0.0,
    )


def _finite(values: Iterable[float]) -> list[float | None]:
    return [_number(value) for value in values]


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _convert(value: object, kind: type[Wire]) -> Wire:
    return msgspec.convert(value, kind, from_attributes=True)
