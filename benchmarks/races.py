"""Reads beside writing: our readers and the frameworks' own, in the same races.

    python -m benchmarks.races

Each writer is the real framework in a process of its own and saves one network again and again,
all of whose weights hold the number of the save. So every value that is read tells which save it
is from: two numbers in one read are a mixture, a number that was not being saved or was already
replaced is stale. 40,000 reads are spread over four ways of writing:

- `rotated`: CheckpointManager(max_to_keep=3), the oldest deleted after each save;
- `same prefix`: one TensorFlow checkpoint written over and over;
- `.keras`: model.save to one file, which is written in place;
- `.weights.h5`: save_weights to one file, which is written in place.

A refusal is fine while a file changes; a wrong or mixed value, or an error without a type, is not.
"""

import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.report import Table, main

READS = 40_000
MODES = ("rotated", "same prefix", ".keras", ".weights.h5")
PAUSES = (0.0, 0.01, 0.03, 0.1, 0.2)
STOP_SECONDS = 60.0
OK, WRONG, UNHANDLED = "ok", "wrong or mixed", "unhandled"
_SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Outcome:
    """What the reads of one reader came to; `saves` beside them, `seconds` in all."""

    reader: str
    mode: str
    counts: Counter[str]
    saves: int
    seconds: float
    examples: dict[str, str] = field(default_factory=dict)

    @property
    def reads(self) -> int:
        return sum(self.counts.values())


