"""The routes of the performance view: probe images and what both snapshots make of them."""

from typing import Any

from tb_snapshot_compare.http_api import contract_probing as probing
from tb_snapshot_compare.http_api.endpoints import PAIR, TEXT, Endpoint, whole

_PREPARING: dict[str, tuple[str, dict[str, Any]]] = {
    "resize": ("stretch, crop or pad", TEXT),
    "scale": ("none, unit or signed", TEXT),
    "order": ("rgb or bgr", TEXT),
    "mean": ("numbers by channel, separated by commas", TEXT),
    "std": ("numbers by channel, separated by commas", TEXT),
}
_IMAGE = {**PAIR, "image": ("id of a probe image", TEXT)}
_LAYER = {**_IMAGE, "layer": ("full path of a layer", TEXT)}
_CHANNEL = {**_LAYER, "channel": ("index of a channel of the layer's output", whole(0, 2**31 - 1))}
_SET = {**PAIR, "set": ("id of a set of probe images", TEXT)}
_INPUT = {"side": ("output (the default) or input: of the layer or of its feeder", TEXT)}
ENDPOINTS = (
    Endpoint("/images", "Probe images for a run.", probing.ImageSets, {"run": ("name", TEXT)}, {}),
    Endpoint(
        "/image",
        "A probe image as PNG, re-encoded; `size` thumb (at most 96 pixels) or full.",
        None,
        {"image": ("id of a probe image", TEXT)},
        {"size": ("thumb or full", TEXT)},
    ),
    Endpoint(
        "/upload",
        "Adds images to the run's uploads: PNG or JPEG as base64.",
        probing.ImageSet,
        {},
        {},
        body=probing.Upload,
    ),
    Endpoint(
        "/probe_model",
        "Whether and how the pair can be run.",
        probing.ProbeModel,
        PAIR,
        {},
        queued=True,
    ),
    Endpoint(
        "/predictions",
        "Class probabilities of one image, in a and b.",
        probing.Predictions,
        _IMAGE,
        _PREPARING,
        queued=True,
    ),
    Endpoint(
        "/channels",
        "How much each channel's map differs for one image, of the layer and of what feeds it.",
        probing.ChannelStrip,
        _LAYER,
        _PREPARING,
        queued=True,
    ),
    Endpoint(
        "/activation_maps",
        "The maps of some channels for one image: arrays `a` and `b` of float32 "
        "[channels, height, width], and `difference` [channels]; averaged down to at most `edge` "
        "pixels a side. Channels are those asked for; those that differ most first when absent.",
        None,
        _LAYER,
        {
            **_PREPARING,
            **_INPUT,
            "channels": ("e.g. 0-15,20", TEXT),
            "count": ("how many of those that differ most", whole(1, 1024)),
            "edge": ("largest side of a map", whole(1, 1024)),
        },
        queued=True,
    ),
    Endpoint(
        "/patches",
        "The patches of an image that drive a channel most, in a and in b.",
        probing.Patches,
        {**_CHANNEL, "way": ("crop or field", TEXT)},
        {**_PREPARING, **_INPUT, "count": ("patches a side", whole(1, 50))},
        queued=True,
    ),
    Endpoint(
        "/flow",
        "Every image of a set: predictions of a and b.",
        probing.Flow,
        _SET,
        _PREPARING,
        queued=True,
    ),
    Endpoint(
        "/attribution",
        "Which layer carries the change in outcome; of `layer`, which group of filters.",
        probing.Attribution,
        _SET,
        {
            **_PREPARING,
            "images": ("ids, separated by commas; all of the set when absent", TEXT),
            "layer": ("full path of a layer", TEXT),
            "filters": ("a group of filters of that layer, e.g. 0-15,20", TEXT),
        },
        queued=True,
    ),
)
