"""The compiled kernels are made ready beside TensorBoard, not in it.

Compiling takes some twenty seconds once after an installation, in which a process answers
late; so it is done in a process of its own, and this one only loads what that one kept on disk.
Compiled code belongs to a process, and so does this state: nothing happens before `enable`.
"""

import hashlib
import importlib.metadata
import logging
import os
import platform
import subprocess
import sys
import threading
from pathlib import Path

from tb_snapshot_compare import __version__
from tb_snapshot_compare.workspace.yielding import yielding

SECONDS_MAX = 300.0
"""After this the first block compiles what it needs, in this process."""
_MARK = "compiled"
_COMMAND = (sys.executable, "-P", "-m", "tb_snapshot_compare.analysis.warming")

_logger = logging.getLogger(__name__)


class Compiling:
    """Makes the kernels ready, once. Safe to call from any thread."""

    def __init__(self, directory: Path | None) -> None:
        """Nothing is done before `begin`.

        Args:
          directory: Where it is noted that the code is on disk; None to look every time.
        """
        self._mark = None if directory is None else directory / _MARK
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.is_compiling = False
        """Whether the code is being compiled, and not just loaded."""

    def begin(self) -> None:
        """Starts in the background, if it was not started before."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._make_ready, name="snapshot-compare-compiling", daemon=True
                )
                self._thread.start()

    def wait(self) -> None:
        """Waits until the kernels are ready, for at most `SECONDS_MAX`."""
        self.begin()
        assert self._thread is not None
        self._thread.join(SECONDS_MAX)

    def _make_ready(self) -> None:
        try:
            fingerprint = _fingerprint()
            if not self._is_marked(fingerprint):
                self._compile(fingerprint)
            from tb_snapshot_compare.analysis.warming import warm_up

            with yielding():
                warm_up()
        except Exception:
            _logger.exception("The kernels could not be made ready ahead of their use.")

    def _compile(self, fingerprint: str) -> None:
        self.is_compiling = True
        try:
            done = subprocess.run(  # noqa: S603  our own module
                _COMMAND, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                check=False, timeout=SECONDS_MAX,
            )  # fmt: skip
            if done.returncode == 0:
                self._set_mark(fingerprint)
            else:
                _logger.info("The compiled code is not kept: %s", done.stderr[-500:])
        except (OSError, subprocess.SubprocessError) as error:
            _logger.warning("Compiling in a process of its own failed: %s", error)
        finally:
            self.is_compiling = False

    def _is_marked(self, fingerprint: str) -> bool:
        try:
            return self._mark is not None and self._mark.read_text() == fingerprint
        except (OSError, UnicodeDecodeError):
            return False

    def _set_mark(self, fingerprint: str) -> None:
        if self._mark is not None:
            try:
                self._mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._mark.write_text(fingerprint)
            except OSError as error:
                _logger.info("%s cannot be written: %s", self._mark, error)


def _fingerprint() -> str:
    """What compiled code depends on: ours, numba, Python, the machine, where numba keeps it."""
    sources = Path(__file__).parent.parent / "analysis"
    parts = [
        __version__,
        importlib.metadata.version("numba"),
        sys.version,
        platform.node(),
        os.environ.get("NUMBA_CACHE_DIR", ""),
        *(
            f"{path} {path.stat().st_mtime_ns} {path.stat().st_size}"
            for path in sorted(sources.glob("*kernels.py"))
        ),
    ]
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()


_of_this_process: Compiling | None = None


def enable(directory: Path | None) -> None:
    """From now on `begin` and `wait` do something; see `Compiling`. A second call does nothing."""
    global _of_this_process
    if _of_this_process is None:
        _of_this_process = Compiling(directory)


def begin() -> None:
    """Starts to make the kernels ready, where enabled."""
    if _of_this_process is not None:
        _of_this_process.begin()


def wait() -> None:
    """Waits until the kernels are ready, where enabled."""
    if _of_this_process is not None:
        _of_this_process.wait()


def is_compiling() -> bool:
    """Whether work waits because code is compiled, which happens once."""
    return _of_this_process is not None and _of_this_process.is_compiling
