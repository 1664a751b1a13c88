"""A small training with planted accidents that is recorded, all at once or as it is told to.

`python -m tests.e2e.recorded_run LOGDIR RUN FIRST` trains up to step FIRST - 1 without recording,
as a program does that goes on from a checkpoint, and then waits for commands on its standard input,
one a line: `train N` trains and records up to the next N dumps, and is answered by the last step
that is in the log.
"""

import fcntl
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import planted_runs as planted
from tb_snapshot_compare import ProbeImages, Recorder
from tb_snapshot_compare.store.log_reader import Log
from tb_snapshot_compare.store.log_tables import DIRECTORY
from tests.e2e.server import TensorBoard

RUN = "planted"
SEED = 12
DUMP_EVERY = 10
STEPS = planted.STEPS
DUMPS = STEPS // DUMP_EVERY
CLASSES = ("ash", "beech", "cedar", "dogwood", "elm", "fir", "ginkgo", "hazel", "ivy", "juniper")
CLASS_IMAGES = planted.PROBE_IMAGES // len(CLASSES)
WRITING_SECONDS = 120
"""What may be compiled first counts too."""
_AT_ONCE = 2
"""Dumps that the recorder takes while it writes."""


@dataclass(frozen=True)
class Recorded:
    """A logdir with a recorded run, its server, and what was planted in the run, by kind."""

    server: TensorBoard
    folder: Path
    planted: dict[str, planted.Accident]


def accidents() -> dict[str, planted.Accident]:
    """What is planted in the run, by kind."""
    return {accident.kind: accident for accident in planted.accidents(SEED)}


def probe() -> ProbeImages:
    """The points of the validation passes, with pictures of them."""
    points = planted.probe()
    count = points.labels.size
    shades = np.clip(128 + 30 * points.points, 0, 255).astype(np.uint8)
    return ProbeImages(
        labels=points.labels.astype(np.int32),
        classes=CLASSES,
        names=tuple(f"point {k}" for k in range(count)),
        pictures=shades.reshape(count, 4, 8, 1),
    )


class Recording:
    """A training under way; `dumps` trains on, and waits until the log has them."""

    def __init__(self, logdir: Path, run: str, first: int = 1, seed: int = SEED) -> None:
        self.recorder = Recorder(logdir, run=run, every=DUMP_EVERY, probe=probe(), snapshot_every=0)
        self._log = Log(self.recorder.folder / DIRECTORY)
        moments = planted.training(seed, planted.accidents(seed))
        self._moments = (moment for moment in moments if moment.step >= first)

    def dumps(self, count: int) -> int | None:
        """Trains until there are so many more dumps; the step of the last, None at the end."""
        last = None
        for moment in self._moments:
            self.recorder.step(moment.step, loss=moment.loss, learning_rate=moment.learning_rate)
            if moment.predictions is None or moment.step % DUMP_EVERY != 0:
                continue
            self.recorder.dump(moment.step, moment.weights, moment.gradients)
            self.recorder.validated(moment.step, moment.predictions)
            last, count = moment.step, count - 1
            if count == 0:
                break
        if last is not None:
            self._wait_for(last)
        if self.recorder.lost:
            raise AssertionError(f"lost while recording: {dict(self.recorder.lost)}")
        return last

    def close(self) -> None:
        """Ends the session."""
        self._log.close()
        self.recorder.close()

    def _wait_for(self, step: int) -> None:
        deadline = time.monotonic() + WRITING_SECONDS
        while not self._has(step):
            if time.monotonic() > deadline:
                raise AssertionError(f"step {step} is not in the log")
            time.sleep(0.01)

    def _has(self, step: int) -> bool:
        self._log.refresh()
        return all(step in self._log.steps(table) for table in ("layers", "images"))


def steps_recorded(recording: Recording, dumps: int) -> Iterator[int]:
    """Trains and records so many dumps, as many at once as the recorder takes."""
    while dumps > 0 and (step := recording.dumps(min(_AT_ONCE, dumps))) is not None:
        dumps -= _AT_ONCE
        yield step


def record(logdir: Path) -> None:
    """Trains and records to the end."""
    recording = Recording(logdir, RUN)
    for _ in steps_recorded(recording, DUMPS):
        pass
    recording.close()


def record_once(logdir: Path) -> None:
    """Records, unless another process of the tests has done so or is at it: then waits for it."""
    with logdir.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if logdir.is_dir():
            return
        unfinished = logdir.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        record(unfinished)
        unfinished.rename(logdir)


def main(logdir: Path, run: str, first: int) -> None:
    """Serves until its input ends."""
    recording = Recording(logdir, run, first)
    for line in sys.stdin:
        print(max(steps_recorded(recording, int(line.split()[1]))), flush=True)
    recording.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
