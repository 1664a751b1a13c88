"""What is known of contents, on disk: many small entries by key, in one SQLite file.

Rebuildable, like results: an entry carries a digest, and a file that is damaged is begun anew. A
disk that is full, read-only or locked by others costs time, never a result.
"""

import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from hashlib import blake2b
from pathlib import Path

from tb_snapshot_compare.limits import CONTENTS_MAX_BYTES

NAME = "contents.sqlite"
_DIGEST_BYTES = 8
_WAIT_SECONDS = 2.0
"""For another process that writes."""
_KEYS_AT_ONCE = 500
_KEPT_SHARE = 0.75
"""How much of the bound is left when the oldest entries go."""

logger = logging.getLogger(__name__)


class ContentStore:
    """Immutable entries by key; the oldest go when there are too many bytes. Thread-safe."""

    def __init__(self, directory: Path | None, max_bytes: int = CONTENTS_MAX_BYTES) -> None:
        """Keeps entries in a file of `directory`; None keeps nothing."""
        self._path = None if directory is None else directory / NAME
        self._max_bytes = max_bytes
        self._warned = False

    @property
    def keeps(self) -> bool:
        """Whether there is a place for entries."""
        return self._path is not None

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """The entries that are known."""
        found: dict[bytes, bytes] = {}
        if self._path is None or not keys or not self._path.exists():
            return found

        def read(connection: sqlite3.Connection) -> None:
            for start in range(0, len(keys), _KEYS_AT_ONCE):
                some = keys[start : start + _KEYS_AT_ONCE]
                marks = ",".join("?" * len(some))
                found.update(
                    connection.execute(
                        f"SELECT key, value FROM contents WHERE key IN ({marks})",  # noqa: S608
                        some,
                    )
                )

        self._connected(read)
        return {
            key: value[_DIGEST_BYTES:]
            for key, value in found.items()
            if value[:_DIGEST_BYTES] == _digest(key, value[_DIGEST_BYTES:])
        }

    def put(self, entries: Mapping[bytes, bytes]) -> None:
        """Stores entries; those under keys that exist already replace them."""
        if self._path is None or not entries:
            return

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "INSERT OR REPLACE INTO contents (key, value) VALUES (?, ?)",
                ((key, _digest(key, value) + value) for key, value in entries.items()),
            )
            self._drop_oldest(connection)

        self._connected(write)

    def _connected(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """Does `work` and keeps its changes; a failure is logged once."""
        assert self._path is not None
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._path, timeout=_WAIT_SECONDS)) as connection:
                connection.execute("PRAGMA synchronous=OFF")  # a lost entry is found again
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS contents "
                    "(number INTEGER PRIMARY KEY, key BLOB UNIQUE, value BLOB)"
                )
                with connection:
                    work(connection)
        except sqlite3.OperationalError as error:
            self._warn(error)
        except sqlite3.DatabaseError as error:
            self._warn(error)
            with suppress(OSError):
                self._path.unlink()
        except OSError as error:
            self._warn(error)

    def _drop_oldest(self, connection: sqlite3.Connection) -> None:
        (page,), (used,), (free,) = (
            connection.execute(f"PRAGMA {name}").fetchone()
            for name in ("page_size", "page_count", "freelist_count")
        )
        if (used - free) * page <= self._max_bytes:
            return
        excess = (used - free) * page - int(_KEPT_SHARE * self._max_bytes)
        last = 0
        for number, size in connection.execute(
            "SELECT number, LENGTH(value) FROM contents ORDER BY number"
        ):
            if excess <= 0:
                break
            last, excess = number, excess - size
        connection.execute("DELETE FROM contents WHERE number <= ?", (last,))

    def _warn(self, error: Exception) -> None:
        if not self._warned:
            self._warned = True
            logger.warning(
                "What is known of tensors cannot be kept in %s (%s): they are read again.",
                self._path,
                error,
            )


def _digest(key: bytes, value: bytes) -> bytes:
    return blake2b(key + value, digest_size=_DIGEST_BYTES).digest()
