import os
import stat
from pathlib import Path

import pytest

from tb_snapshot_compare.store import ResultStore, default_directory


def test_what_was_put_is_got(tmp_path: Path) -> None:
    store = ResultStore(tmp_path / "cache")
    store.put("key", b"payload")
    assert store.get("key") == b"payload"
    assert ResultStore(tmp_path / "cache").get("key") == b"payload"
    assert store.get("other") is None


def test_the_directory_is_private(tmp_path: Path) -> None:
    ResultStore(tmp_path / "cache").put("key", b"payload")
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700


def test_nothing_is_created_before_the_first_write(tmp_path: Path) -> None:
    assert ResultStore(tmp_path / "cache").get("key") is None
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("position", [0, 8, 16, -1])
def test_a_damaged_entry_is_dropped(tmp_path: Path, position: int) -> None:
    store = ResultStore(tmp_path)
    store.put("key", b"payload")
    (entry,) = tmp_path.iterdir()
    damaged = bytearray(entry.read_bytes())
    damaged[position] ^= 1
    entry.write_bytes(damaged)
    assert store.get("key") is None
    assert list(tmp_path.iterdir()) == []


def test_a_truncated_entry_is_dropped(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.put("key", b"payload")
    (entry,) = tmp_path.iterdir()
    entry.write_bytes(entry.read_bytes()[:5])
    assert store.get("key") is None


def test_an_entry_under_another_key_is_not_believed(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.put("one", b"payload")
    (entry,) = tmp_path.iterdir()
    store.put("two", b"other")
    other = next(path for path in tmp_path.iterdir() if path != entry)
    os.replace(entry, other)
    assert store.get("two") is None


def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    store = ResultStore(tmp_path, max_bytes=3 * (16 + 100))
    for number, key in enumerate("abc"):
        store.put(key, bytes(100))
        for path in tmp_path.iterdir():
            status = path.stat()
            if status.st_mtime > 1_000_000_000:
                os.utime(path, (number + 1, number + 1))
    assert store.get("a") is not None
    store.put("d", bytes(100))
    assert store.get("b") is None
    assert store.get("a") is not None
    assert store.get("d") is not None


def test_an_unwritable_cache_costs_nothing_but_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file_in_the_way = tmp_path / "cache"
    file_in_the_way.write_text("")
    store = ResultStore(file_in_the_way)
    store.put("key", b"payload")
    store.put("key", b"payload")
    assert store.get("key") is None
    assert caplog.text.count("--snapshot_compare_cache_dir") == 1


def test_a_store_without_a_directory_keeps_nothing() -> None:
    store = ResultStore(None)
    store.put("key", b"payload")
    assert store.get("key") is None


def test_the_default_directory_follows_the_users_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert default_directory() == Path("/somewhere/tb_snapshot_compare")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert default_directory() == Path("/home/somebody/.cache/tb_snapshot_compare")
