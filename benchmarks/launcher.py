"""Runs one command and notes what it took: `python -I -S launcher.py RESULT LIMIT COMMAND...`.

A process of its own that imports next to nothing: the system counts the peak memory of a parent
towards that of the process it starts, so a large parent would hide what a small child needs.
"""

import json
import os
import signal
import sys
import time


def main() -> None:
    """Writes seconds, peak memory in KiB (with descendants) and the exit status as JSON.

    After LIMIT seconds, or when this program is interrupted, the command and what it has started
    are killed.
    """
    result, limit, *command = sys.argv[1:]
    started = time.perf_counter()
    child = os.posix_spawnp(command[0], command, os.environ, setpgroup=0)
    for number in (signal.SIGALRM, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os.killpg(child, signal.SIGKILL))
    signal.alarm(int(limit))
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - started
    code = os.waitstatus_to_exitcode(status)
    with open(result, "w", encoding="ascii") as file:
        json.dump({"seconds": seconds, "peak_kib": usage.ru_maxrss, "code": code}, file)


if __name__ == "__main__":
    main()
