"""What tells contents apart: checksums that files state, and digests of what was read."""

import itertools
import zlib
from typing import Any

import google_crc32c
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.readers import (
    PartPrinter,
    check_values,
    checked_identity,
    crc32c,
    digest_identity,
    stored_identity,
)
from tb_snapshot_compare.snapshot import Extent, TensorInfo

HEADER = b"what precedes the values"


def tensor(content: bytes, **checksums: Any) -> TensorInfo:
    return TensorInfo(
        "w", "w", "uint8", (len(content),), (Extent("w", 0, len(content)),), **checksums
    )


def stated(content: bytes) -> list[TensorInfo]:
    before = zlib.crc32(HEADER)
    return [
        tensor(content, crc32c=google_crc32c.value(content)),
        tensor(content, crc32=(before, zlib.crc32(HEADER + content))),
        tensor(content, unread_crc32=zlib.crc32(content)),
    ]


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=2000), st.lists(st.integers(0, 2000), max_size=5))
def test_parts_have_the_checksum_of_the_whole(content: bytes, cuts: list[int]) -> None:
    ends = [0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]
    for info in stated(content):
        prints = []
        for start, stop in itertools.pairwise(ends):
            printer = PartPrinter(info, digest=False, believed=True)
            printer(memoryview(content)[start:stop])
            prints.append(printer.finish())
        assert checked_identity(info, prints, believed=True) is None
        check_values(info, memoryview(content), believed=True)


def test_damage_is_found_whole_and_in_parts() -> None:
    content, damaged = bytes(range(200)), bytes([1, *range(1, 200)])
    for info in stated(content):
        with pytest.raises(UnreadableSnapshotError, match="checksum"):
            check_values(info, memoryview(damaged), believed=True)
        printer = PartPrinter(info, digest=True, believed=True)
        printer(memoryview(damaged))
        with pytest.raises(UnreadableSnapshotError, match="checksum"):
            checked_identity(info, [printer.finish()], believed=True)


def test_what_takes_too_long_is_checked_where_it_was_believed_only() -> None:
    info = tensor(b"content", unread_crc32=1)
    assert not PartPrinter(info, digest=False).wanted
    assert PartPrinter(info, digest=False, believed=True).wanted
    check_values(info, memoryview(b"content"))


def test_an_identity_is_of_the_bytes() -> None:
    content = np.random.default_rng(0).bytes(5000)
    names = {digest_identity(memoryview(content)), digest_identity(memoryview(content[:-1]))}
    assert len(names) == 2
    assert stored_identity(tensor(content)) is None
    assert len({stored_identity(info) for info in stated(content)}) == 3
    whole = PartPrinter(tensor(content), digest=True)
    for start in range(0, 5000, 700):
        whole(memoryview(content)[start : start + 700])
    assert checked_identity(tensor(content), [whole.finish()]) in names


def test_without_the_interpreters_lock_the_checksum_is_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = np.random.default_rng(0).bytes(70_000)
    for start, size in ((0, 0), (0, 1), (5, 69_000)):
        block = np.frombuffer(content, np.uint8)[start : start + size]
        expected = google_crc32c.extend(7, content[start : start + size])
        assert crc32c.extend_crc32c(7, block) == expected
        assert crc32c.extend_crc32c(7, memoryview(content)[start : start + size]) == expected
    monkeypatch.setattr(crc32c, "_library_function", lambda: None)
    assert crc32c.extend_crc32c(7, memoryview(content)) == google_crc32c.extend(7, content)
