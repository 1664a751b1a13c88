"""Writers of a log that are killed while they write and merge: is everything acknowledged there?

    python -m benchmarks.log_kills

One process after the other writes the same log, goes on behind what was acknowledged or a few steps
before, and is killed by SIGKILL after a random time. Each says what it begins to write, and what
was acknowledged. After each kill the log is read: every acknowledged row has to be there once,
unless a later process has begun before it; the write that was interrupted is there as a whole or
not at all; there is nothing else, and nothing is reported as damaged.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.progress import say
from benchmarks.report import Table, main
from benchmarks.scratch import scratch
from tb_snapshot_compare.store import log_compaction
from tb_snapshot_compare.store.log_reader import Log
from tb_snapshot_compare.store.log_tables import Session
from tb_snapshot_compare.store.log_writer import LogWriter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from multiprocessing.connection import Connection
    from pathlib import Path

KILLS = 200
_OF_ONE_LOG = 20
MERGED_AT_ONCE = 3
"""Few, so that segments are merged again and again."""
_LAYERS = {"conv1": 5, "conv2": 9}
_IMAGES = 7
_SECONDS = (0.01, 0.6)
"""Between a writer's first word and its end."""
_QUERIES = {
    "scalars": "SELECT step, name, value FROM scalars",
    "filters": "SELECT step, layer || filter, w_l2 FROM filters",
    "images": "SELECT step, image, predicted FROM images",
    "events": "SELECT step, kind, text FROM events",
}
_FORK = multiprocessing.get_context("forkserver")
_FORK.set_forkserver_preload(["tb_snapshot_compare.store.log_writer"])
Row = tuple[int, Any, Any]


@dataclass
class Outcome:
    """What came of some kills; `wrong` are sentences, `kept` are interrupted writes that count."""

    kills: int = 0
    acknowledged: int = 0
    merges: int = 0
    resumed: int = 0
    kept: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        """Counts those of another log too."""
        for name, count in vars(other).items():
            setattr(self, name, getattr(self, name) + count)


def rows(life: int, step: int) -> dict[str, Mapping[str, Any]]:
    """What life number `life` writes of a step, by table: every value tells both."""
    seed = life * 1000 + step
    layers = [name for name, filters in _LAYERS.items() for _ in range(filters)]
    filters = [each for count in _LAYERS.values() for each in range(count)]
    return {
        "scalars": {
            "step": [step] * 2,
            "time": [1.0, 1.0],
            "name": ["loss", "rate"],
            "value": [float(seed), -float(seed)],
        },
        "filters": {
            "step": [step] * len(layers),
            "layer": layers,
            "filter": filters,
            "w_l2": np.arange(len(layers)) + float(seed),
        },
        "images": {
            "step": [step] * _IMAGES,
            "image": np.arange(_IMAGES),
            "predicted": np.arange(_IMAGES) + seed,
        },
        "events": {"step": [step], "time": [1.0], "kind": ["nan"], "text": [f"life {life}"]},
    }


def expected(life: int, step: int) -> dict[str, Counter[Row]]:
    """The same as the queries give it."""
    written = rows(life, step)
    filters = written["filters"]
    names = [f"{a}{b}" for a, b in zip(filters["layer"], filters["filter"], strict=True)]
    columns = {
        "scalars": (written["scalars"]["name"], written["scalars"]["value"]),
        "filters": (names, filters["w_l2"].tolist()),
        "images": (
            written["images"]["image"].tolist(),
            written["images"]["predicted"].tolist(),
        ),
        "events": (["nan"], written["events"]["text"]),
    }
    return {
        table: Counter((step, key, value) for key, value in zip(*pair, strict=True))
        for table, pair in columns.items()
    }


def write(folder: Path, life: int, first: int, seed: int, words: Connection) -> None:
    """Writes steps from `first` on, until it is killed."""
    vars(log_compaction)["LOG_MERGED_AT_ONCE"] = MERGED_AT_ONCE
    choice = random.Random(seed)
    session = Session(
        id=f"life-{life:05d}",
        started=time.time(),
        first_step=first,
        origin="recorded",
        writer="benchmarks 1",
    )
    writer = LogWriter(folder, session)
    if choice.random() < 0.5:
        threading.Thread(target=_merge, args=(writer, words), daemon=True).start()
        merge = False
    else:
        merge = True
    step = first
    while True:
        for table, columns in rows(life, step).items():
            words.send(("begun", table, step))
            writer.write(table, columns)
            words.send(("done", table, step))
        if merge:
            words.send(("merged", "", writer.compact()))
        step += 1


