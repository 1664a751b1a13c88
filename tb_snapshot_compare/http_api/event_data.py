"""What TensorBoard itself has read of a run: scalar curves and the Keras configuration.

Everything goes through the data provider, which is all there is under `--load_fast`.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from tensorboard import context, errors
from tensorboard.data import provider as data

from tb_snapshot_compare.http_api import contract
from tb_snapshot_compare.limits import (
    CONFIG_MAX_BYTES,
    CURVE_POINTS_MAX,
    IMAGE_FILE_MAX_BYTES,
    SUMMARY_IMAGES_MAX,
)
from tb_snapshot_compare.workspace import ScalarSeries, SummaryImage

SCALARS, KERAS_GRAPH, KERAS_TAG = "scalars", "graph_keras_model", "keras"
IMAGES = "images"
_STEPS = 10
"""Of a tag's pictures; TensorBoard keeps as many, the newest among them."""
CURVES_MAX = 64
_CONFIGS_MAX = 8
_EPOCH_TAG = "epoch_"
_ACCURACY_WORDS = ("acc", "auc", "precision", "recall", "f1", "iou", "map")
_RATE_WORDS = ("learning_rate", "lr")
_OTHER_WORDS = ("learning_rate", "lr", "time", "steps_per_second")


class EventData:
    """Reads from TensorBoard's data provider; `provider` None means there is nothing."""

    def __init__(self, provider: data.DataProvider | None, experiment_id: str = "") -> None:
        self._provider = provider
        self._experiment_id = experiment_id

    def keras_configs(self, event_runs: Sequence[str]) -> tuple[str, ...]:
        """The model configurations that Keras's TensorBoard callback wrote, as JSON texts."""
        if self._provider is None or not event_runs:
            return ()
        wanted = data.RunTagFilter(runs=event_runs, tags=[KERAS_TAG])
        try:
            found = self._provider.read_blob_sequences(
                context.RequestContext(),
                experiment_id=self._experiment_id,
                plugin_name=KERAS_GRAPH,
                downsample=1,
                run_tag_filter=wanted,
            )
            keys = [
                value.blob_key
                for tags in found.values()
                for datum in tags.get(KERAS_TAG, ())
                for value in datum.values
            ]
            texts = [self._blob(key) for key in keys[:_CONFIGS_MAX]]
        except errors.PublicError:
            return ()
        return tuple(dict.fromkeys(text for text in texts if text is not None))

    def curves(self, event_runs: Sequence[str]) -> list[contract.Curve]:
        """The scalar series of `event_runs`, losses and accuracies first, thinned."""
        return sorted(self._series(event_runs), key=_importance)[:CURVES_MAX]

    def learning_rates(self, event_runs: Sequence[str]) -> list[ScalarSeries]:
        """The series of `event_runs` that may be of a learning rate, by their names."""
        return [
            ScalarSeries(
                curve.tag,
                tuple(curve.x),
                tuple(math.nan if value is None else value for value in curve.y),
                per_epoch=curve.axis == "epoch",
            )
            for curve in self._series(event_runs)
            if curve.tag.lower().endswith(_RATE_WORDS)
        ]

    def _series(self, event_runs: Sequence[str]) -> list[contract.Curve]:
        if self._provider is None or not event_runs:
            return []
        try:
            found = self._provider.read_scalars(
                context.RequestContext(),
                experiment_id=self._experiment_id,
                plugin_name=SCALARS,
                downsample=CURVE_POINTS_MAX,
                run_tag_filter=data.RunTagFilter(runs=event_runs),
            )
        except errors.PublicError:
            return []
        return [
            _curve(run, tag, points) for run, tags in found.items() for tag, points in tags.items()
        ]

    def image_summaries(self, event_runs: Sequence[str]) -> Sequence[SummaryImage]:
        """The newest pictures of every tag, by run and tag; at most 500."""
        if self._provider is None or not event_runs:
            return []
        try:
            found = self._provider.read_blob_sequences(
                context.RequestContext(),
                experiment_id=self._experiment_id,
                plugin_name=IMAGES,
                downsample=_STEPS,
                run_tag_filter=data.RunTagFilter(runs=event_runs),
            )
        except errors.PublicError:
            return []
        images: list[SummaryImage] = []
        for run, tags in sorted(found.items()):
            for tag, steps in sorted(tags.items()):
                if steps and len(images) < SUMMARY_IMAGES_MAX:
                    images += self._pictures(run, tag, max(steps, key=lambda datum: datum.step))
        return images[:SUMMARY_IMAGES_MAX]

    def image_bytes(self, image: SummaryImage) -> bytes | None:
        """The file of a picture, None where TensorBoard has it no more or it is too large."""
        return self._bytes(image.key, IMAGE_FILE_MAX_BYTES)

    def _pictures(self, run: str, tag: str, datum: Any) -> list[SummaryImage]:
        """The first two blobs are width and height, the others are files (image/summary_v2.py)."""
        width, height, *keys = [value.blob_key for value in datum.values] or ("", "")
        size = [(self._bytes(key, 20) or b"").decode("ascii", "replace") for key in (width, height)]
        if not all(text.isdigit() for text in size):
            return []
        return [
            SummaryImage(
                run, tag, datum.step, index, datum.wall_time, key, int(size[0]), int(size[1])
            )
            for index, key in enumerate(keys[:SUMMARY_IMAGES_MAX])
        ]

    def _bytes(self, key: str, limit: int) -> bytes | None:
        assert self._provider is not None
        try:
            blob: bytes = self._provider.read_blob(context.RequestContext(), blob_key=key)
        except errors.PublicError:
            return None
        return blob if len(blob) <= limit else None

    def _blob(self, key: str) -> str | None:
        assert self._provider is not None
        blob = self._provider.read_blob(context.RequestContext(), blob_key=key)
        return blob.decode("utf-8", "replace") if len(blob) <= CONFIG_MAX_BYTES else None


def _curve(run: str, tag: str, points: Iterable[Any]) -> contract.Curve:
    per_epoch = tag.startswith(_EPOCH_TAG)
    series = list(points)
    return contract.Curve(
        run=run,
        tag=tag,
        kind=kind_of(tag),
        axis="epoch" if per_epoch else "step",
        x=[float(point.step + per_epoch) for point in series],
        y=[value if math.isfinite(value := float(point.value)) else None for point in series],
    )


def kind_of(tag: str) -> Literal["loss", "accuracy", "other"]:
    """What a series is of, told from its name."""
    name = tag.lower()
    if any(word in name for word in _OTHER_WORDS):
        return "other"
    if "loss" in name or "error" in name:
        return "loss"
    return "accuracy" if any(word in name for word in _ACCURACY_WORDS) else "other"


def _importance(curve: contract.Curve) -> tuple[int, int, str, str]:
    return (
        ("loss", "accuracy", "other").index(curve.kind),
        0 if curve.axis == "epoch" else 1,
        curve.tag,
        curve.run,
    )
