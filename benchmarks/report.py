"""Tables of figures: printed, kept, and written to RESULTS.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from importlib.metadata import distributions, version
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from rich import box
from rich.console import Console
from rich.table import Table as Printed

from benchmarks.measuring import PEERS
from benchmarks.progress import clear
from tb_snapshot_compare import processors

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

RESULTS = Path(__file__).with_name("RESULTS.md")
_VERSIONS = ("numpy", "numba", "tensorflow", "torch", "tensorboard")
_PEERS = ("weightscope", "sft-cli", "modeldelta")
_HEAD = """# Results of `make bench`

Medians, with the range of all counted rounds in brackets. Programs that stand in one table were
run in turns. *Warm*: the files are in the system's cache; *cold*: they were dropped from it before
every run. Peak memory is the greatest resident set, which counts what a program maps of its files.
Errors are the largest relative error of any tensor against a reference in float64.
"""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text below a heading; `notes` are sentences that belong to it."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.title}: {len(row)} cells in {len(self.columns)} columns")


@dataclass(frozen=True, slots=True)
class Section:
    """The tables of one group, and when and on what they were taken."""

    group: str
    taken: str
    machine: str
    load: float
    minutes: float
    tables: tuple[Table, ...]


class Benchmark(Protocol):
    """A module of this package that measures: what `python -m benchmarks` needs of it."""

    def tables(self, tiny: bool = False) -> Iterable[Table]:
        """Measures; `tiny` is for seeing that it works."""


def spread(values: Sequence[float], unit: str = "s", digits: int = 3) -> str:
    """Median and range, of so many significant digits."""
    if not values:
        return "-"
    middle = significant(statistics.median(values), digits)
    ends = f" ({significant(min(values), digits)} to {significant(max(values), digits)})"
    return f"{middle} {unit}".rstrip() + (ends if len(values) > 1 else "")


def significant(value: float, digits: int = 3) -> str:
    """A number with so many significant digits and no exponent, unless it is tiny."""
    if value == 0:
        return "0"
    if abs(value) < 1e-3:
        return f"{value:.{digits - 1}e}"
    whole = len(str(int(abs(value))))
    places = digits - whole if abs(value) >= 1 else digits
    return f"{value:,.{max(places, 0)}f}"


def spreads(title: str, heads: tuple[str, str], measured: Mapping[str, Sequence[float]]) -> Table:
    """A table of seconds by name."""
    rows = tuple((name, spread(values)) for name, values in measured.items())
    return Table(title, heads, rows)


def show(tables: Iterable[Table], console: Console | None = None) -> tuple[Table, ...]:
    """Prints each table as soon as it is there; returns them all."""
    console = console or Console(highlight=False, width=None if sys.stdout.isatty() else 200)
    shown = []
    for table in tables:
        clear()
        printed = Printed(title=table.title, title_justify="left", box=box.SIMPLE)
        for column in table.columns:
            printed.add_column(column)
        for row in table.rows:
            printed.add_row(*row)
        console.print(printed)
        for note in table.notes:
            console.print(f"  {note}", markup=False)
        shown.append(table)
    return tuple(shown)


def main(benchmark: Benchmark, description: str | None) -> None:
    """What a benchmark does that is started by itself."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("--tiny", action="store_true", help="small, to see that it works")
    show(benchmark.tables(parser.parse_args().tiny))


def measured(group: str, tables: Iterable[Table]) -> Section:
    """Prints the tables of a group and puts them into a section."""
    load, started = os.getloadavg()[0], time.monotonic()
    shown = show(tables)
    minutes = (time.monotonic() - started) / 60
    taken = time.strftime("%Y-%m-%d %H:%M", time.gmtime())
    return Section(group, taken, machine(), load, minutes, shown)


def keep(section: Section, folder: Path) -> None:
    """Keeps a section, in place of the one before of the same group."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{section.group}.json").write_text(json.dumps(asdict(section)))


def write_results(groups: Sequence[str], folder: Path, results: Path) -> None:
    """Writes what is kept of the groups, in their order, as Markdown."""
    parts = [_HEAD]
    for group in groups:
        path = folder / f"{group}.json"
        if path.exists():
            parts.append(markdown(_section(json.loads(path.read_text()))))
    results.write_text("\n".join(parts), encoding="utf-8")


def markdown(section: Section) -> str:
    """A section of RESULTS.md."""
    lines = [
        f"## {section.group.replace('_', ' ')}",
        "",
        f"{section.taken} UTC, {section.minutes:.1f} minutes, load {section.load:.1f} before it. "
        f"{section.machine}.",
        "",
    ]
    for table in section.tables:
        lines += [f"### {table.title}", "", _row(table.columns), _row(["---"] * len(table.columns))]
        lines += [_row(row) for row in table.rows]
        lines += ["", *(f"{note}\n" for note in table.notes)]
    return "\n".join(lines)


def machine() -> str:
    """Processors, memory, system and versions, in one line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    parts = (
        f"{processors.available()} of {os.cpu_count()} processors ({_processor()})",
        f"{memory:.0f} GiB of memory",
        f"{platform.system()} {platform.release().partition('-')[0]}",
        f"Python {platform.python_version()}",
        *(f"{name} {version(name)}" for name in _VERSIONS),
        *_peer_versions(),
    )
    return ", ".join(parts)


def _peer_versions() -> list[str]:
    """Of the libraries in their own environment."""
    folders = [str(path) for path in PEERS.parent.glob("lib/python*/site-packages")]
    found = {each.name: each.version for each in distributions(path=folders)}
    return [f"{name} {found[name]}" for name in _PEERS if name in found]


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _section(value: dict[str, object]) -> Section:
    import msgspec

    return msgspec.convert(value, Section)
