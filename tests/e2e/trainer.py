"""A training process that is at work while a page is looked at."""

import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO

END_SECONDS = 60


@dataclass
class Trainer:
    """A process of `recorded_run` or `keras_trainer`, which is told what to do line by line."""

    process: "subprocess.Popen[str]"

    def train(self, dumps: int) -> int:
        """Trains on; the last step that is in the log."""
        print(f"train {dumps}", file=self._input, flush=True)
        return int(self._output.readline())

    def end(self) -> str:
        """As a program ends by itself; what it said last."""
        return self._close(0)

    def kill(self) -> None:
        """By SIGKILL."""
        self.process.kill()
        self._close(-signal.SIGKILL)

    @property
    def _input(self) -> IO[str]:
        assert self.process.stdin is not None
        return self.process.stdin

    @property
    def _output(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    def _close(self, code: int) -> str:
        if self._input.closed:
            return ""
        self._input.close()
        said = self._output.read()
        self._output.close()
        assert self.process.wait(END_SECONDS) == code
        return said


def start_trainer(module: str, *arguments: str | Path | int) -> Trainer:
    """Starts a module of the tests."""
    command = [sys.executable, "-m", f"tests.e2e.{module}", *map(str, arguments)]
    pipe = subprocess.PIPE
    return Trainer(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
