"""The streaming of extents: block boundaries, byte order, checksums, short files."""

import errno
import itertools
import os
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tb_snapshot_compare.errors import (
    SnapshotChangedError,
    SnapshotGoneError,
    UnreadableSnapshotError,
)
from tb_snapshot_compare.readers import TensorReader, check_generation, generation_of
from tb_snapshot_compare.snapshot import Extent, TensorInfo


def stored(path: Path, array: np.ndarray[Any, Any], **changes: Any) -> TensorInfo:
    """Writes `array` to `path` and describes it as one extent."""
    path.write_bytes(array.tobytes())
    fields: dict[str, Any] = {
        "key": "w",
        "name": "w",
        "dtype": array.dtype.name,
        "shape": array.shape,
        "extents": (Extent(str(path), 0, array.nbytes),),
    }
    return TensorInfo(**(fields | changes))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    count=st.integers(0, 300),
    cuts=st.lists(st.integers(0, 2400), max_size=6),
    elements=st.integers(1, 40),
    dtype=st.sampled_from(["float64", "float32", "float16", "int8", "complex64"]),
)
def test_blocks_joined_are_the_array_however_it_is_cut(
    tmp_path: Path, count: int, cuts: list[int], elements: int, dtype: str
) -> None:
    array = np.arange(count).astype(dtype)
    ends = sorted({0, array.nbytes, *(cut for cut in cuts if cut < array.nbytes)})
    path = tmp_path / "data"
    extents = tuple(
        Extent(str(path), start, end - start) for start, end in itertools.pairwise(ends)
    )
    tensor = stored(path, array, extents=extents, crc32c=google_crc32c.value(array.tobytes()))
    with TensorReader() as reader:
        blocks = [block.copy() for block in reader.read_blocks(tensor, block_elements=elements)]
    assert all(len(block) == elements for block in blocks[:-1])
    assert sum(map(len, blocks)) == count
    assert all(block.dtype == array.dtype for block in blocks)
    if blocks:
        assert np.array_equal(np.concatenate(blocks), array)


def test_two_dtypes_stay_in_step(tmp_path: Path) -> None:
    a = stored(tmp_path / "a", np.arange(1000, dtype=np.float16))
    b = stored(tmp_path / "b", np.arange(1000, dtype=np.float64))
    with TensorReader() as reader:
        pairs = zip(
            reader.read_blocks(a, block_elements=64),
            reader.read_blocks(b, block_elements=64),
            strict=True,
        )
        assert all(np.array_equal(x, y) for x, y in pairs)


def test_blocks_share_one_buffer(tmp_path: Path) -> None:
    tensor = stored(tmp_path / "a", np.arange(100, dtype=np.int32))
    with TensorReader() as reader:
        first, second, *_ = list(reader.read_blocks(tensor, block_bytes=40))
    assert np.shares_memory(first, second)


@pytest.mark.parametrize("dtype", ["float32", "int16", "complex64", "uint8", "float64"])
def test_big_endian_values_come_out_native(tmp_path: Path, dtype: str) -> None:
    array = np.arange(9).astype(dtype)
    swapped = array.astype(array.dtype.newbyteorder(">"))
    tensor = stored(
        tmp_path / "a",
        swapped,
        dtype=dtype,
        byteorder="big",
        crc32c=google_crc32c.value(swapped.tobytes()),
    )
    with TensorReader() as reader:
        assert np.array_equal(reader.read_array(tensor), array)


def test_scalar_is_one_block_of_one_element(tmp_path: Path) -> None:
    tensor = stored(tmp_path / "a", np.array(7, dtype=np.int64))
    with TensorReader() as reader:
        assert [block.tolist() for block in reader.read_blocks(tensor)] == [[7]]
        assert reader.read_array(tensor).shape == ()


def test_wrong_checksum_is_raised_after_the_last_block(tmp_path: Path) -> None:
    tensor = stored(tmp_path / "a", np.arange(8.0), crc32c=1)
    seen = []
    with TensorReader() as reader, pytest.raises(UnreadableSnapshotError, match="checksum"):
        seen.extend(len(block) for block in reader.read_blocks(tensor, block_elements=3))
    assert seen == [3, 3, 2]
    with TensorReader() as reader:
        assert sum(len(b) for b in reader.read_blocks(tensor, verify=False)) == 8


def test_short_file_names_offset_wanted_and_got(tmp_path: Path) -> None:
    tensor = stored(tmp_path / "a", np.arange(8.0))
    os.truncate(tmp_path / "a", 20)
    with (
        TensorReader() as reader,
        pytest.raises(UnreadableSnapshotError, match=r"/a is truncated: 64 .* offset 0, got 20"),
    ):
        list(reader.read_blocks(tensor))


