"""The compiled kernels are made ready beside TensorBoard, not in it.

Compiling takes some twenty seconds once after an installation, in which a process answers
late; so it is done in a process of its own, and this one only loads what that one kept on disk.
Compiled code belongs to a process, and so does this state: nothing happens before `enable`.
"""

import hashlib
import logging
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from tb_snapshot_compare import __version__
from tb_snapshot_compare.analysis import warming
from tb_snapshot_compare.analysis.loading import load_without_blas as load_without_blas
from tb_snapshot_compare.inference.process import library_paths
from tb_snapshot_compare.workspace.yielding import yielding

SECONDS_MAX = 300.0
"""So long after it was wanted, the first block compiles what it needs, in this process."""
_AT_ONCE, _LATER = ("float32",), ("float64", "float16", "bfloat16")
"""Weights of these types; nobody waits for the latter."""
_NEAR = Path(__file__).parents[1] / "analysis" / "__pycache__"
"""Where numba keeps the code if it can."""
_BOOTSTRAP = (
    "import sys; at = sys.argv.index('--'); sys.path.extend(sys.argv[1:at]);"
    "from tb_snapshot_compare.analysis.warming import main; sys.exit(main(sys.argv[at + 1 :]))"
)

_logger = logging.getLogger(__name__)


class Compiling:
    """Makes the kernels ready, once. Safe to call from any thread."""

    def __init__(self, directory: Path | None) -> None:
        """Nothing is done before `start` and `begin`.

        Args:
          directory: Where it is noted that the code is on disk, if it is not beside our own;
            None to look every time then.
        """
        self._directory = directory
        self._wanted, self._ready = threading.Event(), threading.Event()
        self._deadline = 0.0
        self._thread = threading.Thread(
            target=self._serve, name="snapshot-compare-compiling", daemon=True
        )
        self.is_compiling = False
        """Whether whoever waits does so because code is compiled, and not just loaded."""

    def start(self) -> None:
        """Starts the thread that waits for `begin`; it has the priority of the caller's."""
        self._thread.start()

    def begin(self) -> None:
        """Has the kernels made ready, in the background."""
        if not self._wanted.is_set():
            self._deadline = time.monotonic() + SECONDS_MAX
            self._wanted.set()

    def wait(self) -> None:
        """Waits until the kernels are ready, or until `SECONDS_MAX` after the first `begin`."""
        self.begin()
        self._ready.wait(max(0.0, self._deadline - time.monotonic()))

    def join(self) -> None:
        """Waits until the thread has ended."""
        self._thread.join()

    def _serve(self) -> None:
        self._wanted.wait()
        try:
            kept = self._compiled(_AT_ONCE)
            with yielding():
                warming.warm_up()
            self._end_waiting()
            if kept:
                self._compiled(_LATER)
        except Exception:
            _logger.exception("The kernels could not be made ready ahead of their use.")
        finally:
            self._end_waiting()

    def _end_waiting(self) -> None:
        self.is_compiling = False
        self._ready.set()

    def _compiled(self, dtypes: Sequence[str]) -> bool:
        """Whether the code for these types is on disk, after compiling it where it was not."""
        fingerprint, mark = _fingerprint(), f"compiled-{dtypes[0]}"
        places = [_NEAR] if self._directory is None else [_NEAR, self._directory]
        if any(_is_valid(place / mark, fingerprint) for place in places):
            return True
        self.is_compiling = not self._ready.is_set()
        try:
            done = subprocess.run(  # noqa: S603  our own module
                [sys.executable, "-I", "-c", _BOOTSTRAP, *library_paths(), "--", *dtypes],
                stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                timeout=SECONDS_MAX, cwd="/",
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError) as error:
            _logger.warning("Compiling in a process of its own failed: %s", error)
            return False
        if done.returncode not in (0, warming.NOT_KEPT):
            _logger.warning("Compiling in a process of its own failed: %s", done.stderr[-500:])
        if done.returncode == 0:
            folder = done.stdout.strip()
            place = _NEAR if folder == str(_NEAR) else self._directory
            if place is not None:
                _write(place / mark, f"{fingerprint}\n{folder}")
        return done.returncode == 0


def _is_valid(mark: Path, fingerprint: str) -> bool:
    """Whether code of this fingerprint was kept, and its folder still has some."""
    try:
        noted, _, folder = mark.read_text().partition("\n")
    except (OSError, UnicodeDecodeError):
        return False
    return noted == fingerprint and any(Path(folder).glob("kernels.add_rows-*.nbi"))


def _write(mark: Path, text: str) -> None:
    try:
        mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mark.write_text(text)
    except OSError as error:
        _logger.info("%s cannot be written: %s", mark, error)


def _fingerprint() -> str:
    """What compiled code depends on: ours, numba, Python, the processor."""
    from importlib.metadata import version

    sources = Path(__file__).parent.parent / "analysis"
    parts = [
        __version__,
        version("numba"),
        sys.version,
        _processor(),
        *(f"{name}={value}" for name, value in sorted(os.environ.items()) if "NUMBA" in name),
        *(
            f"{path} {path.stat().st_mtime_ns} {path.stat().st_size}"
            for path in sorted(sources.glob("*kernels.py"))
        ),
    ]
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()


def _processor() -> str:
    """The processor's name and features, on Linux; elsewhere the machine's."""
    try:
        first, _, _ = Path("/proc/cpuinfo").read_text().partition("\n\n")
    except OSError:
        return platform.machine() + platform.node()
    known = (line for line in first.splitlines() if line.startswith(("model", "flags", "Features")))
    return "\n".join(known)


_of_this_process: Compiling | None = None


def enable(directory: Path | None) -> None:
    """From now on `begin` and `wait` do something; see `Compiling`. A second call does nothing."""
    global _of_this_process
    if _of_this_process is None:
        _of_this_process = Compiling(directory)
        _of_this_process.start()


def begin() -> None:
    """Has the kernels made ready, where enabled."""
    if _of_this_process is not None:
        _of_this_process.begin()


def wait() -> None:
    """Waits until the kernels are ready, where enabled."""
    if _of_this_process is not None:
        _of_this_process.wait()


def is_compiling() -> bool:
    """Whether work waits because code is compiled, which happens once."""
    return _of_this_process is not None and _of_this_process.is_compiling
