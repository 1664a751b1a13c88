"""A comparison as a table for people: on a terminal and in a notebook."""

import io
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tb_snapshot_compare.analysis import Measures
from tb_snapshot_compare.workspace.results import Comparison, SnapshotSummary, TensorDifference

_BAR_CELLS = 12
_WIDE = 118
_STATUS_WORDS = {
    "only_a": "only in a",
    "only_b": "only in b",
    "shape_differs": "shapes differ",
    "not_numeric": "not numeric",
    "unreadable": "cannot be read",
}


def comparison_table(comparison: Comparison) -> Table:
    """Layers by row, in network order, with the model's total last."""
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("layer", no_wrap=True)
    table.add_column("kind", style="dim", no_wrap=True)
    for heading in ("weights", "‖b-a‖₂", "relative", "mean d", "cosine", "flips", "changed"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    largest = max((layer.measures.l2 or 0 for layer in comparison.layers), default=0)
    for layer in comparison.layers:
        bar = _bar(layer.measures.l2, largest)
        table.add_row(layer.name, layer.kind, f"{layer.count:,}", *_cells(layer.measures), bar)
    count = sum(layer.count for layer in comparison.layers)
    table.add_section()
    table.add_row(Text("model", "bold"), "", f"{count:,}", *_cells(comparison.model), "")
    return table


def comparison_text(comparison: Comparison, console: Console) -> None:
    """Prints who was compared, the table, what it covers and what was not compared."""
    console.print(Text.assemble(("a ", "bold blue"), describe(comparison.a)))
    console.print(Text.assemble(("b ", "bold red"), describe(comparison.b)))
    console.print()
    console.print(comparison_table(comparison))
    console.print()
    for line in coverage_lines(comparison):
        console.print(line)


def comparison_html(comparison: Comparison) -> str:
    """The same as a fragment of HTML, for notebooks."""
    console = Console(record=True, width=_WIDE, file=io.StringIO(), force_terminal=False)
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
    if left.optimizer or left.state:
        yield (
            f"left out: {left.optimizer:,} optimizer and {left.state:,} counter or seed tensors "
            "(--scope all compares them)"
        )
    for tensor in comparison.tensors:
        if tensor.status != "compared":
            yield f"  {tensor.name}: {_reason(tensor)}"


def _reason(tensor: TensorDifference) -> str:
    words = _STATUS_WORDS[tensor.status]
    if tensor.status == "shape_differs":
        return f"{words}, {tensor.shape_a} and {tensor.shape_b}"
    return f"{words}: {tensor.problem}" if tensor.problem else words


def _cells(measures: Measures) -> list[str]:
    return [
        _number(measures.l2),
        _number(measures.relative_l2),
        _number(measures.mean_relative_percent),
        "-" if measures.cosine is None else f"{measures.cosine:.6f}",
        f"{measures.sign_flips:,}",
        "-" if measures.changed is None else f"{measures.changed:.1%}",
    ]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _bar(value: float | None, largest: float) -> Text:
    filled = round(_BAR_CELLS * value / largest) if value and largest else 0
    return Text("█" * filled, "yellow")
