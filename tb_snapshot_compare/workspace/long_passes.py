"""Long passes over weights one after the other: each uses all processors by itself.

Side by side two passes both end when the second would have ended anyway; in turns the first ends
in half of the time.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tb_snapshot_compare.limits import MIB
from tb_snapshot_compare.workspace.streaming import Progress

LONG_BYTES = 128 * MIB
"""A pass over fewer bytes takes some 50 ms: it need not wait, nor be waited for."""
_LOOK_SECONDS = 0.1

_one = threading.Lock()


@contextmanager
def alone_if_long(nbytes: int, progress: Progress | None) -> Iterator[None]:
    """Around a pass over so many bytes that a person waits for.

    Raises:
      whatever `progress` raises to stop it while it waits.
    """
    if nbytes < LONG_BYTES:
        yield
        return
    while not _one.acquire(timeout=_LOOK_SECONDS):
        if progress is not None:
            progress(0, nbytes)
    try:
        yield
    finally:
        _one.release()
