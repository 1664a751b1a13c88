"""What the user wrote is kept, removed, or said not to be."""

import os
import time
from pathlib import Path

import pytest

from tb_snapshot_compare.store import DocumentStore


def test_a_document_is_kept_replaced_and_removed(tmp_path: Path) -> None:
    store = DocumentStore(tmp_path / "documents", 10)
    assert (store.token, store.get("key")) == ("", None)
    assert store.put("key", b"one")
    first = store.token
    assert store.put("key", b"two")
    assert store.token not in ("", first)
    assert DocumentStore(tmp_path / "documents", 10).get("key") == b"two"
    assert store.delete("key")
    assert (store.token, store.get("key")) == ("", None)


def test_what_cannot_be_removed_from_the_disk_is_not_used_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DocumentStore(tmp_path, 10)
    store.put("key", b"one")
    before = store.token

    def fail(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", fail)
    assert not store.delete("key")
    assert store.get("key") is None
    assert store.token != before
    monkeypatch.undo()
    assert store.put("key", b"two")
    assert store.get("key") == b"two"


def aged(directory: Path) -> None:
    """The last change of the directory is long ago."""
    past = time.time() - 60
    os.utime(directory, (past, past))


def test_the_token_of_a_directory_that_stays_as_it_is_is_not_listed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DocumentStore(tmp_path, 10)
    store.put("key", b"one")
    aged(tmp_path)
    token = store.token
    listed = []

    def counted(*arguments: object) -> object:
        listed.append(arguments)
        return scandir(*arguments)

    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", counted)
    assert {store.token for _ in range(100)} == {token}
    assert len(listed) <= 1
    other = DocumentStore(tmp_path, 10)
    other.put("another", b"of another process")
    assert store.token not in ("", token)


def test_the_token_follows_changes_however_soon_they_come(tmp_path: Path) -> None:
    store, other = DocumentStore(tmp_path, 10), DocumentStore(tmp_path, 10)
    tokens = []
    for number in range(200):
        (store, other)[number % 2].put("key", str(number).encode())
        tokens.append(store.token)
    assert len(set(tokens)) == len(tokens)


def test_a_document_that_is_edited_in_place_counts_after_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DocumentStore(tmp_path, 10)
    store.put("key", b"one")
    aged(tmp_path)
    before = store.token
    (document,) = tmp_path.glob("*.json")
    document.write_bytes(b"edited")
    later = time.monotonic() + 1.1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert store.token not in ("", before)
