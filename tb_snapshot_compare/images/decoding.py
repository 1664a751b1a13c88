"""Files of pictures -> RGB pixels, within bounds that hold for hostile files.

PNG, JPEG, GIF and BMP are read: what Keras's own loaders read. A picture's size is checked
before a pixel of it is decoded. Of an animation the first frame is taken, of 16-bit samples the
high byte (as TensorFlow does), transparency is dropped (as Keras's loaders do, so that the
network sees what it was trained on), and the orientation that a camera recorded is applied.

Pillow's classes are called without `Image.open`, whose own limit is a warning that only a
process-wide filter turns into an error.
"""

import io
from collections.abc import Callable
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import BmpImagePlugin, GifImagePlugin, Image, JpegImagePlugin, PngImagePlugin
from PIL.ImageFile import ImageFile

from tb_snapshot_compare.errors import InvalidRequestError, UnreadableSnapshotError
from tb_snapshot_compare.limits import (
    IMAGE_FILE_MAX_BYTES,
    IMAGE_PIXELS_MAX,
    JPEG_SCANS_MAX,
    THUMBNAIL_EDGE,
)

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png"})
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_OPENERS: tuple[tuple[bytes, Callable[[IO[bytes]], ImageFile]], ...] = (
    (_PNG, PngImagePlugin.PngImageFile),
    (_JPEG, JpegImagePlugin.JpegImageFile),
    (b"GIF87a", GifImagePlugin.GifImageFile),
    (b"GIF89a", GifImagePlugin.GifImageFile),
    (b"BM", BmpImagePlugin.BmpImageFile),
)
_START_OF_SCAN = b"\xff\xda"
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How pixels are turned for a value of the Exif tag Orientation (Exif 2.32, 4.6.4)."""
_HEADER_BYTES = 8


def read_size(file: IO[bytes], name: str) -> tuple[int, int]:
    """Width and height of a picture, as shown; decodes no pixel.

    Args:
      file: at its start, seekable.
      name: what to call it in errors.

    Raises:
      UnreadableSnapshotError: not a picture of a known format, damaged, or too large.
    """
    image = _open(file, name)
    width, height = image.size
    return (height, width) if _orientation(image) >= 5 else (width, height)


def decode(data: bytes, name: str, edge: int | None = None) -> NDArray[np.uint8]:
    """The pixels of a picture, uint8 [height, width, 3], RGB.

    Args:
      data: the file's content.
      name: what to call it in errors.
      edge: the picture is reduced until no side is longer; None leaves it as it is.

    Raises:
      UnreadableSnapshotError: not a picture of a known format, damaged, or too large.
    """
    if len(data) > IMAGE_FILE_MAX_BYTES:
        raise UnreadableSnapshotError(
            f"{name} has {len(data):,} bytes; a picture may have {IMAGE_FILE_MAX_BYTES:,}. "
            "Save it with fewer pixels."
        )
    _check_scans(data, name)
    image = _open(io.BytesIO(data), name)
    try:
        turn = _TURNS.get(_orientation(image))
        if edge is not None:
            image.draft("RGB", (edge, edge))
        pixels = _rgb(image)
        if edge is not None:
            pixels.thumbnail((edge, edge), Image.Resampling.LANCZOS)
        return np.asarray(pixels if turn is None else pixels.transpose(turn), np.uint8)
    except Exception as error:  # a damaged file can raise anything in a decoder
        raise _damaged(name, error) from error


def decode_upload(data: bytes, name: str, edge: int) -> NDArray[np.uint8]:
    """As `decode`, of PNG and JPEG only.

    Raises:
      InvalidRequestError: it is anything else, or cannot be read.
    """
    if not data.startswith((_PNG, _JPEG)):
        raise InvalidRequestError(f"{name} is neither PNG nor JPEG. Convert it to one of them.")
    try:
        return decode(data, name, edge)
    except UnreadableSnapshotError as error:
        raise InvalidRequestError(str(error)) from error


def encode_png(pixels: NDArray[np.uint8], title: str | None = None) -> bytes:
    """`pixels` [height, width, 3] as PNG, with nothing of the file that they came from.

    Args:
      pixels: RGB.
      title: kept in the file as its text `Title`.
    """
    about = PngImagePlugin.PngInfo()
    if title is not None:
        about.add_itxt("Title", title)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1, pnginfo=about)
    return buffer.getvalue()


def read_title(file: IO[bytes], name: str) -> str:
    """The `Title` of a PNG that `encode_png` made; empty where it has none."""
    image = _open(file, name)
    return str(image.info.get("Title", ""))


def thumbnail(data: bytes, name: str) -> bytes:
    """A PNG of the picture, at most 96 pixels a side."""
    return encode_png(decode(data, name, THUMBNAIL_EDGE))


def _open(file: IO[bytes], name: str) -> ImageFile:
    start = file.read(_HEADER_BYTES)
    file.seek(0)
    opener = next((opener for magic, opener in _OPENERS if start.startswith(magic)), None)
    if opener is None:
        raise UnreadableSnapshotError(
            f"{name} is not a PNG, JPEG, GIF or BMP file. Convert it to one of them."
        )
    try:
        image = opener(file)
    except Exception as error:  # a damaged file can raise anything in a decoder
        raise _damaged(name, error) from error
    width, height = image.size
    if width < 1 or height < 1 or width * height > IMAGE_PIXELS_MAX:
        raise UnreadableSnapshotError(
            f"{name} has {width:,} x {height:,} pixels; a picture may have {IMAGE_PIXELS_MAX:,} "
            "in all. Save a smaller copy of it."
        )
    return image


def _check_scans(data: bytes, name: str) -> None:
    """A marker cannot lie in coded data: there 0xFF is followed by 0 or a restart (T.81, B.1.1)."""
    if data.startswith(_JPEG) and (scans := data.count(_START_OF_SCAN)) > JPEG_SCANS_MAX:
        raise UnreadableSnapshotError(
            f"{name} is a JPEG file of {scans:,} scans; {JPEG_SCANS_MAX} are decoded. "
            "Save it again as a baseline JPEG."
        )


def _rgb(image: ImageFile) -> Image.Image:
    image.load()
    if image.mode.startswith("I"):
        values = np.asarray(image, np.int64)
        return Image.fromarray((values >> 8).clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.mode == "P" or image.mode == "PA":
        return image.convert("RGBA").convert("RGB")
    return image.convert("RGB")


def _orientation(image: ImageFile) -> int:
    if not isinstance(image, JpegImagePlugin.JpegImageFile | PngImagePlugin.PngImageFile):
        return 1
    try:
        value = image.getexif().get(_ORIENTATION, 1) if "exif" in image.info else 1
    except Exception:  # a damaged tag is no reason not to show the picture
        return 1
    return value if isinstance(value, int) else 1


def _damaged(name: str, error: Exception) -> UnreadableSnapshotError:
    too_large = isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning)
    why = "it is larger than it says" if too_large else (str(error) or type(error).__name__)
    return UnreadableSnapshotError(
        f"{name} cannot be decoded ({why}). Replace it by an undamaged copy, or remove it."
    )
