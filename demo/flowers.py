"""The demonstration's data set: 17 categories of drawn flowers, 80 images each.

`generate` writes JPEG files into one folder per category. Each image is drawn from its own
random stream, derived from (seed, category, number), so the files are the same bytes for the same
seed, however many processes draw them and however many images are asked for.
"""

from __future__ import annotations

import io
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from demo.scene import paint_scene
from demo.species import SPECIES
from tb_snapshot_compare import processors

if TYPE_CHECKING:
    from pathlib import Path

IMAGES_PER_CATEGORY = 80
IMAGE_SIZE = 224
JPEG_QUALITY = 90
SEED = 17

Progress = Callable[[int, int], None]
"""Called with the number of images done and the number wanted."""


def category_names() -> tuple[str, ...]:
    """The names of the categories, in the order of the original data set."""
    return tuple(species.name for species in SPECIES)


def flower_jpeg(category: int, number: int, seed: int = SEED, size: int = IMAGE_SIZE) -> bytes:
    """Draws one flower.

    Args:
        category: index into `category_names()`.
        number: which image of the category, from 0.
        seed: of the whole data set.
        size: height and width in pixels.

    Returns:
        A JPEG file.
    """
    rng = np.random.default_rng([seed, category, number])
    buffer = io.BytesIO()
    image = paint_scene(SPECIES[category], rng, size)
    image.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()


def generate(
    folder: Path,
    images_per_category: int = IMAGES_PER_CATEGORY,
    size: int = IMAGE_SIZE,
    seed: int = SEED,
    progress: Progress | None = None,
) -> None:
    """Draws the data set into `folder`, one folder per category; a finished file is kept.

    Each file is written under a temporary name and renamed, so an interrupted call is continued
    by the next.
    """
    tasks = []
    for category, name in enumerate(category_names()):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(images_per_category):
            path = folder / name / f"image_{number + 1:04}.jpg"
            if not path.exists():
                tasks.append((path, category, number, seed, size))
    total = images_per_category * len(SPECIES)
    done = total - len(tasks)
    if tasks:
        with ProcessPoolExecutor(_workers(), multiprocessing.get_context("spawn")) as pool:
            for _ in pool.map(_draw, tasks, chunksize=8):
                done += 1
                if progress:
                    progress(done, total)


def _draw(task: tuple[Path, int, int, int, int]) -> None:
    path, category, number, seed, size = task
    partial = path.with_suffix(".part")
    partial.write_bytes(flower_jpeg(category, number, seed, size))
    partial.replace(path)


def _workers() -> int:
    return min(processors.available(), 8)
