"""TensorBoard as a child process: started on a free port, waited for, stopped cleanly."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import webbrowser
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

START_SECONDS = 60
STOP_SECONDS = 5
TAB = "#snapshot_compare"


class ServerError(Exception):
    """TensorBoard did not start; the text carries the end of its log."""


class TensorBoard:
    """A context that holds a running TensorBoard.

    Attributes:
        port: the wanted port, or a free one where that is taken.
        address: opens on the Compare tab.
    """

    def __init__(self, logdir: Path, port: int, images: Path | None = None) -> None:
        self._logdir = logdir
        self._images = images
        self.port = port if port and _is_free(port) else _free_port()
        self.address = f"http://localhost:{self.port}/{TAB}"

    def __enter__(self) -> Self:
        """Starts TensorBoard and waits until it answers."""
        command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(self._logdir)]
        if self._images is not None:
            command += ["--snapshot_compare_images", f"validation:{self._images}"]
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [*command, "--port", str(self.port)],
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            self._wait_for_answer()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stops TensorBoard."""
        self._stop()

    def wait(self) -> None:
        """Stays until TensorBoard ends.

        Raises:
            ServerError: it ended by itself.
        """
        code = self._process.wait()
        raise ServerError(f"TensorBoard ended with status {code}:\n{self._log_tail()}")

    def _wait_for_answer(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        url = f"http://localhost:{self.port}/data/plugins_listing"
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise ServerError(f"TensorBoard did not start:\n{self._log_tail()}")
            try:
                with direct.open(url, timeout=5):
                    return
            except OSError:
                time.sleep(0.1)
        raise ServerError(f"TensorBoard did not answer in {START_SECONDS} s:\n{self._log_tail()}")

    def _log_tail(self) -> str:
        self._log.seek(0)
        return "\n".join(self._log.read().decode(errors="replace").splitlines()[-12:])

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


def has_display() -> bool:
    """Whether a browser window could be seen."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def open_browser(address: str) -> None:
    """Opens the address in the user's browser; silent where there is none."""
    try:
        webbrowser.open(address)
    except webbrowser.Error:
        return


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("localhost", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])
