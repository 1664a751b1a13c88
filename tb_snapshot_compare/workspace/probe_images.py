"""The probe images of a run, from every source: flags, folders, TensorBoard and the page."""

import hashlib
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.errors import NotFoundError, SnapshotCompareError, SnapshotGoneError
from tb_snapshot_compare.images import ImageSet, ProbeImage
from tb_snapshot_compare.images.decoding import decode, encode_png, read_size, thumbnail
from tb_snapshot_compare.images.folder import (
    ImageFile,
    fetch_heads,
    list_folder,
    open_file,
    read_file,
)
from tb_snapshot_compare.images.summaries import SummaryImage as SummaryImage
from tb_snapshot_compare.images.summaries import SummarySource as SummarySource
from tb_snapshot_compare.images.uploads import Uploads
from tb_snapshot_compare.images.values import SetSource
from tb_snapshot_compare.limits import IMAGE_STAMPS_KEPT, THUMBNAILS_MAX_BYTES
from tb_snapshot_compare.sources import Root, RunSources, parse_roots
from tb_snapshot_compare.storage import is_remote
from tb_snapshot_compare.storage.stores import entries_in
from tb_snapshot_compare.store import default_directory
from tb_snapshot_compare.workspace.byte_lru import ByteLru
from tb_snapshot_compare.workspace.library import Workspace

RUN_FOLDER = "probe_images"
ADVICE = (
    "Start TensorBoard with --snapshot_compare_images DIR (a folder of images, or one with a "
    f"folder for each class), put a folder {RUN_FOLDER} beside the snapshots, or add images here."
)
_LOOK_AGAIN_SECONDS = 5.0

Location = ImageFile | SummaryImage


@dataclass(frozen=True, slots=True)
class _Known:
    image: ProbeImage
    location: Location


