"""Tensors in another order of axes equal what NumPy makes of them, however they are made."""

import os
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tb_snapshot_compare.errors import SnapshotChangedError, UnreadableSnapshotError
from tb_snapshot_compare.readers import TensorReader, transposing
from tb_snapshot_compare.readers.generation import generation_of
from tb_snapshot_compare.readers.spool import SPOOL
from tb_snapshot_compare.readers.transposing import Rearrangement, added, rearranged, rows_of
from tb_snapshot_compare.snapshot import Extent, Generation, TensorInfo

Array = np.ndarray[Any, Any]


def stored(values: Array, path: Path, pieces: int = 1) -> tuple[TensorInfo, Generation]:
    """`values` in a file, in `pieces` extents with gaps between them, the last one first."""
    raw = values.tobytes()
    step = max(-(-len(raw) // pieces), 1)
    parts = [raw[start : start + step] for start in range(0, len(raw), step)]
    extents, offset = [], 0
    with path.open("wb") as file:
        for part in reversed(parts):
            file.write(part + b"gap")
            extents.append(Extent(str(path), offset, len(part)))
            offset += len(part) + 3
    dtype = values.dtype.name
    info = TensorInfo("k", "k", dtype, values.shape, tuple(reversed(extents)), layout="torch")
    return info, generation_of([str(path)])


def read(tensor: TensorInfo, generation: Generation) -> Array:
    with TensorReader(generation) as reader:
        return reader.read_array(tensor)


shapes = st.lists(st.integers(1, 6), min_size=1, max_size=5)


@given(shape=shapes, data=st.data(), block=st.sampled_from([1, 64, 1 << 20]))
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_order_of_axes_equals_numpys(
    shape: list[int], data: st.DataObject, block: int, tmp_path: Path
) -> None:
    order = data.draw(st.permutations(range(len(shape))))
    dtype = data.draw(st.sampled_from(["float32", "float16", "int8", "complex64"]))
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    tensor, generation = stored(values, tmp_path / "v", data.draw(st.integers(1, 3)))
    expected = values.transpose(order)
    how = Rearrangement(tuple(shape), tuple(order), expected.shape)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transposing, "TRANSPOSING_BLOCK_BYTES", block)
        found = read(rearranged(tensor, generation, how), generation)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == values.dtype


def test_rows_are_other_extents_of_the_same_file(tmp_path: Path) -> None:
    values = np.arange(24, dtype=np.float32).reshape(6, 4)
    tensor, generation = stored(values, tmp_path / "v", 4)
    part = rows_of(tensor, [(4, 6), (0, 1)])
    assert {extent.path for extent in part.extents} == {str(tmp_path / "v")}
    np.testing.assert_array_equal(read(part, generation), values[[4, 5, 0]])


def test_bfloat16_and_big_endian_values_are_transposed_too(tmp_path: Path) -> None:
    values = np.arange(6).reshape(2, 3).astype(ml_dtypes.bfloat16)
    tensor, generation = stored(values, tmp_path / "v")
    how = Rearrangement((2, 3), (1, 0), (3, 2))
    np.testing.assert_array_equal(read(rearranged(tensor, generation, how), generation), values.T)
    big = np.arange(6, dtype=">f4").reshape(2, 3)
    info, generation = stored(big, tmp_path / "w")
    info = TensorInfo("k", "k", "float32", (2, 3), info.extents, byteorder="big")
    np.testing.assert_array_equal(read(rearranged(info, generation, how), generation), big.T)


def test_two_tensors_are_added_in_their_own_type(tmp_path: Path) -> None:
    x, y = np.float32([0.1, 1e8, np.inf]), np.float32([0.2, 1, 2])
    both, generation = stored(np.stack([x, y]), tmp_path / "v")
    one, other = rows_of(both, [(0, 1)], (3,)), rows_of(both, [(1, 2)], (3,))
    np.testing.assert_array_equal(read(added(one, other, generation), generation), x + y)


def test_nothing_is_written_before_it_is_read_and_then_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    create = SPOOL.create
    monkeypatch.setattr(SPOOL, "create", lambda of: made.append(of) or create(of))
    tensor, generation = stored(np.ones((4, 3), np.float32), tmp_path / "v")
    how = Rearrangement((4, 3), (1, 0), (3, 4))
    first = rearranged(tensor, generation, how)
    assert made == []
    read(first, generation)
    read(rearranged(tensor, generation, how), generation)
    assert made == [str(tmp_path / "v")]


def test_a_copy_that_a_cleaner_deleted_is_written_again(tmp_path: Path) -> None:
    tensor, generation = stored(np.arange(12, dtype=np.int32).reshape(4, 3), tmp_path / "v")
    found = rearranged(tensor, generation, Rearrangement((4, 3), (1, 0), (3, 4)))
    before = read(found, generation)
    os.unlink(found.extents[0].path.made())  # type: ignore[attr-defined]
    np.testing.assert_array_equal(read(found, generation), before)


def test_a_file_that_was_replaced_meanwhile_is_not_transposed(tmp_path: Path) -> None:
    tensor, generation = stored(np.arange(12, dtype=np.int32).reshape(4, 3), tmp_path / "v")
    found = rearranged(tensor, generation, Rearrangement((4, 3), (1, 0), (3, 4)))
    (tmp_path / "v").write_bytes(b"x" * 99)
    with pytest.raises(SnapshotChangedError):
        read(found, generation)


def test_a_row_beyond_the_bound_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transposing, "TRANSPOSING_BLOCK_BYTES", 8)
    monkeypatch.setattr(transposing, "TRANSPOSED_ROW_BYTES_MAX", 8)
    tensor, generation = stored(np.ones((4, 3), np.float32), tmp_path / "v")
    how = Rearrangement((4, 3), (1, 0), (3, 4))
    with pytest.raises(UnreadableSnapshotError, match="a row has 12 bytes"):
        read(rearranged(tensor, generation, how), generation)


def test_a_full_disk_is_reported_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(of: str) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(SPOOL, "create", full)
    tensor, generation = stored(np.ones((4, 3), np.float32), tmp_path / "v")
    how = Rearrangement((4, 3), (1, 0), (3, 4))
    with pytest.raises(UnreadableSnapshotError, match="set TMPDIR"):
        read(rearranged(tensor, generation, how), generation)
