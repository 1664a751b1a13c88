"""Long work in TensorBoard's process lets its other threads run soon."""

import gc
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_SWITCH_SECONDS = 0.0005
"""How long a thread keeps the interpreter while another waits for it. Python's 5 ms are paid for
every packet that a request reads or writes; switching costs some microseconds."""
_FULL_COLLECTIONS = 1000
"""A full collection stops every thread for 0.2 s where TensorBoard and the names of 12,345 tensors
are in memory, and finds nothing: young garbage is collected as ever."""

_NICENESS = 10

_lock = threading.Lock()
_at_work = 0
_before: tuple[float, tuple[int, int, int]] = (0.0, (0, 0, 0))


@contextmanager
def yielding() -> Iterator[None]:
    """Around long work; when the last one ends the interpreter is as it was before the first."""
    global _at_work, _before
    with _lock:
        if not _at_work:
            _before = sys.getswitchinterval(), gc.get_threshold()
            interval, (young, middle, old) = _before
            sys.setswitchinterval(min(interval, _SWITCH_SECONDS))
            gc.set_threshold(young, middle, max(old, _FULL_COLLECTIONS))
        _at_work += 1
    try:
        yield
    finally:
        with _lock:
            _at_work -= 1
            if not _at_work:
                sys.setswitchinterval(_before[0])
                gc.set_threshold(*_before[1])


def be_nice() -> None:
    """Lets other threads go first, where threads have a priority of their own (Linux)."""
    with suppress(AttributeError, OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
