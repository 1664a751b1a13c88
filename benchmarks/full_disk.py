"""Trainings that are recorded onto a disk that is full, or that may not be written to.

    python -m benchmarks.full_disk

Each has a small file system of its own. Shown is whether it trained as it does without recording,
what it was told, and whether its log is right: everything acknowledged is there and nothing else,
and every dump, pass, number and snapshot that is not is counted as lost.
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import sys
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from functools import cache
from itertools import takewhile
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
from safetensors.numpy import load_file

from benchmarks import planted_runs as planted
from benchmarks.measuring import ROOT
from benchmarks.progress import say
from benchmarks.report import Table
from benchmarks.report import main as show
from benchmarks.small_disk import APART, SmallDisk, may_mount, small_disk
from tb_snapshot_compare import Recorder
from tb_snapshot_compare.recording import session_writer
from tb_snapshot_compare.store.log_reader import Log
from tb_snapshot_compare.store.log_tables import DIRECTORY
from tb_snapshot_compare.store.log_writer import LogWriter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from benchmarks.planted_runs import Floats, Moment

STEPS, SNAPSHOT_EVERY = 240, 20
_FAILS, _WORKS = 80, 160
"""Steps at which a disk is protected, and at which disks can be written to again."""
ENDLESS, AGAIN, PROTECTED = "full to the end", "full, then room again", "read-only for a time"
WAYS = (ENDLESS, AGAIN, PROTECTED)
ROOMS = (0, 4, 8, 16, 32, 64, 96, 128, 192, 256, 384, 512)
"""KiB, of disks that become full; the log and the snapshots of a training take more."""
_PLENTY = 8192
_VALUES = {
    "scalars": "value",
    "layers": "l2",
    "filters": "w_l2",
    "images": "predicted",
    "events": "text",
}
"""A column of each table that tells its rows apart."""
_WHAT = ("dumps", "passes", "scalars", "snapshots", "events")
Cells = Counter[tuple[int, str]]


@dataclass
class Outcome:
    """What came of one training or more; `wrong` are sentences."""

    trainings: int = 0
    warnings: int = 0
    acknowledged: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    noted: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        """Counts those of another training too."""
        for name in ("trainings", "warnings", "acknowledged", "noted", "wrong"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.lost = dict(Counter(self.lost) + Counter(other.lost))


@dataclass
class Acknowledged:
    """What `LogWriter.write` has returned from, by table; every row as its step and a value."""

    writes: int = 0
    cells: dict[str, Cells] = field(default_factory=lambda: {table: Counter() for table in _VALUES})


@contextmanager
def acknowledged() -> Iterator[Acknowledged]:
    """Notes what any writer writes."""
    found, write = Acknowledged(), LogWriter.write

    def noted(writer: LogWriter, table: str, columns: Mapping[str, Any]) -> str:
        name = write(writer, table, columns)
        if name:
            found.writes += 1
            found.cells[table] += _cells(table, columns["step"], columns[_VALUES[table]])
        return name

    with patch.object(LogWriter, "write", noted):
        yield found


def _cells(table: str, steps: Sequence[int], values: Sequence[Any]) -> Cells:
    kept: Any = np.asarray(values, np.float32) if table == "filters" else np.asarray(values)
    texts = map(str, kept.tolist())
    return Counter(zip(np.asarray(steps).tolist(), texts, strict=True))


class Warned(logging.Handler):
    """Keeps what a user is told."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Takes a message."""
        self.texts.append(record.getMessage())


@contextmanager
def warned() -> Iterator[Warned]:
    """Takes messages of this package, in place of whoever would print them."""
    found, logger = Warned(), logging.getLogger("tb_snapshot_compare")
    logger.addHandler(found)
    try:
        with patch.object(logger, "propagate", False):
            yield found
    finally:
        logger.removeHandler(found)


