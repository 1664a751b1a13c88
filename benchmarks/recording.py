"""What a training pays for being recorded, and what a dump costs.

The demonstration's network is trained with and without the callback side by side: while one goes
through the steps between two dumps the others stand still. Then dumps of networks of several sizes.

    python -m benchmarks.recording
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import report
from benchmarks.measuring import run
from benchmarks.models import Model, resnet18, vgg16
from benchmarks.progress import say
from benchmarks.report import Table, significant, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tb_snapshot_compare.recording.background import Consumer, Item

WITHOUT, WITH, PROBED = "without", "with the callback", "with a probe of 340 images"
VARIANTS = (WITHOUT, WITH, PROBED)
EVERY = 100
_ROUNDS, _FIRST = 12, 2
_DUMPS = 5
_BATCH = 32


@dataclass(frozen=True, slots=True)
class Trained:
    """One training: seconds of each stretch of `every` steps, and what was lost of the log.

    `processors` are the seconds of all processors in each stretch, whatever else the machine does.
    `inside` are seconds within the callback, on the training's thread, `beside` the processor's
    seconds of the thread that writes, and `dumps` how many there were, all of all stretches.
    """

    every: int
    seconds: list[float]
    processors: list[float]
    inside: float
    beside: float
    dumps: int
    lost: dict[str, int]


@dataclass(frozen=True, slots=True)
class Dumped:
    """Of one dump: seconds on the training's thread and beside it, and bytes of the log."""

    copying: float
    behind: float
    nbytes: int


def tables(tiny: bool = False) -> Iterator[Table]:
    """Two tables."""
    say("recording: trainings in turns")
    command = [sys.executable, "-m", "benchmarks.recording", "--train"]
    output = run([*command, *(["--tiny"] if tiny else [])], limit=1800).output
    yield _of_training({which: Trained(**each) for which, each in json.loads(output).items()})
    models = {"ResNet-18": resnet18(tiny), "VGG-16": vgg16(tiny)}
    say("recording: dumps")
    yield _of_dumps({name: dumped(model, 2 if tiny else _DUMPS) for name, model in models.items()})


def _of_training(found: Mapping[str, Trained]) -> Table:
    plain = found[WITHOUT]
    rows = []
    for which, done in found.items():
        total = sum(done.seconds)
        rows.append(
            (
                which,
                f"{1e3 * statistics.median(done.seconds) / done.every:.1f} ms",
                "-" if which == WITHOUT else _more(done.seconds, plain.seconds),
                "-" if which == WITHOUT else _more(done.processors, plain.processors),
                f"{100 * done.inside / total:.2f} %",
                f"{100 * done.beside / total:.2f} %",
                str(done.dumps),
                str(sum(done.lost.values())),
            )
        )
    return Table(
        f"{len(plain.seconds)} stretches of {plain.every} steps of the demonstration's training",
        (
            "",
            "a step",
            "longer",
            "more of the processors",
            "in the callback",
            "beside it",
            "dumps",
            "lost",
        ),
        tuple(rows),
        (
            "Each stretch is compared with the one without callback that ran just before it: the "
            "median, and in brackets the middle half; by the clock, and by the time of all "
            "processors, which other programs hardly change. What is in the callback, and the "
            "processor's time of the thread beside it, are parts of the time of the training.",
        ),
    )


