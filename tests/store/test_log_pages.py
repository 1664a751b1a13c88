"""Pages are whole and bounded before anybody decodes them."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tb_snapshot_compare.store.log_pages import Chunk, check
from tb_snapshot_compare.store.log_segments import DamagedSegmentError


def chunks(path: Path, takes_dictionary: bool = True) -> list[Chunk]:
    """Every column of every row group."""
    metadata = pq.read_metadata(path)
    found = []
    for group in range(metadata.num_row_groups):
        for index in range(metadata.num_columns):
            column = metadata.row_group(group).column(index)
            start = column.dictionary_page_offset or column.data_page_offset
            chunk = Chunk(
                column.path_in_schema,
                start,
                column.total_compressed_size,
                column.total_uncompressed_size,
                column.num_values,
                column.encodings,
                takes_dictionary,
            )
            found.append(chunk)
    return found


def looked_at(path: Path, chunk: Chunk) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        check(descriptor, path.name, chunk)
    finally:
        os.close(descriptor)


def write(path: Path, columns: dict[str, Any], **options: Any) -> None:
    settings: dict[str, Any] = {"write_page_checksum": True, "compression": "zstd"}
    pq.write_table(pa.table(columns), path, **(settings | options))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(1, 3000),
    st.sampled_from(["zstd", "none", "snappy"]),
    st.booleans(),
    st.sampled_from([64, 1000, 1 << 20]),
    st.integers(1, 3000),
)
def test_the_pages_of_any_file_are_found(
    tmp_path: Path, rows: int, compression: str, dictionary: bool, page: int, group: int
) -> None:
    path = tmp_path / "some.parquet"
    random = np.random.default_rng(rows)
    columns = {
        "number": random.normal(size=rows),
        "name": [f"n{number % 7}" for number in range(rows)],
        "list": [None if number % 3 else [1] * (number % 5) for number in range(rows)],
    }
    write(
        path,
        columns,
        compression=compression,
        use_dictionary=dictionary,
        data_page_size=page,
        write_batch_size=64,
        row_group_size=max(group, rows // 5 + 1),
    )
    for chunk in chunks(path):
        looked_at(path, chunk)


def test_every_flipped_bit_of_a_page_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "some.parquet"
    write(path, {"number": np.arange(9.0)}, use_dictionary=False, write_statistics=False)
    (chunk,) = chunks(path)
    content = path.read_bytes()
    for place in range(chunk.start, chunk.start + chunk.length):
        for bit in range(8):
            damaged = bytearray(content)
            damaged[place] ^= 1 << bit
            path.write_bytes(damaged)
            with pytest.raises(DamagedSegmentError):
                looked_at(path, chunk)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"write_page_checksum": False}, "of another kind"),
        ({"data_page_version": "2.0"}, "of another kind"),
    ],
)
def test_other_pages_than_ours_are_refused(
    tmp_path: Path, options: dict[str, Any], reason: str
) -> None:
    path = tmp_path / "some.parquet"
    write(path, {"number": np.arange(50.0)}, use_dictionary=False, **options)
    with pytest.raises(DamagedSegmentError, match=reason):
        looked_at(path, chunks(path)[0])


def test_a_dictionary_is_refused_where_none_may_be(tmp_path: Path) -> None:
    path = tmp_path / "some.parquet"
    write(path, {"name": ["a", "b"] * 20})
    looked_at(path, chunks(path)[0])
    with pytest.raises(DamagedSegmentError, match="of another kind"):
        looked_at(path, chunks(path, takes_dictionary=False)[0])


def changed(chunk: Chunk, **changes: Any) -> Chunk:
    values = {name: getattr(chunk, name) for name in Chunk.__slots__}
    return Chunk(**(values | changes))


def test_a_chunk_that_is_not_where_it_should_be_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "some.parquet"
    write(path, {"number": np.arange(50.0)}, use_dictionary=False)
    (chunk,) = chunks(path)
    for changes, reason in [
        ({"start": 10**6}, "cut short in column number"),
        ({"length": 10**6}, "cut short in column number"),
        ({"length": chunk.length - 1}, "a page is cut short"),
        ({"values": 49}, "50 values in .* instead of 49 in"),
        ({"unpacked": chunk.unpacked + 1}, "50 values in"),
        ({"encodings": ("RLE", "RLE_DICTIONARY")}, "in another way"),
        ({"start": chunk.start + 1}, "is damaged"),
    ]:
        with pytest.raises(DamagedSegmentError, match=reason):
            looked_at(path, changed(chunk, **changes))


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"\x1c" * 50, "nested too deep"),
        (b"\x15" + b"\xff" * 20, "too long a number"),
        (b"\x1c\x1c\x18\xff\xff\x7f", "cut short"),
        (b"\x1b\x00", "field of type 11"),
        (b"\x18\x01a", "field of type 8"),
        (b"\x05\x02\x02", "other fields"),
        (b"\x15\x80\x00", "another form"),
        (b"\x00", "lacks field"),
        (b"\x15", "damaged"),
        (b"\x15\xfe\xff\xff\xff\x1f\x00", "too large a number"),
    ],
)
def test_noise_is_no_header(tmp_path: Path, header: bytes, reason: str) -> None:
    path = tmp_path / "noise"
    path.write_bytes(header)
    with pytest.raises(DamagedSegmentError, match=reason):
        looked_at(path, Chunk("a", 0, len(header), 99, 1, ("PLAIN",), True))


@given(st.binary(min_size=1, max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
def test_no_noise_is_taken_for_a_page(tmp_path: Path, noise: bytes) -> None:
    path = tmp_path / "noise"
    path.write_bytes(noise)
    with pytest.raises(DamagedSegmentError):
        looked_at(path, Chunk("a", 0, len(noise), 99, 1, ("PLAIN",), True))
