"""Lists, opens, reads and compares hostile files, and reports what each did to this process.

Run as a program with a JSON file of `{story: path}` and a folder of sound snapshots, one in each
format; prints a JSON object of what became of each. The sound ones are opened first, so that
whatever the program itself imports, compiles or starts is done before anything hostile is met.
Python's own doings are seen by an audit hook; what a library does in C would show in the file
that every hostile one tries to write.
"""

import importlib
import json
import os
import pkgutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from typing import Any

_WATCHED_WORDS = """
    compile ctypes.dlopen exec import marshal.loads os.exec os.fork os.posix_spawn os.remove
    os.rename os.spawn os.system pickle.find_class shutil.rmtree socket.bind socket.connect
    socket.getaddrinfo subprocess.Popen urllib.Request
"""
WATCHED = frozenset(_WATCHED_WORDS.split())
"""`import` counts too: what is imported while a file is open was asked for by the file."""
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Watch:
    """An audit hook: what happened since `clear` that no snapshot may cause."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.allowed: tuple[str, ...] = ()
        self._spool = os.path.realpath(tempfile.gettempdir()) + "/tb_snapshot_compare_"
        self._on = False

    def start(self) -> None:
        """Installs the hook, which cannot be taken off again."""
        sys.addaudithook(self._hook)

    def __enter__(self) -> None:
        self._on = True

    def __exit__(self, *_: object) -> None:
        self._on = False

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._on:
            return
        if event == "os.remove" and str(arguments[0]).startswith(self._spool):
            return
        if event in WATCHED:
            self.events.append(f"{event} {arguments!r:.300}")
        elif event == "open":
            path, mode, flags = arguments
            self._opened(path, mode, flags)

    def _opened(self, path: object, mode: object, flags: int) -> None:
        if not isinstance(path, str | bytes):
            return
        name = os.path.abspath(os.fsdecode(path))
        if name.startswith(self._spool):
            return
        writes = flags & _WRITES or (isinstance(mode, str) and mode.strip("rbt"))
        if writes or not name.startswith(self.allowed):
            self.events.append(f"open {name} {mode!r}")


def main() -> None:
    """Tries every file, in the order given."""
    listing, sound = sys.argv[1:]
    with open(listing, encoding="utf-8") as file:
        paths: dict[str, str] = json.load(file)
    from tb_snapshot_compare.limits import SETTLE_SECONDS
    from tb_snapshot_compare.readers.child_process import CHILD

    time.sleep(SETTLE_SECONDS)
    import_readers()
    warm = sorted(os.path.join(sound, name) for name in os.listdir(sound))
    for _ in range(2):
        for path in warm:
            assert attempt(path)["outcome"] == "whole", attempt(path)
            listed(sound)
    watch = Watch()
    watch.start()
    results = {}
    for story, path in paths.items():
        results[story] = measured(path, watch, lambda: CHILD.pid)
    for path in warm:
        assert attempt(path)["outcome"] == "whole", attempt(path)
    print(json.dumps(results))


def import_readers() -> None:
    """Imports every reader that runs in this process, which the program does when it meets one."""
    from tb_snapshot_compare import readers

    for module in pkgutil.iter_modules(readers.__path__):
        if not module.name.endswith(("_child", "_walk")):
            importlib.import_module(f"{readers.__name__}.{module.name}")


def measured(path: str, watch: Watch, child: Callable[[], int | None]) -> dict[str, Any]:
    """What became of one file: `attempt`'s and `listed`'s answers, and what it cost."""
    folder = path if os.path.isdir(path) else os.path.dirname(path)
    watch.events.clear()
    watch.allowed = (folder + os.sep, folder)
    helper = child()
    before, child_before = reset_peak(os.getpid()), reset_peak(helper)
    descriptors = len(os.listdir("/proc/self/fd"))
    started, worked = time.monotonic(), time.process_time()
    with watch:
        answer = attempt(path)
        states = listed(folder)
    seconds, worked = time.monotonic() - started, time.process_time() - worked
    same_child = child() == helper
    return {
        **answer,
        "states": states,
        "events": list(watch.events),
        "seconds": seconds,
        "worked": worked,
        "grew": peak(os.getpid()) - before,
        "child_grew": peak(helper) - child_before if same_child and helper else 0,
        "child_died": not same_child,
        "descriptors": len(os.listdir("/proc/self/fd")) - descriptors,
    }


def attempt(path: str) -> dict[str, Any]:
    """Opens, reads and compares `path` with itself, as the command line does."""
    from tb_snapshot_compare.errors import SnapshotCompareError
    from tb_snapshot_compare.readers import TensorReader
    from tb_snapshot_compare.workspace import EVERYTHING, compare, open_snapshot

    problems: list[str] = []
    compared: list[str] = []
    try:
        opened = open_snapshot(path)
        with TensorReader(opened.contents.generation) as reader:
            for tensor in opened.contents.tensors:
                if tensor.problem is not None:
                    problems.append(f"{tensor.name}: {tensor.problem}")
                elif tensor.extents:
                    try:
                        for _ in reader.read_blocks(tensor):
                            pass
                    except SnapshotCompareError as error:
                        problems.append(str(error))
        result = compare(opened, opened, scopes=EVERYTHING)
        compared = [tensor.name for tensor in result.tensors if tensor.measures is not None]
        outcome, reason = ("partly" if problems else "whole"), "\n".join(problems[:20])
        total = len(opened.contents.tensors)
        stored = sum(
            extent.length for tensor in opened.contents.tensors for extent in tensor.extents
        )
    except SnapshotCompareError as error:
        outcome, reason, total, stored = "refused", str(error), 0, 0
    except Exception as error:  # the very thing that must not happen: reported, not raised
        outcome, reason, total, stored = "UNEXPECTED", f"{type(error).__name__}: {error}", 0, 0
    return {
        "outcome": outcome,
        "reason": reason,
        "tensors": total,
        "compared": compared[:20],
        "stored": stored,
    }


def listed(folder: str) -> list[list[str | None]]:
    """Name, state and reason of every snapshot that a scan of `folder` finds."""
    from tb_snapshot_compare.workspace import list_snapshots

    found = list_snapshots(folder)
    return [[ref.name, ref.state.value, ref.reason] for run in found.runs for ref in run.snapshots]


def reset_peak(pid: int | None) -> int:
    """Starts the process's high-water mark anew; its resident bytes now."""
    if pid is None:
        return 0
    try:
        with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    except OSError:
        return 0
    return peak(pid)


def peak(pid: int | None) -> int:
    """Largest resident bytes of a process since `reset_peak`."""
    return _status(pid, "VmHWM:")


def _status(pid: int | None, field: str) -> int:
    if pid is None:
        return 0
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            lines: Iterable[str] = file.readlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


if __name__ == "__main__":
    main()