class ProbeImages:
    """Lists probe images and gives their pixels. Safe to call from any thread.

    Clients know images by opaque ids only; an id that was never listed is none.
    """

    def __init__(
        self,
        workspace: Workspace,
        directories: Sequence[Root] = (),
        uploads: Uploads | None = None,
        summaries: SummarySource | None = None,
    ) -> None:
        """Looks at no file yet.

        Args:
          workspace: knows the runs.
          directories: shown for every run.
          uploads: keeps what is given in the page; None keeps it as long as this object.
          summaries: what TensorBoard has read.
        """
        self._workspace = workspace
        self._directories = tuple(directories)
        self._uploads = uploads or Uploads(None)
        self._summaries = summaries
        self._lock = threading.Lock()
        self._known: OrderedDict[str, _Known | str] = OrderedDict()
        self._sets: dict[str, ImageSet] = {}
        self._thumbnails: ByteLru[memoryview] = ByteLru(THUMBNAILS_MAX_BYTES)
        self._looked_again = -_LOOK_AGAIN_SECONDS

    @classmethod
    def of_flags(
        cls,
        workspace: Workspace,
        directories: str,
        cache: str,
        summaries: SummarySource | None,
    ) -> "ProbeImages":
        """As TensorBoard's flags describe it.

        Args:
          workspace: knows the runs.
          directories: `NAME:PATH` or `PATH`, separated by commas.
          cache: as for `Workspace.of_directories`.
          summaries: what TensorBoard has read.
        """
        base = Path(cache).expanduser() if cache else default_directory()
        uploads = Uploads(None if cache == "none" else base / "uploads")
        return cls(workspace, parse_roots(None, None, directories), uploads, summaries)

    @property
    def directories(self) -> tuple[str, ...]:
        """The folders of the flag, as absolute paths."""
        return tuple(root.path for root in self._directories)

    def sets(self, run: str) -> tuple[ImageSet, ...]:
        """Every set with an image or a problem: of the flag, the run, TensorBoard, the page.

        Raises:
          NotFoundError: no such run.
        """
        sources = self._workspace.run(run)
        found = (
            *self._of_flag(),
            *self._of_run(sources),
            *self._of_summaries(sources),
            self._of_uploads(sources),
        )
        sets = tuple(each for each in found if each.images or each.problem)
        with self._lock:
            self._sets |= {each.id: each for each in sets}
        return sets

    def set(self, set_id: str) -> ImageSet:
        """A listed set, as it was when it was listed last.

        Raises:
          NotFoundError: no such set.
        """
        if set_id not in self._sets:
            self._look_again()
        if set_id not in self._sets:
            raise NotFoundError(f"No set of images has the id {set_id!r}. Reload the list.")
        return self._sets[set_id]

    def image(self, image_id: str) -> ProbeImage:
        """A listed image.

        Raises:
          NotFoundError: no such image, or it was replaced.
        """
        return self._find(image_id).image

    def set_of(self, image_id: str) -> ImageSet:
        """The listed set that holds an image.

        Raises:
          NotFoundError: no such image.
        """
        self._find(image_id)
        for each in tuple(self._sets.values()):
            if any(image.id == image_id for image in each.images):
                return each
        raise NotFoundError(f"No set holds the image {image_id!r} any more. Reload the list.")

    def pixels(self, image_id: str) -> NDArray[np.uint8]:
        """An image's pixels, uint8 [height, width, 3], RGB.

        Raises:
          NotFoundError: no such image.
          SnapshotGoneError: its file was deleted.
          SnapshotChangedError: its file was replaced.
          UnreadableSnapshotError: its file is damaged.
        """
        known = self._find(image_id)
        return decode(self._bytes(known.location), known.image.name)

    def png(self, image_id: str, size: Literal["thumb", "full"]) -> bytes:
        """An image as PNG, encoded by us; see `pixels` for the errors."""
        if size == "full":
            return encode_png(self.pixels(image_id))
        known = self._find(image_id)
        kept = self._thumbnails.get(
            image_id,
            lambda: memoryview(thumbnail(self._bytes(known.location), known.image.name)),
        )
        return bytes(kept)

    def upload(self, run: str, name: str, data: bytes) -> ImageSet:
        """Keeps a PNG or JPEG for a run.

        Returns:
          All uploads of the run.

        Raises:
          NotFoundError: no such run.
          InvalidRequestError: it is no PNG or JPEG, damaged, or too large.
          UnreadableSnapshotError: it cannot be kept.
        """
        sources = self._workspace.run(run)
        self._uploads.add(self._place(sources), name, data)
        listed = self._of_uploads(sources)
        with self._lock:
            self._sets[listed.id] = listed
        return listed

    def _of_flag(self) -> Iterator[ImageSet]:
        for root in self._directories:
            if root.problem is None:
                yield self._of_folder(root.path, root.name, "directory", follow=True)
            else:
                yield ImageSet(_id(root.key), root.name, "directory", (), (), 0, root.problem)

    def _of_run(self, run: RunSources) -> Iterator[ImageSet]:
        """The folder beside the snapshots, and the one of the whole root."""
        seen = set()
        for root, directory in self._places(run.name):
            for below, name in ((directory, RUN_FOLDER), (root.path, f"{RUN_FOLDER} of all runs")):
                folder = os.path.join(below, RUN_FOLDER)
                if folder not in seen and _is_there(folder):
                    seen.add(folder)
                    yield self._of_folder(folder, name, "run", follow=False)

    def _of_folder(self, path: str, name: str, source: SetSource, *, follow: bool) -> ImageSet:
        try:
            folder = list_folder(path, follow=follow)
        except SnapshotCompareError as error:
            return ImageSet(_id(path), name, source, (), (), 0, str(error))
        fetch_heads(file for file in folder.files if file.id not in self._known)
        images, problems = self._listed((file, file.name, file.label) for file in folder.files)
        problem = " ".join((*folder.problems, *problems)) or None
        return ImageSet(_id(path), name, source, folder.classes, images, folder.truncated, problem)

    def _of_summaries(self, run: RunSources) -> Iterator[ImageSet]:
        if self._summaries is None:
            return
        found = self._summaries.image_summaries(run.event_runs)
        several_runs = len({image.run for image in found}) > 1
        counts: dict[tuple[str, str], int] = {}
        for image in found:
            counts[image.run, image.tag] = counts.get((image.run, image.tag), 0) + 1
        images = []
        for image in found:
            name = f"{image.run}/{image.tag}" if several_runs else image.tag
            if counts[image.run, image.tag] > 1:
                name += f" {image.index + 1}"
            images.append(ProbeImage(image.id, name, None, image.width, image.height))
            self._remember(image.id, _Known(images[-1], image))
        yield ImageSet(
            _id(f"summaries\0{run.name}"), "TensorBoard images", "summaries", (), tuple(images)
        )

    def _of_uploads(self, run: RunSources) -> ImageSet:
        place = self._place(run)
        images, _ = self._listed((each.file, each.name, None) for each in self._uploads.list(place))
        return ImageSet(_id(f"upload\0{place}"), "Uploads", "upload", (), images)

    def _listed(
        self, files: Iterable[tuple[ImageFile, str, int | None]]
    ) -> tuple[tuple[ProbeImage, ...], list[str]]:
        """The images of files with their sizes, and what is wrong with the others."""
        images, reasons = [], []
        for file, name, label in files:
            known = self._known.get(file.id)
            if known is None:
                known = _examine(file, name, label)
                self._remember(file.id, known)
            if isinstance(known, str):
                reasons.append(known)
            elif known.image.label == label:
                images.append(known.image)
            else:  # the names of the classes have changed
                images.append(
                    ProbeImage(file.id, name, label, known.image.width, known.image.height)
                )
                self._remember(file.id, _Known(images[-1], file))
        if len(reasons) > 1:
            reasons = [f"{len(reasons):,} images cannot be read, one of them: {reasons[0]}"]
        return tuple(images), reasons

    def _bytes(self, location: Location) -> bytes:
        if isinstance(location, ImageFile):
            return read_file(location)
        content = None if self._summaries is None else self._summaries.image_bytes(location)
        if content is None:
            raise SnapshotGoneError(
                f"TensorBoard has the image {location.tag} no more. Reload the list of images."
            )
        return content

    def _find(self, image_id: str) -> _Known:
        known = self._known.get(image_id)
        if known is None:
            self._look_again()
            known = self._known.get(image_id)
        if not isinstance(known, _Known):
            raise NotFoundError(
                f"No image has the id {image_id!r}: it may have been replaced. Reload the list."
            )
        return known

    def _look_again(self) -> None:
        """Lists everything, for a page that knows ids from before a restart."""
        with self._lock:
            now = time.monotonic()
            if now - self._looked_again < _LOOK_AGAIN_SECONDS:
                return
            self._looked_again = now
        for run in self._workspace.catalog().runs:
            self.sets(run.name)

    def _remember(self, image_id: str, known: _Known | str) -> None:
        with self._lock:
            self._known[image_id] = known
            self._known.move_to_end(image_id)
            while len(self._known) > IMAGE_STAMPS_KEPT:
                self._known.popitem(last=False)

    def _place(self, run: RunSources) -> str:
        """The run's directory, which no other logdir has."""
        return next((directory for _, directory in self._places(run.name)), run.name)

    def _places(self, run: str) -> Iterator[tuple[Root, str]]:
        """The roots that may hold the run, with its directory."""
        for root in self._workspace.catalog().roots:
            if not root.name:
                place = root.path if run == "." else os.path.join(root.path, run)
                yield root, place
            elif run == root.name or run.startswith(f"{root.name}/"):
                below = run[len(root.name) + 1 :]
                yield root, os.path.join(root.path, below) if below else root.path


def version(sets: Sequence[ImageSet]) -> str:
    """Changes when anything in the sets does."""
    return hashlib.blake2b(repr(sets).encode(), digest_size=8).hexdigest()


def _examine(file: ImageFile, name: str, label: int | None) -> _Known | str:
    try:
        with open_file(file) as stream:
            width, height = read_size(stream, name)
    except SnapshotCompareError as error:
        return str(error)
    return _Known(ProbeImage(file.id, name, label, width, height), file)


def _is_there(folder: str) -> bool:
    """Whether a folder is there; one that cannot be examined is listed, which says why."""
    if not is_remote(folder):
        return os.path.lexists(folder)
    try:
        return bool(entries_in(folder))
    except SnapshotGoneError:
        return False
    except SnapshotCompareError:
        return True


def _id(what: str) -> str:
    return hashlib.blake2b(what.encode(), digest_size=8).hexdigest()
