"""`images`, `image` and `upload` over real folders, real event files and real uploads."""

import base64
import io
import json
import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.plugins import base_plugin
from werkzeug.test import Client, TestResponse

from tb_snapshot_compare.http_api import contract, contract_probing
from tb_snapshot_compare.http_api.guard import POST_HEADER
from tb_snapshot_compare.loader import SnapshotCompareLoader
from tests.conftest import SavedPair


def picture(colour: str = "red", kind: str = "PNG", size: tuple[int, int] = (40, 30)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, kind)
    return buffer.getvalue()


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


class Site:
    """The plugin's image routes over one logdir."""

    def __init__(self, logdir: Path, images: str = "", cache: str = "none") -> None:
        flags = SimpleNamespace(
            logdir=str(logdir),
            snapshot_compare_cache_dir=cache,
            snapshot_compare_images=images,
            reload_interval=1,
        )
        events = EventMultiplexer().AddRunsFromDirectory(str(logdir)).Reload()
        context = base_plugin.TBContext(
            logdir=str(logdir),
            flags=flags,
            data_provider=MultiplexerDataProvider(events, str(logdir)),
        )
        self._applications = SnapshotCompareLoader().load(context).get_plugin_apps()
        for _ in range(200):
            listing = json.loads(self.get("/snapshots").data)
            if listing["runs"] and not listing["scanning"]:
                return
            time.sleep(0.05)
        raise AssertionError("nothing was listed")

    def get(self, path: str, **query: str) -> TestResponse:
        return Client(self._applications[path]).get(
            path, query_string=query, headers={"Host": "localhost"}
        )

    def post(self, body: object) -> TestResponse:
        return Client(self._applications["/upload"]).post(
            "/upload", json=body, headers={"Host": "localhost", POST_HEADER: "1"}
        )

    def sets(self, run: str = "net") -> list[contract_probing.ImageSet]:
        answer = self.get("/images", run=run)
        assert answer.status_code == 200, answer.data
        return msgspec.json.decode(answer.data, type=contract_probing.ImageSets).sets

    def pixels(self, image: str, size: str = "full") -> np.ndarray[Any, Any]:
        answer = self.get("/image", image=image, size=size)
        assert answer.status_code == 200, answer.data
        assert answer.mimetype == "image/png"
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        with Image.open(io.BytesIO(answer.data)) as shown:
            return np.asarray(shown)


@pytest.fixture
def logdir(tmp_path: Path, saved: SavedPair) -> Path:
    folder = tmp_path / "logs"
    (folder / "net").mkdir(parents=True)
    shutil.copy(saved.folder / "epoch-1.weights.h5", folder / "net")
    os.utime(folder / "net" / "epoch-1.weights.h5", (1_700_000_000, 1_700_000_000))
    return folder


def code(answer: TestResponse) -> tuple[int, str, str]:
    error = msgspec.json.decode(answer.data, type=contract.ErrorBody).error
    return answer.status_code, error.code, error.message


def test_without_images_there_is_advice(logdir: Path) -> None:
    site = Site(logdir)
    answer = json.loads(site.get("/images", run="net").data)
    assert answer["sets"] == []
    assert "--snapshot_compare_images" in answer["advice"]


def test_sets_come_from_flag_run_and_root(logdir: Path, tmp_path: Path) -> None:
    for name in ("b/1.png", "a/1.png", "a/2.png"):
        write(tmp_path / "flowers" / name, picture("blue"))
    write(tmp_path / "flat" / "x.jpg", picture(kind="JPEG"))
    write(logdir / "net" / "probe_images" / "own.gif", picture("green", "GIF", (8, 9)))
    write(logdir / "probe_images" / "shared.bmp", picture("white", "BMP"))
    site = Site(logdir, f"{tmp_path / 'flowers'},other:{tmp_path / 'flat'}")
    sets = site.sets()
    assert [(each.name, each.source) for each in sets] == [
        ("flowers", "directory"),
        ("other", "directory"),
        ("probe_images", "run"),
        ("probe_images of all runs", "run"),
    ]
    flowers, _, own, _ = sets
    assert flowers.classes == ["a", "b"]
    assert [(image.name, image.label) for image in flowers.images] == [
        ("a/1.png", 0), ("a/2.png", 0), ("b/1.png", 1),
    ]  # fmt: skip
    assert (own.images[0].width, own.images[0].height) == (8, 9)
    ids = [image.id for each in sets for image in each.images]
    assert len(set(ids)) == len(ids) == 6
    for each in sets:
        for image in each.images:
            assert site.pixels(image.id).shape == (image.height, image.width, 3)
    assert site.pixels(own.images[0].id)[0, 0].tolist() == [0, 128, 0]


def test_a_thumbnail_is_at_most_96_pixels(logdir: Path) -> None:
    write(logdir / "net" / "probe_images" / "large.jpg", picture(kind="JPEG", size=(2000, 500)))
    site = Site(logdir)
    (image,) = site.sets()[0].images
    assert site.pixels(image.id, "thumb").shape == (24, 96, 3)
    assert site.pixels(image.id, "full").shape == (500, 2000, 3)


def test_the_version_changes_with_the_images(logdir: Path) -> None:
    site = Site(logdir)
    seen = [json.loads(site.get("/images", run="net").data)["version"]]
    write(logdir / "net" / "probe_images" / "1.png", picture())
    seen.append(json.loads(site.get("/images", run="net").data)["version"])
    old = site.sets()[0].images[0].id
    write(logdir / "net" / "probe_images" / "1.png", picture("blue", size=(7, 7)))
    seen.append(json.loads(site.get("/images", run="net").data)["version"])
    assert len(set(seen)) == 3
    assert site.sets()[0].images[0].id != old
    assert code(site.get("/image", image=old))[:2] == (409, "changed")


