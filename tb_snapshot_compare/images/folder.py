"""Which pictures lie in a folder, and their bytes; only regular files that really lie in it.

Either the folder holds pictures, or folders of classes that do (with one further level of folders
in each). Every step from the folder to a file is opened relative to the last one and without
following a link, so that nothing outside is ever read, whatever is replaced meanwhile.
"""

import hashlib
import io
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO

from tb_snapshot_compare.errors import (
    NotFoundError,
    SnapshotChangedError,
    SnapshotCompareError,
    SnapshotGoneError,
    UnreadableSnapshotError,
)
from tb_snapshot_compare.images import class_names, remote_folder
from tb_snapshot_compare.images.class_names import ClassNames
from tb_snapshot_compare.images.decoding import SUFFIXES
from tb_snapshot_compare.images.remote_folder import RemoteStream
from tb_snapshot_compare.limits import (
    CLASS_NAMES_MAX_BYTES,
    IMAGE_ENTRIES_MAX,
    IMAGE_FILE_MAX_BYTES,
    IMAGES_MAX,
)
from tb_snapshot_compare.snapshot import FileStamp
from tb_snapshot_compare.storage import is_remote
from tb_snapshot_compare.storage.stores import Tree

_SAFELY = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CLASS_DEPTH = 2
_NAMED = 3


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A picture's file: `parts` lead to it from `folder`, `label` is the index of its class."""

    folder: str
    parts: tuple[str, ...]
    stamp: FileStamp
    label: int | None

    @property
    def id(self) -> str:
        """Opaque; changes when the file does."""
        what = repr((self.folder, self.stamp))
        return hashlib.blake2b(what.encode(), digest_size=12).hexdigest()

    @property
    def name(self) -> str:
        """The path as seen from the folder."""
        return "/".join(self.parts)


@dataclass(frozen=True, slots=True)
class Folder:
    """What lies in a folder, by class and name.

    `truncated` counts pictures beyond the limit; then every class keeps as many as any other, as
    far as it has them. `problems` are sentences.
    """

    classes: tuple[str, ...]
    files: tuple[ImageFile, ...]
    truncated: int
    problems: tuple[str, ...]


def list_folder(folder: str, *, follow: bool) -> Folder:
    """Lists the pictures of `folder`.

    Args:
      folder: an absolute path or a URL.
      follow: whether the folder itself may be a link.

    Raises:
      NotFoundError: there is no such folder.
      UnreadableSnapshotError: it cannot be listed.
    """
    walk = _Walk(folder)
    given, problems = None, []
    if is_remote(folder):
        walk.collect_remote(remote_folder.tree(folder, _CLASS_DEPTH))
        try:
            given = _given_remotely(walk.names)
        except SnapshotCompareError as error:
            problems.append(str(error))
    else:
        with _opened(folder, (), follow=follow) as root:
            walk.collect(root, ())
            try:
                given = _given_names(root)
            except SnapshotCompareError as error:
                problems.append(str(error))
    names, labels = _labels(walk, given)
    unknown = sorted(labelled for labelled in walk.folders_with_images if labelled not in labels)
    if unknown:
        problems.append(
            f"{_some(unknown)} {'is' if len(unknown) == 1 else 'are'} in no class of "
            f"{class_names.FILE}: add {'it' if len(unknown) == 1 else 'them'} there."
        )
    found = sorted(walk.found)
    files = [ImageFile(folder, parts, stamp, _label(parts, labels)) for parts, stamp in found]
    kept = _evenly(files)
    return Folder(names, kept, len(files) - len(kept), (*problems, *walk.problems()))


def read_file(file: ImageFile) -> bytes:
    """The content of a listed picture.

    Raises:
      SnapshotGoneError: it was deleted.
      SnapshotChangedError: it was replaced since it was listed.
      UnreadableSnapshotError: it cannot be read, or has more bytes than a picture may have.
    """
    with open_file(file) as stream:
        if file.stamp.size > IMAGE_FILE_MAX_BYTES:
            raise UnreadableSnapshotError(
                f"{file.name} has {file.stamp.size:,} bytes; a picture may have "
                f"{IMAGE_FILE_MAX_BYTES:,}. Save it with fewer pixels."
            )
        return stream.read(file.stamp.size)


