"""The command line: `tb-snapshot-compare list PATH`, `diff A B` and `index LOGDIR`."""

import argparse
import dataclasses
import gc
import io
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from tb_snapshot_compare import __version__
from tb_snapshot_compare.errors import (
    InvalidRequestError,
    NotFoundError,
    SnapshotChangedError,
    SnapshotCompareError,
    UnreadableSnapshotError,
)
from tb_snapshot_compare.limits import MATCH_FILE_MAX_BYTES
from tb_snapshot_compare.snapshot import SnapshotRef
from tb_snapshot_compare.workspace import (
    EVERYTHING,
    WEIGHTS,
    Comparison,
    Contents,
    Match,
    Progress,
    RunSources,
    compare,
    format_matches,
    list_snapshots,
    load_without_blas,
    match,
    open_snapshot,
    parse_matches,
)

if TYPE_CHECKING:
    from tb_snapshot_compare.workspace import IndexedRun, IndexProgress

UNREADABLE, USAGE = 1, 2
_ADDRESS_HELP = "a snapshot's path, or LOGDIR@RUN:STEP"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns 0, 1 (something cannot be read) or 2 (usage)."""
    options = _parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # file names need not be UTF-8
            stream.reconfigure(errors="backslashreplace")
    try:
        run: Callable[[argparse.Namespace], None] = options.run
        run(options)
    except InvalidRequestError as error:
        return _fail(error, USAGE)
    except SnapshotCompareError as error:
        return _fail(error, UNREADABLE)
    except KeyboardInterrupt:
        return _fail("stopped", 130)
    return 0


def _list(options: argparse.Namespace) -> None:
    found = list_snapshots(options.path)
    for root in found.roots:
        if root.problem is not None and not found.runs:
            raise NotFoundError(f"{root.path_as_given}: {root.problem}")
        if root.problem is not None:
            sys.stderr.write(f"{root.path_as_given}: {root.problem}\n")
    if options.json:
        _print_json({"runs": [_run_json(run) for run in found.runs]})
    else:
        from tb_snapshot_compare.workspace.display import listing_text, terminal

        listing_text(found, terminal())


def _diff(options: argparse.Namespace) -> None:
    load_without_blas()
    gc.freeze()
    try:
        comparison = _compared(options)
    except SnapshotChangedError:
        comparison = _compared(options)  # a writer came in between: the new content, whole
    if options.json:
        _print_json(comparison_json(comparison))
    else:
        from tb_snapshot_compare.workspace.display import comparison_text, terminal

        comparison_text(comparison, terminal())


def _index(options: argparse.Namespace) -> None:
    from tb_snapshot_compare.workspace import index_runs

    load_without_blas()
    problems = 0
    with _index_progress() as report:
        for run in index_runs(options.logdir, options.run_name, options.cache_dir, report):
            sys.stdout.write(f"{_told(run)}\n")
            for problem in run.problems:
                sys.stderr.write(f"  {problem}\n")
            problems += len(run.problems)
    if problems:
        raise UnreadableSnapshotError(
            f"{problems:,} snapshots, or parts of them, could not be read; all others are known."
        )


def _told(run: "IndexedRun") -> str:
    """What was done for a run, in a line."""
    if run.recorded:
        return f"{run.name}: recorded by the training itself, nothing to compute"
    if not run.pairs:
        return f"{run.name}: no two snapshots to compare"
    return (
        f"{run.name}: {run.snapshots:,} snapshots, {run.pairs:,} changes known "
        f"({run.computed:,} computed now)"
    )


def _compared(options: argparse.Namespace) -> Comparison:
    a, b = open_snapshot(options.a), open_snapshot(options.b)
    corrections = _corrections(options.match)
    if options.write_match is not None:
        _write(options.write_match, format_matches(match(a, b, corrections).matches()))
    with _comparison_progress() as report:
        return compare(
            a,
            b,
            layer=options.layer,
            scopes=EVERYTHING if options.scope == "all" else WEIGHTS,
            corrections=corrections,
            progress=report,
            contents=None if options.verify else Contents(),
        )


def _corrections(path: str | None) -> tuple[Match, ...]:
    """The matches of `--match`."""
    if path is None:
        return ()
    try:
        with open(path, "rb") as file:
            return parse_matches(file.read(MATCH_FILE_MAX_BYTES + 1), path)
    except OSError as error:
        raise UnreadableSnapshotError(f"{path} cannot be read: {error.strerror}.") from error


def _write(path: str, text: str) -> None:
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UnreadableSnapshotError(f"{path} cannot be written: {error.strerror}.") from error


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """The object that `diff --json` prints; measures stand beside what they measure."""
    model = to_builtins(comparison.model)
    undefined = dict.fromkeys(model)
    return {
        "a": to_builtins(comparison.a),
        "b": to_builtins(comparison.b),
        "coverage": to_builtins(comparison.coverage),
        "left_out": to_builtins(comparison.left_out),
        "model": model,
        "layers": [_flat(layer, undefined) for layer in comparison.layers],
        "tensors": [_flat(tensor, undefined) for tensor in comparison.tensors],
    }


def _flat(difference: Any, undefined: dict[str, Any]) -> dict[str, Any]:
    """The measures beside what they measure; all null for what was not compared."""
    entry = to_builtins(difference)
    measures = entry.pop("measures")
    return {**entry, **(undefined if measures is None else measures)}


def _run_json(run: RunSources) -> dict[str, Any]:
    return {
        "name": run.name,
        "event_runs": list(run.event_runs),
        "snapshots": [_snapshot_json(ref) for ref in run.snapshots],
    }


def _snapshot_json(ref: SnapshotRef) -> dict[str, Any]:
    return {
        "name": ref.name,
        **dataclasses.asdict(ref.position),
        "modified": ref.modified,
        "size": ref.size,
        "state": ref.state.value,
        "reason": ref.reason,
        "files": [
            {"path": files.path, "format": files.format.value, "size": files.size}
            for files in ref.file_sets
        ],
    }


def _print_json(value: object) -> None:
    """One line of ASCII: file names that are not UTF-8 are written with escapes."""
    sys.stdout.write(json.dumps(value, allow_nan=False) + "\n")


def _comparison_progress() -> AbstractContextManager[Progress | None]:
    """A bar, where there is a terminal; what draws it is loaded for nothing else."""
    if not sys.stderr.isatty():
        return nullcontext()
    from tb_snapshot_compare.workspace.progress_bars import comparison_bar

    return comparison_bar()


def _index_progress() -> "AbstractContextManager[IndexProgress | None]":
    if not sys.stderr.isatty():
        return nullcontext()
    from tb_snapshot_compare.workspace.progress_bars import index_bar

    return index_bar()


def _fail(message: object, code: int) -> int:
    sys.stderr.write(f"tb-snapshot-compare: {message}\n")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tb-snapshot-compare", description="Compare the snapshots of a neural network."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    listing = commands.add_parser("list", help="list the snapshots below a directory")
    listing.add_argument("path", metavar="PATH", help="a logdir")
    listing.add_argument("--json", action="store_true", help="print one JSON object")
    listing.set_defaults(run=_list)

    diff = commands.add_parser("diff", help="compare two snapshots")
    diff.add_argument("a", metavar="A", help=_ADDRESS_HELP)
    diff.add_argument("b", metavar="B", help=_ADDRESS_HELP)
    diff.add_argument("--layer", metavar="LAYER", help="compare this layer only")
    diff.add_argument(
        "--scope",
        choices=("weights", "all"),
        default="weights",
        help="weights: the model's weights (default); all: the optimizer's, counters and seeds too",
    )
    diff.add_argument(
        "--match",
        metavar="FILE",
        help="which tensor of A is which of B, where names do not tell: a file that the page or "
        "--write-match wrote",
    )
    diff.add_argument(
        "--write-match", metavar="FILE", help="write the matches in use, to be corrected"
    )
    diff.add_argument(
        "--verify",
        action="store_true",
        help="read every tensor of both, also where the files' own checksums say that it did not "
        "change",
    )
    diff.add_argument("--json", action="store_true", help="print one JSON object")
    diff.set_defaults(run=_diff)

    index = commands.add_parser(
        "index", help="compute what the Training page shows of runs that did not record themselves"
    )
    index.add_argument("logdir", metavar="LOGDIR", help="as TensorBoard's --logdir")
    index.add_argument("--run", metavar="RUN", dest="run_name", help="this run only")
    index.add_argument(
        "--cache-dir",
        metavar="PATH",
        default="",
        help="where it is kept, as TensorBoard's --snapshot_compare_cache_dir",
    )
    index.set_defaults(run=_index)
    return parser


if __name__ == "__main__":
    sys.exit(main())