def test_summary_images_of_the_newest_step_are_listed(logdir: Path) -> None:
    import tensorflow as tf

    images = np.random.default_rng(1).integers(0, 256, (2, 10, 12, 3), np.uint8)
    with tf.summary.create_file_writer(str(logdir / "net" / "train")).as_default():
        for step in range(3):
            tf.summary.image("inputs", images // (3 - step), step=step, max_outputs=2)
        tf.summary.scalar("loss", 1.0, step=0)
    site = Site(logdir)
    (found,) = site.sets()
    assert (found.source, found.name) == ("summaries", "TensorBoard images")
    assert [(image.name, image.width, image.height) for image in found.images] == [
        ("inputs 1", 12, 10), ("inputs 2", 12, 10),
    ]  # fmt: skip
    np.testing.assert_array_equal(site.pixels(found.images[1].id), images[1])


@pytest.mark.parametrize("kept", [True, False])
def test_an_upload_is_kept_for_its_run(logdir: Path, tmp_path: Path, kept: bool) -> None:
    cache = str(tmp_path / "cache") if kept else "none"
    site = Site(logdir, cache=cache)
    data = base64.b64encode(picture("blue", "JPEG")).decode()
    answer = site.post({"run": "net", "name": "dir/sky.jpg", "data": data})
    assert answer.status_code == 200
    uploaded = msgspec.json.decode(answer.data, type=contract_probing.ImageSet)
    assert (uploaded.source, [image.name for image in uploaded.images]) == ("upload", ["sky.jpg"])
    assert site.sets() == [uploaded]
    assert site.pixels(uploaded.images[0].id)[0, 0, 2] > 250
    again = Site(logdir, cache=cache)
    assert again.sets() == ([uploaded] if kept else [])
    if kept:
        assert Site(logdir, cache=cache).pixels(uploaded.images[0].id).shape == (30, 40, 3)


def test_bad_uploads_are_answered_in_one_shape(logdir: Path) -> None:
    site = Site(logdir)
    good = base64.b64encode(picture()).decode()
    cases: list[tuple[Any, int, str]] = [
        ({}, 400, "run"),
        ({"run": "net", "name": "a"}, 400, "data"),
        ({"run": "net", "name": "a", "data": 3}, 400, "data"),
        ({"run": "net", "name": "a", "data": "%%%"}, 400, "base64"),
        ({"run": "net", "name": "a", "data": "é"}, 400, "base64"),
        ({"run": "net", "name": "a.svg", "data": base64.b64encode(b"<svg/>").decode()}, 400, "PNG"),
        ({"run": "net", "name": "a", "data": good[:100]}, 400, "decoded"),
        ({"run": "nothing", "name": "a", "data": good}, 404, "nothing"),
        ({"run": "../..", "name": "a", "data": good}, 404, "run"),
    ]
    for body, status, words in cases:
        got, _, message = code(site.post(body))
        assert (got, words in message) == (status, True), (body, message)
    assert site.sets() == []


@pytest.mark.parametrize(
    "image", ["", "x", "../../etc/passwd", "%2e%2e", "/etc/passwd", "0" * 24, "a" * 5000, "\0"]
)
def test_an_id_that_was_never_listed_opens_nothing(logdir: Path, image: str) -> None:
    write(logdir / "net" / "probe_images" / "1.png", picture())
    status, _, message = code(Site(logdir).get("/image", image=image))
    assert status in (400, 404)
    assert "passwd" not in message or "has the id" in message


def test_other_sizes_and_runs_are_refused(logdir: Path) -> None:
    write(logdir / "net" / "probe_images" / "1.png", picture())
    site = Site(logdir)
    (image,) = site.sets()[0].images
    assert code(site.get("/image", image=image.id, size="99999"))[0] == 400
    assert code(site.get("/images"))[0] == 400
    assert code(site.get("/images", run="nothing"))[0] == 404


def test_problems_are_told_without_the_place_of_the_logdir(logdir: Path, tmp_path: Path) -> None:
    folder = logdir / "net" / "probe_images"
    write(folder / "broken.png", b"no picture")
    write(folder / "good.png", picture())
    (folder / "link.png").symlink_to("/etc/passwd")
    site = Site(logdir, str(tmp_path / "gone"))
    gone, own = site.sets()
    assert gone.problem is not None
    assert "no folder gone" in gone.problem
    assert [image.name for image in own.images] == ["good.png"]
    assert own.problem is not None
    assert "broken.png is not a PNG" in own.problem
    assert "link is not followed" in own.problem
    assert str(tmp_path).encode() not in site.get("/images", run="net").data


def test_a_probe_folder_that_is_a_link_is_not_followed(logdir: Path, tmp_path: Path) -> None:
    write(tmp_path / "private" / "1.png", picture())
    (logdir / "net" / "probe_images").symlink_to(tmp_path / "private")
    (found,) = Site(logdir).sets()
    assert found.images == []
    assert "--snapshot_compare_images" in (found.problem or "")


def test_a_deleted_image_is_gone(logdir: Path) -> None:
    write(logdir / "net" / "probe_images" / "1.png", picture())
    site = Site(logdir)
    (image,) = site.sets()[0].images
    (logdir / "net" / "probe_images" / "1.png").unlink()
    assert code(site.get("/image", image=image.id))[:2] == (410, "gone")
