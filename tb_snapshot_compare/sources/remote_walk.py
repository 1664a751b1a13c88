"""Roots in object stores and on servers: listed in the background, seldom, within limits.

Listing a store takes seconds and costs money. Each remote root is listed by a thread of its own,
so that no local root waits for it, and not again before REMOTE_SCAN_SECONDS have passed and the
pause is several times as long as the listing took.
"""

import logging
import threading
import time
from dataclasses import dataclass, field

from tb_snapshot_compare.errors import SnapshotCompareError, SnapshotGoneError
from tb_snapshot_compare.limits import (
    REMOTE_LISTING_SECONDS,
    REMOTE_SCAN_SECONDS,
    SCAN_MAX_DEPTH,
    SCAN_MAX_ENTRIES,
)
from tb_snapshot_compare.sources.entries import is_candidate_name, is_event_file
from tb_snapshot_compare.sources.roots import Root
from tb_snapshot_compare.sources.walk import Listed, Walk, Walked
from tb_snapshot_compare.storage.stores import Tree, tree_of

_IDLE_PER_LISTING = 3.0
_UNDER_WAY = "Its listing takes long. What it holds is shown as soon as it has ended."

_logger = logging.getLogger(__name__)


def walk_remote(
    root: Root, *, max_depth: int = SCAN_MAX_DEPTH, max_entries: int = SCAN_MAX_ENTRIES
) -> Walked:
    """Lists a root that is a URL. Never raises for what is, or is not, in its store."""
    if root.problem is not None:
        return Walked((), (), root.problem)
    try:
        tree = tree_of(root.path, _is_wanted, max_depth=max_depth, max_entries=max_entries)
    except SnapshotGoneError:
        return Walked(
            (),
            (),
            "There is nothing here (yet). Start the training that writes it, or check the URL.",
        )
    except SnapshotCompareError as error:
        return Walked((), (), str(error))
    walking = _RemoteWalk(root.path, max_depth, max_entries, tree=tree)
    walking.run()
    return walking.walked()


class RemoteRoots:
    """What was last listed of each remote root; see the module. For one thread."""

    def __init__(self, max_depth: int, max_entries: int, patience: float) -> None:
        """Lists nothing yet.

        Args:
          max_depth: see `walk_remote`.
          max_entries: see `walk_remote`.
          patience: seconds that the first listing of a root is waited for.
        """
        self._bounds = (max_depth, max_entries)
        self._patience = patience
        self._listings: dict[str, _Listing] = {}

    def walk(self, root: Root) -> Walked:
        """The newest listing of `root`; begins another where it is time for that."""
        listing = self._listings.setdefault(root.path, _Listing())
        if listing.is_due():
            listing.start(root, *self._bounds)
            listing.first.wait(min(self._patience, threading.TIMEOUT_MAX))
        return listing.walked


@dataclass(slots=True)
class _Listing:
    """The listings of one root, of which one at most is under way."""

    walked: Walked = field(default_factory=lambda: Walked((), (), _UNDER_WAY))
    first: threading.Event = field(default_factory=threading.Event)
    under_way: bool = False
    due: float = 0.0

    def is_due(self) -> bool:
        return not self.under_way and time.monotonic() >= self.due

    def start(self, root: Root, max_depth: int, max_entries: int) -> None:
        self.under_way = True
        name = "snapshot-list"
        arguments = (root, max_depth, max_entries)
        threading.Thread(target=self._run, args=arguments, name=name, daemon=True).start()

    def _run(self, root: Root, max_depth: int, max_entries: int) -> None:
        started = time.monotonic()
        try:
            self.walked = walk_remote(root, max_depth=max_depth, max_entries=max_entries)
        except Exception as error:  # the next listing may succeed
            _logger.exception("Listing %s failed", root.path_as_given)
            problem = f"The listing failed ({type(error).__name__}): see TensorBoard's log."
            self.walked = Walked((), (), problem)
        now = time.monotonic()
        self.due = now + max(REMOTE_SCAN_SECONDS, (now - started) * _IDLE_PER_LISTING)
        self.first.set()
        self.under_way = False


@dataclass(slots=True)
class _RemoteWalk(Walk):
    """Walks a tree that was listed before; it has no links."""

    tree: Tree = field(default_factory=Tree)

    def problem(self) -> str | None:
        """What was not seen, and what to do about it."""
        self.stopped = self.tree.stopped
        self.too_deep = sorted(self.tree.too_deep)
        unreadable, self.unreadable = self.tree.unreadable, []
        texts = [Walk.problem(self)]
        if self.tree.late:
            texts.append(
                f"Listing it ended after {REMOTE_LISTING_SECONDS:.0f} s with "
                f"{self.tree.entries:,} files. Give a URL closer to the snapshots."
            )
        if unreadable:
            texts.append(
                f"{len(unreadable):,} of its entries could not be listed (first: {unreadable[0]}). "
                "Check the permissions of the credentials."
            )
        return " ".join(filter(None, texts)) or None

    def _is_new(self, _directory: str, _visited: set[tuple[int, int]]) -> bool:
        return True

    def _list(self, directory: str, *, every_file: bool = False) -> Listed | None:  # noqa: ARG002
        files = self.tree.files.get(directory, {})
        return Listed(
            files={name: files[name] for name in files if not is_event_file(name)},
            directories=sorted(self.tree.directories.get(directory, ())),
            events=any(is_event_file(name) for name in files),
        )


def _is_wanted(name: str) -> bool:
    return is_candidate_name(name) or is_event_file(name)
