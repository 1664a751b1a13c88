"""What both snapshots of a pair make of probe images: what the performance view asks for."""

import uuid
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Self, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.errors import (
    InvalidRequestError,
    NotFoundError,
    SnapshotCompareError,
)
from tb_snapshot_compare.images import ImageSet, Preprocessing, ProbeImage, suggest
from tb_snapshot_compare.inference.client import Inference
from tb_snapshot_compare.inference.values import A, B, MixtureResult, Wanted
from tb_snapshot_compare.limits import (
    ATTRIBUTION_IMAGES_MAX,
    CHANNEL_MAPS_KEPT_BYTES,
    MIXTURES_AT_ONCE,
)
from tb_snapshot_compare.workspace.attributing import (
    Attribution,
    Part,
    attribute,
    filter_parts,
    layer_parts,
    measures_of,
)
from tb_snapshot_compare.workspace.byte_lru import ByteLru
from tb_snapshot_compare.workspace.channel_maps import ChannelMaps, channel_maps
from tb_snapshot_compare.workspace.forward import (
    Images,
    PairNetworks,
    Runner,
    as_probabilities,
    model_name,
    networks_of,
    run_mixtures,
    run_pair,
)
from tb_snapshot_compare.workspace.image_batches import batches, prepared_pair
from tb_snapshot_compare.workspace.library import Workspace
from tb_snapshot_compare.workspace.outcomes import (
    ImageOutcome,
    Probabilities,
    SetOutcome,
    image_outcomes,
    set_outcome,
)
from tb_snapshot_compare.workspace.probe_images import ProbeImages
from tb_snapshot_compare.workspace.probed import (
    Changes,
    ImagePrediction,
    Pair,
    ProbedPair,
    Side,
)
from tb_snapshot_compare.workspace.streaming import Progress
from tb_snapshot_compare.workspace.turns import Turns

Result = TypeVar("Result")