def _merge(writer: LogWriter, words: Connection) -> None:
    while True:
        count = writer.compact()
        if count:
            words.send(("merged", "", count))


def kills(folder: Path, count: int, seed: int = 0) -> Outcome:
    """Kills writers of one log, and reads it after each."""
    choice = random.Random(seed)
    outcome = Outcome()
    counted: dict[str, dict[int, int]] = {table: {} for table in _QUERIES}
    log = Log(folder)
    for life in range(count):
        end = max((step for steps in counted.values() for step in steps), default=-1) + 1
        back = choice.randint(1, 4) if choice.random() < 0.3 else 0
        first = max(end - back, 0)
        outcome.resumed += first < end
        words = _killed(folder, life, first, choice)
        outcome.kills += 1
        outcome.acknowledged += sum(what == "done" for what, _, _ in words)
        outcome.merges += sum(what == "merged" and number > 0 for what, _, number in words)
        outcome.wrong += _wrong(log, life, first, words, counted, outcome)
        if choice.random() < 0.2:  # as a reader that starts then
            log.close()
            log = Log(folder)
    log.close()
    return outcome


def _killed(
    folder: Path, life: int, first: int, choice: random.Random
) -> list[tuple[str, str, int]]:
    """What a writer said until it was killed."""
    mine, theirs = _FORK.Pipe(duplex=False)
    arguments = (folder, life, first, choice.random(), theirs)
    process = _FORK.Process(target=write, args=arguments, daemon=True)
    process.start()
    theirs.close()
    words = [mine.recv()]
    time.sleep(choice.uniform(*_SECONDS))
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    try:
        while True:
            words.append(mine.recv())
    except EOFError:
        return words


def _wrong(
    log: Log,
    life: int,
    first: int,
    words: Sequence[tuple[str, str, int]],
    counted: dict[str, dict[int, int]],
    outcome: Outcome,
) -> list[str]:
    """What is wrong with the log, in sentences.

    Args:
      log: The log.
      life: Who wrote last, from step `first` on.
      first: Its first step.
      words: What it said.
      counted: By table and step, whose rows counted before; what counts now, afterwards.
      outcome: Counts interrupted writes.
    """
    log.refresh()
    wrong = [f"{problem.name}: {problem.reason}" for problem in log.problems]
    for table, query in _QUERIES.items():
        found: dict[int, Counter[Row]] = {}
        for row in log.query(query).to_pylist():
            values: Row = tuple(row.values())
            found.setdefault(values[0], Counter())[values] += 1
        done = {step: life for what, of, step in words if (what, of) == ("done", table)}
        begun = {step: life for what, of, step in words if (what, of) == ("begun", table)}
        before = {step: of for step, of in counted[table].items() if step < first}
        possible = [before | done if done else counted[table], before | begun]
        for number, steps in enumerate(possible):
            if found == {step: expected(of, step)[table] for step, of in steps.items()}:
                outcome.kept += number and len(begun) - len(done)
                counted[table] = steps
                break
        else:
            wrong.append(f"{table} after life {life}: {found} instead of {possible[0]}")
    return wrong


def tables(tiny: bool = False) -> Iterator[Table]:
    """One table.

    Raises:
      RuntimeError: something was lost, doubled or damaged.
    """
    folder = scratch("log-kills")
    started = time.monotonic()
    outcome = Outcome()
    try:
        for number in range(0, 6 if tiny else KILLS, _OF_ONE_LOG):
            say(f"{number} of {KILLS} kills")
            count = 6 if tiny else _OF_ONE_LOG
            outcome.add(kills(folder / str(number), count, seed=number))
        unfinished = len(list(folder.rglob(".tmp-*")))
    finally:
        shutil.rmtree(folder)
    row = (
        str(outcome.kills),
        str(outcome.resumed),
        str(outcome.acknowledged),
        str(outcome.merges),
        str(unfinished),
        str(outcome.kept),
        str(len(outcome.wrong)),
        f"{time.monotonic() - started:.0f}",
    )
    heads = (
        "kills",
        "resumed before the end",
        "writes acknowledged",
        "merges",
        "unfinished files left",
        "interrupted writes kept",
        "lost, doubled or damaged",
        "seconds",
    )
    notes = (
        "After each kill the log is read: every acknowledged row has to be there once, an "
        "interrupted write as a whole or not at all, and nothing else.",
        *outcome.wrong[:5],
    )
    yield Table("A log whose writers are killed", heads, (row,), notes)
    if outcome.wrong:
        raise RuntimeError(f"a log is wrong after kills: {outcome.wrong[0]}")


if __name__ == "__main__":
    main(sys.modules[__name__], __doc__)