class Saves:
    """How many saves have begun and how many have ended, shared by processes."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(16))
        self._numbers = np.memmap(path, dtype=np.int64, mode="r+", shape=(2,))

    @property
    def begun(self) -> int:
        return int(self._numbers[0])

    @property
    def ended(self) -> int:
        return int(self._numbers[1])

    def begin(self) -> int:
        self._numbers[0] += 1
        return self.begun

    def end(self) -> None:
        self._numbers[1] = self._numbers[0]


def folder_of(base: Path, mode: str) -> Path:
    """Where a way of writing writes."""
    return base / mode.replace(" ", "_").strip(".")


def write(base: Path, modes: Sequence[str], stop: Any) -> None:
    """Saves by `modes` in turns until `stop` is set."""
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    layers = [keras.layers.Dense(size, name=f"d{size}") for size in (64, 96, 32)]
    model = keras.Sequential([keras.Input((48,)), *layers])
    savers: dict[str, Callable[[], object]] = {}
    for mode in modes:
        folder = folder_of(base, mode)
        checkpoint = tf.train.Checkpoint(model=model)
        if mode == "rotated":
            manager = tf.train.CheckpointManager(checkpoint, str(folder), max_to_keep=3)
            savers[mode] = manager.save
        elif mode == "same prefix":
            savers[mode] = partial(checkpoint.write, str(folder / "ckpt"))
        elif mode == ".keras":
            savers[mode] = partial(model.save, folder / "model.keras")
        else:
            savers[mode] = partial(model.save_weights, folder / "model.weights.h5")
    saves = {mode: Saves(base / f"{folder_of(base, mode).name}.saves") for mode in modes}
    pauses = random.Random(1)
    while not stop.is_set():
        for mode in modes:
            number = saves[mode].begin()
            for weight in model.weights:
                weight.assign(np.full(weight.shape, number, np.float32))
            savers[mode]()
            saves[mode].end()
            time.sleep(pauses.choice(PAUSES))


def target_of(base: Path, mode: str, choice: random.Random) -> tuple[Path, int | None]:
    """What to read, and the save that it must be of where its name tells it."""
    folder = folder_of(base, mode)
    if mode == ".keras":
        return folder / "model.keras", None
    if mode == ".weights.h5":
        return folder / "model.weights.h5", None
    if mode == "same prefix":
        return folder / "ckpt", None
    numbers = sorted(
        int(name.removeprefix("ckpt-").removesuffix(".index"))
        for name in os.listdir(folder)
        if name.endswith(".index")
    )
    if not numbers:
        return folder / "ckpt-0", 0
    number = numbers[-1] if choice.random() < 0.7 else choice.choice(numbers)
    return folder / f"ckpt-{number}", number


def read_ours(path: Path, _mode: str) -> set[float]:
    """The values of the weights, by our readers."""
    from tb_snapshot_compare.errors import UnreadableSnapshotError
    from tb_snapshot_compare.readers import TensorReader, check_generation, open_contents
    from tb_snapshot_compare.readers.generation import generation_of
    from tb_snapshot_compare.snapshot import Format

    kinds = {".keras": Format.KERAS, ".h5": Format.WEIGHTS_H5}
    kind = kinds.get(path.suffix, Format.TF_CHECKPOINT)
    listed = generation_of([f"{path}.index" if kind is Format.TF_CHECKPOINT else str(path)])
    try:
        contents = open_contents(str(path), kind)
        with TensorReader(contents.generation) as reader:
            arrays = [reader.read_array(t) for t in contents.tensors if t.scope == "weights"]
        check_generation(contents.generation)
    except UnreadableSnapshotError:
        check_generation(listed)  # as the workspace does: gone or written anew, not damaged
        raise
    return {float(value) for array in arrays for value in np.unique(array)}


def read_theirs(path: Path, mode: str) -> set[float]:
    """The values of the weights, by TensorFlow, or by zipfile and h5py."""
    if mode in ("rotated", "same prefix"):
        import tensorflow as tf

        reader = tf.train.load_checkpoint(str(path))
        names = [n for n in reader.get_variable_to_shape_map() if n.startswith("model/")]
        arrays = [reader.get_tensor(name) for name in names if "VARIABLE_VALUE" in name]
    else:
        import io
        import zipfile

        import h5py

        file: Any = path
        if mode == ".keras":
            with zipfile.ZipFile(path) as archive:
                file = io.BytesIO(archive.read("model.weights.h5"))
        arrays = []
        # With its lock, reading ends the training: its next save raises BlockingIOError.
        with h5py.File(file, "r", locking=False) as content:
            content.visititems(
                lambda _, item: arrays.append(item[()]) if hasattr(item, "dtype") else None
            )
    return {float(value) for array in arrays for value in np.unique(array)}


def read(base: Path, mode: str, ours: bool, reads: int, stop: Any, results: Any) -> None:
    """Reads `reads` times and until a save has ended meanwhile, and reports the outcome.

    Where `reads` is 0, until `stop`.
    """
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")
    from tb_snapshot_compare.errors import SnapshotCompareError

    if not ours and mode in ("rotated", "same prefix"):
        import tensorflow  # noqa: F401 - before the clock starts
    saves = Saves(base / f"{folder_of(base, mode).name}.saves")
    choice = random.Random(2)
    once = read_ours if ours else read_theirs
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    while saves.ended < 3 and not stop.is_set():
        time.sleep(0.05)
    started, first = time.monotonic(), saves.ended
    while not stop.is_set() and (
        reads == 0 or sum(counts.values()) < reads or saves.ended == first
    ):
        path, wanted = target_of(base, mode, choice)
        before = saves.ended
        try:
            values = once(path, mode)
        except SnapshotCompareError as error:
            what, example = error.code, str(error)
        except Exception as error:  # what the frameworks raise, and what we must not
            what, example = UNHANDLED if ours else "error", f"{type(error).__name__}: {error}"
        else:
            low, high = (wanted, wanted) if wanted else (before, saves.begun)
            right = len(values) == 1 and low <= next(iter(values)) <= high
            what, example = OK if right else WRONG, f"{sorted(values)[:4]}, not {low} to {high}"
        counts[what] += 1
        examples.setdefault(what, example)
    seconds = time.monotonic() - started
    name = "ours" if ours else "theirs"
    results.put(Outcome(name, mode, counts, saves.ended - first, seconds, examples))


def race(reads: int, modes: Sequence[str] = MODES, writers: int = 4) -> list[Outcome]:
    """`reads` by us over `modes`, and as many by the frameworks as they manage meanwhile."""
    with tempfile.TemporaryDirectory(prefix="races-") as folder:
        base = Path(folder)
        for mode in modes:
            folder_of(base, mode).mkdir()
            Saves(base / f"{folder_of(base, mode).name}.saves")
        stop, results = _SPAWN.Event(), _SPAWN.Queue()
        shares = [tuple(modes[n::writers]) for n in range(writers)]
        processes = [_SPAWN.Process(target=write, args=(base, s, stop)) for s in shares if s]
        ours: list[Any] = []
        theirs: list[Any] = []
        for mode in modes:
            for kind, mine, count in ((ours, True, reads // len(modes)), (theirs, False, 0)):
                arguments = (base, mode, mine, count, stop, results)
                kind.append(_SPAWN.Process(target=read, args=arguments))
        for process in (*processes, *ours, *theirs):
            process.start()
        try:
            while any(process.is_alive() for process in ours):
                time.sleep(0.1)
                assert all(process.is_alive() for process in processes), "a writer has ended"
        finally:
            stop.set()
        assert not any(process.exitcode for process in ours), "a reader of ours has died"
        for process in (*processes, *theirs):
            process.join(STOP_SECONDS)
        found = [results.get(timeout=1) for _ in ours]
        found += [results.get(timeout=1) for process in theirs if process.exitcode == 0]
        for mode, process in zip(modes, theirs, strict=True):
            if process.exitcode:
                print(f"{mode}: the framework's reader ended its process ({process.exitcode})")
        return sorted(found, key=lambda outcome: (modes.index(outcome.mode), outcome.reader))


def rewrites(count: int) -> tuple[int, int]:
    """How many of `count` rewrites in place, of one size, were read stale; and seconds."""
    from tests.readers.test_generations import values_of, write_bundle

    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="rewrites-") as folder:
        stale = 0
        for number in range(count):
            write_bundle(Path(folder) / "ckpt", number)
            stale += values_of(Path(folder) / "ckpt") != {number}
    return stale, round(time.monotonic() - started)


def table(outcomes: Sequence[Outcome], notes: Sequence[str] = ()) -> Table:
    """One row for each reader of each race, and one for all of each."""
    refusals = ("gone", "changed", "being_written", "unreadable", "error")
    words = (OK, *refusals, WRONG, UNHANDLED)
    rows: list[tuple[str, ...]] = []
    totals: dict[str, Counter[str]] = {}
    for outcome in outcomes:
        totals.setdefault(outcome.reader, Counter()).update(outcome.counts)
        counts = (str(outcome.counts[word]) for word in words)
        rate = f"{outcome.reads / max(outcome.seconds, 1e-9):.0f}"
        reads = (str(outcome.saves), str(outcome.reads))
        rows.append((outcome.mode, outcome.reader, *reads, *counts, rate))
    for reader, sums in totals.items():
        own = (str(sums[word]) for word in words)
        rows.append(("all", reader, "", str(sum(sums.values())), *own, ""))
    heads = ("race", "reader", "saves", "reads", *words, "reads/s")
    return Table("Reads beside writing", heads, tuple(rows), tuple(notes))


def tables(tiny: bool = False) -> Iterator[Table]:
    """One table.

    Raises:
      RuntimeError: something of ours was wrong, stale or unhandled.
    """
    reads = 80 if tiny else READS
    outcomes = race(reads, writers=1 if tiny else 4)
    stale, seconds = rewrites(max(reads // 40, 10))
    notes = [
        f"{outcome.mode}, {outcome.reader}, {what}: {example[:160]}"
        for outcome in outcomes
        for what, example in outcome.examples.items()
        if what not in (OK, "gone", "changed", "being_written")
    ]
    notes.append(
        f"{stale} stale of {max(reads // 40, 10):,} rewrites in place of equal size ({seconds} s)"
    )
    yield table(outcomes, notes)
    mine = [outcome for outcome in outcomes if outcome.reader == "ours"]
    if stale or any(outcome.counts[word] for outcome in mine for word in (WRONG, UNHANDLED)):
        raise RuntimeError("a read of ours was wrong, stale or unhandled")


if __name__ == "__main__":
    main(sys.modules[__name__], __doc__)
