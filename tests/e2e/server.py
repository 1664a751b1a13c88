"""A real TensorBoard in its own process, on a free port of the loopback interface."""

import os
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

READY = re.compile(r"at (http://\S+?) \(Press CTRL\+C")
START_SECONDS = 90


@dataclass
class TensorBoard:
    """A running server: `address` ends with a slash and includes the path prefix."""

    address: str
    pid: int
    log: list[str] = field(default_factory=list)

    def get(self, path: str) -> bytes:
        """The body of a GET, relative to the address."""
        with urllib.request.urlopen(self.address + path, timeout=30) as answer:
            return bytes(answer.read())


_MAIN = ("-m", "tensorboard.main")
WITHOUT_TENSORFLOW = (
    "-c",
    "import sys, types;"
    "sys.modules['tensorboard.compat.notf'] = types.ModuleType('notf');"
    "from tensorboard.main import run_main; run_main()",
)
"""TensorBoard as where no TensorFlow is installed: only so it reads logdirs of every store."""


@contextmanager
def tensorboard(
    *flags: str, env: dict[str, str] | None = None, main: Sequence[str] = _MAIN
) -> Iterator[TensorBoard]:
    """Starts TensorBoard with `flags` and stops it at the end."""
    command = [sys.executable, *main, "--port=0", "--host=127.0.0.1", *flags]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", **(env or {})},
    )
    server = TensorBoard("", process.pid)
    started = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            server.log.append(line)
            match = READY.search(line)
            if match:
                server.address = match[1].rstrip("/") + "/"
                started.set()
        started.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        if not started.wait(START_SECONDS) or not server.address:
            raise AssertionError("TensorBoard did not start:\n" + "".join(server.log))
        yield server
    finally:
        ended = process.poll()
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join(5)
        assert process.stdout is not None
        process.stdout.close()
        assert ended is None, f"TensorBoard ended with {ended}:\n" + "".join(server.log[-50:])


def wait_for(condition: object, seconds: float = 30) -> None:
    """Calls `condition` until it is true."""
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("waited in vain")
        time.sleep(0.1)


OUTPUT = Path(__file__).parent.parent / "output"
"""Screenshots of the last run; not committed."""
