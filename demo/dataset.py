"""Photographs in folders, read into arrays and split into a training and a validation part.

Two layouts are understood: one folder per category, and the original Oxford layout of 17
categories (Nilsback and Zisserman 2006): `image_0001.jpg` to `image_1360.jpg`, 80 per category in
order, in the folder itself or in `jpg` below it.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

OXFORD_CATEGORIES = (
    "Daffodil",
    "Snowdrop",
    "LilyValley",
    "Bluebell",
    "Crocus",
    "Iris",
    "Tigerlily",
    "Tulip",
    "Fritillary",
    "Sunflower",
    "Daisy",
    "ColtsFoot",
    "Dandelion",
    "Cowslip",
    "Buttercup",
    "Windflower",
    "Pansy",
)
OXFORD_PER_CATEGORY = 80
SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".webp"})


class DatasetError(Exception):
    """A folder of photographs cannot be used; the text names it and says what is expected."""


@dataclass(frozen=True, slots=True)
class Category:
    """The photographs of one category, in order."""

    name: str
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class SplitCategory:
    """A category's photographs to train on and to validate on."""

    name: str
    train: tuple[Path, ...]
    validation: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Examples:
    """Images with their categories.

    Attributes:
        images: uint8 (n, size, size, 3), RGB.
        labels: int64 (n,), indices of categories.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Dataset:
    """What a network is trained on and what it is validated on."""

    names: tuple[str, ...]
    train: Examples
    validation: Examples


def find_categories(folder: Path) -> tuple[Category, ...]:
    """Finds the photographs in a folder of either layout.

    Raises:
        DatasetError: the folder is missing, or has fewer than two categories of two images.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no such folder; give a folder with one folder per category")
    jpg = folder / "jpg"
    numbered = _numbered(folder) or (_numbered(jpg) if jpg.is_dir() else {})
    if numbered:
        return _oxford(folder, numbered)
    found = (
        Category(entry.name, _images(entry)) for entry in sorted(folder.iterdir()) if entry.is_dir()
    )
    categories = tuple(category for category in found if category.files)
    if len(categories) < 2:
        raise DatasetError(
            f"{folder}: {len(categories)} folders with images; expected one folder per category, "
            "at least two, or image_0001.jpg, image_0002.jpg, ... of the Oxford 17 categories"
        )
    for category in categories:
        if len(category.files) < 2:
            raise DatasetError(
                f"{folder / category.name}: one image; at least two are needed, "
                "one to train on and one to validate on"
            )
    return categories


def load(
    folder: Path,
    size: int,
    validation_share: float = 0.25,
    seed: int = 17,
    limit: int | None = None,
) -> Dataset:
    """Reads photographs and splits each category at random, in the same way for the same seed.

    Args:
        folder: in either layout.
        size: images are cropped to the square in their middle and resized to this.
        validation_share: of each category; at least one image.
        seed: of the split.
        limit: images per category to use; None for all.

    Raises:
        DatasetError: the folder or one of its images cannot be used.
    """
    split = split_categories(find_categories(folder), validation_share, seed, limit)
    train, validation = (
        [(file, label) for label, part in enumerate(parts) for file in part]
        for parts in zip(*((each.train, each.validation) for each in split), strict=True)
    )
    return Dataset(
        tuple(each.name for each in split), _read_all(train, size), _read_all(validation, size)
    )


def split_categories(
    categories: tuple[Category, ...],
    validation_share: float = 0.25,
    seed: int = 17,
    limit: int | None = None,
) -> tuple[SplitCategory, ...]:
    """Which photographs of each category are trained on; see `load`."""
    rng = np.random.default_rng(seed)
    split = []
    for category in categories:
        files = [category.files[i] for i in rng.permutation(len(category.files))][:limit]
        held_out = max(1, round(validation_share * len(files)))
        split.append(SplitCategory(category.name, tuple(files[held_out:]), tuple(files[:held_out])))
    return tuple(split)


def _numbered(folder: Path) -> dict[int, Path]:
    """The files named image_NNNN.jpg directly in a folder, by number."""
    matches = ((re.fullmatch(r"image_(\d+)\.jpe?g", p.name), p) for p in folder.iterdir())
    return {int(match[1]): path for match, path in matches if match}


def _oxford(folder: Path, numbered: dict[int, Path]) -> tuple[Category, ...]:
    wanted = len(OXFORD_CATEGORIES) * OXFORD_PER_CATEGORY
    missing = [number for number in range(1, wanted + 1) if number not in numbered]
    if missing:
        raise DatasetError(
            f"{folder}: image_{missing[0]:04}.jpg is missing ({len(missing):,} of {wanted:,}); "
            "the original layout has 17 categories of 80 images in order"
        )
    files = [numbered[number] for number in range(1, wanted + 1)]
    starts = range(0, wanted, OXFORD_PER_CATEGORY)
    return tuple(
        Category(name, tuple(files[start : start + OXFORD_PER_CATEGORY]))
        for name, start in zip(OXFORD_CATEGORIES, starts, strict=True)
    )


def _images(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES))


def _read_all(part: list[tuple[Path, int]], size: int) -> Examples:
    with ThreadPoolExecutor() as pool:
        images = list(pool.map(lambda item: _read(item[0], size), part))
    return Examples(np.stack(images), np.array([label for _, label in part], np.int64))


def _read(path: Path, size: int) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as image:
            square = ImageOps.fit(image.convert("RGB"), (size, size), Image.Resampling.LANCZOS)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DatasetError(
            f"{path}: not a readable image ({error}); remove or replace it"
        ) from error
    return np.asarray(square, np.uint8)
