"""Results on disk, keyed by what they were computed from.

One file an entry: a digest of the payload, then the payload. Files are written to a
temporary name and renamed, so that a reader sees a whole entry or none; an entry whose
digest does not match is dropped. A full or unwritable disk costs the cache, never the
result.
"""

import logging
import os
import tempfile
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from tb_snapshot_compare.limits import CACHE_MAX_BYTES

_DIGEST_BYTES = 16
_SUFFIX = ".result"

logger = logging.getLogger(__name__)


def default_directory() -> Path:
    """`tb_snapshot_compare` in the user's cache directory (XDG_CACHE_HOME or ~/.cache)."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "tb_snapshot_compare"


class ResultStore:
    """A directory of immutable entries, bounded in bytes; the least recently used go first."""

    def __init__(self, directory: Path | None, max_bytes: int = CACHE_MAX_BYTES) -> None:
        """Keeps entries in `directory` (created 0700 on the first write); None keeps nothing."""
        self._directory = directory
        self._max_bytes = max_bytes
        self._warned = False

    @property
    def directory(self) -> Path | None:
        """Where entries are kept; None for nowhere."""
        return self._directory

    def get(self, key: str) -> bytes | None:
        """The payload stored under `key`, or None."""
        if self._directory is None:
            return None
        path = self._path(key)
        try:
            entry = path.read_bytes()
        except OSError:
            return None
        digest, payload = entry[:_DIGEST_BYTES], entry[_DIGEST_BYTES:]
        if digest != _digest(key, payload):
            logger.warning("A cached result was damaged and is computed again.")
            with suppress(OSError):
                path.unlink()
            return None
        with suppress(OSError):
            os.utime(path)
        return payload

    def put(self, key: str, payload: bytes) -> None:
        """Stores `payload` under `key`; a failure is logged once and otherwise harmless."""
        if self._directory is None or len(payload) > self._max_bytes:
            return
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(self._path(key), _digest(key, payload) + payload)
            self._evict()
        except OSError as error:
            if not self._warned:
                self._warned = True
                logger.warning(
                    "Results cannot be cached in %s (%s): every comparison is computed anew. "
                    "Choose another place with --snapshot_compare_cache_dir.",
                    self._directory,
                    error.strerror,
                )

    def _path(self, key: str) -> Path:
        assert self._directory is not None
        return self._directory / (blake2b(key.encode(), digest_size=20).hexdigest() + _SUFFIX)

    def _write(self, path: Path, entry: bytes) -> None:
        handle, temporary = tempfile.mkstemp(dir=self._directory, prefix=".writing-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(entry)
            os.replace(temporary, path)
        except OSError:
            with suppress(OSError):
                os.unlink(temporary)
            raise

    def _evict(self) -> None:
        assert self._directory is not None
        found = []
        for path in self._directory.glob("*" + _SUFFIX):
            with suppress(OSError):
                status = path.stat()
                found.append((status.st_mtime_ns, status.st_size, path))
        excess = sum(size for _, size, _ in found) - self._max_bytes
        for _, size, path in sorted(found):
            if excess <= 0:
                return
            with suppress(OSError):
                path.unlink()
            excess -= size


def _digest(key: str, payload: bytes) -> bytes:
    digest = blake2b(key.encode(), digest_size=_DIGEST_BYTES)
    digest.update(payload)
    return digest.digest()
