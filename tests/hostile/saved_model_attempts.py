"""Opens and runs SavedModels one after the other, and reports what each did to this process.

Run as a program with paths on its command line, the first of which is harmless; writes a JSON
list of outcomes. Python's own doings are seen by an audit hook; what TensorFlow does in C++ would
show in the files that the models try to write.
"""

import json
import os
import resource
import sys
import time
from typing import Any

_WATCHED_WORDS = """
    compile ctypes.dlopen exec marshal.loads os.exec os.fork os.posix_spawn os.remove os.rename
    os.spawn os.system pickle.find_class shutil.rmtree socket.bind socket.connect
    socket.getaddrinfo subprocess.Popen urllib.Request
"""
WATCHED = frozenset(_WATCHED_WORDS.split())
MEMORY_BYTES = 12 * 1024**3


def main() -> None:
    good, *paths = sys.argv[1:]
    from tb_snapshot_compare.inference import saved_model_runner

    saved_model_runner.GRAPH_RUN_SECONDS = 2.0
    for _ in range(2):
        attempt(good)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    events: list[str] = []
    watch(events, [os.path.abspath(path) + os.sep for path in paths])
    outcomes = []
    for path in paths:
        events.clear()
        outcome = attempt(path)
        outcomes.append({**outcome, "events": list(events)})
    assert attempt(good)["ran"]
    print(json.dumps(outcomes))


def attempt(path: str) -> dict[str, Any]:
    import numpy as np

    from tb_snapshot_compare.errors import SnapshotCompareError
    from tb_snapshot_compare.inference.saved_model_runner import GraphModel

    started = time.monotonic()
    error = kind = ""
    try:
        model = GraphModel(path)
        model.set_weights(
            {tensor.name: np.ones(tensor.shape, "float32") for tensor in model.tensors.values()}
        )
        model.run(np.ones((1, 4, 4, 3), "float32"), [], predictions=True)
    except SnapshotCompareError as raised:
        error, kind = str(raised), type(raised).__name__
    return {
        "ran": not error,
        "error": error,
        "kind": kind,
        "seconds": time.monotonic() - started,
        "resident": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def watch(events: list[str], readable: list[str]) -> None:
    """Notes every event of WATCHED, and every file opened that is not a model's own."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in WATCHED:
            events.append(f"{event} {arguments!r:.200}")
        elif event == "open":
            path, mode, flags = arguments
            writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) or (mode and "r" not in mode)
            if writes or not str(path).startswith(tuple(readable)):
                events.append(f"open {path!r} {mode!r}")

    sys.addaudithook(hook)


if __name__ == "__main__":
    main()