@contextmanager
def open_file(file: ImageFile) -> Iterator[IO[bytes]]:
    """A listed picture, open for reading; see `read_file` for the errors."""
    if is_remote(file.folder):
        with io.BufferedReader(RemoteStream(remote_folder.opened(file.stamp))) as stream:
            yield stream
        return
    with _opened(file.folder, file.parts, follow=True) as descriptor:
        if _stamp(file.stamp.path, os.fstat(descriptor)) != file.stamp:
            raise SnapshotChangedError(
                f"{file.name} was replaced since it was listed. Reload the list of images."
            )
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            yield stream


def fetch_heads(files: Iterable[ImageFile]) -> None:
    """Fetches what tells the sizes of remote pictures, many at once; of local ones nothing."""
    remote_folder.fetch_heads([file.stamp for file in files if is_remote(file.folder)])


@dataclass(slots=True)
class _Walk:
    folder: str
    found: list[tuple[tuple[str, ...], FileStamp]] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    folders_with_images: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    entries: int = 0
    names: FileStamp | None = None

    def collect_remote(self, tree: Tree) -> None:
        """Adds what was listed of a folder in a store."""
        self.entries = tree.entries
        self.folders = sorted(tree.directories.get(".", ()))
        self.unreadable = sorted(tree.unreadable)
        for directory, files in tree.files.items():
            parts = () if directory == "." else tuple(directory.split("/"))
            for name, status in files.items():
                stamp = FileStamp.of("/".join((self.folder, *parts, name)), status)
                if name == class_names.FILE:
                    self.names = stamp if not parts else self.names
                elif not any(part.startswith(".") for part in parts):
                    self._note((*parts, name), stamp)

    def collect(self, descriptor: int, parts: tuple[str, ...]) -> None:
        """Adds what lies in an open folder, and in the folders in it."""
        inside: list[str] = []
        with os.scandir(descriptor) as entries:
            for entry in entries:
                self.entries += 1
                if self.entries > IMAGE_ENTRIES_MAX:
                    break
                self._sort_in(entry, parts, inside)
        if not parts:
            self.folders = sorted(inside)
        for name in sorted(inside):
            try:
                with _below(descriptor, name, os.O_DIRECTORY) as child:
                    self.collect(child, (*parts, name))
            except OSError:
                self.unreadable.append("/".join((*parts, name)))

    def problems(self) -> Iterator[str]:
        """What was not listed, and what to do about it."""
        if self.links:
            yield (
                f"{_count(self.links, 'link')} not followed ({_some(self.links)}). Copy the "
                "files, or give the folder that they lie in with --snapshot_compare_images."
            )
        if self.unreadable:
            yield (
                f"{_count(self.unreadable, 'entry', 'entries')} not readable "
                f"({_some(self.unreadable)}). Grant it with: chmod -R u+rX"
            )
        if self.entries > IMAGE_ENTRIES_MAX:
            yield (
                f"The search stopped after {IMAGE_ENTRIES_MAX:,} files and folders. Give a folder "
                "with fewer."
            )

    def _sort_in(
        self, entry: "os.DirEntry[str]", parts: tuple[str, ...], inside: list[str]
    ) -> None:
        name = entry.name
        if name.startswith(".") or name == class_names.FILE:
            return
        try:
            name.encode()
            if entry.is_symlink():
                self.links.append("/".join((*parts, name)))
            elif entry.is_dir(follow_symlinks=False):
                if len(parts) < _CLASS_DEPTH:
                    inside.append(name)
            elif os.path.splitext(name)[1].lower() in SUFFIXES:
                self._add(entry, (*parts, name))
        except UnicodeEncodeError:
            self.unreadable.append(repr(name)[1:-1])
        except OSError:
            self.unreadable.append("/".join((*parts, name)))

    def _add(self, entry: "os.DirEntry[str]", parts: tuple[str, ...]) -> None:
        status = entry.stat(follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            return
        self._note(parts, _stamp(os.path.join(self.folder, *parts), status))

    def _note(self, parts: tuple[str, ...], stamp: FileStamp) -> None:
        self.found.append((parts, stamp))
        if len(parts) > 1:
            self.folders_with_images.add(parts[0])


def _labels(walk: _Walk, given: ClassNames | None) -> tuple[tuple[str, ...], dict[str, int]]:
    if given is not None:
        return given.names, given.indices()
    if not walk.folders_with_images:
        return (), {}
    names = class_names.of_folders(walk.folders)
    return names.names, names.indices()


def _label(parts: tuple[str, ...], labels: dict[str, int]) -> int | None:
    return labels.get(parts[0]) if len(parts) > 1 else None


def _evenly(files: list[ImageFile]) -> tuple[ImageFile, ...]:
    if len(files) <= IMAGES_MAX:
        return tuple(files)
    seen: dict[tuple[str, ...], int] = {}
    ranks = []
    for file in files:
        group = file.parts[:-1][:1]
        ranks.append(seen.get(group, 0))
        seen[group] = ranks[-1] + 1
    chosen = sorted(range(len(files)), key=ranks.__getitem__)[:IMAGES_MAX]
    return tuple(files[index] for index in sorted(chosen))


def _given_names(root: int) -> ClassNames | None:
    try:
        with _below(root, class_names.FILE) as descriptor:
            size = os.fstat(descriptor).st_size
            _check_names_size(size)
            return class_names.parse(_content(descriptor, size))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnreadableSnapshotError(
            f"{class_names.FILE} cannot be read ({error.strerror}). Replace it by a regular file "
            "that may be read."
        ) from error


def _given_remotely(stamp: FileStamp | None) -> ClassNames | None:
    if stamp is None:
        return None
    _check_names_size(stamp.size)
    return class_names.parse(remote_folder.content(stamp, stamp.size))


def _check_names_size(size: int) -> None:
    if size > CLASS_NAMES_MAX_BYTES:
        raise UnreadableSnapshotError(
            f"{class_names.FILE} has {size:,} bytes, more than the "
            f"{CLASS_NAMES_MAX_BYTES:,} that are read. List the classes' names only."
        )


def _content(descriptor: int, size: int) -> bytes:
    pieces = []
    while size > 0 and (piece := os.read(descriptor, size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


@contextmanager
def _opened(folder: str, parts: tuple[str, ...], *, follow: bool) -> Iterator[int]:
    """The descriptor of `folder`, or of the file that `parts` lead to from it."""
    name = "/".join((os.path.basename(folder), *parts))
    descriptor = -1
    try:
        flags = _SAFELY & ~os.O_NOFOLLOW if follow else _SAFELY
        descriptor = os.open(folder, flags | os.O_DIRECTORY)
        for depth, part in enumerate(parts, 1):
            kind = os.O_DIRECTORY if depth < len(parts) else 0
            below = os.open(part, _SAFELY | kind, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        if parts and not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UnreadableSnapshotError(f"{name} is not a regular file, so it is not read.")
        yield descriptor
    except FileNotFoundError as error:
        if parts:
            raise SnapshotGoneError(
                f"{name} was deleted since it was listed. Reload the list of images."
            ) from error
        raise NotFoundError(f"There is no folder {name}. Check the path that was given.") from error
    except OSError as error:
        raise UnreadableSnapshotError(
            f"{name} cannot be read ({error.strerror}). Links are not followed; give a folder "
            "that may be read with --snapshot_compare_images."
        ) from error
    finally:
        if descriptor >= 0:
            with suppress(OSError):
                os.close(descriptor)


@contextmanager
def _below(descriptor: int, name: str, flags: int = 0) -> Iterator[int]:
    child = os.open(name, _SAFELY | flags, dir_fd=descriptor)
    try:
        yield child
    finally:
        os.close(child)


def _stamp(path: str, status: os.stat_result) -> FileStamp:
    return FileStamp.of(path, status)


def _some(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")


def _count(names: list[str], one: str, many: str | None = None) -> str:
    return f"1 {one} is" if len(names) == 1 else f"{len(names):,} {many or one + 's'} are"