class Probing:
    """Runs pairs of snapshots on probe images. Safe to call from any thread."""

    def __init__(
        self,
        workspace: Workspace,
        images: ProbeImages,
        runner: Runner,
        factory: str | None = None,
    ) -> None:
        """Nothing is started before something is asked for.

        Args:
          workspace: Opens snapshots.
          images: Gives the probe images.
          runner: Runs models.
          factory: `module:function` that makes the model, where the user named one.
        """
        self._workspace = workspace
        self._images = images
        self._runner = runner
        self._store = workspace.results
        self._factory = factory or None
        self._made_by = f"{factory} {uuid.uuid4().hex}" if factory else ""
        self._turns = Turns()
        self._maps: ByteLru[ChannelMaps] = ByteLru(CHANNEL_MAPS_KEPT_BYTES)

    @classmethod
    def of_flags(cls, workspace: Workspace, images: ProbeImages, factory: str) -> Self:
        """As TensorBoard's flags describe it; models run in a child process of this one.

        Args:
          workspace: See the class.
          images: See the class.
          factory: `module:function`, or empty.
        """
        return cls(workspace, images, Inference(), factory)

    @property
    def uses_code(self) -> bool:
        """Whether models come from the user's code, which may change with the next server."""
        return self._factory is not None

    def probed(self, pair: Pair, progress: Progress | None = None) -> ProbedPair:
        """How the pair can be run.

        Raises:
          ModelUnavailableError: it cannot; says why and what to do.
        """
        a, b = self._workspace.open(pair.a), self._workspace.open(pair.b)
        corrections = self._workspace.corrections(pair.a, pair.b)
        networks = networks_of(a, b, self._factory, self._runner, progress, corrections)
        preprocessing, stated = suggest(
            networks.a.description.preprocessing, model_name(a.config or b.config)
        )
        return ProbedPair(networks, preprocessing, stated, corrections)

    def version_of(self, set_id: str) -> str:
        """What changes when a set gains or loses images, labels or classes."""
        image_set = self._images.set(set_id)
        return f"{_digest(image_set.images)} {hash(image_set.classes)}"

    def version_of_image(self, image_id: str) -> str:
        """What changes when the image's set gains or loses images, labels or classes."""
        return self.version_of(self._images.set_of(image_id).id)

    def prediction(
        self, pair: Pair, image_id: str, changes: Changes, progress: Progress | None = None
    ) -> ImagePrediction:
        """Class probabilities of one image."""
        with self._turns.urgent():
            return self._prediction(pair, image_id, changes, progress)

    def _prediction(
        self, pair: Pair, image_id: str, changes: Changes, progress: Progress | None
    ) -> ImagePrediction:
        probed = self.probed(pair, progress)
        image_set, note = probed.without_foreign_labels(self._images.set_of(image_id))
        image = next(image for image in image_set.images if image.id == image_id)
        images = prepared_pair(
            probed.networks,
            [self._images.pixels(image_id)],
            probed.prepared_as(changes),
        )
        a, b = self._probabilities(probed.networks, images, progress)
        return ImagePrediction(image_set, image, a[0], b[0], note)

    def maps(
        self,
        pair: Pair,
        image_id: str,
        layer: str,
        changes: Changes,
        side: Side = "output",
        progress: Progress | None = None,
    ) -> ChannelMaps:
        """The activation maps of the layer's channels, or of the one that feeds it.

        Raises:
          NotFoundError: no such layer; or `side` is `input` and it is fed by none or several.
        """
        probed = self.probed(pair, progress)
        name = self.fed_by(probed, layer) if side == "input" else probed.layer(layer).name
        if name is None:
            raise NotFoundError(f"The layer {layer!r} is not fed by exactly one layer.")
        chosen = probed.prepared_as(changes)
        key = (*pair.key, image_id, name, chosen, probed.networks.a.source, probed.matches)
        with self._turns.urgent():
            return self._maps.get(
                key, lambda: self._run_maps(probed, image_id, name, chosen, progress)
            )

    def fed_by(self, probed: ProbedPair, layer: str) -> str | None:
        """The one layer that feeds `layer` and whose output can be asked for, else None."""
        inputs = probed.layer(layer).inputs
        known = {entry.name for entry in probed.layers}
        return inputs[0] if len(inputs) == 1 and inputs[0] in known else None

    def run(
        self,
        probed: ProbedPair,
        images: tuple[Images, Images],
        wanted: Sequence[Wanted],
        progress: Progress | None = None,
    ) -> tuple[MixtureResult, MixtureResult]:
        """The outputs of layers for prepared images, by a and by b."""
        return run_pair(
            self._runner,
            probed.networks,
            images,
            wanted=wanted,
            predictions=False,
            progress=progress,
        )

    def outcome(
        self,
        pair: Pair,
        set_id: str,
        changes: Changes,
        progress: Progress | None = None,
    ) -> tuple[ImageSet, SetOutcome, str | None]:
        """The predictions for every image of a set, kept on disk, and why labels are not used."""
        probed = self.probed(pair)
        image_set, note = probed.without_foreign_labels(self._images.set(set_id))
        chosen = probed.prepared_as(changes)
        key = self._key("outcome", pair, probed, image_set.images, chosen)
        found = self._kept(
            key,
            SetOutcome,
            lambda: self._run_set(probed, image_set, chosen, progress),
            lambda outcome: not outcome.failed,
        )
        return image_set, found, note

    def attribution(
        self,
        pair: Pair,
        set_id: str,
        changes: Changes,
        *,
        image_ids: Sequence[str] = (),
        layer: str | None = None,
        filters: Sequence[int] = (),
        progress: Progress | None = None,
    ) -> Attribution:
        """Which layer, or which filters of `layer`, carry the change in outcome; kept on disk.

        Args:
          pair: The snapshots; they must be of one network.
          set_id: A set of probe images.
          changes: How images are prepared, where not as suggested.
          image_ids: Of the set; empty takes all, at most ATTRIBUTION_IMAGES_MAX spread over it.
          layer: Full path of a layer, to look into it.
          filters: A group of its filters; see `filter_parts`.
          progress: Called with images done and in all.

        Raises:
          InvalidRequestError: the networks differ, or nothing differs between the weights.
        """
        probed = self.probed(pair)
        if not probed.networks.same:
            raise InvalidRequestError(probed.networks.difference)
        image_set, _ = probed.without_foreign_labels(self._images.set(set_id))
        images = _chosen(image_set, image_ids)
        chosen = probed.prepared_as(changes)
        key = self._key(
            "attribution", pair, probed, images, chosen, layer or "", ",".join(map(str, filters))
        )
        return self._kept(
            key,
            Attribution,
            lambda: self._attribute(
                probed, self._parts(probed, pair, layer, filters), images, chosen, layer, progress
            ),
            lambda found: found.images == len(images),
        )

    def _run_maps(
        self,
        probed: ProbedPair,
        image_id: str,
        layer: str,
        preprocessing: Preprocessing,
        progress: Progress | None,
    ) -> ChannelMaps:
        images = prepared_pair(probed.networks, [self._images.pixels(image_id)], preprocessing)
        a, b = self.run(probed, images, (Wanted(layer),), progress)
        return channel_maps(a.layers[0][0], b.layers[0][0])

    def _run_set(
        self,
        probed: ProbedPair,
        image_set: ImageSet,
        preprocessing: Preprocessing,
        progress: Progress | None,
    ) -> SetOutcome:
        outcomes: list[ImageOutcome] = []
        failed: list[str] = []
        total = len(image_set.images)
        for batch in batches(probed.networks, image_set.images):
            self._turns.give_way()
            step = _shifted(progress, len(outcomes) + len(failed), total, 2)
            images, pixels, unreadable = self._readable(batch)
            failed += unreadable
            if not images:
                continue
            prepared = prepared_pair(probed.networks, pixels, preprocessing)
            a, b = self._probabilities(probed.networks, prepared, step)
            labels = [image.label for image in images]
            outcomes += image_outcomes([image.id for image in images], labels, a, b)
        return set_outcome(outcomes, failed)

    def _readable(
        self, batch: Sequence[ProbeImage]
    ) -> tuple[list[ProbeImage], list[NDArray[np.uint8]], list[str]]:
        """The images of a batch that can be read, their pixels, and the names of the others."""
        images, pixels, failed = [], [], []
        for image in batch:
            try:
                pixels.append(self._images.pixels(image.id))
            except SnapshotCompareError:
                failed.append(image.name)
            else:
                images.append(image)
        return images, pixels, failed

    def _probabilities(
        self,
        networks: PairNetworks,
        images: tuple[Images, Images],
        progress: Progress | None,
    ) -> tuple[Probabilities, Probabilities]:
        a, b = run_pair(self._runner, networks, images, progress=progress)
        assert a.predictions is not None
        assert b.predictions is not None
        return (
            as_probabilities(a.predictions, networks.a.probabilities),
            as_probabilities(b.predictions, networks.b.probabilities),
        )

    def _parts(
        self, probed: ProbedPair, pair: Pair, layer: str | None, filters: Sequence[int]
    ) -> tuple[Part, ...]:
        comparison = self._workspace.comparison(pair.a, pair.b, matches=probed.matches)
        parts = layer_parts(comparison)
        if layer is not None:
            channels = probed.layer(layer).shape[-1]
            own = [part for part in parts if part.name == layer]
            measures = measures_of(comparison, layer)
            assert channels is not None
            parts = filter_parts(own[0], channels, measures, filters) if own else ()
        if not parts:
            what = f"The weights of {layer!r}" if layer else "The weights of the two snapshots"
            raise InvalidRequestError(f"{what} do not differ: there is nothing to exchange.")
        return parts

    def _attribute(
        self,
        probed: ProbedPair,
        parts: Sequence[Part],
        images: Sequence[ProbeImage],
        preprocessing: Preprocessing,
        layer: str | None,
        progress: Progress | None,
    ) -> Attribution:
        networks = probed.networks
        mixtures = (A, B, *(part.mixture for part in parts))
        labels: list[int | None] = []
        found: list[list[Probabilities]] = [[] for _ in mixtures]
        for batch in batches(networks, images):
            readable, pixels, _ = self._readable(batch)
            if not readable:
                continue
            prepared, _ = prepared_pair(networks, pixels, preprocessing)
            results: list[MixtureResult] = []
            for start in range(0, len(mixtures), MIXTURES_AT_ONCE):
                self._turns.give_way()
                done = len(labels) * len(mixtures) + start * len(readable)
                results += run_mixtures(
                    self._runner,
                    networks,
                    mixtures[start : start + MIXTURES_AT_ONCE],
                    prepared,
                    progress=_after(progress, done, len(images) * len(mixtures)),
                )
            labels += [image.label for image in readable]
            for outputs, result in zip(found, results, strict=True):
                assert result.predictions is not None
                outputs.append(as_probabilities(result.predictions, networks.a.probabilities))
        if not labels:
            raise NotFoundError("None of the chosen images can be read.")
        a, b, *swapped = (np.concatenate(outputs) for outputs in found)
        return attribute(parts, swapped, a, b, labels, layer)

    def _kept(
        self,
        key: str,
        kind: type[Result],
        make: Callable[[], Result],
        is_whole: Callable[[Result], bool],
    ) -> Result:
        """The result from the disk, or a new one, which is kept when nothing is missing in it."""
        payload = self._store.get(key)
        if payload is not None:
            try:
                return msgspec.msgpack.decode(payload, type=kind)
            except (msgspec.DecodeError, msgspec.ValidationError):
                pass  # written by another version
        result = make()
        if is_whole(result):
            self._store.put(key, msgspec.msgpack.encode(result))
        return result

    def _key(
        self,
        kind: str,
        pair: Pair,
        probed: ProbedPair,
        images: Sequence[ProbeImage],
        preprocessing: Preprocessing,
        *more: str,
    ) -> str:
        parts = (_digest(images), repr(preprocessing), self._made_by, *more)
        return self._workspace.result_key(kind, pair.a, pair.b, *parts, matches=probed.matches)