def _more(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """How much more each of ours takes than its neighbour."""
    more = [100 * (a / b - 1) for a, b in zip(ours, theirs, strict=True)]
    middle = f"{statistics.median(more):.1f} %"
    if len(more) > 3:
        low, _, high = statistics.quantiles(more, n=4)
        middle += f" ({low:.1f} to {high:.1f})"
    return middle


def _of_dumps(found: Mapping[str, tuple[Model, Sequence[Dumped]]]) -> Table:
    rows = [
        (
            f"{name}, {model.weights / 1e6:.1f} million weights",
            spread([1e3 * each.copying for each in dumps], "ms"),
            spread([each.behind for each in dumps]),
            f"{dumps[-1].nbytes / 2**10:,.0f} KiB",
            f"{significant(100 * dumps[-1].nbytes / (2 * model.nbytes), 2)} %",
        )
        for name, (model, dumps) in found.items()
    ]
    return Table(
        "A dump of weights and gradients",
        ("", "training thread", "thread beside it", "of the log", "of what was dumped"),
        tuple(rows),
        ("The first dump, which has no updates, is not counted.",),
    )


def dumped(model: Model, count: int) -> tuple[Model, list[Dumped]]:
    """Records dumps of a network one by one."""
    from tb_snapshot_compare.recording.host_arrays import copied
    from tb_snapshot_compare.recording.losses import Losses
    from tb_snapshot_compare.recording.run_log import Options, RunLog
    from tb_snapshot_compare.recording.values import Dump

    found = []
    with tempfile.TemporaryDirectory() as folder:
        losses = Losses(folder)
        log = RunLog(Path(folder), Options(keep_snapshots=0), losses)
        for step, weights in enumerate(model.snapshots(count + 1)):
            before = _written(folder)
            started = time.perf_counter()
            dump = Dump(step, time.time(), copied(weights), copied(weights))
            between = time.perf_counter()
            log.take(dump)
            done = time.perf_counter()
            found.append(Dumped(between - started, done - between, _written(folder) - before))
        log.finish()
        assert not losses.counts, losses.counts
    return model, found[1:]


def _written(folder: str) -> int:
    return sum(path.stat().st_size for path in Path(folder).rglob("*.parquet"))


@dataclass
class Spent:
    """Seconds within the callback and beside it, and how many dumps were made."""

    inside: float = 0.0
    beside: float = 0.0
    dumps: int = 0

    def clear(self) -> None:
        """Begins anew."""
        self.inside, self.beside, self.dumps = 0.0, 0.0, 0


class Counted:
    """A consumer of the recorder's thread, and what it spends there."""

    def __init__(self, consumer: Consumer, spent: Spent) -> None:
        self._consumer, self._spent = consumer, spent

    def take(self, item: Item) -> None:
        """Works on an item."""
        from tb_snapshot_compare.recording.values import Dump

        self._spent.dumps += isinstance(item, Dump)
        self._timed(lambda: self._consumer.take(item))

    def idle(self) -> None:
        """Works between items."""
        self._timed(self._consumer.idle)

    def finish(self) -> None:
        """Ends."""
        self._timed(self._consumer.finish)

    def _timed(self, work: Callable[[], None]) -> None:
        started = time.thread_time()
        work()
        self._spent.beside += time.thread_time() - started


class OwnTime:
    """Seconds of a training's own turns: what its steps and passes are measured by."""

    def __init__(self) -> None:
        self._gone, self._since = 0.0, time.perf_counter()

    def __call__(self) -> float:
        """So many until now; for its own turn."""
        return self._gone + time.perf_counter() - self._since

    def stop(self) -> None:
        """The turn is over."""
        self._gone = self()

    def go_on(self) -> None:
        """The next turn begins."""
        self._since = time.perf_counter()


class Turns:
    """Lets one of several threads go on at a time, in order."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = list(names)
        self._turn = threading.Condition()
        self._at = 0

    def wait(self, name: str) -> None:
        """Until it is this one's turn."""
        with self._turn:
            self._turn.wait_for(lambda: self._names[self._at] == name)

    def pass_on(self) -> None:
        """Lets the next one go on."""
        with self._turn:
            self._at = (self._at + 1) % len(self._names)
            self._turn.notify_all()


def train(tiny: bool) -> dict[str, Trained]:
    """Trains all variants on noise, in turns."""
    every = 5 if tiny else EVERY
    rounds = 3 if tiny else _FIRST + _ROUNDS
    turns = Turns(VARIANTS)
    found: dict[str, Trained] = {}
    threads = [
        threading.Thread(
            target=lambda w=which: found.update({w: _trained(w, every, rounds, turns)})
        )
        for which in VARIANTS
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {which: found[which] for which in VARIANTS}


def _trained(which: str, every: int, rounds: int, turns: Turns) -> Trained:
    import keras

    from demo.layout import SMALL
    from demo.train import SEED, build_model

    seconds: list[float] = []
    processors: list[float] = []
    spent, clock = Spent(), OwnTime()
    recorded: Any = None

    class Gate(keras.callbacks.Callback):  # type: ignore[misc]
        """First in the list: a stretch is from before one dump to before the next."""

        started, started_processors, counted = 0.0, 0.0, spent

        def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002
            turns.wait(which)
            clock.go_on()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
            if (batch + 1) % every:
                return
            seconds.append(clock() - self.started)
            processors.append(time.process_time() - self.started_processors)
            self.counted = replace(spent)
            if batch + 1 == every * rounds:
                return
            clock.stop()
            turns.pass_on()
            turns.wait(which)
            clock.go_on()
            if len(seconds) == (1 if every < EVERY else _FIRST):
                spent.clear()
            self.started, self.started_processors = clock(), time.process_time()

    turns.wait(which)
    model = build_model(SMALL, 17)
    model.compile(
        optimizer=keras.optimizers.SGD(
            keras.optimizers.schedules.CosineDecay(SMALL.learning_rate, every * rounds),
            momentum=0.9,
        ),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    turns.pass_on()
    rng = np.random.default_rng(SEED)
    images = rng.integers(0, 256, (_BATCH * every, SMALL.size, SMALL.size, 3), np.uint8)
    labels = rng.integers(0, 17, len(images))

    def batches() -> Iterator[Any]:
        while True:
            for start in range(0, len(images), _BATCH):
                yield images[start : start + _BATCH], labels[start : start + _BATCH]

    with tempfile.TemporaryDirectory() as folder:
        gate = Gate()
        callbacks: list[Any] = [gate]
        if which != WITHOUT:
            probe = (images[:340], labels[:340]) if which == PROBED else None
            interval = every if every < EVERY else None
            recorded = _timed_callback(folder, interval, probe, clock, spent)
            callbacks.append(recorded)
        model.fit(batches(), steps_per_epoch=every * rounds, verbose=0, callbacks=callbacks)
        turns.pass_on()
        lost = dict(recorded.recorder.lost) if recorded else {}
    skipped = 1 if every < EVERY else _FIRST
    counted = gate.counted
    return Trained(
        every,
        seconds[skipped:],
        processors[skipped:],
        counted.inside,
        counted.beside,
        counted.dumps,
        lost,
    )


def _timed_callback(
    folder: str, every: int | None, probe: Any, clock: OwnTime, spent: Spent
) -> Any:
    """A callback that says what it spends, and whose clock counts its own turns."""
    from tb_snapshot_compare import SnapshotCallback

    class Timed(SnapshotCallback):
        def on_train_begin(self, logs: Any = None) -> None:
            super().on_train_begin(logs)
            recorder: Any = self.recorder
            recorder._pace._clock = clock
            background = recorder._background
            background._consumer = Counted(background._consumer, spent)
            if self._probing is not None:
                self._probing._clock = clock

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            started = time.perf_counter()
            super().on_train_batch_end(batch, logs)
            spent.inside += time.perf_counter() - started

    return Timed(folder, every=every, probe_data=probe)


def main() -> None:
    """Measures; or is the process that trains."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--tiny", action="store_true")
    options, _ = parser.parse_known_args()
    if options.train:
        print(json.dumps({which: asdict(each) for which, each in train(options.tiny).items()}))
    else:
        report.main(sys.modules[__name__], __doc__)


if __name__ == "__main__":
    main()
