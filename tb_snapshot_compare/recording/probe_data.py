"""The probe's inputs, batch by batch and in one order, and what outputs say of classes."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.limits import (
    RECORDING_PROBE_BYTES,
    RECORDING_PROBE_IMAGES_MAX,
    RECORDING_THUMBNAIL_EDGE,
)
from tb_snapshot_compare.recording.values import ProbeImages

Array = NDArray[Any]
Batch = tuple[Any, Array | None]
"""Inputs, as a network takes them, and their classes if they are known."""

_BATCH = 64
_SUMS_TO_ONE = 1e-2
_INFINITE = -1
"""The cardinality of a `tf.data.Dataset` that never ends."""


class ProbeData:
    """What is run through the network in every validation pass.

    Arrays, or anything that can be iterated again and again and gives batches: `(x, y)` or `x`.
    Classes `y` are whole numbers `[n]` or `[n, 1]`, or one-hot `[n, classes]`. Batches are kept in
    memory where they do not take too much.
    """

    def __init__(self, data: Any, class_names: Iterable[str] = ()) -> None:
        """Takes `(x, y)` or `x` as arrays, or an iterable of batches."""
        self._data = data
        self._classes = tuple(class_names) or tuple(getattr(data, "class_names", None) or ())
        self._kept: list[Batch] | None = None
        self._labels: NDArray[np.int64] | None = None

    def batches(self) -> Iterator[Batch]:
        """All inputs, in order.

        Raises:
          ValueError: another order, or another number, than before, or more than there may be.
        """
        if self._kept is not None:
            yield from self._kept
            return
        kept: list[Batch] | None = []
        nbytes, count, labels = 0, 0, []
        _check_end(self._data)
        for x, y in self._read():
            count += _length(x)
            if count > RECORDING_PROBE_IMAGES_MAX:
                raise ValueError(_TOO_MANY)
            classes = None if y is None else _classes_of(y)
            labels.append(np.full(_length(x), -1) if classes is None else classes)
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

    def _read(self) -> Iterator[tuple[Any, Any]]:
        data = self._data
        if isinstance(data, np.ndarray) or (isinstance(data, tuple | list) and len(data) == 2):
            x, y = (data, None) if isinstance(data, np.ndarray) else data
            x, y = np.asarray(x), None if y is None else np.asarray(y)
            for start in range(0, len(x), _BATCH):
                part = slice(start, start + _BATCH)
                yield x[part], None if y is None else y[part]
            return
        for batch in data:
            if isinstance(batch, tuple | list):
                yield _as_arrays(batch[0]), np.asarray(batch[1]) if len(batch) > 1 else None
            else:
                yield _as_arrays(batch), None

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
    if not isinstance(inputs, np.ndarray) or len(inputs) >= length:
        return inputs
    return np.concatenate([inputs, np.repeat(inputs[-1:], length - len(inputs), axis=0)])


_TOO_MANY = (
    f"probe_data gives more than {RECORDING_PROBE_IMAGES_MAX:,} images: want fewer, and without "
    "repeat() of a tf.data.Dataset"
)


def _check_end(data: Any) -> None:
    """Refuses a data set that says that it never ends."""
    cardinality = getattr(data, "cardinality", None)
    if callable(cardinality) and int(cardinality()) == _INFINITE:
        raise ValueError(_TOO_MANY)


def _classes_of(y: Array) -> NDArray[np.int64]:
    if y.ndim == 2 and y.shape[1] > 1:
        return np.asarray(y.argmax(axis=1), np.int64)
    return np.asarray(np.rint(y.reshape(len(y), -1)[:, 0]), np.int64)


def _as_arrays(x: Any) -> Any:
    if isinstance(x, dict):
        return {name: np.asarray(part) for name, part in x.items()}
    if isinstance(x, tuple | list):
        return type(x)(np.asarray(part) for part in x)
    return np.asarray(x)


def _parts(x: Any) -> list[Array]:
    if isinstance(x, dict):
        return list(x.values())
    return list(x) if isinstance(x, tuple | list) else [x]


def _length(x: Any) -> int:
    return len(_parts(x)[0])


def _nbytes(x: Any) -> int:
    return sum(part.nbytes for part in _parts(x))


def _is_picture(x: Array) -> bool:
    return x.ndim == 4 and x.shape[3] in (1, 3, 4) and x.dtype.kind in "uif"


def _small(x: Array) -> Array:
    """Every n-th pixel, so that the copy is not much larger than the thumbnails made of it."""
    step = max(min(x.shape[1:3]) // (2 * RECORDING_THUMBNAIL_EDGE), 1)
    return x[:, ::step, ::step]
