"""Weights that Keras has split over several files (`max_shard_size`)."""

import json
import os
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from tb_snapshot_compare.errors import (
    BeingWrittenError,
    SnapshotChangedError,
    SnapshotGoneError,
    UnreadableSnapshotError,
)
from tb_snapshot_compare.readers import TensorReader, open_contents
from tb_snapshot_compare.snapshot import Format, SnapshotContents
from tests.readers.keras_models import (
    BUILDERS,
    assert_same_values,
    canonical,
    keras,
    layers,
    trained,
    values_of,
)

SHARD = 60_000
"""Bytes of a file at most."""


def wide() -> keras.Model:
    """A model of which every kernel needs a file of its own."""
    image = keras.Input((6, 6, 3), name="image")
    x = layers.Conv2D(40, 3, name="conv1")(image)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.Conv2D(12, 3, name="conv2")(x)
    x = layers.Flatten()(x)
    x = layers.Dense(250, name="hidden")(x)
    return keras.Model(image, layers.Dense(3, name="out")(x), name="wide")


def save(model: keras.Model, folder: Path, name: str = "m.weights.json") -> Path:
    model.save_weights(folder / name, max_shard_size=SHARD / 1024**3)
    return folder / name


def age(folder: Path) -> None:
    for path in folder.iterdir():
        os.utime(path, (time.time() - 60,) * 2)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = save(trained(wide), tmp_path)
    assert len(list(tmp_path.glob("m_*.weights.h5"))) >= 4
    age(tmp_path)
    return path


def table(contents: SnapshotContents) -> list[tuple[object, ...]]:
    return sorted(
        (t.key, t.name, t.layer, t.role, t.scope, t.slot_of, t.shape, t.dtype, t.problem or "")
        for t in contents.tensors
    )


@pytest.mark.parametrize("name", [*BUILDERS, "wide"])
def test_a_split_model_reads_as_the_same_model_in_one_file(name: str, tmp_path: Path) -> None:
    model = trained(wide if name == "wide" else BUILDERS[name])
    model.save_weights(tmp_path / "whole.weights.h5")
    split = open_contents(str(save(model, tmp_path)))
    whole = open_contents(str(tmp_path / "whole.weights.h5"))
    assert split.format is Format.WEIGHTS_H5
    assert table(split) == table(whole)
    assert split.position == whole.position
    assert_same_values(values_of(split), canonical(model))
    assert_same_values(values_of(split, "optimizer"), values_of(whole, "optimizer"))


def test_what_keras_loads_from_the_files_is_what_is_read(tmp_path: Path) -> None:
    path = save(trained(wide), tmp_path)
    loaded = wide()
    loaded.load_weights(path)
    assert_same_values(values_of(open_contents(str(path))), canonical(loaded))


def test_the_map_may_be_called_anything_that_keras_takes(tmp_path: Path) -> None:
    model = trained(wide)
    path = save(model, tmp_path, "my_weights.json")
    assert_same_values(values_of(open_contents(str(path))), canonical(model))


def test_the_generation_covers_every_file(saved: Path) -> None:
    contents = open_contents(str(saved))
    names = {Path(stamp.path).name for stamp in contents.generation.stamps}
    assert names == {path.name for path in saved.parent.iterdir()}
    os.utime(saved.parent / "m_00001.weights.h5")
    moved = next(t for t in contents.tensors if "m_00001" in t.extents[0].path)
    with TensorReader(contents.generation) as reader, pytest.raises(SnapshotChangedError):
        reader.read_array(moved)


def test_a_missing_file_costs_only_what_lies_in_it(saved: Path) -> None:
    whole = {t.key: t for t in open_contents(str(saved)).tensors}
    for lost in sorted(saved.parent.glob("*.h5")):
        away = lost.rename(lost.with_suffix(".away"))
        contents = open_contents(str(saved))
        away.rename(lost)
        left = {t.key: t for t in contents.tensors if t.problem is None}
        assert left.keys() == {k for k, t in whole.items() if t.extents[0].path != str(lost)}
        for key, tensor in left.items():
            known = tensor.role and not tensor.role.startswith("variable_")
            assert tensor.scope == whole[key].scope
            assert not known or tensor.role == whole[key].role
        problems = {t.problem for t in contents.tensors if t.problem is not None}
        assert problems == {f"its file {lost} is missing; copy it there, or save it again"}


