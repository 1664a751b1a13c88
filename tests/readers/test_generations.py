"""What tells one content of a file from the next, however soon it is written."""

import os
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tb_snapshot_compare.errors import BeingWrittenError, SnapshotChangedError
from tb_snapshot_compare.readers import TensorReader, check_generation, open_contents
from tb_snapshot_compare.readers.generation import generation_of
from tests.hostile.bundle_writer import BundleWriter

REWRITES = 150


def write_bundle(prefix: Path, value: int) -> None:
    """Two tensors that hold `value`; every bundle has the same sizes."""
    writer = BundleWriter()
    for name in ("one", "two"):
        writer.add(name, np.full(500, value, dtype=np.int32))
    writer.write(prefix)


def values_of(prefix: Path) -> set[int]:
    contents = open_contents(str(prefix))
    with TensorReader(contents.generation) as reader:
        arrays = [reader.read_array(tensor) for tensor in contents.tensors]
    check_generation(contents.generation)
    return {int(value) for array in arrays for value in array}


def test_rewrites_in_one_tick_of_the_clock_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"0000")
    for number in range(1, REWRITES):
        generation = generation_of([str(path)])
        path.write_bytes(b"%04d" % number)
        with pytest.raises(SnapshotChangedError, match="data"):
            check_generation(generation)


def test_a_rewrite_that_keeps_the_time_of_modification_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"one")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    generation = generation_of([str(path)])
    path.write_bytes(b"two")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    with pytest.raises(SnapshotChangedError):
        check_generation(generation)


def test_a_bundle_rewritten_again_and_again_is_never_read_stale(tmp_path: Path) -> None:
    for number in range(REWRITES):
        write_bundle(tmp_path / "ckpt", number)
        assert values_of(tmp_path / "ckpt") == {number}


def test_data_that_are_newer_than_their_index_are_being_written(tmp_path: Path) -> None:
    write_bundle(tmp_path / "ckpt", 1)
    data = tmp_path / "ckpt.data-00000-of-00001"
    content = data.read_bytes()
    time.sleep(0.05)
    data.write_bytes(content)
    with pytest.raises(BeingWrittenError, match="newer than"):
        open_contents(str(tmp_path / "ckpt"))


def test_a_file_that_never_rests_is_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"")
    clock = SimpleNamespace(
        time=lambda: path.stat().st_mtime,
        sleep=lambda seconds: path.write_bytes(b"x"),
        clock_getres=time.clock_getres,
    )
    monkeypatch.setattr("tb_snapshot_compare.readers.generation.time", clock)
    with pytest.raises(BeingWrittenError, match="data is being written"):
        generation_of([str(path)])
