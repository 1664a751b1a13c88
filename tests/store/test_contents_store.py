"""What is known of contents: kept on disk, rebuildable, bounded."""

import logging
import os
import sqlite3
from pathlib import Path

import pytest

from tb_snapshot_compare.store import ContentStore
from tb_snapshot_compare.store.contents import NAME


def key(number: int) -> bytes:
    return number.to_bytes(16, "little")


def test_entries_are_there_for_the_next_process(tmp_path: Path) -> None:
    entries = {key(n): bytes([n % 256]) * n for n in range(1_200)}
    ContentStore(tmp_path / "cache").put(entries)
    assert ContentStore(tmp_path / "cache").get([*entries, key(9_999)]) == entries


def test_nothing_is_kept_without_a_directory() -> None:
    store = ContentStore(None)
    store.put({key(1): b"x"})
    assert store.get([key(1)]) == {}
    assert not store.keeps


def test_asking_makes_no_file(tmp_path: Path) -> None:
    assert ContentStore(tmp_path / "cache").get([key(1)]) == {}
    assert not (tmp_path / "cache").exists()


def test_a_damaged_file_is_begun_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = ContentStore(tmp_path)
    store.put({key(n): os.urandom(500) for n in range(100)})
    (tmp_path / NAME).write_bytes(b"not a database at all, but of some length" * 100)
    with caplog.at_level(logging.WARNING):
        assert store.get([key(1)]) == {}
    assert len(caplog.records) == 1
    store.put({key(1): b"again"})
    assert store.get([key(1)]) == {key(1): b"again"}


def test_a_damaged_entry_is_unknown(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    store.put({key(1): b"one", key(2): b"two"})
    with sqlite3.connect(tmp_path / NAME) as connection:
        longer = "UPDATE contents SET value = CAST(value || 'x' AS BLOB) WHERE key = ?"
        connection.execute(longer, (key(1),))
    connection.close()
    assert store.get([key(1), key(2)]) == {key(2): b"two"}


def test_a_place_that_cannot_be_written_is_harmless(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = ContentStore(tmp_path / "file" / "cache")
    with caplog.at_level(logging.WARNING):
        store.put({key(1): b"x"})
        store.put({key(2): b"x"})
    assert len(caplog.records) == 1


def test_the_oldest_go_when_there_are_too_many(tmp_path: Path) -> None:
    store = ContentStore(tmp_path, max_bytes=1_000_000)
    for n in range(40):
        store.put({key(n): os.urandom(50_000)})
    kept = store.get([key(n) for n in range(40)])
    assert key(39) in kept
    assert key(0) not in kept
    assert 500_000 < sum(map(len, kept.values())) <= 1_000_000
    assert (tmp_path / NAME).stat().st_size < 2_000_000
