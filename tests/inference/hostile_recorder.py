"""Run as a program: builds configurations as the child does, and records what Python audits.

Reads {name: text} as JSON from standard input; writes {name: [error, text, events, MiB, seconds]}.
"""

import json
import os
import resource
import sys
import time
from typing import Any

WATCHED = {
    "compile",
    "ctypes.dlopen",
    "exec",
    "marshal.loads",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.system",
    "pickle.find_class",
    "socket.connect",
    "socket.getaddrinfo",
    "subprocess.Popen",
    "urllib.Request",
}


def main() -> None:
    from tb_snapshot_compare.errors import SnapshotCompareError
    from tb_snapshot_compare.inference.child import warm_up

    texts = json.load(sys.stdin)
    sys.setrecursionlimit(10_000)
    warm_up()
    from tb_snapshot_compare.inference.keras_network import open_keras
    from tb_snapshot_compare.inference.values import ModelSource

    events: list[str] = []
    libraries = (os.path.realpath(sys.prefix), os.path.dirname(os.__file__), sys.base_prefix)

    def record(event: str, arguments: tuple[Any, ...]) -> None:
        if event in WATCHED:
            events.append(f"{event} {arguments!r:.200}")
        if event == "open" and not str(arguments[0]).startswith((*libraries, "/proc/self/status")):
            events.append(f"open {arguments!r:.200}")

    sys.addaudithook(record)
    results = {}
    for name, text in texts.items():
        events.clear()
        before, started = _peak(), time.monotonic()
        error, words = "", ""
        try:
            open_keras(ModelSource("keras", config=text))
        except SnapshotCompareError as caught:
            error, words = type(caught).__name__, str(caught)
        seconds = time.monotonic() - started
        results[name] = [error, words, list(events), _peak() - before, seconds]
    print(json.dumps(results))


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
