"""A layer's distribution and its map one after the other: each uses all processors by itself.

Side by side both end when the second would have ended anyway; in turns the first ends in half of
the time.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tb_snapshot_compare.limits import MIB
from tb_snapshot_compare.snapshot import Generation
from tb_snapshot_compare.storage import is_remote
from tb_snapshot_compare.workspace.streaming import Progress

LONG_BYTES = 128 * MIB
"""A pass over fewer bytes takes some 50 ms: it need not wait, nor be waited for."""
_LOOK_SECONDS = 0.1
_PATIENCE_SECONDS = 5.0
"""Longer passes wait for a disk rather than for processors."""

_one = threading.Lock()


@contextmanager
def alone_if_long(
    nbytes: int, generations: Sequence[Generation], progress: Progress | None
) -> Iterator[None]:
    """Around a pass over so many bytes of files that a person waits for.

    Files in a store keep no processor busy, and nobody waiting.

    Raises:
      whatever `progress` raises to stop it while it waits.
    """
    stamps = (stamp for generation in generations for stamp in generation.stamps)
    alone = False
    if nbytes >= LONG_BYTES and not any(is_remote(stamp.path) for stamp in stamps):
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not alone and time.monotonic() < deadline:
            alone = _one.acquire(timeout=_LOOK_SECONDS)
            if progress is not None and not alone:
                progress(0, nbytes)
    try:
        yield
    finally:
        if alone:
            _one.release()