def test_a_damaged_file_costs_only_what_lies_in_it(saved: Path) -> None:
    damaged = saved.parent / "m_00002.weights.h5"
    damaged.write_bytes(b"\0" * 100)
    age(saved.parent)
    contents = open_contents(str(saved))
    problems = {t.problem for t in contents.tensors if t.problem is not None}
    assert any("m_00002.weights.h5 is not a readable HDF5 file" in (p or "") for p in problems)
    assert "conv1/kernel" in {t.name for t in contents.tensors if t.problem is None}


def test_without_any_file_the_reason_is_given(saved: Path) -> None:
    for path in saved.parent.glob("*.h5"):
        path.unlink()
    with pytest.raises(UnreadableSnapshotError, match=r"none of its .* files can be read"):
        open_contents(str(saved))


@pytest.mark.parametrize(
    "outside", ["../secret.weights.h5", "/tmp/secret.weights.h5", "a/b.h5", "..", "", "x\0.h5", "m"]
)
def test_names_that_lead_out_of_the_directory_are_not_opened(saved: Path, outside: str) -> None:
    secret = saved.parent.parent / "secret.weights.h5"
    with h5py.File(secret, "w") as file:
        file["layers/conv2d/vars/0"] = np.ones(3)
    content = json.loads(saved.read_text())
    content["weight_map"]["/layers/secret/vars"] = outside
    saved.write_text(json.dumps(content))
    contents = open_contents(str(saved))
    bad = [t for t in contents.tensors if t.problem is not None]
    assert [(t.key, t.extents) for t in bad] == [("layers/secret/vars/?", ())]
    assert "not opened" in (bad[0].problem or "")
    assert all("secret" not in stamp.path for stamp in contents.generation.stamps)


@pytest.mark.parametrize("text", ["", "[]", '{"weight_map": 3}', '{"weight_map": {"a": {}}}', "{"])
def test_a_damaged_map_is_named(saved: Path, text: str) -> None:
    saved.write_text(text)
    with pytest.raises(UnreadableSnapshotError, match=r"m\.weights\.json is not a map"):
        open_contents(str(saved))


def test_an_empty_map_holds_nothing(saved: Path) -> None:
    saved.write_text('{"weight_map": {}}')
    with pytest.raises(UnreadableSnapshotError, match="it lists none"):
        open_contents(str(saved))


def test_a_map_that_was_deleted_is_gone(saved: Path) -> None:
    saved.unlink()
    with pytest.raises(SnapshotGoneError):
        open_contents(str(saved), Format.WEIGHTS_H5)


def test_a_file_that_is_not_complete_yet_is_being_written(saved: Path) -> None:
    (saved.parent / "m_00002.weights.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(BeingWrittenError, match=r"m_00002\.weights\.h5"):
        open_contents(str(saved))


def test_a_fifo_in_a_files_place_is_not_waited_for(saved: Path) -> None:
    place = saved.parent / "m_00001.weights.h5"
    place.unlink()
    os.mkfifo(place)
    problems = {t.problem for t in open_contents(str(saved)).tensors if t.problem is not None}
    assert any("not a regular file" in (problem or "") for problem in problems)


def test_compressed_files_are_decoded_once(saved: Path) -> None:
    wanted = values_of(open_contents(str(saved)))
    for path in saved.parent.glob("*.h5"):
        compress(path)
    age(saved.parent)
    listed = open_contents(str(saved), decode=False)
    assert all(not t.extents for t in listed.tensors if t.name.endswith("kernel"))
    contents = open_contents(str(saved))
    assert_same_values(values_of(contents), wanted)
    assert open_contents(str(saved)) is contents


def compress(path: Path) -> None:
    with h5py.File(path, "a") as file:
        found: list[str] = []
        file.visititems(lambda name, thing: found.append(name) if hasattr(thing, "shape") else None)
        for name in found:
            value = file[name][()]
            if value.ndim:
                del file[name]
                file.create_dataset(name, data=value, compression="gzip", shuffle=True)
