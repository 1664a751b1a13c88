"""What the user wrote is kept, removed, or said not to be."""

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
