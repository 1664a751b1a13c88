"""A folder of pictures: classes, order, names, limits; nothing outside it is ever read."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tb_snapshot_compare.errors import (
    NotFoundError,
    SnapshotChangedError,
    SnapshotGoneError,
    UnreadableSnapshotError,
)
from tb_snapshot_compare.images import folder as folders
from tb_snapshot_compare.images.folder import Folder, list_folder, read_file


def save(path: Path, colour: str = "red") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 6), colour).save(path)


def listed(path: Path) -> Folder:
    return list_folder(str(path), follow=True)


def names(folder: Folder) -> list[str]:
    return [file.name for file in folder.files]


def labels(folder: Folder) -> list[int | None]:
    return [file.label for file in folder.files]


def test_class_folders_are_numbered_as_keras_numbers_them(tmp_path: Path) -> None:
    import keras

    for name in ("b/2.png", "b/1.jpg", "a/x.PNG", "C/y.gif", "é/z.bmp", "10/1.png", "9/1.png"):
        save(tmp_path / name)
    (tmp_path / "empty").mkdir()
    save(tmp_path / ".hidden" / "no.png")
    (tmp_path / "b" / "notes.txt").write_text("no picture")
    dataset = keras.utils.image_dataset_from_directory(tmp_path, verbose=False)
    found = listed(tmp_path)
    assert list(found.classes) == dataset.class_names
    assert names(found) == [
        "10/1.png", "9/1.png", "C/y.gif", "a/x.PNG", "b/1.jpg", "b/2.png", "é/z.bmp",
    ]  # fmt: skip
    assert [found.classes[label] for label in labels(found) if label is not None] == [
        "10", "9", "C", "a", "b", "b", "é",
    ]  # fmt: skip
    assert found.problems == ()


def test_a_flat_folder_has_no_classes(tmp_path: Path) -> None:
    save(tmp_path / "2.png")
    save(tmp_path / "1.png")
    (tmp_path / "empty").mkdir()
    found = listed(tmp_path)
    assert (names(found), labels(found), found.classes) == (["1.png", "2.png"], [None, None], ())


def test_one_further_level_belongs_to_the_class(tmp_path: Path) -> None:
    save(tmp_path / "a" / "part" / "1.png")
    save(tmp_path / "a" / "part" / "deeper" / "2.png")
    save(tmp_path / "loose.png")
    found = listed(tmp_path)
    assert (names(found), labels(found)) == (["a/part/1.png", "loose.png"], [0, None])


@pytest.mark.parametrize(
    "content",
    [
        ["daisy", "b", "a"],
        {"2": "a", "1": "b", "0": "daisy"},
        {"2": ["n1", "a"], "1": "b", "0": ["n0", "daisy"]},
    ],
)
def test_class_names_json_gives_order_and_names(tmp_path: Path, content: object) -> None:
    for name in ("a/1.png", "b/1.png"):
        save(tmp_path / name)
    (tmp_path / "class_names.json").write_text(json.dumps(content))
    found = listed(tmp_path)
    assert (found.classes, labels(found)) == (("daisy", "b", "a"), [2, 1])


def test_folders_may_bear_the_other_name_of_a_class(tmp_path: Path) -> None:
    save(tmp_path / "n01440764" / "1.png")
    content = {"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]}
    (tmp_path / "class_names.json").write_text(json.dumps(content))
    found = listed(tmp_path)
    assert (found.classes, labels(found)) == (("tench", "goldfish"), [0])


def test_a_folder_of_no_class_is_reported(tmp_path: Path) -> None:
    save(tmp_path / "weed" / "1.png")
    (tmp_path / "class_names.json").write_text('["rose"]')
    found = listed(tmp_path)
    assert labels(found) == [None]
    assert "weed is in no class" in found.problems[0]


@pytest.mark.parametrize(
    "content",
    [
        *("{", "3", "[3]", "[[]]", '[["a", 1]]', "[" * 100_000),
        *('{"a": "b"}', '{"-1": "b"}', '{"99999999999": "b"}'),
    ],
)
def test_names_that_cannot_be_used_are_reported_and_folders_count(
    tmp_path: Path, content: str
) -> None:
    save(tmp_path / "a" / "1.png")
    (tmp_path / "class_names.json").write_text(content)
    found = listed(tmp_path)
    assert found.classes == ("a",)
    assert "class_names.json" in found.problems[0]


def test_links_are_not_followed(tmp_path: Path) -> None:
    save(tmp_path / "outside" / "secret.png")
    inside = tmp_path / "inside"
    save(inside / "own.png")
    (inside / "file.png").symlink_to(tmp_path / "outside" / "secret.png")
    (inside / "class").symlink_to(tmp_path / "outside")
    (inside / "class_names.json").symlink_to(tmp_path / "outside" / "names.json")
    (tmp_path / "outside" / "names.json").write_text('["leaked"]')
    found = listed(inside)
    assert names(found) == ["own.png"]
    assert found.classes == ()
    text = " ".join(found.problems)
    assert "2 links are not followed" in text
    assert "class_names.json cannot be read" in text


def test_a_folder_that_is_a_link_is_listed_only_where_the_user_gave_it(tmp_path: Path) -> None:
    save(tmp_path / "real" / "1.png")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert names(list_folder(str(tmp_path / "link"), follow=True)) == ["1.png"]
    with pytest.raises(UnreadableSnapshotError, match="Links are not followed"):
        list_folder(str(tmp_path / "link"), follow=False)


@pytest.mark.parametrize("level", ["file", "folder"])
def test_a_link_put_in_place_after_the_listing_is_not_followed(tmp_path: Path, level: str) -> None:
    save(tmp_path / "in" / "a" / "1.png")
    save(tmp_path / "out" / "1.png")
    (file,) = listed(tmp_path / "in").files
    if level == "file":
        (tmp_path / "in" / "a" / "1.png").unlink()
        (tmp_path / "in" / "a" / "1.png").symlink_to(tmp_path / "out" / "1.png")
    else:
        (tmp_path / "in" / "a").rename(tmp_path / "kept")
        (tmp_path / "in" / "a").symlink_to(tmp_path / "out")
    with pytest.raises(UnreadableSnapshotError):
        read_file(file)


def test_what_is_no_regular_file_is_left_out(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    save(tmp_path / "1.png")
    assert names(listed(tmp_path)) == ["1.png"]
    (file,) = listed(tmp_path).files
    (tmp_path / "1.png").unlink()
    os.mkfifo(tmp_path / "1.png")
    with pytest.raises((UnreadableSnapshotError, SnapshotChangedError)):
        read_file(file)


def test_a_replaced_or_deleted_file_is_told_apart(tmp_path: Path) -> None:
    save(tmp_path / "1.png")
    (file,) = listed(tmp_path).files
    assert read_file(file) == (tmp_path / "1.png").read_bytes()
    save(tmp_path / "1.png", "blue")
    os.utime(tmp_path / "1.png", (1, 1))
    with pytest.raises(SnapshotChangedError, match=r"1\.png was replaced"):
        read_file(file)
    (renewed,) = listed(tmp_path).files
    assert renewed.id != file.id
    (tmp_path / "1.png").unlink()
    with pytest.raises(SnapshotGoneError, match=r"1\.png was deleted"):
        read_file(file)


def test_a_large_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "1.png")
    monkeypatch.setattr(folders, "IMAGE_FILE_MAX_BYTES", 10)
    with pytest.raises(UnreadableSnapshotError, match="may have 10"):
        read_file(listed(tmp_path).files[0])


def test_beyond_the_limit_every_class_keeps_as_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, count in (("a", 9), ("b", 2), ("c", 9)):
        for number in range(count):
            save(tmp_path / name / f"{number}.png")
    monkeypatch.setattr(folders, "IMAGES_MAX", 8)
    found = listed(tmp_path)
    assert np.bincount([label for label in labels(found) if label is not None]).tolist() == [
        3,
        2,
        3,
    ]
    assert found.truncated == 12
    assert names(found) == sorted(names(found))


def test_the_search_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        save(tmp_path / f"{number}.png")
    monkeypatch.setattr(folders, "IMAGE_ENTRIES_MAX", 5)
    found = listed(tmp_path)
    assert len(found.files) == 5
    assert "stopped after 5" in found.problems[0]


def test_a_missing_folder_is_named_without_its_place(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no folder gone") as raised:
        listed(tmp_path / "gone")
    assert str(tmp_path) not in str(raised.value)


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    save(tmp_path / "a" / "1.png")
    (tmp_path / "a" / "link.png").symlink_to("/etc/passwd")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        for file in listed(tmp_path).files:
            read_file(file)
        with pytest.raises(NotFoundError):
            listed(tmp_path / "gone")
    assert len(os.listdir("/proc/self/fd")) <= before
