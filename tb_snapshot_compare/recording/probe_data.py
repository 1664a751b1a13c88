"""The probe's inputs, batch by batch and in one order, and what outputs say of classes."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.limits import (
    RECORDING_PROBE_BYTES,
    RECORDING_PROBE_IMAGES_MAX,
    RECORDING_THUMBNAIL_EDGE,
)
from tb_snapshot_compare.recording.probe_forms import (
    TOO_MANY,
    Shape,
    batches_of,
    check_form,
    count_of,
    each_part,
    parts_of,
)
from tb_snapshot_compare.recording.values import ProbeImages

Array = NDArray[Any]
Batch = tuple[Any, Array | None]
"""Inputs, as a network takes them, and their classes if they are known."""

_SUMS_TO_ONE = 1e-2


class ProbeData:
    """What is run through the network in every validation pass.

    Arrays, or anything that can be iterated again and again and gives batches or single images:
    `(x, y)`, `(x, y, weights)`, of which the weights are left out, or `x`. Inputs `x` are an array,
    or a dict or list of arrays for a network of several inputs. Classes `y` are whole numbers `[n]`
    or `[n, 1]`, or one-hot `[n, classes]`. Batches are kept in memory where they do not take too
    much.
    """

    def __init__(
        self,
        data: Any,
        class_names: Iterable[str] = (),
        shape: Callable[[], Shape | None] = lambda: None,
    ) -> None:
        """Takes arrays or an iterable; of that nothing is read yet.

        Args:
          data: As said.
          class_names: By default those of the data set.
          shape: Of a batch of the network's only input, where it is known; asked for when the data
            are first read, since some networks know it from their first batch on.

        Raises:
          TypeError: it is neither.
          ValueError: arrays do not fit together, labels are no classes, or a data set never ends.
        """
        check_form(data)
        self._data, self._shape = data, shape
        self._classes = tuple(class_names) or tuple(getattr(data, "class_names", None) or ())
        self._kept: list[Batch] | None = None
        self._labels: NDArray[np.int64] | None = None

    def batches(self) -> Iterator[Batch]:
        """All inputs, in order.

        Raises:
          ValueError: another order, or another number, than before, or more than there may be, or
            something is no batch.
        """
        if self._kept is not None:
            yield from self._kept
            return
        kept: list[Batch] | None = []
        nbytes, count, labels = 0, 0, []
        for x, y in batches_of(self._data, self._shape()):
            count += count_of(x)
            if count > RECORDING_PROBE_IMAGES_MAX:
                raise ValueError(TOO_MANY)
            classes = None if y is None else _classes_of(y)
            labels.append(np.full(count_of(x), -1) if classes is None else classes)
            nbytes += _nbytes(x)
            if nbytes > RECORDING_PROBE_BYTES:
                kept = None
            if kept is not None:
                kept.append((x, classes))
            yield x, classes
        self._kept = kept
        self._check(np.concatenate(labels) if labels else np.empty(0, np.int64))

    def images(self) -> ProbeImages:
        """The images of the last complete pass, with pictures where they are few enough."""
        assert self._labels is not None, "after a pass"
        pictures = None
        if self._kept:
            inputs = [x for x, _ in self._kept]
            is_shown = all(isinstance(x, np.ndarray) and _is_picture(x) for x in inputs)
            if is_shown and len({x.shape[1:] for x in inputs}) == 1:
                pictures = np.concatenate([_small(x) for x in inputs])
        return ProbeImages(self._labels, self._classes, pictures=pictures)

    def _check(self, labels: NDArray[np.int64]) -> None:
        if self._labels is not None and not np.array_equal(labels, self._labels):
            raise ValueError(
                "probe_data gives its images in another order than before: want the same at every "
                "iteration (shuffle=False)"
            )
        self._labels = labels


def probabilities(outputs: Array) -> Array:
    """What a network's outputs say of classes, `[images, classes]`.

    One output for each image is that of the second of two classes. Outputs that are no
    probabilities are taken as logits. Rows that are not finite stay so, with NaN for infinities.

    Raises:
      ValueError: there are not one or two axes.
    """
    values = np.asarray(outputs, np.float64)
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2:
        raise ValueError(
            f"outputs of shape {values.shape}: a probe wants [images, classes], one network output"
        )
    fine = values[np.isfinite(values).all(axis=1)]
    within = bool(((fine >= 0) & (fine <= 1 + _SUMS_TO_ONE)).all())
    with np.errstate(all="ignore"):
        if values.shape[1] == 1:
            second = _without_infinities(values) if within else 1 / (1 + np.exp(-values))
            return np.concatenate([1 - second, second], axis=1)
        if within and (np.abs(fine.sum(axis=1) - 1) < _SUMS_TO_ONE).all():
            return _without_infinities(values)
        powers = np.exp(values - values.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _without_infinities(values: Array) -> Array:
    return np.where(np.isinf(values), np.nan, values)


def padded(inputs: Any, length: int) -> Any:
    """Inputs with copies of the last one behind, so that every batch has one shape."""

    def longer(part: Any) -> Any:
        if not isinstance(part, np.ndarray) or len(part) >= length:
            return part
        return np.concatenate([part, np.repeat(part[-1:], length - len(part), axis=0)])

    return each_part(inputs, longer)


def _classes_of(y: Array) -> NDArray[np.int64]:
    if y.ndim == 2 and y.shape[1] > 1:
        return np.asarray(y.argmax(axis=1), np.int64)
    return np.asarray(np.rint(y.reshape(len(y), -1)[:, 0]), np.int64)


def _nbytes(x: Any) -> int:
    return sum(part.nbytes for part in parts_of(x))


def _is_picture(x: Array) -> bool:
    return x.ndim == 4 and x.shape[3] in (1, 3, 4) and x.dtype.kind in "uif"


def _small(x: Array) -> Array:
    """Every n-th pixel, so that the copy is not much larger than the thumbnails made of it."""
    step = max(min(x.shape[1:3]) // (2 * RECORDING_THUMBNAIL_EDGE), 1)
    return x[:, ::step, ::step]
