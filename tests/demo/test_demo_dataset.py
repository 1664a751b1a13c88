"""Reading photographs: both layouts, the split, and what is said of folders that cannot be used."""

import numpy as np
import pytest
from PIL import Image

from demo.dataset import OXFORD_CATEGORIES, DatasetError, find_categories, load


def _save(path, colour, size=(12, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


def _oxford(folder, count=1360):
    """Image NNNN has the number in its red and green channels."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, count + 1):
        colour = (number // 256, number % 256, 7)
        Image.new("RGB", (4, 4), colour).save(
            folder / f"image_{number:04}.jpg", quality=100, subsampling=0
        )


def test_one_folder_per_category_is_read_in_the_order_of_names(tmp_path):
    for name, colour in (("rose", "red"), ("iris", "blue")):
        for suffix in ("jpg", "PNG", "webp"):
            _save(tmp_path / name / f"a.{suffix}", colour)
    (tmp_path / "rose" / "notes.txt").write_text("no image")
    (tmp_path / "empty").mkdir()
    dataset = load(tmp_path, 6)
    assert dataset.names == ("iris", "rose")
    assert dataset.train.images.shape == (4, 6, 6, 3)
    assert dataset.train.images.dtype == np.uint8
    assert sorted(dataset.validation.labels) == [0, 1]
    for examples in (dataset.train, dataset.validation):
        for image, label in zip(examples.images, examples.labels, strict=True):
            assert image[3, 3].argmax() == (2 if label == 0 else 0)


@pytest.mark.parametrize("below", ["", "jpg"])
def test_the_original_layout_has_80_images_per_category_in_order(tmp_path, below):
    _oxford(tmp_path / below)
    categories = find_categories(tmp_path)
    assert tuple(category.name for category in categories) == OXFORD_CATEGORIES
    assert [category.files[0].name for category in categories[:3]] == [
        "image_0001.jpg",
        "image_0081.jpg",
        "image_0161.jpg",
    ]
    assert {len(category.files) for category in categories} == {80}
    assert categories[-1].files[-1].name == "image_1360.jpg"


def test_the_split_is_seeded_disjoint_and_the_same_share_of_each_category(tmp_path):
    for name in ("a", "b"):
        for number in range(8):
            _save(tmp_path / name / f"{number}.png", (20 * number, 0 if name == "a" else 200, 0))
    first, again, other = load(tmp_path, 4), load(tmp_path, 4), load(tmp_path, 4, seed=3)
    np.testing.assert_array_equal(first.train.images, again.train.images)
    assert not np.array_equal(first.validation.images, other.validation.images)
    assert np.bincount(first.validation.labels).tolist() == [2, 2]
    seen = [tuple(i[0, 0]) for part in (first.train, first.validation) for i in part.images]
    assert len(set(seen)) == len(seen) == 16
    assert len(load(tmp_path, 4, limit=4).train.labels) == 6


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"nowhere: no such folder"):
        load(tmp_path / "nowhere", 8)


def test_a_folder_without_categories_says_which_layouts_are_expected(tmp_path):
    _save(tmp_path / "only" / "a.png", "red")
    with pytest.raises(DatasetError, match=r"one folder per category.*image_0001\.jpg"):
        load(tmp_path, 8)


def test_a_category_of_one_image_is_named(tmp_path):
    _save(tmp_path / "a" / "1.png", "red")
    _save(tmp_path / "b" / "1.png", "red")
    with pytest.raises(DatasetError, match=r"/a: one image; at least two are needed"):
        load(tmp_path, 8)


def test_a_missing_image_of_the_original_layout_is_named(tmp_path):
    _oxford(tmp_path, 20)
    (tmp_path / "image_0007.jpg").unlink()
    with pytest.raises(DatasetError, match=r"image_0007\.jpg is missing \(1,341 of 1,360\)"):
        load(tmp_path, 8)


def test_an_unreadable_image_is_named(tmp_path):
    for name in ("a/1.png", "a/2.png", "b/1.png", "b/2.png"):
        _save(tmp_path / name, "red")
    (tmp_path / "b" / "2.png").write_bytes(b"\x89PNG truncated")
    with pytest.raises(DatasetError, match=r"b/2\.png: not a readable image"):
        load(tmp_path, 8)
