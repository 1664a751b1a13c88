"""The wire types of the performance view: probe images, and what both snapshots make of them."""

from typing import Literal

from tb_snapshot_compare.http_api.contract import Struct


class ProbeImage(Struct, frozen=True, kw_only=True):
    """An image; `id` is opaque and changes with its bytes. `label` indexes the set's classes."""

    id: str
    name: str
    label: int | None
    width: int
    height: int


class ImageSet(Struct, frozen=True, kw_only=True):
    """Images of one source. `classes` are names by index, empty where they are not known.

    `truncated` tells how many images were left out beyond the limit, `problem` what could not
    be read.
    """

    id: str
    name: str
    source: Literal["directory", "run", "summaries", "upload"]
    classes: list[str]
    images: list[ProbeImage]
    truncated: int
    problem: str | None


class ImageSets(Struct, frozen=True, kw_only=True):
    """Every set of probe images for a run; `advice` says how to give some where there are none."""

    run: str
    version: str
    sets: list[ImageSet]
    advice: str


class Upload(Struct, frozen=True, kw_only=True):
    """An image given in the page: its file's name and its bytes as base64."""

    run: str
    name: str
    data: str


class Preprocessing(Struct, frozen=True, kw_only=True):
    """How pixels become the model's input: resize, order of channels, scale, mean, deviation.

    `scale`: `none` keeps 0..255, `unit` gives 0..1, `signed` -1..1. Then (x - mean) / std by
    channel, in the order after `order`. `in_model` names the layers of the model that prepare
    the input themselves, `stated` says in a sentence what is done and why.
    """

    resize: Literal["stretch", "crop", "pad"]
    scale: Literal["none", "unit", "signed"]
    order: Literal["rgb", "bgr"]
    mean: list[float]
    std: list[float]
    in_model: list[str]
    stated: str


class ProbeModel(Struct, frozen=True, kw_only=True):
    """Whether the pair can be run, and how. `reason` and `remedy` say why not and what to do.

    `input_size` is [height, width, channels]. `layers` are the full paths of layers whose
    output has channels, with the shape of one image's output (channels last) and how many.
    """

    state: Literal["ready", "unavailable"]
    reason: str | None
    remedy: str | None
    runner: Literal["keras", "saved_model", "code"] | None
    input_size: list[int | None]
    classes: int
    probabilities: Literal["model", "softmax", "sigmoid"] | None
    preprocessing: Preprocessing | None
    layers: list["ProbeLayer"]


class ProbeLayer(Struct, frozen=True, kw_only=True):
    """A layer that can be looked into; `input_layer` is what feeds it, null for several or none."""

    name: str
    shape: list[int | None]
    channels: int
    input_layer: str | None
    input_channels: int | None


class Predictions(Struct, frozen=True, kw_only=True):
    """Class probabilities of one image. `references` name an image of each class by index.

    `note` says why labels are not used, where the set's classes are not the network's.
    """

    image: str
    classes: list[str]
    a: list[float | None]
    b: list[float | None]
    label: int | None
    references: list[str | None]
    note: str | None


class ChannelStrip(Struct, frozen=True, kw_only=True):
    """The difference of each channel's map between a and b for one image: ||map_b - map_a||.

    `outputs` are the selected layer's channels, `inputs` those of what feeds it (empty where
    that is not one layer). Null where a map is not finite.
    """

    image: str
    layer: str
    inputs: list[float | None]
    outputs: list[float | None]


class Patch(Struct, frozen=True, kw_only=True):
    """A box [left, top, right, bottom] of the image in pixels (right and bottom exclusive)."""

    box: list[int]
    score: float | None


class Patches(Struct, frozen=True, kw_only=True):
    """The patches that drive a channel most, best first.

    `crop`: proposals of selective search, each resized to the input and run; the score is the
    channel's largest activation. `field`: receptive fields of the channel's largest activations
    on the whole image. `proposals` counts what was scored.
    """

    image: str
    layer: str
    channel: int
    way: Literal["crop", "field"]
    proposals: int
    a: list[Patch]
    b: list[Patch]


class FlowImage(Struct, frozen=True, kw_only=True):
    """One image's outcome: predicted classes, and the probability of its true class."""

    image: str
    label: int | None
    predicted_a: int
    predicted_b: int
    truth_a: float | None
    truth_b: float | None


class Flow(Struct, frozen=True, kw_only=True):
    """All images of a set. Accuracies are null without labels; `labelled` of `images` have one.

    `note` says why labels are not used, where the set's classes are not the network's.
    """

    set: str
    classes: list[str]
    images: list[FlowImage]
    labelled: int
    accuracy_a: float | None
    accuracy_b: float | None
    failed: list[str]
    note: str | None


class AttributionPart(Struct, frozen=True, kw_only=True):
    """What swapping one layer's weights (or one group of filters) of a for b's does.

    `carried` is the share of the whole change in outcome: <p_part - p_a, p_b - p_a> divided by
    ||p_b - p_a||^2 over all images and classes. `truth` is the mean change of the true class's
    probability, `flips` how many predictions change. `filters` are the swapped ones, for groups.
    """

    name: str
    tensors: list[str]
    filters: list[int] | None
    carried: float | None
    truth: float | None
    flips: int


class Attribution(Struct, frozen=True, kw_only=True):
    """Which layer (or, of `layer`, which filters) carries the change in outcome.

    `sum` of the parts' shares stands against the whole, 1: layers interact. `whole_truth` and
    `whole_flips` are of b against a; `distance` is ||p_b - p_a||.
    """

    layer: str | None
    images: int
    parts: list[AttributionPart]
    sum: float | None
    whole_truth: float | None
    whole_flips: int
    distance: float
