"""`python -m benchmarks [GROUP...]`: measures, prints tables and writes RESULTS.md.

Groups are the modules of this package that have `tables`. Without names all are measured. What is
measured takes the place of the group's former section in RESULTS.md.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from benchmarks import inputs, report

if TYPE_CHECKING:
    from benchmarks.report import Benchmark

_FIRST = ("kernel", "pair", "phases", "unchanged", "trend", "many_tensors", "pair_vgg16")
_LAST = ("startup", "many_files", "races", "hostile")


def _groups() -> tuple[str, ...]:
    found = sorted(
        path.stem
        for path in Path(__file__).parent.glob("*.py")
        if "\ndef tables(" in path.read_text(encoding="utf-8")
    )
    between = [name for name in found if name not in (*_FIRST, *_LAST)]
    return (*_FIRST, *between, *_LAST)


GROUPS = _groups()


def benchmark(group: str) -> Benchmark:
    """The module that measures a group."""
    module: Benchmark = importlib.import_module(f"benchmarks.{group}")
    return module


def main() -> int:
    """Measures the groups; returns 1 where one of them has failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=main.__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=", ".join(GROUPS))
    parser.add_argument(
        "--tiny", action="store_true", help="small, to see that it works; leaves RESULTS.md alone"
    )
    parser.add_argument("--dry", action="store_true", help="print only, leave RESULTS.md as it is")
    options = parser.parse_args()
    unknown = set(options.groups) - set(GROUPS)
    if unknown:
        parser.error(f"no group {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    console = Console(highlight=False)
    kept = inputs.cache() / ("sections-tiny" if options.tiny else "sections")
    results = kept / "RESULTS.md" if options.tiny else report.RESULTS
    failed = []
    for group in options.groups or GROUPS:
        console.rule(group)
        try:
            section = report.measured(group, benchmark(group).tables(options.tiny))
        except Exception as error:  # the other groups are measured all the same
            console.print_exception(max_frames=6)
            failed.append(f"{group} ({type(error).__name__})")
            continue
        if not options.dry:
            report.keep(section, kept)
            report.write_results(GROUPS, kept, results)
    if failed:
        console.print(f"Failed: {', '.join(failed)}", markup=False)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