@dataclass
class _Made:
    """What a training gave to its recorder."""

    weights: dict[str, Floats] = field(default_factory=dict)
    dumps: dict[int, dict[str, Floats]] = field(default_factory=dict)
    scalars: int = 0

    @property
    def snapshots(self) -> int:
        """That are due."""
        return len({step // SNAPSHOT_EVERY for step in self.dumps})


def moments() -> Iterator[Moment]:
    """The steps of a training."""
    return takewhile(lambda moment: moment.step <= STEPS, planted.training(0))


@cache
def weights_without_recording() -> dict[str, Floats]:
    """The last weights."""
    *_, last = moments()
    return last.weights


def trained(way: str, room_kib: int) -> Outcome:
    """Records one training; for a process that may mount."""
    vars(session_writer)["RECORDING_RETRY_SECONDS"] = 0.0
    with small_disk(room_kib) as disk, acknowledged() as written, warned() as told:
        recorder = Recorder(
            disk.folder / "run",
            every=planted.EVERY,
            keep_snapshots=0,
            snapshot_every=SNAPSHOT_EVERY,
        )
        made = _train(recorder, disk, way)
        is_closed = recorder.close()
        lost = dict(recorder.lost)
        with closing(Log(recorder.folder / DIRECTORY)) as log:
            log.refresh()
            noted = sum(_noted(log).values())
            wrong = [
                *_wrong_training(made, is_closed, lost, told.texts),
                *_wrong_files(recorder.folder, made, lost),
                *_wrong_log(log, made, written.cells, lost),
            ]
    if way != ENDLESS and noted != sum(lost.values()):
        wrong.append(f"the log says that {noted} are lost, and {sum(lost.values())} are")
    named = [f"{way}, {room_kib} KiB: {text}" for text in wrong]
    return Outcome(1, len(told.texts), written.writes, lost, noted, named)


def _train(recorder: Recorder, disk: SmallDisk, way: str) -> _Made:
    made = _Made()
    if way == PROTECTED:
        disk.free()
    for moment in moments():
        recorder.step(moment.step, loss=moment.loss, learning_rate=moment.learning_rate)
        made.scalars += 2
        if moment.predictions is not None:
            recorder.dump(moment.step, moment.weights, moment.gradients)
            recorder.validated(moment.step, moment.predictions)
            made.dumps[moment.step] = moment.weights
            recorder.flush()
        if way == PROTECTED and moment.step in (_FAILS, _WORKS):
            disk.protect(moment.step == _FAILS)
        if way == AGAIN and moment.step == _WORKS:
            disk.free()
    made.weights = moment.weights
    return made


def _wrong_training(
    made: _Made, is_closed: bool, lost: Mapping[str, int], warned: Sequence[str]
) -> Iterator[str]:
    plain = weights_without_recording()
    if any(made.weights[name].tobytes() != values.tobytes() for name, values in plain.items()):
        yield "the weights are other ones than without recording"
    if not is_closed:
        yield "the recorder did not end"
    if not lost:
        yield "nothing was lost"
    if len(warned) != 1:
        yield f"{len(warned)} warnings: {warned}"


def _wrong_files(folder: Path, made: _Made, lost: Mapping[str, int]) -> Iterator[str]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    unfinished = [path.name for path in paths if ".tmp" in path.name]
    if unfinished:
        yield f"unfinished files are left: {unfinished}"
    snapshots = [path for path in paths if path.suffix == ".safetensors"]
    if len(snapshots) + lost.get("snapshots", 0) != made.snapshots:
        yield f"{len(snapshots)} snapshots of {made.snapshots}, and {lost} are lost"
    for path in snapshots:
        weights = made.dumps[int(path.stem.partition("-")[2])]
        stored = load_file(path)
        if any(stored[name].tobytes() != values.tobytes() for name, values in weights.items()):
            yield f"{path.name} has other weights"


def _wrong_log(
    log: Log, made: _Made, acknowledged: Mapping[str, Cells], lost: Mapping[str, int]
) -> Iterator[str]:
    for problem in log.problems:
        yield f"{problem.name}: {problem.reason}"
    for table, column in _VALUES.items():
        rows = log.query(f"SELECT step, {column} FROM {table}")
        found = _cells(table, rows["step"].to_numpy(), rows[column].to_pylist())
        if found != acknowledged[table]:
            yield (
                f"{table}: {(acknowledged[table] - found).total()} rows are missing, and "
                f"{(found - acknowledged[table]).total()} were never acknowledged"
            )
    dumps = set(log.steps("layers").tolist()) & set(log.steps("filters").tolist())
    there = {
        "dumps": (len(dumps), len(made.dumps)),
        "passes": (log.steps("images").size, len(made.dumps)),
        "scalars": (acknowledged["scalars"].total(), made.scalars),
    }
    for what, (found_of_it, wanted) in there.items():
        if found_of_it + lost.get(what, 0) != wanted:
            yield f"{found_of_it} {what} of {wanted}, and {lost} are lost"


def _noted(log: Log) -> Counter[str]:
    """What the log says is lost."""
    told: Counter[str] = Counter()
    for event in log.events():
        if event.kind == "lost":
            detail = json.loads(event.detail)
            told.update({what: detail[what] for what in _WHAT if what in detail})
    return told


def tables(tiny: bool = False) -> Iterator[Table]:
    """One table.

    Raises:
      RuntimeError: this system lets nobody mount a file system, a training was disturbed, or a log
        is wrong.
    """
    if not may_mount():
        raise RuntimeError(
            f"`{' '.join(APART)}` does not work here: run this on Linux, as root or where user "
            "namespaces are allowed (sysctl kernel.unprivileged_userns_clone=1)"
        )
    command = [*APART, sys.executable, "-m", "benchmarks.full_disk", "--inside"]
    done = subprocess.run(
        [*command, *(["--tiny"] if tiny else [])], cwd=ROOT, stdout=subprocess.PIPE, check=True
    )
    found = {way: Outcome(**each) for way, each in json.loads(done.stdout).items()}
    yield Table(
        f"Trainings of {STEPS} steps that are recorded onto a disk that cannot be written to",
        (
            "the disk",
            "trainings",
            "warnings",
            "acknowledged writes",
            "lost",
            "noted in the log",
            "wrong",
        ),
        tuple(_row(way, each) for way, each in found.items()),
        (
            f"Disks that become full do so after {ROOMS[0]} to {ROOMS[-1]} KiB. Right is: the "
            "weights are those of a training without recording, bit for bit; one warning; all "
            "acknowledged rows can be read, and no others; what is neither in the log nor among "
            "the snapshots is counted as lost; no unfinished file is left.",
        ),
    )
    wrong = [text for each in found.values() for text in each.wrong]
    if wrong:
        raise RuntimeError(f"{len(wrong)} things are wrong; the first: {wrong[0]}")


def _row(way: str, found: Outcome) -> tuple[str, ...]:
    return (
        way,
        str(found.trainings),
        str(found.warnings),
        f"{found.acknowledged:,}",
        ", ".join(f"{count:,} {what}" for what, count in sorted(found.lost.items())),
        f"{found.noted:,}",
        str(len(found.wrong)),
    )


def outcomes(tiny: bool) -> dict[str, Outcome]:
    """By the way in which disks cannot be written to; for a process that may mount."""
    found = {way: Outcome() for way in WAYS}
    rooms = ROOMS[::6] if tiny else ROOMS
    for number, room in enumerate(rooms):
        for way in (ENDLESS, AGAIN):
            say(f"full disk: room for {room} KiB, {number + 1} of {len(rooms)}")
            found[way].add(trained(way, room))
    found[PROTECTED].add(trained(PROTECTED, _PLENTY))
    return found


def main() -> None:
    """Measures; or is the process that trains."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--inside", action="store_true")
    parser.add_argument("--tiny", action="store_true")
    options, _ = parser.parse_known_args()
    if options.inside:
        found = outcomes(options.tiny)
        print(json.dumps({way: asdict(each) for way, each in found.items()}))
    else:
        show(sys.modules[__name__], __doc__)


if __name__ == "__main__":
    main()
