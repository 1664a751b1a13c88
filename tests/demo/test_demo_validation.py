"""The folder of validation photographs holds what the network was validated on, in its order."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demo.dataset import OXFORD_CATEGORIES, DatasetError, load
from demo.validation import PER_CATEGORY, validation_folder
from tb_snapshot_compare.images.folder import list_folder


def photographs(folder: Path, names: list[str]) -> Path:
    random = np.random.default_rng(2)
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (16, 16, 3), np.uint8)).save(path)
    return folder


def shown(folder: Path) -> list[tuple[int, bytes]]:
    """Labels and pixels as TensorBoard lists them."""
    listed = list_folder(str(folder), follow=True)
    made = []
    for file in listed.files:
        assert file.label is not None
        with Image.open(folder / file.name) as image:
            made.append((file.label, np.asarray(image.convert("RGB")).tobytes()))
    return sorted(made)


def validated(folder: Path) -> list[tuple[int, bytes]]:
    part = load(folder, 16).validation
    return sorted(
        (int(label), image.tobytes()) for label, image in zip(part.labels, part.images, strict=True)
    )


def test_it_holds_what_the_network_is_validated_on(tmp_path: Path) -> None:
    data = photographs(tmp_path / "data", [f"{c}/{i}.png" for c in ("b", "a") for i in range(12)])
    folder = validation_folder(data, tmp_path / "validation")
    assert shown(folder) == validated(data)
    assert list_folder(str(folder), follow=True).classes == ("a", "b")


def test_the_names_are_in_the_order_of_the_outputs(tmp_path: Path) -> None:
    names = [f"image_{number:04}.jpg" for number in range(1, 17 * 80 + 1)]
    folder = validation_folder(photographs(tmp_path / "data", names), tmp_path / "validation")
    assert tuple(json.loads((folder / "class_names.json").read_text())) == OXFORD_CATEGORIES
    assert len(list(folder.glob("*/*.jpg"))) == 17 * PER_CATEGORY
    assert shown(folder) == validated(tmp_path / "data")


def test_it_is_kept_while_the_photographs_are_the_same(tmp_path: Path) -> None:
    data = photographs(tmp_path / "data", [f"{c}/{i}.png" for c in "ab" for i in range(8)])
    folder = validation_folder(data, tmp_path / "validation")
    before = folder.stat().st_ino
    assert validation_folder(data, folder).stat().st_ino == before
    photographs(data, [f"b/{i}.png" for i in range(20)])
    validation_folder(data, folder)
    assert shown(folder) == validated(data)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_photographs_that_are_gone_are_reported(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such folder"):
        validation_folder(tmp_path / "gone", tmp_path / "validation")
    assert not (tmp_path / "validation").exists()
