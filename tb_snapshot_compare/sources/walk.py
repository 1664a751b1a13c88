"""Walks a root: which file sets and which event directories lie in it, and what was not seen.

Every real directory is visited once, so links that form a loop end. Directories that are
reached without a link come first, so that a snapshot bears the name of its real place and not
that of a link such as `latest`. Within that, shallow directories come before deep ones: when
a bound is met, what is missing lies deep.
"""

import errno
import os
import stat
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from tb_snapshot_compare.limits import SCAN_MAX_DEPTH, SCAN_MAX_ENTRIES
from tb_snapshot_compare.snapshot import FileSet, FileStamp, FileStatus
from tb_snapshot_compare.sources.candidate import Candidate
from tb_snapshot_compare.sources.entries import (
    LOG,
    ORBAX_FILES,
    ORBAX_UNFINISHED,
    SAVED_MODEL_FILE,
    VARIABLES,
    candidates,
    is_candidate_name,
    is_event_file,
    orbax_checkpoint,
    saved_model,
)
from tb_snapshot_compare.sources.roots import Root

_NAMED = 3
"""Directories that a problem text names; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file set on disk.

    `directory` and `key` are those of the snapshot, `directory` relative to the root (`.` for
    the root itself). `stamps` covers all files, in path order. `metadata` is the path of the
    file that tells the epoch. `doubtful` as in `Candidate`.
    """

    directory: str
    key: str
    file_set: FileSet
    stamps: tuple[FileStamp, ...]
    metadata: str | None = None
    problem: str | None = None
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Walked:
    """What lies in one root; directories are relative to it, `problem` as in `Root`.

    `log_directories` hold the recorded log of a training.
    """

    found: tuple[Found, ...]
    event_directories: tuple[str, ...]
    problem: str | None
    log_directories: tuple[str, ...] = ()


def walk(
    root: Root, *, max_depth: int = SCAN_MAX_DEPTH, max_entries: int = SCAN_MAX_ENTRIES
) -> Walked:
    """Lists a local `root`; one with a problem is left alone. Never raises for what is on disk."""
    if root.problem is not None:
        return Walked((), (), root.problem)
    walking = Walk(root.path, max_depth, max_entries)
    walking.run()
    return walking.walked()


@dataclass(slots=True)
class Listed:
    """The entries of one directory that matter."""

    files: dict[str, FileStatus] = field(default_factory=dict)
    directories: list[str] = field(default_factory=list)
    linked_directories: list[str] = field(default_factory=list)
    events: bool = False
    misnamed: int = 0