@pytest.mark.parametrize("says", [True, False], ids=["told", "not told"])
@pytest.mark.parametrize("cached", [0, 7, 64, 200, 320])
def test_from_the_first_byte_that_is_not_in_memory_on_the_next_block_is_fetched_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cached: int, says: bool
) -> None:
    """The first `cached` bytes are in memory, and what was fetched; `says`: the system tells."""
    array = np.arange(40.0)
    tensor = stored(tmp_path / "a", array)
    read, fetched = os.preadv, []
    there = [(0, cached)]

    def of_memory(descriptor: int, buffers: Any, offset: int, flags: int = 0) -> int:
        if not flags:
            return read(descriptor, buffers, offset)
        if not says:
            raise OSError(errno.EOPNOTSUPP, "")
        known = [stop for start, stop in there if start <= offset < stop]
        if not known:
            raise OSError(errno.EAGAIN, "")
        return read(descriptor, [buffers[0][: known[0] - offset]], offset)

    def fetch(_: int, offset: int, length: int, __: int) -> None:
        fetched.append(offset)
        there.append((offset, offset + length))

    monkeypatch.setattr(os, "RWF_NOWAIT", 8, raising=False)
    monkeypatch.setattr(os, "preadv", of_memory)
    monkeypatch.setattr(os, "posix_fadvise", fetch, raising=False)
    with TensorReader() as reader:
        blocks = [block.copy() for block in reader.read_blocks(tensor, block_elements=8)]
    assert np.array_equal(np.concatenate(blocks), array)
    whole = cached // 64 if says else 0
    assert fetched == [64, 128, 192, 256][whole:]


def test_file_truncated_between_blocks_is_an_error(tmp_path: Path) -> None:
    tensor = stored(tmp_path / "a", np.arange(1000.0))
    with TensorReader() as reader:
        blocks = reader.read_blocks(tensor, block_elements=100)
        next(blocks)
        os.truncate(tmp_path / "a", 1000)
        with pytest.raises(UnreadableSnapshotError, match="truncated"):
            list(blocks)


def test_extents_that_do_not_hold_the_shape_are_refused(tmp_path: Path) -> None:
    tensor = stored(tmp_path / "a", np.arange(8.0), shape=(9,))
    with (
        TensorReader() as reader,
        pytest.raises(UnreadableSnapshotError, match=r"stored 64 bytes, shape \(9,\)"),
    ):
        list(reader.read_blocks(tensor))


def test_fifo_is_refused_without_waiting(tmp_path: Path) -> None:
    tensor = stored(tmp_path / "a", np.arange(8.0))
    (tmp_path / "a").unlink()
    os.mkfifo(tmp_path / "a")
    with TensorReader() as reader, pytest.raises(UnreadableSnapshotError, match="regular file"):
        list(reader.read_blocks(tensor))


def test_large_tensor_is_not_read_whole(tmp_path: Path) -> None:
    tensor = stored(tmp_path / "a", np.arange(8.0))
    with TensorReader() as reader, pytest.raises(UnreadableSnapshotError, match="in blocks"):
        reader.read_array(tensor, limit=63)


def test_replaced_file_is_not_read_with_old_extents(tmp_path: Path) -> None:
    tensor = stored(tmp_path / "a", np.arange(8.0))
    generation = generation_of([str(tmp_path / "a")])
    check_generation(generation)
    stored(tmp_path / "new", np.arange(8.0) + 1)
    os.replace(tmp_path / "new", tmp_path / "a")
    with TensorReader(generation) as reader, pytest.raises(SnapshotChangedError):
        list(reader.read_blocks(tensor))
    with pytest.raises(SnapshotChangedError):
        check_generation(generation)
    (tmp_path / "a").unlink()
    with TensorReader(generation) as reader, pytest.raises(SnapshotGoneError):
        list(reader.read_blocks(tensor))
    with pytest.raises(SnapshotGoneError):
        check_generation(generation)


def test_generation_digest_tells_two_indexes_of_one_stamp_apart(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x")
    one, two = (generation_of([str(path)], content) for content in (b"x", b"y"))
    assert one.stamps == two.stamps
    assert one.digest != two.digest


def descriptors_of(path: Path) -> int:
    """How often this process has a file open."""
    found = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{name}") == str(path)
        except FileNotFoundError:  # another thread's, closed meanwhile
            continue
    return found


def test_descriptors_are_opened_once_and_closed(tmp_path: Path) -> None:
    tensor = stored(tmp_path / "a", np.arange(8.0))
    path = Path(tensor.extents[0].path)
    with TensorReader() as reader:
        for _ in range(50):
            reader.read_array(tensor)
        assert descriptors_of(path) == 1
    assert descriptors_of(path) == 0
