"""Pictures of every kind become RGB pixels; what is hostile is refused at once."""

import io
import struct
import time
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.images.decoding import decode, encode_png, read_size, thumbnail
from tb_snapshot_compare.limits import IMAGE_PIXELS_MAX

PIXELS = np.random.default_rng(3).integers(0, 256, (20, 30, 3), np.uint8)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    body = name + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def png(width: int, height: int, bits: int, colour: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + content


@pytest.mark.parametrize("kind", ["PNG", "BMP"])
def test_lossless_kinds_give_the_pixels_that_were_saved(kind: str) -> None:
    data = saved(Image.fromarray(PIXELS), kind)
    np.testing.assert_array_equal(decode(data, "image"), PIXELS)
    assert read_size(io.BytesIO(data), "image") == (30, 20)


def test_a_jpeg_is_read_as_pillow_reads_it() -> None:
    data = saved(Image.fromarray(PIXELS), "JPEG", quality=90)
    with Image.open(io.BytesIO(data)) as image:
        np.testing.assert_array_equal(decode(data, "image"), np.asarray(image))


def test_grey_palette_bilevel_and_cmyk_become_rgb() -> None:
    image = Image.fromarray(PIXELS)
    for mode in ("L", "1"):
        expected = np.asarray(image.convert(mode).convert("RGB"))
        np.testing.assert_array_equal(decode(saved(image.convert(mode), "PNG"), "image"), expected)
    palette = image.quantize(16)
    expected = np.asarray(palette.convert("RGB"))
    np.testing.assert_array_equal(decode(saved(palette, "PNG"), "image"), expected)
    transparent = saved(palette, "PNG", transparency=bytes(range(0, 160, 10)))
    np.testing.assert_array_equal(decode(transparent, "image"), expected)
    assert decode(saved(image.convert("CMYK"), "JPEG"), "image").shape == (20, 30, 3)


def test_of_16_bits_the_high_byte_is_taken_as_tensorflow_does() -> None:
    import tensorflow as tf

    grey = np.random.default_rng(1).integers(0, 65536, (4, 5), np.uint16).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in grey)
    data = png(5, 4, 16, 0, rows)
    expected = tf.io.decode_image(data, channels=3, expand_animations=False).numpy()
    np.testing.assert_array_equal(decode(data, "image"), expected)
    colour = np.random.default_rng(2).integers(0, 65536, (4, 5, 3), np.uint16).astype(">u2")
    data = png(5, 4, 16, 2, b"".join(b"\0" + row.tobytes() for row in colour))
    np.testing.assert_array_equal(decode(data, "image"), colour.astype(np.uint16) >> 8)


def test_transparency_is_dropped_as_keras_drops_it() -> None:
    alpha = np.random.default_rng(4).integers(0, 256, (20, 30, 1), np.uint8)
    image = Image.fromarray(np.concatenate([PIXELS, alpha], axis=2), "RGBA")
    np.testing.assert_array_equal(decode(saved(image, "PNG"), "image"), PIXELS)


def test_of_an_animation_the_first_frame_is_taken() -> None:
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "green", "blue")]
    data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode(data, "image").reshape(-1, 3).tolist() == [[255, 0, 0]] * 48


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_the_recorded_orientation_is_applied(orientation: int, kind: str) -> None:
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(Image.fromarray(PIXELS), kind, exif=exif)
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    pixels = decode(data, "image")
    np.testing.assert_array_equal(pixels, expected)
    assert read_size(io.BytesIO(data), "image") == (pixels.shape[1], pixels.shape[0])


def test_a_thumbnail_is_small_and_holds_nothing_of_the_file() -> None:
    image = Image.fromarray(np.zeros((300, 900, 3), np.uint8))
    data = saved(image, "JPEG", comment=b"secret", exif=Image.Exif())
    made = thumbnail(data, "image")
    with Image.open(io.BytesIO(made)) as small:
        assert (small.format, small.size) == ("PNG", (96, 32))
    assert b"secret" in data
    assert b"secret" not in encode_png(decode(data, "image"))


