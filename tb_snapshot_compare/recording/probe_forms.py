"""The forms in which a probe may be given, read as batches of inputs and classes."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.limits import RECORDING_PROBE_IMAGES_MAX

Array = NDArray[Any]
Shape: TypeAlias = tuple[int | None, ...]

TOO_MANY = (
    f"probe_data gives more than {RECORDING_PROBE_IMAGES_MAX:,} images: want fewer, and without "
    "repeat() of a tf.data.Dataset"
)
_WANTED = (
    "want arrays (x, y), x being a dict or a list of arrays for a network of several inputs, or a "
    "tf.data.Dataset or another iterable of such batches"
)
_CLASSES = (
    "want classes as whole numbers [images], -1 for none, or one-hot [images, classes]; (x, None) "
    "where there are none"
)
_BATCH = 64
_ARRAYS_MAX = 3
"""Inputs, classes, and weights of samples, which a probe has no use for."""
_INFINITE = -1
"""The cardinality of a `tf.data.Dataset` that never ends."""


def check_form(data: Any) -> None:
    """Refuses what can be told to be no probe without reading batches.

    Raises:
      TypeError: it is neither arrays nor anything that gives batches.
      ValueError: arrays do not fit together, labels are no classes, or a data set never ends.
    """
    if _is_arrays(data):
        x, _ = _arrays(data)
        if not count_of(x):
            raise ValueError(f"probe_data has no images: {_WANTED}")
    elif isinstance(data, str | bytes) or not (
        hasattr(data, "__iter__") or hasattr(data, "__getitem__")
    ):
        raise TypeError(f"probe_data is a {type(data).__name__}: {_WANTED}")
    else:
        cardinality = getattr(data, "cardinality", None)
        if callable(cardinality) and int(cardinality()) == _INFINITE:
            raise ValueError(TOO_MANY)


def batches_of(data: Any, shape: Shape | None = None) -> Iterator[tuple[Any, Array | None]]:
    """Batches of inputs, as a network takes them, and their labels, in order.

    Args:
      data: Arrays, or an iterable of batches or of single images.
      shape: Of a batch, as the network takes it, where that is known and it takes one: tells single
        images.

    Raises:
      ValueError: something is no batch.
    """
    if _is_arrays(data):
        x, y = _arrays(data)
        for start in range(0, count_of(x), _BATCH):
            yield _part(x, start), None if y is None else _part(y, start)
        return
    singles: list[tuple[Any, Array | None]] = []
    for given in data:
        x, y = _element(given)
        if not _is_single(x, y, shape):
            _check_fit(x, y)
            yield x, y
            continue
        if singles and (len(singles) == _BATCH or shapes_of(singles[0][0]) != shapes_of(x)):
            yield _stacked(singles)
            singles = []
        singles.append((x, y))
    if singles:
        yield _stacked(singles)


def each_part(x: Any, work: Callable[[Any], Any]) -> Any:
    """Inputs of which every array is changed."""
    if isinstance(x, Mapping):
        return {name: work(part) for name, part in x.items()}
    return [work(part) for part in x] if isinstance(x, tuple | list) else work(x)


def parts_of(x: Any) -> list[Any]:
    """The arrays of inputs, one for each input of the network."""
    if isinstance(x, Mapping):
        return list(x.values())
    return list(x) if isinstance(x, tuple | list) else [x]


def count_of(x: Any) -> int:
    """How many images a batch has."""
    return len(parts_of(x)[0])


def shapes_of(x: Any) -> str:
    """The shapes of inputs, in words."""
    found = each_part(x, np.shape)
    return f"shape {found}" if isinstance(found, tuple) else f"shapes {found}"


def _is_arrays(data: Any) -> bool:
    """Whether data are arrays of all images, and not batches of them."""
    if isinstance(data, Mapping) or hasattr(data, "shape"):
        return True
    if isinstance(data, tuple) and 0 < len(data) <= _ARRAYS_MAX:
        return not all(_is_pair(each) for each in data)
    return isinstance(data, list) and len(data) == 2 and not all(_is_pair(each) for each in data)


def _is_pair(given: Any) -> bool:
    return isinstance(given, tuple) and 0 < len(given) <= _ARRAYS_MAX and hasattr(given[0], "shape")


def _arrays(data: Any) -> tuple[Any, Array | None]:
    x, y = (data[0], data[1] if len(data) > 1 else None) if _is_sequence(data) else (data, None)
    labels = None if y is None else _labels(y)
    inputs = _inputs(x, None if labels is None else len(labels))
    _check_fit(inputs, labels)
    return inputs, labels


def _inputs(x: Any, count: int | None) -> Any:
    """Arrays of several inputs stay apart; a list of images becomes one array."""
    if isinstance(x, Mapping):
        return {name: _array(part) for name, part in x.items()}
    if _is_sequence(x) and len(x) != count and all(np.shape(part)[:1] == (count,) for part in x):
        return [_array(part) for part in x]
    return _array(x)


def _element(given: Any) -> tuple[Any, Array | None]:
    """What an iterable gives at one time."""
    if not _is_sequence(given):
        x, y = given, None
    elif 0 < len(given) <= _ARRAYS_MAX:
        x, y = given[0], given[1] if len(given) > 1 else None
    else:
        raise ValueError(f"probe_data gives a sequence of {len(given)}: {_WANTED}")
    return each_part(x, _array), None if y is None else _labels(y)


def _is_sequence(given: Any) -> bool:
    return isinstance(given, tuple | list)


def _array(x: Any) -> Array:
    try:
        found = np.asarray(x)
    except ValueError as error:
        raise ValueError(f"probe_data has inputs of several shapes: {_WANTED}") from error
    if found.dtype.kind in "OSU" and not isinstance(x, np.ndarray | np.generic):
        raise ValueError(f"probe_data has inputs of the type {type(x).__name__}: {_WANTED}")
    return found


def _labels(y: Any) -> Array:
    try:
        found = np.asarray(y)
    except ValueError as error:
        raise ValueError(f"probe_data has labels of several shapes: {_CLASSES}") from error
    if found.dtype.kind not in "biuf":
        is_object = found.dtype.kind == "O"
        kind = f"type {type(y).__name__}" if is_object else f"dtype {found.dtype}"
        raise ValueError(f"probe_data has labels of the {kind}: {_CLASSES}")
    is_one_hot = found.ndim == 2 and found.shape[1] > 1
    if not is_one_hot and found.dtype.kind == "f":
        broken = found[~(np.isfinite(found) & (found == np.rint(found)))]
        if broken.size:
            raise ValueError(f"probe_data has labels such as {float(broken.flat[0])}: {_CLASSES}")
    return found


def _check_fit(x: Any, y: Array | None) -> None:
    parts = parts_of(x)
    if not parts or any(np.ndim(part) == 0 for part in parts):
        raise ValueError(f"probe_data gives inputs of {shapes_of(x)}: {_WANTED}")
    counts = {len(part) for part in parts}
    if len(counts) > 1:
        raise ValueError(f"probe_data gives inputs of {shapes_of(x)}: want as many images of each")
    if y is None:
        return
    if y.ndim != 2 and (y.ndim == 0 or y.size != len(y)):
        raise ValueError(f"probe_data gives labels of shape {y.shape}: {_CLASSES}")
    if len(y) not in counts:
        raise ValueError(
            f"probe_data gives {count_of(x)} images of {shapes_of(x)} and {len(y)} labels: want a "
            "label for each image"
        )


def _is_single(x: Any, y: Array | None, shape: Shape | None) -> bool:
    """Whether this is one image, as of a data set without `batch()`."""
    if y is not None and y.ndim == 0:
        return True
    if shape is None or len(parts_of(x)) != 1:
        return False
    own, wanted = np.shape(parts_of(x)[0]), shape[1:]
    return len(own) == len(wanted) > 0 and all(
        b is None or a == b for a, b in zip(own, wanted, strict=True)
    )


def _part(x: Any, start: int) -> Any:
    return each_part(x, lambda values: values[start : start + _BATCH])


def _stacked(singles: list[tuple[Any, Array | None]]) -> tuple[Any, Array | None]:
    """Single images as one batch."""
    first, label = singles[0]
    inputs = [parts_of(x) for x, _ in singles]
    columns = iter([np.stack(column) for column in zip(*inputs, strict=True)])
    labels = None if label is None else np.stack([np.asarray(y) for _, y in singles])
    return each_part(first, lambda _: next(columns)), labels
