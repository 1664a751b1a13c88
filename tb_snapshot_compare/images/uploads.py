"""Pictures given in the page: re-encoded, bounded in number and bytes, kept for their run."""

import hashlib
import os
import shutil
import tempfile
import threading
import time
import weakref
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tb_snapshot_compare.errors import SnapshotCompareError, UnreadableSnapshotError
from tb_snapshot_compare.images.decoding import decode_upload, encode_png, read_title
from tb_snapshot_compare.images.folder import ImageFile, list_folder
from tb_snapshot_compare.limits import (
    UPLOAD_EDGE,
    UPLOAD_NAME_MAX_CHARACTERS,
    UPLOADS_MAX,
    UPLOADS_MAX_BYTES,
)


@dataclass(frozen=True, slots=True)
class Upload:
    """A kept picture and the name that its sender gave it."""

    file: ImageFile
    name: str


class Uploads:
    """A directory with a folder of PNG files for each run; safe to call from any thread."""

    def __init__(
        self,
        directory: Path | None,
        per_run: int = UPLOADS_MAX,
        max_bytes: int = UPLOADS_MAX_BYTES,
    ) -> None:
        """Keeps pictures in `directory` (0700); None for one that ends with this object."""
        self._directory = directory
        self._per_run = per_run
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._last = 0

    def list(self, run: str) -> tuple[Upload, ...]:
        """The uploads of a run, oldest first; damaged files are left out.

        Args:
          run: what tells the run from all others, of this and any other logdir.
        """
        if self._directory is None:
            return ()
        try:
            files = list_folder(str(self._folder(run)), follow=False).files
        except SnapshotCompareError:
            return ()
        kept = []
        for file in files:
            with suppress(UnreadableSnapshotError, OSError), open(file.stamp.path, "rb") as stream:
                kept.append(Upload(file, read_title(stream, file.name)))
        return tuple(kept)

    def add(self, run: str, name: str, data: bytes) -> None:
        """Decodes and keeps a PNG or JPEG; the oldest go when there are too many.

        Raises:
          InvalidRequestError: it is no PNG or JPEG, damaged, or too large.
          UnreadableSnapshotError: it cannot be written.
        """
        shown = _shown(name)
        content = encode_png(decode_upload(data, shown, UPLOAD_EDGE), shown)
        with self._lock:
            try:
                folder = self._folder(run)
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._write(folder / f"{self._next():020d}.png", content)
                self._evict(folder)
            except OSError as error:
                raise UnreadableSnapshotError(
                    f"{shown} cannot be kept ({error.strerror}). Choose another place with "
                    "--snapshot_compare_cache_dir, or put the image into a folder that is given "
                    "with --snapshot_compare_images."
                ) from error

    def _folder(self, run: str) -> Path:
        if self._directory is None:
            temporary = tempfile.mkdtemp(prefix="tb_snapshot_compare_")
            weakref.finalize(self, shutil.rmtree, temporary, ignore_errors=True)
            self._directory = Path(temporary)
        return self._directory / hashlib.blake2b(run.encode(), digest_size=12).hexdigest()

    def _next(self) -> int:
        """Grows from call to call, over restarts too."""
        self._last = max(self._last + 1, time.time_ns())
        return self._last

    def _write(self, path: Path, content: bytes) -> None:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(temporary, path)
        except OSError:
            with suppress(OSError):
                os.unlink(temporary)
            raise

    def _evict(self, folder: Path) -> None:
        assert self._directory is not None
        for path in sorted(folder.glob("*.png"))[: -self._per_run]:
            path.unlink(missing_ok=True)
        kept = sorted(self._directory.glob("*/*.png"), key=lambda path: path.name)
        excess = sum(path.stat().st_size for path in kept) - self._max_bytes
        for path in kept[:-1]:
            if excess <= 0:
                return
            excess -= path.stat().st_size
            path.unlink(missing_ok=True)


def _shown(name: str) -> str:
    """The last part of a path, on one line."""
    last = name.replace("\\", "/").rpartition("/")[2]
    kept = "".join(character for character in last if character.isprintable()).strip()
    return kept[:UPLOAD_NAME_MAX_CHARACTERS] or "image"