BOMB_SIZES = [(4096, 4097), (9380, 9380), (13300, 13300), (14000, 14000), (2**31 - 1, 2**31 - 1)]


def bombs() -> dict[str, bytes]:
    """Small files that claim to be large, of every kind."""
    made = {}
    for width, height in BOMB_SIZES:
        name = f"{width * height / 1e6:.0f}-mpx"
        made[f"png-{name}"] = png(width, height, 8, 2, b"\0" * 100_000)
        dib = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
        made[f"bmp-{name}"] = b"BM" + struct.pack("<IHHI", 100, 0, 0, 54) + dib
        if max(width, height) < 65536:
            made[f"jpeg-{name}"] = (
                b"\xff\xd8\xff\xc0\x00\x11\x08"
                + struct.pack(">HH", height, width)
                + b"\x03\x01\x11\x00\x02\x11\x00\x03\x11\x00\xff\xda\x00\x0c"
                + b"\0" * 100
            )
            made[f"gif-{name}"] = (
                b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0)
                + b",\0\0\0\0" + struct.pack("<HHB", width, height, 0) + b"\x02\x02D\x01\0;"
            )  # fmt: skip
            made[f"gif-frame-{name}"] = (
                b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0, 0, 0)
                + b",\0\0\0\0" + struct.pack("<HHB", width, height, 0) + b"\x02\x02D\x01\0;"
            )  # fmt: skip
    return made


@pytest.mark.parametrize("name", bombs())
def test_a_bomb_is_refused_at_once_and_without_memory(name: str) -> None:
    data = bombs()[name]
    decode(encode_png(PIXELS), "warm")
    tracemalloc.start()
    started = time.perf_counter()
    for refuse in (lambda: decode(data, name), lambda: read_size(io.BytesIO(data), name)):
        with pytest.raises(UnreadableSnapshotError, match=name):
            refuse()
    seconds = time.perf_counter() - started
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds / 2 < 0.05
    assert peak < 2**20


def test_the_largest_allowed_picture_is_decoded() -> None:
    side = int(IMAGE_PIXELS_MAX**0.5)
    data = saved(Image.new("L", (side, side), 7), "PNG")
    assert decode(data, "image").shape == (side, side, 3)


def test_a_jpeg_of_a_thousand_scans_is_refused_at_once() -> None:
    data = saved(Image.fromarray(PIXELS), "JPEG", progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    hostile = data[:-2] + scan * 1_000_000 + data[-2:]
    hostile = hostile[: 30 * 2**20]
    started = time.thread_time()
    with pytest.raises(UnreadableSnapshotError, match="scans"):
        decode(hostile, "image")
    assert time.thread_time() - started < 0.5
    assert decode(data, "image").shape == (20, 30, 3)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP"])
def test_damaged_files_never_raise_anything_else(kind: str) -> None:
    whole = saved(Image.fromarray(PIXELS), kind)
    random = np.random.default_rng(5)
    damaged = [whole[:length] for length in range(0, len(whole), max(1, len(whole) // 60))]
    for _ in range(300):
        flipped = bytearray(whole)
        flipped[random.integers(len(whole))] ^= 1 << random.integers(8)
        damaged.append(bytes(flipped))
    refused = 0
    for data in damaged:
        try:
            assert decode(data, "image").ndim == 3
        except UnreadableSnapshotError:
            refused += 1
    assert refused >= 40


@pytest.mark.parametrize(
    "data", [b"", b"GIF8", b"RIFF\0\0\0\0WEBPVP8 ", b"II*\0", b"<svg/>", b"%!PS-Adobe", b"\0" * 99]
)
def test_other_kinds_are_refused(data: bytes) -> None:
    with pytest.raises(UnreadableSnapshotError, match="not a PNG, JPEG, GIF or BMP"):
        decode(data, "image")


def test_no_warning_of_pillow_is_needed(tmp_path: Path) -> None:
    """The process-wide limit may be off: ours holds all the same."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None
    try:
        with pytest.raises(UnreadableSnapshotError, match="pixels"):
            decode(png(9380, 9380, 8, 2, b""), "image")
    finally:
        Image.MAX_IMAGE_PIXELS = before
