"""The drawn data set: complete, repeatable, and two categories told apart by shape only."""

import colorsys
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demo.bouquet import Pose
from demo.canvas import Canvas
from demo.dataset import OXFORD_CATEGORIES
from demo.flowers import IMAGES_PER_CATEGORY, category_names, flower_jpeg, generate
from demo.open_faced import buttercup, daffodil
from demo.species import SPECIES

ROOT = Path(__file__).parents[2]


def test_there_are_the_17_oxford_categories_of_80_images():
    assert category_names() == OXFORD_CATEGORIES
    assert len(category_names()) == 17
    assert IMAGES_PER_CATEGORY == 80


def test_every_category_draws_a_colour_image():
    for category in range(17):
        image = Image.open(io.BytesIO(flower_jpeg(category, 0, size=96)))
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (96, 96))
        assert np.asarray(image).std() > 12


def test_the_same_seed_draws_the_same_bytes_in_another_process():
    code = (
        "import hashlib; from demo.flowers import flower_jpeg; "
        "print(hashlib.sha256(b''.join(flower_jpeg(c, 3, size=96) for c in range(17))).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    }
    assert len(digests) == 1


def test_another_seed_or_number_draws_another_image():
    first = flower_jpeg(0, 0, size=64)
    assert first != flower_jpeg(0, 1, size=64)
    assert first != flower_jpeg(0, 0, seed=18, size=64)


def test_generate_fills_one_folder_per_category_and_continues_after_an_interruption(tmp_path):
    seen: list[tuple[int, int]] = []
    kept = tmp_path / "Pansy" / "image_0001.jpg"
    kept.parent.mkdir()
    kept.write_bytes(b"kept")
    generate(tmp_path, images_per_category=2, size=64, progress=lambda *p: seen.append(p))
    names = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert names == {f"{n}/image_000{i}.jpg" for n in category_names() for i in (1, 2)}
    assert kept.read_bytes() == b"kept"
    assert seen[-1] == (34, 34)
    assert (tmp_path / "Iris" / "image_0002.jpg").read_bytes() == flower_jpeg(5, 1, size=64)


def _flower(paint, number):
    """One flower, seen from the front, on black without its stem: (mask, mean hue in turns)."""
    canvas = Canvas(128)
    paint(canvas, Pose(64, 50, 44, 1.0, 0.0), np.random.default_rng(number))
    pixels = np.clip(canvas.pixels, 0, 1).transpose(1, 2, 0)
    yellow = (
        (pixels[..., 0] > 0.35)
        & (pixels[..., 0] > 2 * pixels[..., 2])
        & (pixels[..., 1] < 1.05 * pixels[..., 0])
    )
    return yellow, colorsys.rgb_to_hsv(*(float(x) for x in pixels[yellow].mean(axis=0)))[0]


def test_daffodil_and_buttercup_share_their_hue_and_differ_in_shape():
    daffodils = [_flower(daffodil, i) for i in range(24)]
    buttercups = [_flower(buttercup, i) for i in range(24)]
    hues = [np.array([hue for _, hue in flowers]) for flowers in (daffodils, buttercups)]
    assert abs(hues[0].mean() - hues[1].mean()) < hues[0].std() < 0.02
    areas = [np.array([mask.sum() for mask, _ in flowers]) for flowers in (daffodils, buttercups)]
    assert areas[1].min() > 1.1 * areas[0].max(), "broad petals cover more than pointed ones"


@pytest.mark.parametrize("species", SPECIES, ids=lambda s: s.name)
def test_a_flower_outside_the_canvas_paints_without_error(species):
    canvas = Canvas(48)
    species.paint(canvas, Pose(-90.0, 130.0, 12.0, 0.6, 0.3), np.random.default_rng(0))
    assert np.isfinite(canvas.pixels).all()
