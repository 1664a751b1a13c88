"""The matches that the user has corrected, kept for the two networks that they are of.

A correction holds for all snapshots of two networks: the key is the names and shapes of their
weights. A pair in the other direction has the same corrections, the other way round.
"""

import hashlib
import logging
import threading
from collections import OrderedDict
from pathlib import Path

from tb_snapshot_compare.errors import InvalidRequestError
from tb_snapshot_compare.limits import MATCH_SETS_KEPT
from tb_snapshot_compare.snapshot import Generation, SnapshotContents
from tb_snapshot_compare.store import DocumentStore
from tb_snapshot_compare.workspace.match_files import (
    Corrections,
    format_matches,
    parse_matches,
)

_DIRECTORY = "matches"
_NETWORKS_KEPT = 64

logger = logging.getLogger(__name__)


class SavedCorrections:
    """Corrections by pair of networks. Safe to call from any thread."""

    def __init__(self, cache: Path | None) -> None:
        """Keeps them below the directory `cache`; None keeps them in memory."""
        directory = None if cache is None else cache / _DIRECTORY
        self._store = DocumentStore(directory, MATCH_SETS_KEPT)
        self._networks: OrderedDict[Generation, str] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def token(self) -> str:
        """Changes with every change of any corrections; empty where there are none."""
        return self._store.token

    def get(self, a: SnapshotContents, b: SnapshotContents) -> Corrections:
        """The corrections of the pair; those that cannot be read are none, and logged."""
        if not self.token:
            return ()
        key, turned = self._key(a, b)
        document = self._store.get(key)
        if document is None:
            return ()
        try:
            matches = parse_matches(document, "The saved matches")
        except InvalidRequestError as error:
            logger.warning("%s They are not used.", error)
            return ()
        return _turned(matches) if turned else matches

    def put(self, a: SnapshotContents, b: SnapshotContents, matches: Corrections) -> bool:
        """Replaces the corrections of the pair, by none where there are none.

        Returns False when they will not outlast the process.
        """
        key, turned = self._key(a, b)
        if not matches:
            return self._store.delete(key)
        kept = _turned(matches) if turned else matches
        return self._store.put(key, format_matches(kept).encode())

    def _key(self, a: SnapshotContents, b: SnapshotContents) -> tuple[str, bool]:
        """The key of a pair of networks, and whether it is that of b and a."""
        of_a, of_b = self._network(a), self._network(b)
        first, second = sorted((of_a, of_b))
        return f"{first} {second}", of_a > of_b

    def _network(self, contents: SnapshotContents) -> str:
        """The digest of a network, which is asked for with every request."""
        with self._lock:
            known = self._networks.get(contents.generation)
        if known is not None:
            return known
        found = _network(contents)
        with self._lock:
            self._networks[contents.generation] = found
            while len(self._networks) > _NETWORKS_KEPT:
                self._networks.popitem(last=False)
        return found


def _turned(matches: Corrections) -> Corrections:
    return tuple(match.swapped for match in matches)


def _network(contents: SnapshotContents) -> str:
    weights = sorted((t.name, t.shape) for t in contents.tensors if t.scope == "weights")
    return hashlib.blake2b(repr(weights).encode(), digest_size=16).hexdigest()
