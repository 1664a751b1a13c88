"""Uploads are re-encoded, bounded, and kept for their run."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tb_snapshot_compare.errors import InvalidRequestError, UnreadableSnapshotError
from tb_snapshot_compare.images.decoding import decode
from tb_snapshot_compare.images.folder import read_file
from tb_snapshot_compare.images.uploads import Uploads


def picture(kind: str = "PNG", size: tuple[int, int] = (40, 30), seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("kept", [True, False])
def test_an_upload_is_listed_under_its_name_with_its_pixels(tmp_path: Path, kept: bool) -> None:
    uploads = Uploads(tmp_path / "uploads" if kept else None)
    assert uploads.list("run") == ()
    uploads.add("run", "C:\\photos\\ein Gänseblümchen.png", picture())
    uploads.add("run", "second.jpg", picture("JPEG"))
    first, second = uploads.list("run")
    assert (first.name, second.name) == ("ein Gänseblümchen.png", "second.jpg")
    expected = decode(picture(), "image")
    np.testing.assert_array_equal(decode(read_file(first.file), "image"), expected)
    assert uploads.list("other") == ()


def test_uploads_outlive_the_server(tmp_path: Path) -> None:
    Uploads(tmp_path).add("run", "a.png", picture())
    assert [upload.name for upload in Uploads(tmp_path).list("run")] == ["a.png"]
    assert (next(iter(tmp_path.iterdir())).stat().st_mode & 0o777) == 0o700


def test_nothing_of_the_sent_file_is_kept_but_its_pixels(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    uploads.add("run", "a.png", picture() + b"<script>alert(1)</script>")
    (stored,) = tmp_path.glob("*/*.png")
    assert b"script" not in stored.read_bytes()
    assert stored.stem.isdigit()


def test_large_pictures_are_reduced(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    uploads.add("run", "a.png", picture(size=(2400, 1200)))
    assert decode(read_file(uploads.list("run")[0].file), "a").shape == (800, 1600, 3)


def test_the_oldest_go_when_there_are_too_many(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path, per_run=3)
    for number in range(5):
        uploads.add("run", f"{number}.png", picture(seed=number))
    uploads.add("other", "x.png", picture())
    assert [upload.name for upload in uploads.list("run")] == ["2.png", "3.png", "4.png"]


def test_the_oldest_of_all_runs_go_when_there_are_too_many_bytes(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path, max_bytes=10_000)
    for number in range(5):
        uploads.add(f"run{number}", "a.png", picture(seed=number))
    sizes = [path.stat().st_size for path in tmp_path.glob("*/*.png")]
    assert sum(sizes) <= 10_000
    assert uploads.list("run4")
    assert not uploads.list("run0")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "neither PNG nor JPEG"),
        (picture("GIF"), "neither PNG nor JPEG"),
        (picture()[:200], "cannot be decoded"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "cannot be decoded"),
    ],
)
def test_what_is_no_picture_is_refused(tmp_path: Path, data: bytes, words: str) -> None:
    uploads = Uploads(tmp_path / "uploads")
    with pytest.raises(InvalidRequestError, match=words):
        uploads.add("run", "a.png", data)
    assert not (tmp_path / "uploads").exists()


def test_names_cannot_leave_the_folder_or_break_lines(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path / "uploads")
    for name in ("../../evil.png", "/etc/passwd", "a\nb\0.png", "x" * 9_999, "", "/"):
        uploads.add("run", name, picture())
    found = [upload.name for upload in uploads.list("run")]
    assert found == ["evil.png", "passwd", "ab.png", "x" * 200, "image", "image"]
    assert [path.name for path in tmp_path.iterdir()] == ["uploads"]


def test_a_place_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnreadableSnapshotError, match="--snapshot_compare_cache_dir"):
        Uploads(tmp_path / "file").add("run", "a.png", picture())
