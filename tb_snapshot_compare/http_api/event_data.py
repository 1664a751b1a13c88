"""What TensorBoard itself has read of a run: scalar curves and the Keras configuration.

Everything goes through the data provider, which is all there is under `--load_fast`.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from tensorboard import context, errors
from tensorboard.data import provider as data

from tb_snapshot_compare.http_api import contract
from tb_snapshot_compare.limits import CONFIG_MAX_BYTES, CURVE_POINTS_MAX

SCALARS, KERAS_GRAPH, KERAS_TAG = "scalars", "graph_keras_model", "keras"
CURVES_MAX = 64
_EPOCH_TAG = "epoch_"
_ACCURACY_WORDS = ("acc", "auc", "precision", "recall", "f1", "iou", "map")
_OTHER_WORDS = ("learning_rate", "lr", "time", "steps_per_second")


class EventData:
    """Reads from TensorBoard's data provider; `provider` None means there is nothing."""

    def __init__(self, provider: data.DataProvider | None, experiment_id: str = "") -> None:
        self._provider = provider
        self._experiment_id = experiment_id

    def keras_config(self, event_runs: Sequence[str]) -> str | None:
        """The model configuration that Keras's TensorBoard callback wrote, as JSON text."""
        if self._provider is None or not event_runs:
            return None
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
            return self._blob(keys[0]) if keys else None
        except errors.PublicError:
            return None

    def curves(self, event_runs: Sequence[str]) -> list[contract.Curve]:
        """The scalar series of `event_runs`, losses and accuracies first, thinned."""
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
        curves = [
            _curve(run, tag, points) for run, tags in found.items() for tag, points in tags.items()
        ]
        return sorted(curves, key=_importance)[:CURVES_MAX]

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
        kind=_kind(tag),
        axis="epoch" if per_epoch else "step",
        x=[float(point.step + per_epoch) for point in series],
        y=[value if math.isfinite(value := float(point.value)) else None for point in series],
    )


def _kind(tag: str) -> Literal["loss", "accuracy", "other"]:
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
