"""Compressed snapshots: their decoded copies live exactly as long as they are needed."""

import gc
import os
import time
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from tb_snapshot_compare import limits
from tb_snapshot_compare.errors import SnapshotChangedError
from tb_snapshot_compare.readers import TensorReader, open_contents
from tb_snapshot_compare.readers.spool import SPOOL, spool_paths
from tb_snapshot_compare.snapshot import FileSet, Format, SnapshotContents, State
from tb_snapshot_compare.workspace.opening import probe
from tests.readers.keras_models import keras, layers, trained, values_of


def _model() -> keras.Model:
    return keras.Sequential([keras.Input((4,)), layers.Dense(3, name="d")], name="s")


def _packed(folder: Path, name: str) -> Path:
    """A `.keras` archive that somebody zipped again, with compression."""
    model = trained(_model)
    model.save(folder / "plain.keras")
    path = folder / name
    with (
        zipfile.ZipFile(folder / "plain.keras") as source,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for member in source.namelist():
            target.writestr(member, source.read(member))
    os.utime(path, (time.time() - 60,) * 2)
    return path


def _spools() -> set[str]:
    gc.collect()
    directory = SPOOL._directory
    return set() if directory is None else set(os.listdir(directory))


def _file_set(path: Path, form: Format = Format.KERAS) -> FileSet:
    return FileSet(str(path), form, path.stat().st_size, path.stat().st_mtime)


def _read(contents: SnapshotContents) -> None:
    with TensorReader(contents.generation) as reader:
        for tensor in contents.tensors:
            reader.read_array(tensor)


def test_listing_leaves_nothing_on_the_disk_and_still_tells_the_step(tmp_path: Path) -> None:
    path = _packed(tmp_path, "a.keras")
    before = _spools()
    told = probe(_file_set(path))
    assert (told.state, told.position.step) == (State.READY, 2)
    assert _spools() == before


def test_listing_does_not_decode_a_large_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _packed(tmp_path, "a.keras")
    monkeypatch.setattr(limits, "PROBE_DECODED_MAX_BYTES", 100)
    told = probe(_file_set(path))
    assert (told.state, told.position.step) == (State.READY, None)
    assert len(open_contents(str(path)).tensors) > 2


def test_listing_does_not_decode_compressed_datasets(tmp_path: Path) -> None:
    path = tmp_path / "z.weights.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("layers/dense/vars")
        group.create_dataset("0", data=np.ones((64, 64), "float32"), compression="gzip")
    os.utime(path, (time.time() - 60,) * 2)
    listed = open_contents(str(path), decode=False)
    assert [(t.shape, t.extents, t.problem) for t in listed.tensors] == [((64, 64), (), None)]
    assert probe(_file_set(path, Format.WEIGHTS_H5)).state is State.READY
    assert values_of(open_contents(str(path)))["dense/kernel"].sum() == 64 * 64


def test_an_open_snapshot_keeps_its_copy_when_newer_ones_need_the_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SPOOL_MAX_BYTES", 1_000_000)
    first = open_contents(str(_packed(tmp_path, "1.keras")))
    monkeypatch.setattr(limits, "SPOOL_MAX_BYTES", 1)
    others = [open_contents_unbounded(tmp_path, f"{n}.keras", monkeypatch) for n in range(2, 5)]
    _read(first)
    paths = spool_paths(first)
    assert all(os.path.exists(path) for path in paths)
    names = {os.path.basename(path) for path in paths}
    del first, paths, others
    assert not names & _spools()


def open_contents_unbounded(
    folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> SnapshotContents:
    """Decodes with room enough, then keeps with none."""
    path = _packed(folder, name)
    monkeypatch.setattr(limits, "SPOOL_MAX_BYTES", 1_000_000)
    contents = open_contents(str(path))
    monkeypatch.setattr(limits, "SPOOL_MAX_BYTES", 1)
    SPOOL.keep(contents)
    return contents


def test_a_copy_that_a_cleaner_deleted_is_decoded_anew_and_never_named(tmp_path: Path) -> None:
    path = _packed(tmp_path, "a.keras")
    contents = open_contents(str(path))
    for spool in spool_paths(contents):
        os.unlink(spool)
    with pytest.raises(SnapshotChangedError, match=str(path)) as caught:
        _read(contents)
    assert not any(spool in str(caught.value) for spool in spool_paths(contents))
    _read(open_contents(str(path)))
