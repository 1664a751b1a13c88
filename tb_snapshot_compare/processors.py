"""How many processors this process may use."""

import os


def available() -> int:
    """The processors that the process is bound to (`taskset`, cpusets), at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
