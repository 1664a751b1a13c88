"""Comparisons and listings as tables for people: on a terminal and in a notebook."""

import io
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tb_snapshot_compare.analysis import Measures
from tb_snapshot_compare.snapshot import SnapshotRef, State
from tb_snapshot_compare.workspace.opening import Scan
from tb_snapshot_compare.workspace.pairing import COMPLEX
from tb_snapshot_compare.workspace.results import Comparison, SnapshotSummary, TensorDifference

_BAR_CELLS = 12
_WIDE = 120
_STATUS_WORDS = {
    "only_a": "only in a",
    "only_b": "only in b",
    "shape_differs": "shapes differ",
    "not_numeric": "not numeric",
    "unreadable": "cannot be read",
}


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of measures; it is left out on terminals narrower than `from_width`."""

    heading: str
    from_width: int
    cell: Callable[[Measures], str]


_COLUMNS = (
    _Column("‖b-a‖₂", 0, lambda measures: _number(measures.l2)),
    _Column("relative", 0, lambda measures: _number(measures.relative_l2)),
    _Column("mean d", 84, lambda measures: _number(measures.mean_relative_percent)),
    _Column("cosine", 76, lambda measures: _number(measures.cosine, "{:.6f}")),
    _Column("flips", 96, lambda measures: f"{measures.sign_flips:,}"),
    _Column("changed", 0, lambda measures: _number(measures.changed, "{:.1%}")),
)
_KIND_FROM, _BAR_FROM = 104, 116


def comparison_table(comparison: Comparison, width: int) -> Table:
    """Layers by row, in network order, with the model's total last.

    Args:
      comparison: What to show.
      width: Characters in a line.
    """
    columns = [column for column in _COLUMNS if width >= column.from_width]
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("layer", overflow="fold", min_width=12)
    if width >= _KIND_FROM:
        table.add_column("kind", style="dim", no_wrap=True)
    for heading in ("weights", *(column.heading for column in columns)):
        table.add_column(heading, justify="right", no_wrap=True)
    largest = max((layer.measures.l2 or 0 for layer in comparison.layers), default=0)

    def add(name: Text, kind: str, count: int, measures: Measures, bar: Text) -> None:
        cells: list[str | Text] = [
            name,
            f"{count:,}",
            *(column.cell(measures) for column in columns),
        ]
        if width >= _KIND_FROM:
            cells.insert(1, Text(kind))
        table.add_row(*cells, *([bar] if width >= _BAR_FROM else []))

    if width >= _BAR_FROM:
        table.add_column("", no_wrap=True)
    for layer in comparison.layers:
        bar = _bar(layer.measures.l2, largest)
        add(Text(layer.name), layer.kind, layer.count, layer.measures, bar)
    table.add_section()
    count = sum(layer.count for layer in comparison.layers)
    add(Text("model", "bold"), "", count, comparison.model, Text())
    return table


def comparison_text(comparison: Comparison, console: Console) -> None:
    """Prints who was compared, the table, what it covers and what was not compared."""
    for side, color, snapshot in (("a", "blue", comparison.a), ("b", "red", comparison.b)):
        line = Text.assemble((f"{side} ", f"bold {color}"), describe(snapshot))
        console.print(line, soft_wrap=True)
    console.print()
    console.print(comparison_table(comparison, console.width))
    console.print()
    for text in coverage_lines(comparison):
        console.print(text, soft_wrap=True, markup=False)


def listing_text(found: Scan, console: Console) -> None:
    """Prints the snapshots of every run, in order of time."""
    if not found.runs:
        console.print(
            "No snapshots here. Looked for .keras, .weights.h5, .weights.json, .h5, .safetensors, "
            ".pt, .pth, .tar, .ckpt, .bin and .npz files with the weights of layers, TF "
            "checkpoints (.index and .data files), and directories of a SavedModel, of Orbax or "
            "of a PyTorch distributed checkpoint."
        )
    for run in found.runs:
        count = (f"  {len(run.snapshots):,} snapshots", "dim")
        console.print(Text.assemble((run.name, "bold"), count))
        table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 2))
        for heading in ("epoch", "step", "size"):
            table.add_column(heading, justify="right")
        for heading in ("name", "formats", "state"):
            table.add_column(heading)
        for ref in run.snapshots:
            table.add_row(
                _whole(ref.position.epoch),
                _whole(ref.position.step),
                f"{ref.size / 1e6:,.1f} MB",
                Text(ref.name),
                ", ".join(dict.fromkeys(files.format.value for files in ref.file_sets)),
                _state(ref),
            )
        console.print(table)


def _whole(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _state(ref: SnapshotRef) -> Text:
    if ref.state is State.READY:
        return Text("ready" if ref.reason is None else f"ready, but {ref.reason}")
    return Text.assemble((ref.state.value.replace("_", " "), "yellow"), f" {ref.reason or ''}")


def terminal() -> Console:
    """Standard output; wide enough for every column where it is not a terminal."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)


def comparison_html(comparison: Comparison) -> str:
    """The same as a fragment of HTML, for notebooks."""
    console = Console(
        record=True, width=_WIDE, file=io.StringIO(), force_terminal=False, highlight=False
    )
    comparison_text(comparison, console)
    return console.export_html(
        inline_styles=True, code_format="<pre style='line-height:1.3'>{code}</pre>"
    )


def describe(snapshot: SnapshotSummary) -> str:
    """`epoch-10.keras (epoch 10, step 340, keras, 4.5 MB)`."""
    facts = []
    if snapshot.epoch is not None:
        facts.append(f"epoch {snapshot.epoch:,}")
    if snapshot.step is not None:
        facts.append(f"step {snapshot.step:,}")
    facts += [snapshot.format.value, f"{snapshot.size / 1e6:,.1f} MB"]
    return f"{snapshot.path} ({', '.join(facts)})"


def coverage_lines(comparison: Comparison) -> Iterable[str]:
    """What the numbers cover, what was left out, and every tensor that was not compared."""
    covered, left = comparison.coverage, comparison.left_out
    yield (
        f"{covered.tensors_compared:,} of {covered.tensors_total:,} tensors compared, "
        f"{covered.elements_compared:,} of {covered.elements_total:,} elements"
    )
    reached = sum(tensor.count for tensor in comparison.tensors if tensor.status == "compared")
    if reached > covered.elements_compared:
        yield (
            f"{reached - covered.elements_compared:,} elements left out: they are NaN or infinite "
            "in a or b"
        )
    if left.optimizer or left.state:
        yield (
            f"left out: {left.optimizer:,} optimizer and {left.state:,} counter or seed tensors "
            "(--scope all compares them)"
        )
    by_order = sum(tensor.rule == "order" for tensor in comparison.tensors)
    if by_order:
        yield f"{by_order:,} tensors matched by order, class and shape: their names differ"
    for tensor in comparison.tensors:
        if tensor.status != "compared":
            yield f"  {tensor.name}: {_reason(tensor)}"


def _reason(tensor: TensorDifference) -> str:
    words = _STATUS_WORDS[tensor.status]
    if tensor.status == "shape_differs":
        return f"{words}, {tensor.shape_a} and {tensor.shape_b}"
    if tensor.problem == COMPLEX:
        return COMPLEX
    return f"{words}: {tensor.problem}" if tensor.problem else words


def _number(value: float | None, form: str = "{:.4g}") -> str:
    return "-" if value is None else form.format(value)


def _bar(value: float | None, largest: float) -> Text:
    filled = round(_BAR_CELLS * value / largest) if value and largest else 0
    return Text("█" * filled, "yellow")
