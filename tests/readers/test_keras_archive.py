"""`.keras` archives written by Keras, and what else may be called `.keras`."""

import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tb_snapshot_compare.errors import (
    BeingWrittenError,
    SnapshotGoneError,
    UnreadableSnapshotError,
)
from tb_snapshot_compare.readers.keras_archive import read_keras_archive
from tb_snapshot_compare.snapshot import Format
from tests.readers.keras_models import (
    BUILDERS,
    alexnet_like,
    assert_same_values,
    canonical,
    keras,
    layers,
    trained,
    values_of,
)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("archive") / "alexnet.keras"
    trained(alexnet_like).save(path)
    settle(path)
    return path


def settle(path: Path) -> None:
    """Makes a file old enough to be taken for finished."""
    old = time.time() - 60
    os.utime(path, (old, old))


def rewritten(
    archive: Path,
    target: Path,
    compression: int = zipfile.ZIP_STORED,
    drop: str = "",
    add: dict[str, bytes] | None = None,
) -> Path:
    """The archive with members compressed, dropped or added."""
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(target, "w", compression) as out:
        for info in source.infolist():
            if info.filename != drop:
                out.writestr(info.filename, source.read(info))
        for name, content in (add or {}).items():
            out.writestr(name, content)
    settle(target)
    return target


@pytest.mark.parametrize("name", BUILDERS)
def test_every_weight_has_keras_name_and_value(name: str, tmp_path: Path) -> None:
    model = trained(BUILDERS[name])
    model.save(tmp_path / "m.keras")
    contents = read_keras_archive(str(tmp_path / "m.keras"))
    assert contents.format is Format.KERAS
    assert_same_values(values_of(contents), canonical(model))


def test_values_are_read_in_place(archive: Path) -> None:
    contents = read_keras_archive(str(archive))
    assert {e.path for t in contents.tensors for e in t.extents} == {str(archive)}


def test_configuration_is_the_archives_own_text(archive: Path) -> None:
    contents = read_keras_archive(str(archive))
    assert contents.model_config is not None
    assert json.loads(contents.model_config)["config"]["name"] == "alexnet"


def test_a_recompressed_archive_gives_the_same_values(archive: Path, tmp_path: Path) -> None:
    packed = rewritten(archive, tmp_path / "packed.keras", zipfile.ZIP_DEFLATED)
    contents = read_keras_archive(str(packed))
    assert_same_values(values_of(contents), values_of(read_keras_archive(str(archive))))
    assert contents.position == read_keras_archive(str(archive)).position
    spools = {e.path for t in contents.tensors for e in t.extents}
    assert len(spools) == 1
    assert os.stat(os.path.dirname(spools.pop())).st_mode & 0o777 == 0o700
    assert read_keras_archive(str(packed)) is contents


def test_bfloat16_weights_keep_their_type(tmp_path: Path) -> None:
    given = keras.Input((4,))
    model = keras.Model(given, layers.Dense(3, dtype="bfloat16", name="d")(given))
    model.layers[-1].kernel.assign(np.arange(12).reshape(4, 3))
    model.save(tmp_path / "m.keras")
    contents = read_keras_archive(str(tmp_path / "m.keras"))
    assert {t.name: t.dtype for t in contents.tensors} == dict.fromkeys(
        ("d/kernel", "d/bias"), "bfloat16"
    )
    kernel = values_of(contents)["d/kernel"].astype("float32")
    np.testing.assert_array_equal(kernel, np.arange(12).reshape(4, 3))


def test_a_missing_file_is_gone(tmp_path: Path) -> None:
    with pytest.raises(SnapshotGoneError, match=r"nowhere\.keras"):
        read_keras_archive(str(tmp_path / "nowhere.keras"))


def test_a_fresh_incomplete_file_is_being_written(archive: Path, tmp_path: Path) -> None:
    half = tmp_path / "half.keras"
    half.write_bytes(archive.read_bytes()[:5000])
    with pytest.raises(BeingWrittenError, match=r"half\.keras is being written"):
        read_keras_archive(str(half))


def test_an_old_incomplete_file_is_unreadable(archive: Path, tmp_path: Path) -> None:
    half = tmp_path / "half.keras"
    half.write_bytes(archive.read_bytes()[:5000])
    settle(half)
    with pytest.raises(UnreadableSnapshotError, match="not a complete zip") as caught:
        read_keras_archive(str(half))
    assert not isinstance(caught.value, BeingWrittenError)


@pytest.mark.parametrize("member", ["config.json", "model.weights.h5"])
def test_a_missing_member_is_named(archive: Path, tmp_path: Path, member: str) -> None:
    broken = rewritten(archive, tmp_path / "m.keras", drop=member)
    with pytest.raises(UnreadableSnapshotError, match=f"no member {member}"):
        read_keras_archive(str(broken))


def test_configuration_that_is_not_json_is_refused(archive: Path, tmp_path: Path) -> None:
    add = {"config.json": b"{not json"}
    broken = rewritten(archive, tmp_path / "m.keras", drop="config.json", add=add)
    with pytest.raises(UnreadableSnapshotError, match=r"config\.json is not valid JSON"):
        read_keras_archive(str(broken))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_twice_is_refused(archive: Path, tmp_path: Path) -> None:
    broken = rewritten(archive, tmp_path / "m.keras", add={"config.json": b"{}"})
    with pytest.raises(UnreadableSnapshotError, match=r"config\.json twice"):
        read_keras_archive(str(broken))


def test_the_server_process_imports_no_framework(archive: Path) -> None:
    code = (
        "import sys; from tb_snapshot_compare.readers import open_contents; "
        f"assert open_contents({str(archive)!r}).tensors; "
        "print([m for m in ('h5py', 'keras', 'tensorflow', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