def _digest(images: Sequence[ProbeImage]) -> str:
    """Of the images' bytes and labels."""
    text = "\0".join(f"{image.id} {image.label}" for image in images)
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _chosen(image_set: ImageSet, image_ids: Sequence[str]) -> tuple[ProbeImage, ...]:
    """The named images of a set, in its order, or as many as are run at most, spread over it."""
    wanted = frozenset(image_ids)
    images = tuple(image for image in image_set.images if not wanted or image.id in wanted)
    if not images:
        raise NotFoundError(f"None of the chosen images is in the set {image_set.name!r}.")
    if len(images) <= ATTRIBUTION_IMAGES_MAX:
        return images
    places = np.linspace(0, len(images) - 1, ATTRIBUTION_IMAGES_MAX).round().astype(int)
    return tuple(images[place] for place in places)


def _shifted(progress: Progress | None, before: int, images: int, scale: int) -> Progress | None:
    """Reports the progress of one batch as that of all: `before` of `images` were run.

    `scale` is how many times each image is run.
    """
    return _after(progress, before * scale, images * scale)


def _after(progress: Progress | None, before: int, in_all: int) -> Progress | None:
    """Reports what is done after `before`, of `in_all`."""
    if progress is None:
        return None

    def report(done: int, total: int) -> None:  # noqa: ARG001
        progress(before + done, in_all)

    return report
