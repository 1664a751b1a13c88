"""A pair of snapshots as networks that can be run, and what they predict for one image."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

from tb_snapshot_compare.errors import NotFoundError
from tb_snapshot_compare.images import ImageSet, Preprocessing, ProbeImage
from tb_snapshot_compare.inference.values import LayerOutput
from tb_snapshot_compare.snapshot import SnapshotRef
from tb_snapshot_compare.workspace.forward import PairNetworks
from tb_snapshot_compare.workspace.match_files import Corrections
from tb_snapshot_compare.workspace.outcomes import Probabilities

Side = Literal["output", "input"]
Changes = Mapping[str, Any]
"""Fields of Preprocessing that the user chose; the others stay as suggested."""
NO_CHANGES: Changes = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Pair:
    """Two listed snapshots."""

    a: SnapshotRef
    b: SnapshotRef

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What identifies their bytes."""
        return (self.a.id, self.a.generation, self.b.id, self.b.generation)


@dataclass(frozen=True, slots=True)
class ProbedPair:
    """A pair that can be run, with what is suggested to prepare images for it.

    `matches` are the user's, as they were when the networks were made.
    """

    networks: PairNetworks
    preprocessing: Preprocessing
    stated: str
    matches: Corrections = ()

    def prepared_as(self, changes: Changes) -> Preprocessing:
        """What is suggested, with some fields as the user wants them."""
        return replace(self.preprocessing, **changes)

    @property
    def layers(self) -> tuple[LayerOutput, ...]:
        """The layers of both whose output has channels."""
        of_b = {layer.name for layer in self.networks.b.description.layers}
        return tuple(
            layer
            for layer in self.networks.a.description.layers
            if layer.name in of_b and layer.shape and layer.shape[-1] is not None
        )

    def without_foreign_labels(self, image_set: ImageSet) -> tuple[ImageSet, str | None]:
        """The set as it is, or without classes and labels and why.

        A folder's number is a class of the network only where both have as many: a set that
        shows some of a network's classes needs names for all of them.
        """
        named = len(image_set.classes)
        given = min(self.networks.a.classes, self.networks.b.classes)
        if named in (0, given):
            return image_set, None
        images = tuple(replace(image, label=None) for image in image_set.images)
        note = (
            f"The images are of {named:,} classes and the network tells {given:,} apart, so it is "
            "not known which is which: labels are not used. Put a class_names.json with the "
            "network's classes, in their order, beside the folders."
        )
        return replace(image_set, classes=(), images=images), note

    def layer(self, name: str) -> LayerOutput:
        """The layer called `name`.

        Raises:
          NotFoundError: it is not in both, or its output cannot be asked for.
        """
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise NotFoundError(
            f"The output of the layer {name!r} cannot be computed for both snapshots. Choose "
            "another layer."
        )


@dataclass(frozen=True, slots=True)
class ImagePrediction:
    """Class probabilities of one image, [classes] each, by a and by b.

    `note` says why labels are not used; see `ProbedPair.without_foreign_labels`.
    """

    set: ImageSet
    image: ProbeImage
    a: Probabilities
    b: Probabilities
    note: str | None
