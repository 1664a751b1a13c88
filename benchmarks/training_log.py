"""A recorded training of ResNet-50: size on disk, and how long answers for the views take.

    python -m benchmarks.training_log

The log is that of `log_inputs`: 757 dumps of 26,560 filters, and 757 passes over 50,000 images.
Measured are

- its size on disk, and how long each dump took to write,
- answers of the store alone, of a log with one segment for each dump, as a writer that never merges
  leaves it, and of one that was merged after every dump, each in a new process,
- answers of a TensorBoard over HTTP, the first and later ones of a server that nobody has asked
  before, with and without what an earlier one has left in the cache; and its memory beside that of
  the same TensorBoard without this plugin,
- the page in a browser: from the address to the overview, to all charts in sight, and from
  scrolling to a section to its charts.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import inputs, log_inputs, training_page, training_server
from benchmarks.measuring import run
from benchmarks.progress import say
from benchmarks.report import Table, main, significant, spread
from tb_snapshot_compare.store.log_reader import Log
from tb_snapshot_compare.store.log_tables import DIRECTORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ROUNDS = 5
TURNS = 5
"""Of all questions to one server."""
SERVERS = 3
_BYTES = 10**9
_PINS = (0.5, 0.05, 0.9)
"""Shares of the training at which iterations are pinned."""
_SERVED_GOALS = {
    "findings": "-",
    "layers x classes": "-",
    "what moved first": "-",
    "curves": "-",
    "overview": "-",
    **{f"top filters of {pins} pins": "100 ms" for pins in (2, 3, 4)},
    "top filters of 1 pin": "100 ms",
}
_SERVED_NOTE = (
    "First ever: nothing is in the cache, and the server works on the findings at the same time."
)
FORMS = {"single": "one segment a dump", "merged": "merged"}
_GOALS = {
    "top filters of 1 pin": "100 ms",
    "top filters of 2 pins": "100 ms",
    "top filters of 3 pins": "100 ms",
    "filters x dumps of the largest layer": "200 ms",
    "a statistic of all units x dumps": "200 ms",
    "images of a class x passes": "200 ms",
}


def folder(form: str, tiny: bool) -> Path:
    """The logdir of a run whose log is in one of the two forms, made if it is not there."""
    name = f"training-log-{form}{'-tiny' if tiny else ''}"

    def make(path: Path) -> None:
        say(f"{name}: {log_inputs.plan(tiny).dumps} dumps are written")
        command = [sys.executable, "-m", "benchmarks.log_inputs", str(log_in(path))]
        command += ["--tiny"] * tiny + ["--unmerged"] * (form == "single")
        (path / "timings.json").write_text(run(command, limit=3600).output)

    return inputs.kept(name, make, lambda name: _BYTES if "tiny" not in name else _BYTES // 100)


def log_in(logdir: Path) -> Path:
    """Where the log of the run in a logdir is."""
    return logdir / training_server.RUN / DIRECTORY


def answers(log: Log) -> dict[str, Callable[[], Any]]:
    """What is asked for, by name."""
    steps = log.steps("filters")
    pins = [int(steps[int(share * len(steps))]) for share in _PINS]
    largest = max(
        (unit for unit in log.units if unit.kind == "conv"), key=lambda unit: unit.filters
    )
    assert log.probe is not None
    of_class = np.flatnonzero(np.array(log.probe.labels) == len(log.probe.classes) // 2)
    sql = "SELECT kind, unit, max(l2) FROM layers WHERE step > ? GROUP BY kind, unit"
    return {
        "nothing new": log.refresh,
        "top filters of 1 pin": lambda: _top(log, pins[:1]),
        "top filters of 2 pins": lambda: _top(log, pins[:2]),
        "top filters of 3 pins": lambda: _top(log, pins),
        "filters x dumps of the largest layer": lambda: log.filter_measure(largest.path, "cosine"),
        "a statistic of all units x dumps": lambda: log.layer_statistic("gradient", "l1"),
        "change ratios of all units x dumps": lambda: log.bands("gradient"),
        "images of a class x passes": lambda: log.images(images=of_class),
        "all images x passes, right or wrong": log.correct,
        "loss by step": lambda: log.scalars(["loss"]),
        "SQL over all layers": lambda: log.query(sql, [pins[0]]),
    }


def _top(log: Log, pins: list[int]) -> set[tuple[str, int]]:
    """The filters that are among the ten most changed at every pin."""
    found = []
    for pin in pins:
        table = log.filters_at(pin, ["cosine"])
        least = np.argpartition(table["cosine"].to_numpy(), 10)[:10]
        some = table.take(least)
        found.append(set(zip(some["layer"].to_pylist(), some["filter"].to_pylist(), strict=True)))
    return set.intersection(*found)


def measure(path: Path, rounds: int) -> dict[str, Any]:
    """Seconds of every answer, by name; the first round apart. And what was planted and found."""
    started = time.perf_counter()
    log = Log(path)
    log.refresh()
    seconds = {"opening": [time.perf_counter() - started]}
    for name, answer in answers(log).items():
        seconds[name] = []
        for _ in range(rounds + 1):
            started = time.perf_counter()
            answer()
            seconds[name].append(time.perf_counter() - started)
    status = Path("/proc/self/status").read_text()
    resident = int(status.partition("VmRSS:")[2].split()[0]) / 1024
    return {"seconds": seconds, "resident": resident, "problems": len(log.problems)}


def found(path: Path, planted: log_inputs.Planted) -> tuple[int, int]:
    """How many incidents were planted, and how many are in the log as they were."""
    log = Log(path)
    log.refresh()
    assert log.probe is not None
    labels = np.array(log.probe.labels)
    right = 0
    for incident in planted.incidents:
        table = log.filters_at(incident.step, ["cosine"])
        wanted = {(layer, each) for layer, some in incident.filters.items() for each in some}
        least = table.take(np.argsort(table["cosine"].to_numpy())[: len(wanted)])
        leapt = set(zip(least["layer"].to_pylist(), least["filter"].to_pylist(), strict=True))
        images = np.flatnonzero(labels == incident.label)
        mistaken = not log.correct(incident.step, incident.step, images).any()
        right += leapt == wanted and mistaken
    still = log.filter_measure(planted.stuck, "euclidean")
    return len(planted.incidents) + 1, right + int(not still.any() and still.size > 0)


def tables(tiny: bool = False) -> Iterator[Table]:
    """Six tables.

    Raises:
      RuntimeError: what was planted is not there, or a segment is damaged.
    """
    plan = log_inputs.plan(tiny)
    paths = {form: folder(form, tiny) for form in FORMS}
    notes = []
    for form, path in paths.items():
        planted, there = found(log_in(path), log_inputs.planted(plan))
        notes.append(f"{there} of {planted} planted things are in the log ({FORMS[form]}).")
        if there < planted:
            raise RuntimeError(notes[-1])
    yield _sizes(paths, plan, notes)
    yield _writing(paths, plan)
    yield _answers(paths, 1 if tiny else ROUNDS)
    with tempfile.TemporaryDirectory() as kept:
        turns, servers = (2, 1) if tiny else (TURNS, SERVERS)
        yield from _serving(paths["merged"], Path(kept), turns, servers)


def _sizes(paths: Mapping[str, Path], plan: log_inputs.Plan, notes: list[str]) -> Table:
    rows = []
    every = [path for path in log_in(paths["merged"]).iterdir() if path.is_dir()]
    for table in (*sorted(path.name for path in every), ""):
        cells = []
        for path in paths.values():
            files = [file for file in (log_in(path) / table).rglob("*") if file.suffix != ".tmp"]
            files = [file for file in files if file.is_file()]
            size = sum(file.stat().st_size for file in files)
            cells += [str(len(files)), significant(size / 1e6)]
        rows.append((table or "all", *cells))
    heads = [f"{what}, {form}" for form in FORMS.values() for what in ("files", "MB")]
    what = f"{plan.dumps} dumps of {plan.filters:,} filters and {plan.images:,} images"
    goal = ["Wanted: 900 MB at most."] if plan.dumps > 100 else []
    return Table(f"A log of {what} on disk", ("table", *heads), tuple(rows), (*goal, *notes))


def _writing(paths: Mapping[str, Path], plan: log_inputs.Plan) -> Table:
    rows = []
    for form, path in paths.items():
        timings = json.loads((path / "timings.json").read_text())
        for what, seconds in timings["seconds"].items():
            if seconds:
                each = [1000 * second for second in seconds]
                slowest = significant(max(each))
                mean = significant(sum(each) / plan.dumps)
                rows.append((FORMS[form], what, mean, slowest, significant(timings["peak"])))
    heads = ("form", "work", "ms a dump", "longest call, ms", "peak memory, MiB")
    return Table("Writing it, the generator's own numbers included in memory", heads, tuple(rows))


def _answers(paths: Mapping[str, Path], rounds: int) -> Table:
    results = {}
    notes = []
    for form, path in paths.items():
        say(f"answers, {FORMS[form]}")
        command = [sys.executable, "-m", "benchmarks.training_log", "--measure", str(log_in(path))]
        done = run([*command, "--rounds", str(rounds)], limit=3600)
        results[form] = json.loads(done.output)
        if results[form]["problems"]:
            raise RuntimeError(f"{results[form]['problems']} files of {path} are damaged")
        notes.append(
            f"{FORMS[form]}: {done.peak_mib:.0f} MiB at the peak, "
            f"{results[form]['resident']:.0f} MiB resident in the end, of one process for all."
        )
    rows = []
    for name in results["merged"]["seconds"]:
        cells = []
        for form in FORMS:
            first, *more = (1000 * second for second in results[form]["seconds"][name])
            cells += [significant(first), spread(more, "") if more else "-"]
        rows.append((name, _GOALS.get(name, "-"), *cells))
    heads = [f"{what}, {form}" for form in FORMS.values() for what in ("first, ms", "again, ms")]
    return Table("Answers", ("answer", "wanted", *heads), tuple(rows), tuple(notes))


def _serving(logdir: Path, cache: Path, turns: int, servers: int) -> Iterator[Table]:
    """Answers, memory and the page: of servers with an empty cache, and with what these left."""
    without = training_server.memory_without(logdir)
    cold, warm = [], []
    pages: dict[str, dict[str, list[float]]] = {}
    for server in range(servers):
        say(f"server {server + 1} of {servers}")
        own = cache / f"server-{server}"
        cold.append(training_server.ask(logdir, own, turns))
        warm.append(training_server.ask(logdir, own, turns))
    rows = []
    for name in cold[0].milliseconds:
        later = training_server.medians([*cold, *warm], name, first=False)
        firsts = [training_server.medians(each, name, first=True) for each in (cold, warm)]
        cells = [spread(values, "") for values in firsts]
        rows.append((name, _SERVED_GOALS.get(name, "200 ms"), *cells, spread(later, "")))
    heads = ("answer", "wanted", "first ever, ms", "first after a restart, ms", "later, ms")
    yield Table("Answers of TensorBoard over HTTP", heads, tuple(rows), (_SERVED_NOTE,))
    yield _memory(without, {"empty cache": cold, "after a restart": warm})
    for name, folder_of in (("first ever", "page"), ("after a restart", "page")):
        say(f"the page, {name}")
        for figure, values in training_page.opened(logdir, cache / folder_of, turns).items():
            pages.setdefault(figure, {})[name] = values
    yield _opening(pages)


def _memory(without: float, asked: Mapping[str, list[training_server.Asked]]) -> Table:
    rows = []
    for name, servers in asked.items():
        idle, peak = ([getattr(each, what) for each in servers] for what in ("idle", "peak"))
        above = [each - without for each in peak]
        rows.append((name, spread(idle, ""), spread(peak, ""), spread(above, ""), "400"))
    heads = ("server", "before, MiB", "peak, MiB", "peak above the plugin's absence, MiB", "wanted")
    note = f"The same TensorBoard without the plugin: {without:.0f} MiB at its peak."
    return Table("Memory of the server", heads, tuple(rows), (note,))


def _opening(pages: Mapping[str, Mapping[str, list[float]]]) -> Table:
    rows = []
    for figure, values in pages.items():
        cells = [spread(values[name], "") for name in ("first ever", "after a restart")]
        wanted = "1,500 ms" if "drawn" in figure else "-"
        rows.append((figure, wanted, *cells))
    heads = ("figure", "wanted", "first ever, ms", "after a restart, ms")
    note = "Of each server the first page, and the same address again in new pages of the browser."
    return Table("Opening the page, from the address on", heads, tuple(rows), (note,))


if __name__ == "__main__":
    if "--measure" in sys.argv:
        parser = argparse.ArgumentParser()
        parser.add_argument("--measure", type=Path, required=True)
        parser.add_argument("--rounds", type=int, default=ROUNDS)
        options = parser.parse_args()
        print(json.dumps(measure(options.measure, options.rounds)))
    else:
        main(sys.modules[__name__], __doc__)
