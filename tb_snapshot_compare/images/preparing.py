"""How pixels become a model's input, equal to what Keras and TensorFlow do."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.errors import InvalidRequestError
from tb_snapshot_compare.limits import INPUT_EDGE_MAX

Resize = Literal["stretch", "crop", "pad"]
Scale = Literal["none", "unit", "signed"]
ChannelOrder = Literal["rgb", "bgr"]


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Resize to the input, order the channels, scale, subtract `mean`, divide by `std`.

    `scale`: `none` keeps 0..255, `unit` gives 0..1, `signed` -1..1. `mean` and `std` have a value
    for each channel after ordering, or are empty. `stretch` ignores the aspect ratio (bilinear,
    as `tf.image.resize` and Keras's loaders do), `crop` takes the largest middle part of it,
    `pad` fills up with black.
    """

    resize: Resize = "stretch"
    scale: Scale = "none"
    order: ChannelOrder = "rgb"
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()


CAFFE = Preprocessing(order="bgr", mean=(103.939, 116.779, 123.68))
TORCH = Preprocessing(scale="unit", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
SIGNED = Preprocessing(scale="signed")
UNIT = Preprocessing(scale="unit")
AS_IT_IS = Preprocessing()
"""What `keras.applications` calls caffe, torch and tf, and pixels as 0..1 and 0..255."""

_LUMA = np.array([0.2989, 0.5870, 0.1140], np.float32)
"""ITU-R BT.601, rounded as in `tf.image.rgb_to_grayscale`."""


def prepare(
    pixels: NDArray[np.uint8], size: tuple[int, int, int], preprocessing: Preprocessing
) -> NDArray[np.float32]:
    """An image as a model's input.

    Resizing is bilinear between the centres of pixels, without antialiasing: what
    `keras.utils.image_dataset_from_directory`, the layer `Resizing` and `tf.image.resize` do.
    One channel is the luma of BT.601; a fourth is opaque (255 before scaling).

    Args:
      pixels: uint8 [height, width, 3], RGB.
      size: height, width and channels (1, 3 or 4) of the input.
      preprocessing: see the class.

    Returns:
      float32 [height, width, channels].

    Raises:
      InvalidRequestError: no image has so many channels, the input is too large, or `mean` or
        `std` has another number of values or one that is not usable.
    """
    height, width, channels = size
    _check(size, preprocessing)
    values = _resized(pixels, height, width, preprocessing.resize)
    if channels == 1:
        values = np.asarray((values * _LUMA).sum(axis=2, keepdims=True), np.float32)
    elif channels == 4:
        values = np.concatenate([values, np.full((height, width, 1), 255, np.float32)], axis=2)
    if preprocessing.order == "bgr" and channels >= 3:
        values = np.concatenate([values[..., 2::-1], values[..., 3:]], axis=2)
    if preprocessing.scale == "unit":
        values = values / np.float32(255)
    elif preprocessing.scale == "signed":
        values = values / np.float32(127.5) - np.float32(1)
    if preprocessing.mean:
        values = values - np.array(preprocessing.mean, np.float32)
    if preprocessing.std:
        values = np.divide(values, np.array(preprocessing.std, np.float32), dtype=np.float32)
    return np.ascontiguousarray(values, np.float32)


def _check(size: tuple[int, int, int], preprocessing: Preprocessing) -> None:
    height, width, channels = size
    if channels not in (1, 3, 4):
        raise InvalidRequestError(
            f"The model's input has {channels} channels; an image gives 1, 3 or 4."
        )
    if not (1 <= height <= INPUT_EDGE_MAX and 1 <= width <= INPUT_EDGE_MAX):
        raise InvalidRequestError(
            f"An input of {height} x {width} pixels: each side must be from 1 to {INPUT_EDGE_MAX}."
        )
    for name, values in (("mean", preprocessing.mean), ("std", preprocessing.std)):
        if len(values) not in (0, channels):
            raise InvalidRequestError(
                f"{name} has {len(values)} values; give one for each of {channels} channels."
            )
        if not np.isfinite(values).all():
            raise InvalidRequestError(f"{name} must be numbers, not {values}.")
    if any(value == 0 for value in preprocessing.std):
        raise InvalidRequestError("std must not be 0: values are divided by it.")


def _resized(
    pixels: NDArray[np.uint8], height: int, width: int, resize: Resize
) -> NDArray[np.float32]:
    """Bilinear, in the arithmetic of tensorflow/core/kernels/image/resize_bilinear_op.cc.

    What lies outside the image is black; it is never laid out, however long the image is.
    """
    given = pixels.shape[0], pixels.shape[1]
    rows = _frame(given[0], given[1] * height, width, resize)
    columns = _frame(given[1], given[0] * width, height, resize)
    top, bottom, down = _places(rows, height)
    left, right, along = _places(columns, width)
    along, down = along[None, :, None], down[:, None, None]

    def corner(row: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.float32]:
        of_rows, of_columns = (row >= 0) & (row < given[0]), (column >= 0) & (column < given[1])
        mask = of_rows[:, None] & of_columns[None, :]
        places = np.ix_(row.clip(0, given[0] - 1), column.clip(0, given[1] - 1))
        return np.where(mask[..., None], pixels[places], 0).astype(np.float32)

    upper, upper_right = corner(top, left), corner(top, right)
    upper += (upper_right - upper) * along
    lower, lower_right = corner(bottom, left), corner(bottom, right)
    lower += (lower_right - lower) * along
    return upper + (lower - upper) * down


def _frame(given: int, product: int, other: int, resize: Resize) -> tuple[int, int]:
    """Where the part that is taken begins, and how long it is, along one axis.

    Rounded as keras/src/utils/image_utils.py (smart_resize) and pad_to_aspect_ratio in
    keras/src/backend/tensorflow/image.py do.
    """
    if resize == "stretch":
        return 0, given
    fitting = int(float(product) / other)
    if resize == "crop":
        length = min(given, max(1, fitting))
        return (given - length) // 2, length
    border = max(0, fitting - given) // 2
    return -border, given + 2 * border


def _places(
    frame: tuple[int, int], wanted: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """For every wanted place: the given ones beside it, and how far it is from the first."""
    start, given = frame
    scale = np.float32(given) / np.float32(wanted)
    place = (np.arange(wanted, dtype=np.float32) + np.float32(0.5)) * scale - np.float32(0.5)
    floor = np.floor(place)
    first = np.maximum(floor, 0).astype(np.int64)
    second = np.minimum(np.ceil(place), given - 1).astype(np.int64)
    return first + start, second + start, place - floor
