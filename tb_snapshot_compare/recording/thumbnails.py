"""Small PNG pictures of the probe images."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.limits import RECORDING_THUMBNAIL_EDGE, RECORDING_THUMBNAILS_BYTES

_RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))
"""In which networks take images, the narrowest first."""


def thumbnail_rows(pictures: NDArray[Any]) -> dict[str, Any]:
    """The columns of `thumbnails`; none where all together would take too much.

    Args:
      pictures: `[images, height, width, channels]`, 1, 3 or 4 channels, uint8 or floats. Floats
        are taken as [0, 1], [-1, 1] or [0, 255], whichever holds all of them; else their own range
        becomes black to white.
    """
    low, high = _range_of(pictures)
    columns: dict[str, list[Any]] = {name: [] for name in ("image", "width", "height", "png")}
    total = 0
    for index, picture in enumerate(pictures):
        png, (width, height) = _png(_as_bytes(picture, low, high))
        total += len(png)
        if total > RECORDING_THUMBNAILS_BYTES:
            return {}
        for name, value in zip(columns, (index, width, height, png), strict=True):
            columns[name].append(value)
    return columns


def _range_of(pictures: NDArray[Any]) -> tuple[float, float]:
    if pictures.dtype == np.uint8 or not pictures.size:
        return 0.0, 255.0
    fine = pictures[np.isfinite(pictures.astype(np.float32))].astype(np.float32)
    if not fine.size:
        return 0.0, 1.0
    low, high = float(fine.min()), float(fine.max())
    known = (each for each in _RANGES if each[0] <= low and high <= each[1])
    return next(known, (low, high))


def _as_bytes(picture: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    if picture.dtype == np.uint8:
        return np.asarray(picture)
    finite = np.nan_to_num(picture.astype(np.float32), nan=low, posinf=high, neginf=low)
    scaled = (finite - low) * (255.0 / (high - low or 1.0))
    return np.asarray(np.clip(np.rint(scaled), 0, 255), np.uint8)


def _png(picture: NDArray[np.uint8]) -> tuple[bytes, tuple[int, int]]:
    from PIL import Image

    image = Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture)
    edge = RECORDING_THUMBNAIL_EDGE
    image.thumbnail((edge, edge), Image.Resampling.BOX)
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue(), image.size
