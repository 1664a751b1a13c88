"""What the user wrote, on disk: small documents by key, each a file that can be read by itself.

Unlike results, documents are not rebuilt: only a document of its own user's replaces one, and
where the disk cannot be written they are kept in memory, and whoever saves is told so.
"""

import logging
import os
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

_SUFFIX = ".json"
_SETTLED_NS = 50_000_000
"""A directory's time of change tells the next change apart once it is so old."""
_LISTED_SECONDS = 1.0
"""A document that somebody edits in place does not change its directory."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Listing:
    """A directory of this inode and time of change, when that was looked at, and what lay there.

    `digest` is that of the documents' names and stamps; empty for none.
    """

    stamp: tuple[int, int]
    at: float
    digest: str


class DocumentStore:
    """A directory of documents, of which the oldest go when there are too many. Thread-safe."""

    def __init__(self, directory: Path | None, kept: int) -> None:
        """Keeps up to `kept` documents in `directory`; None keeps them in memory."""
        self._directory = directory
        self._kept = kept
        self._memory: dict[str, bytes | None] = {}
        """What the disk does not have, and None for what it should not have any more."""
        self._listing: _Listing | None = None
        self._lock = threading.Lock()

    def get(self, key: str) -> bytes | None:
        """The document under `key`, or None."""
        name = _name(key)
        with self._lock:
            if name in self._memory or self._directory is None:
                return self._memory.get(name)
        try:
            return (self._directory / name).read_bytes()
        except OSError:
            return None

    def put(self, key: str, document: bytes) -> bool:
        """Stores a document; False when it is in memory only."""
        name = _name(key)
        with self._lock:
            if self._directory is not None:
                try:
                    self._write(self._directory, name, document)
                except OSError as error:
                    logger.warning(
                        "Matches cannot be saved in %s (%s): they last until TensorBoard ends.",
                        self._directory,
                        error.strerror,
                    )
                else:
                    self._memory.pop(name, None)
                    return True
            self._memory[name] = document
            return False

    def delete(self, key: str) -> bool:
        """Removes the document under `key`, if there is one; False when it stays on disk.

        There it counts again once the process has ended.
        """
        name = _name(key)
        with self._lock:
            self._memory.pop(name, None)
            if self._directory is None:
                return True
            try:
                (self._directory / name).unlink(missing_ok=True)
            except OSError as error:
                logger.warning(
                    "Matches cannot be removed from %s (%s): they return when TensorBoard starts.",
                    self._directory,
                    error.strerror,
                )
                self._memory[name] = None
                return False
            return True

    @property
    def token(self) -> str:
        """A short text that changes with every change of any document; empty for none."""
        with self._lock:
            found = [
                (name, blake2b(document or b"").hexdigest())
                for name, document in self._memory.items()
            ]
        on_disk = ""
        if self._directory is not None:
            with suppress(OSError):
                on_disk = self._on_disk(self._directory)
        return _digest((on_disk, sorted(found))) if on_disk or found else ""

    def _on_disk(self, directory: Path) -> str:
        """The digest of a directory, which is listed again once it has changed."""
        status = directory.stat()
        stamp = (status.st_ino, status.st_mtime_ns)
        known, now = self._listing, time.monotonic()
        if known is not None and known.stamp == stamp and now - known.at < _LISTED_SECONDS:
            return known.digest
        settled = time.time_ns() - status.st_mtime_ns > _SETTLED_NS
        found = []
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.name.endswith(_SUFFIX):
                    with suppress(FileNotFoundError):  # removed by another process
                        of = entry.stat()
                        found.append((entry.name, of.st_mtime_ns, of.st_ino))
        digest = _digest(sorted(found)) if found else ""
        self._listing = _Listing(stamp, now, digest) if settled else None
        return digest

    def _write(self, directory: Path, name: str, document: bytes) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=directory, prefix=".writing-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(document)
            os.replace(temporary, directory / name)
        except OSError:
            with suppress(OSError):
                os.unlink(temporary)
            raise
        with suppress(OSError):  # the document is safe; another process may clear up as well
            self._drop_oldest(directory)

    def _drop_oldest(self, directory: Path) -> None:
        found = sorted(directory.glob("*" + _SUFFIX), key=lambda path: path.stat().st_mtime_ns)
        for path in found[: max(len(found) - self._kept, 0)]:
            path.unlink(missing_ok=True)


def _digest(value: object) -> str:
    return blake2b(repr(value).encode(), digest_size=6).hexdigest()


def _name(key: str) -> str:
    return blake2b(key.encode(), digest_size=20).hexdigest() + _SUFFIX
