"""What lies where in stores: the questions that readers and scans ask, answered synchronously."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tb_snapshot_compare.errors import SnapshotGoneError, UnreadableSnapshotError
from tb_snapshot_compare.limits import REMOTE_LISTING_SECONDS
from tb_snapshot_compare.snapshot import RemoteStatus
from tb_snapshot_compare.storage import drivers
from tb_snapshot_compare.storage.addresses import masked, problem_of, protocol_of, tidied
from tb_snapshot_compare.storage.drivers import Driver, Entry, patiently
from tb_snapshot_compare.storage.faults import Fault, fault_of, missing_driver, raise_remote
from tb_snapshot_compare.storage.remote_file import RemoteFile

_DRIVERS: dict[str, Driver] = {}
_LOCK = threading.Lock()


def open_remote(url: str) -> RemoteFile:
    """Opens a file of a store.

    Raises:
      SnapshotGoneError: there is none.
      UnreadableSnapshotError: it is a directory, not permitted, or its store fails; a
        MissingDriverError where what reads it is not installed.
    """
    status = status_of(url)
    if status is None:
        raise UnreadableSnapshotError(
            f"{masked(url)} is a directory, not a file. Give the URL of a file."
        )
    return RemoteFile(_driver(url), url, status)


def as_listed(url: str, status: RemoteStatus) -> RemoteFile:
    """A file with the content that a listing told of; whether it is still there shows on reading.

    Raises:
      UnreadableSnapshotError: the URL is refused, or what reads it is not installed.
    """
    return RemoteFile(_driver(url), url, status)


def start_of(url: str, length: int) -> bytes:
    """The first `length` bytes of a file, or all of a shorter one.

    Raises: as `open_remote`.
    """
    file = open_remote(url)
    content = bytearray(min(length, file.status.st_size))
    file.read_into(0, memoryview(content))
    return bytes(content)


def status_of(url: str) -> RemoteStatus | None:
    """The status of a file, None for a directory.

    Raises: as `open_remote`.
    """
    driver = _driver(url)
    try:
        return drivers.run(patiently(lambda: driver.status(url)))
    except Exception as error:  # every driver raises errors of its own
        raise_remote(url, error)


def entries_in(url: str) -> list[Entry]:
    """What lies in a directory, sorted by name.

    Raises: as `open_remote`.
    """
    driver = _driver(url)
    try:
        found = drivers.run(patiently(lambda: driver.entries(url)))
    except Exception as error:  # every driver raises errors of its own
        raise_remote(url, error)
    if not found:
        raise SnapshotGoneError(f"There is nothing at {masked(url)}. Check the URL.")
    return sorted(found, key=lambda entry: entry.name)


@dataclass(slots=True)
class Tree:
    """What lies below a directory, by the relative paths of directories (`.` is itself).

    `stopped` says that there is more than was listed, `late` that the time was over,
    `too_deep` and `unreadable` name directories whose content is not known.
    """

    files: dict[str, dict[str, RemoteStatus]] = field(default_factory=dict)
    directories: dict[str, set[str]] = field(default_factory=dict)
    entries: int = 0
    stopped: bool = False
    late: bool = False
    too_deep: set[str] = field(default_factory=set)
    unreadable: list[str] = field(default_factory=list)


def tree_of(url: str, wanted: Callable[[str], bool], *, max_depth: int, max_entries: int) -> Tree:
    """Lists everything below `url`, files only where `wanted` says so of their names.

    Raises: as `open_remote`, where `url` itself cannot be listed.
    """
    driver = _driver(url)
    listing = _Listing(driver, url, wanted, max_depth, max_entries)
    try:
        drivers.run(listing.run())
    except Exception as error:  # every driver raises errors of its own
        raise_remote(url, error)
    return listing.tree


@dataclass(slots=True)
class _Listing:
    driver: Driver
    url: str
    wanted: Callable[[str], bool]
    max_depth: int
    max_entries: int
    tree: Tree = field(default_factory=Tree)
    deadline: float = field(default_factory=lambda: time.monotonic() + REMOTE_LISTING_SECONDS)

    async def run(self) -> None:
        """Lists by pages where the store can, else directory by directory."""
        flat = self.driver.flat(self.url)
        if flat is None:
            await self._by_directory()
            return
        async for path, status in flat:
            if not self._counted():
                return
            directory, slash, name = path.rpartition("/")
            directory = directory if slash else "."
            if self._seen(directory) and self.wanted(name):
                self.tree.files.setdefault(directory, {})[name] = status
        if not self.tree.entries:
            raise FileNotFoundError(self.url)

    def _counted(self) -> bool:
        """Whether one more entry may be taken in."""
        self.tree.entries += 1
        self.tree.stopped = self.tree.entries > self.max_entries
        self.tree.late = time.monotonic() > self.deadline
        return not (self.tree.stopped or self.tree.late)

    def _seen(self, directory: str) -> bool:
        """Notes a directory and those above it; False where it lies too deep."""
        if directory == "." or directory in self.tree.directories:
            return True
        parts = directory.split("/")
        if "" in parts or "." in parts or ".." in parts:
            return False
        above = "."
        for number, part in enumerate(parts, 1):
            path = "/".join(parts[:number])
            if number > self.max_depth:
                self.tree.too_deep.add(path)
                return False
            self.tree.directories.setdefault(above, set()).add(part)
            self.tree.directories.setdefault(path, set())
            above = path
        return True

    async def _by_directory(self) -> None:
        level = ["."]
        depth = 0
        while level and not (self.tree.stopped or self.tree.late):
            below: list[str] = []
            for directory in level:
                await self._list(directory, below)
                if self.tree.stopped or self.tree.late:
                    return
            depth += 1
            if depth > self.max_depth:
                self.tree.too_deep.update(below)
                return
            level = below

    async def _list(self, directory: str, below: list[str]) -> None:
        url = self.url if directory == "." else f"{self.url}/{directory}"
        try:
            entries = await patiently(lambda: self.driver.entries(url))
        except Exception as error:  # every driver raises errors of its own
            if directory == ".":
                raise
            if fault_of(error) is not Fault.GONE:
                self.tree.unreadable.append(directory)
            return
        if directory == "." and not entries:
            raise FileNotFoundError(url)
        for entry in sorted(entries, key=lambda each: each.name):
            if not self._counted():
                return
            if entry.name in (".", ".."):
                continue
            path = entry.name if directory == "." else f"{directory}/{entry.name}"
            if entry.is_directory:
                self.tree.directories.setdefault(directory, set()).add(entry.name)
                below.append(path)
            elif self.wanted(entry.name):
                await self._add(directory, entry, f"{url}/{entry.name}")

    async def _add(self, directory: str, entry: Entry, url: str) -> None:
        status = entry.status
        if status is None:
            try:
                status = await patiently(lambda: self.driver.status(url))
            except Exception as error:  # every driver raises errors of its own
                if fault_of(error) is not Fault.GONE:
                    self.tree.unreadable.append(f"{directory}/{entry.name}")
                return
        if status is not None:
            self.tree.files.setdefault(directory, {})[entry.name] = status


def _driver(url: str) -> Driver:
    problem = problem_of(url)
    if problem is not None:
        raise UnreadableSnapshotError(problem)
    protocol = protocol_of(tidied(url))
    with _LOCK:
        driver = _DRIVERS.get(protocol)
        if driver is None:
            try:
                driver = _DRIVERS[protocol] = drivers.made(url)
            except (ImportError, ValueError) as error:
                raise missing_driver(url, error) from error
        return driver