@dataclass(slots=True)
class Walk:
    """Lists the directories below `base` one by one, and collects what is in them."""

    base: str
    max_depth: int
    max_entries: int
    found: list[Found] = field(default_factory=list)
    event_directories: list[str] = field(default_factory=list)
    log_directories: list[str] = field(default_factory=list)
    entries: int = 0
    too_deep: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    misnamed: int = 0
    stopped: bool = False
    base_problem: str | None = None

    def run(self) -> None:
        """Visits directories in order of depth, linked ones last."""
        visited: set[tuple[int, int]] = set()
        queue: deque[tuple[str, int]] = deque([(".", 0)])
        linked: deque[tuple[str, int]] = deque()
        while (queue or linked) and not self.stopped:
            directory, depth = queue.popleft() if queue else linked.popleft()
            if not self._is_new(directory, visited):
                continue
            listed = self._list(directory)
            if listed is None:
                continue
            self._collect(directory, listed)
            for names, ahead in (
                (listed.directories, queue),
                (listed.linked_directories, linked),
            ):
                children = [_join(directory, name) for name in sorted(names)]
                if depth < self.max_depth:
                    ahead.extend((child, depth + 1) for child in children)
                else:
                    self.too_deep += children

    def walked(self) -> Walked:
        """All that was found."""
        return Walked(
            tuple(sorted(self.found, key=lambda f: (f.directory, f.file_set.path))),
            tuple(sorted(self.event_directories)),
            self.problem(),
            tuple(sorted(self.log_directories)),
        )

    def problem(self) -> str | None:
        """What was not seen, and what to do about it."""
        texts = [self.base_problem] if self.base_problem else []
        if self.stopped:
            texts.append(
                f"The scan stopped after {self.max_entries:,} files and directories. Start "
                "TensorBoard with a directory closer to the snapshots, or add that directory "
                "with --snapshot_compare_dirs NAME:PATH."
            )
        if self.too_deep:
            texts.append(
                f"{_count(self.too_deep)} below depth {self.max_depth} not scanned "
                f"({_some(self.too_deep)}). Add what you need with "
                "--snapshot_compare_dirs NAME:PATH."
            )
        if self.unreadable:
            texts.append(
                f"{_count(self.unreadable)} not readable ({_some(self.unreadable)}). "
                "Give the user who runs TensorBoard the permission to read (chmod u+rx)."
            )
        if self.misnamed:
            texts.append(
                f"{self.misnamed:,} names are not UTF-8 and were left out. Rename these files."
            )
        return " ".join(texts) or None

    def _is_new(self, directory: str, visited: set[tuple[int, int]]) -> bool:
        try:
            status = os.stat(self._absolute(directory))
        except OSError as error:
            self._note(directory, error)
            return False
        if not stat.S_ISDIR(status.st_mode):
            if directory == ".":
                self.base_problem = (
                    "This is a file, not a directory. Give the directory that holds it."
                )
            return False
        identity = (status.st_dev, status.st_ino)
        if identity in visited:
            return False
        visited.add(identity)
        return True

    def _list(self, directory: str, *, every_file: bool = False) -> Listed | None:
        listed = Listed()
        try:
            with os.scandir(self._absolute(directory)) as entries:
                for entry in entries:
                    self.entries += 1
                    if self.entries > self.max_entries:
                        self.stopped = True
                        break
                    _sort_in(entry, listed, every_file=every_file)
        except OSError as error:
            self._note(directory, error)
            return None
        self.misnamed += listed.misnamed
        return listed

    def _note(self, directory: str, error: OSError) -> None:
        """Remembers a directory that cannot be listed; one that vanished meanwhile is none."""
        gone = error.errno in (errno.ENOENT, errno.ENOTDIR)
        if directory != ".":
            if not gone:
                self.unreadable.append(directory)
        elif gone:
            self.base_problem = (
                "This directory does not exist (yet). Start the training that writes it, or "
                "check the path."
            )
        else:
            self.unreadable.append("the directory itself")

    def _collect(self, directory: str, listed: Listed) -> None:
        if listed.events:
            self.event_directories.append(directory)
        if LOG in listed.directories:
            self.log_directories.append(directory)
            listed.directories.remove(LOG)
        own_name = os.path.basename(self._absolute(directory))
        if ORBAX_UNFINISHED in own_name or not ORBAX_FILES.isdisjoint(listed.files):
            listed.directories, listed.linked_directories = [], []
            self._collect_orbax(directory, own_name)
            return
        above = directory if directory == "." else os.path.dirname(directory) or "."
        for candidate in candidates(own_name, listed.files):
            holder = above if candidate.of_directory else directory
            self._add(directory, candidate, holder, listed.files.__getitem__)
        if SAVED_MODEL_FILE in listed.files and VARIABLES in listed.directories:
            listed.directories = [n for n in listed.directories if n not in _OF_SAVED_MODEL]
            self._collect_saved_model(directory, own_name, listed)

    def _collect_saved_model(self, directory: str, own_name: str, listed: Listed) -> None:
        inside = self._list(_join(directory, VARIABLES))
        if inside is None:
            return
        status = listed.files | {f"{VARIABLES}/{n}": s for n, s in inside.files.items()}
        holder = directory if directory == "." else os.path.dirname(directory) or "."
        candidate = saved_model(own_name, listed.files, inside.files)
        self._add(directory, candidate, holder, status.__getitem__)

    def _collect_orbax(self, directory: str, own_name: str) -> None:
        """Every file below belongs to the checkpoint; an unfinished one may have none yet."""
        status: dict[str, FileStatus] = {}
        pending = ["."]
        while pending and not self.stopped:
            inside = pending.pop()
            place = directory if inside == "." else _join(directory, inside)
            listed = self._list(place, every_file=True)
            if listed is not None:
                status |= {_join(inside, name): found for name, found in listed.files.items()}
                pending += [_join(inside, name) for name in listed.directories]
        if status:
            holder = directory if directory == "." else os.path.dirname(directory) or "."
            candidate = orbax_checkpoint(own_name, status)
            self._add(directory, candidate, holder, status.__getitem__)

    def _add(
        self,
        directory: str,
        candidate: Candidate,
        holder: str,
        status_of: Callable[[str], FileStatus],
    ) -> None:
        folder = self._absolute(directory)
        stamps = tuple(
            FileStamp.of(os.path.join(folder, name), status_of(name))
            for name in sorted(candidate.files)
        )
        metadata = candidate.metadata and os.path.join(folder, candidate.metadata)
        data = [stamp for stamp in stamps if stamp.path != metadata]
        file_set = FileSet(
            path=folder if candidate.path == "." else os.path.join(folder, candidate.path),
            format=candidate.format,
            size=sum(stamp.size for stamp in data),
            modified=max(stamp.mtime_ns for stamp in data) / 1e9,
        )
        self.found.append(
            Found(
                holder,
                candidate.key,
                file_set,
                stamps,
                metadata,
                candidate.problem,
                candidate.doubtful,
            )
        )

    def _absolute(self, directory: str) -> str:
        return self.base if directory == "." else os.path.join(self.base, directory)


_OF_SAVED_MODEL = frozenset({VARIABLES, "assets", "assets.extra"})


def _sort_in(entry: "os.DirEntry[str]", listed: Listed, *, every_file: bool) -> None:
    """Files and links whose target cannot be examined are left out: they are not snapshots."""
    name = entry.name
    try:
        name.encode()
        if entry.is_dir(follow_symlinks=False):
            listed.directories.append(name)
        elif entry.is_symlink() and entry.is_dir():
            listed.linked_directories.append(name)
        elif is_event_file(name) and not every_file:
            listed.events = listed.events or entry.is_file()
        elif every_file or is_candidate_name(name):
            status = entry.stat()
            if stat.S_ISREG(status.st_mode):
                listed.files[name] = status
    except OSError:
        return
    except UnicodeEncodeError:
        listed.misnamed += 1


def _join(directory: str, name: str) -> str:
    return name if directory == "." else f"{directory}/{name}"


def _count(directories: list[str]) -> str:
    return "1 directory is" if len(directories) == 1 else f"{len(directories):,} directories are"


def _some(directories: list[str]) -> str:
    more = ", ..." if len(directories) > _NAMED else ""
    return ", ".join(directories[:_NAMED]) + more
