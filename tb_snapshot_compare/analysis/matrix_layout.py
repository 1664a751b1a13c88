"""A tensor of any layer as a matrix of slices: rows feed, columns are fed.

Every layout is one of four foldings of the stored array (C order) to three axes:

- `[cells, rows, columns]`: Dense `(in, out)`, Conv `(..., in, out)`, recurrent kernels, ...
- `[cells, columns, rows]`: transposed convolutions `(..., out, in)`, and some EinsumDense.
- `[columns, rows, cells]`: PyTorch's Linear `(out, in)` and Conv `(out, in, ...)`.
- `[rows, columns, cells]`: PyTorch's transposed convolutions `(in, out, ...)`.

So element (row, column) of slice position `cell` is one product away from its flat index, and
a range of rows or columns is a few runs of bytes.
"""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.filter_axis import Layout, is_multiplied

Indices = NDArray[np.int64]
Axis = tuple[int, ...]
"""Axes of the stored shape that are folded into one, the slowest first."""


@dataclass(frozen=True, slots=True)
class MatrixLayout:
    """Where each weight of a tensor of shape `shape` lies on the map.

    The axes of the shape are split among `row_axes`, `column_axes`, `cell_row_axes` and
    `cell_column_axes`; each group is folded in C order. `rows_inside` tells that rows, not
    columns, follow each other in memory, and `cells_inside` that the weights of a slice do. The
    words are for the page.
    """

    shape: tuple[int, ...]
    row_axes: Axis
    column_axes: Axis
    cell_row_axes: Axis = ()
    cell_column_axes: Axis = ()
    rows_inside: bool = False
    row_word: str = "input"
    column_word: str = "unit"
    rows_are_channels: bool = False
    columns_are_channels: bool = False
    note: str | None = None
    cells_inside: bool = False

    @property
    def rows(self) -> int:
        """Rows of slices."""
        return self._size(self.row_axes)

    @property
    def columns(self) -> int:
        """Columns of slices."""
        return self._size(self.column_axes)

    @property
    def cell_rows(self) -> int:
        """Rows of weights in a slice."""
        return self._size(self.cell_row_axes)

    @property
    def cell_columns(self) -> int:
        """Columns of weights in a slice."""
        return self._size(self.cell_column_axes)

    @property
    def cells(self) -> int:
        """Weights of a slice."""
        return self.cell_rows * self.cell_columns

    @property
    def outer(self) -> int:
        """Rows or columns, whichever change more slowly in the folded array."""
        return self.columns if self.rows_inside else self.rows

    @property
    def inner(self) -> int:
        """Rows or columns, whichever change faster in the folded array."""
        return self.rows if self.rows_inside else self.columns

    @property
    def cell_word(self) -> str:
        """What a cell of the map is."""
        sizes = [self.shape[axis] for axis in (*self.cell_row_axes, *self.cell_column_axes)]
        if self.cells == 1:
            return "weight"
        return f"{' × '.join(map(str, sizes))} slice"

    def flat(self, row: int, column: int, cell_row: int = 0, cell_column: int = 0) -> int:
        """The flat index (C order) of a weight."""
        cell = cell_row * self.cell_columns + cell_column
        outer, inner = (column, row) if self.rows_inside else (row, column)
        if self.cells_inside:
            return (outer * self.inner + inner) * self.cells + cell
        return (cell * self.outer + outer) * self.inner + inner

    def place(self, flat: int) -> tuple[int, int, int, int]:
        """Row, column, and row and column within the slice, of a flat index."""
        if self.cells_inside:
            rest, cell = divmod(flat, self.cells)
            outer, inner = divmod(rest, self.inner)
        else:
            rest, inner = divmod(flat, self.inner)
            cell, outer = divmod(rest, self.outer)
        row, column = (inner, outer) if self.rows_inside else (outer, inner)
        return (row, column, *divmod(cell, self.cell_columns))

    def index(self, row: int, column: int) -> tuple[str, ...]:
        """The slice at (row, column) as one text for each axis of the shape: `:`, `:`, `3`, `17`.

        An axis of one weight of a slice is `0`, so that the texts index the stored array.
        """
        texts = ["0" if size == 1 else ":" for size in self.shape]
        for axes, value in ((self.row_axes, row), (self.column_axes, column)):
            rest = value
            for axis in reversed(axes):
                rest, index = divmod(rest, self.shape[axis])
                texts[axis] = str(index)
        return tuple(texts)

    def as_matrix(self, tensor: NDArray[Any]) -> NDArray[Any]:
        """The tensor as `[rows, columns, cell_rows, cell_columns]`."""
        order = (*self.row_axes, *self.column_axes, *self.cell_row_axes, *self.cell_column_axes)
        sizes = (self.rows, self.columns, self.cell_rows, self.cell_columns)
        return tensor.reshape(self.shape).transpose(order).reshape(sizes)

    def _size(self, axes: Axis) -> int:
        return prod(self.shape[axis] for axis in axes)


@dataclass(frozen=True, slots=True)
class LayerOptions:
    """What a layer's configuration says that its weights do not: None where it is not known.

    `equation` is that of an EinsumDense (`abc,cde->abde`), `groups` that of a convolution.
    """

    groups: int | None = None
    equation: str | None = None


_GATES = {
    "lstm": ("input", "forget", "cell", "output"),
    "gru": ("update", "reset", "candidate"),
}
_WRAPPERS = frozenset({"Bidirectional", "RNN", "StackedRNNCells", "TimeDistributed"})
_VECTORS = frozenset(
    {
        "bias",
        "gamma",
        "beta",
        "moving_mean",
        "moving_variance",
        "scale",
        "mean",
        "variance",
        "alpha",
    }
)
_CONVOLUTION_RANK = range(3, 6)
_SPATIAL_MAX = 64
"""A kernel of an unknown layer whose leading axes are longer is no convolution's."""


def matrix_layout(
    name: str,
    role: str,
    kind: str,
    shape: tuple[int, ...],
    options: LayerOptions | None = None,
    layout: Layout = "keras",
) -> MatrixLayout:
    """How a tensor of a layer becomes a matrix of slices. Total: every shape has a layout.

    Args:
      name: canonical name of the tensor; tells parts of composite layers apart
        (`mha/attention_output/kernel`, `both/forward_gru/gru_cell/kernel`).
      role: `kernel`, `bias`, ...
      kind: the Keras class of its layer, or `Unknown`.
      shape: the stored shape.
      options: from the layer's configuration.
      layout: in which order the axes are stored.
    """
    options = options or LayerOptions()
    if not shape:
        return MatrixLayout((), (), (), row_word="value", column_word="value")
    gates = _gates(name, kind)
    if layout == "torch" and is_multiplied(role, shape):
        return _torch(role, kind, shape, gates, options)
    if len(shape) == 1 or role in _VECTORS or role.startswith("moving_"):
        return _vector(role, kind, shape, gates)
    if role == "depthwise_kernel" or (kind.startswith("Depthwise") and role == "kernel"):
        return _depthwise(shape, separable=role == "depthwise_kernel")
    if kind == "EinsumDense" or _is_attention(name, kind):
        return _projection(name, kind, shape, options)
    if _is_convolution(role, kind, shape):
        return _convolution(role, kind, shape, gates, options)
    return _matrix(role, shape, gates)


def _vector(role: str, kind: str, shape: tuple[int, ...], gates: tuple[str, ...]) -> MatrixLayout:
    axes = tuple(range(len(shape)))
    if gates:
        word, note = "gate unit", _gate_note(gates, shape[-1])
        rows = "input and recurrent bias" if len(shape) > 1 else "value"
        return MatrixLayout(shape, axes[:-1], axes[-1:], (), (), False, rows, word, note=note)
    if len(shape) > 1 and not (kind == "EinsumDense" or "Attention" in kind):
        return MatrixLayout(
            shape, axes[:-1], axes[-1:], row_word="position", column_word="channel",
            columns_are_channels=True,
        )  # fmt: skip
    word = "unit" if role == "bias" and not _spatial_kind(kind) else "channel"
    return MatrixLayout(
        shape, (), axes, row_word="value", column_word=word, columns_are_channels=True
    )


def _depthwise(shape: tuple[int, ...], separable: bool) -> MatrixLayout:
    """One row: each filter sees but the input channel `filter // multiplier`."""
    multiplier = shape[-1]
    rows, columns = _cell_axes(len(shape) - 2)
    return MatrixLayout(
        shape,
        (),
        (len(shape) - 2, len(shape) - 1),
        rows,
        columns,
        row_word="own input channel",
        column_word="intermediate channel" if separable else "filter",
        columns_are_channels=not separable,
        note=(
            "Each filter has one slice, that of its own input channel"
            + ("." if multiplier == 1 else f": {multiplier} filters follow each other for each.")
        ),
    )


def _projection(
    name: str, kind: str, shape: tuple[int, ...], options: LayerOptions
) -> MatrixLayout:
    axes = tuple(range(len(shape)))
    split = _contracted(options.equation, len(shape)) if kind == "EinsumDense" else None
    whole = kind == "EinsumDense"
    if split is not None:
        inputs, outputs = split
        rows_inside = bool(inputs) and bool(outputs) and inputs[0] > outputs[-1]
        return MatrixLayout(
            shape, inputs, outputs, (), (), rows_inside, "input", "output", whole, whole
        )
    if "attention_output" in name or "output_dense" in name:
        return MatrixLayout(
            shape, axes[:-1], axes[-1:], row_word="head and value", column_word="output",
            columns_are_channels=True,
        )  # fmt: skip
    word = "output" if kind == "EinsumDense" else "head and key"
    return MatrixLayout(
        shape, axes[:1], axes[1:], row_word="input", column_word=word,
        rows_are_channels=True, columns_are_channels=whole,
    )  # fmt: skip


def _contracted(equation: str | None, rank: int) -> tuple[Axis, Axis] | None:
    """The kernel's axes that an equation sums over, and the others, where neither is split."""
    operands, arrow, result = (equation or "").replace(" ", "").partition("->")
    kernel = operands.rpartition(",")[2].replace("...", "")
    if not arrow or len(kernel) != rank or len(set(kernel)) != rank:
        return None
    inputs = tuple(axis for axis, letter in enumerate(kernel) if letter not in result)
    outputs = tuple(axis for axis in range(rank) if axis not in inputs)
    in_order = (*inputs, *outputs) == tuple(range(rank))
    swapped = (*outputs, *inputs) == tuple(range(rank))
    return (inputs, outputs) if in_order or swapped else None


def _convolution(
    role: str,
    kind: str,
    shape: tuple[int, ...],
    gates: tuple[str, ...],
    options: LayerOptions,
) -> MatrixLayout:
    rank = len(shape)
    rows, columns = _cell_axes(rank - 2)
    if role == "kernel" and kind.endswith("Transpose"):
        return MatrixLayout(
            shape, (rank - 1,), (rank - 2,), rows, columns, True, "input channel", "filter",
            True, True,
        )  # fmt: skip
    grouped = role == "kernel" and (options.groups or 1) > 1
    row_word, own = "input channel", role == "kernel" and not grouped
    note = None
    if role == "pointwise_kernel":
        row_word = "intermediate channel"
    elif role == "recurrent_kernel":
        row_word = "recurrent channel"
    elif grouped:
        row_word = "input channel of the group"
        note = f"{options.groups} groups: each filter sees the input channels of its own."
    return MatrixLayout(
        shape,
        (rank - 2,),
        (rank - 1,),
        rows,
        columns,
        row_word=row_word,
        column_word="gate filter" if gates else "filter",
        rows_are_channels=own,
        columns_are_channels=not gates,
        note=_gate_note(gates, shape[-1]) if gates else note,
    )


def _torch(
    role: str,
    kind: str,
    shape: tuple[int, ...],
    gates: tuple[str, ...],
    options: LayerOptions,
) -> MatrixLayout:
    """`(out, in / groups, ...)`, or `(in, out / groups, ...)` of transposed convolutions."""
    cell_rows, cell_columns = _cell_axes(len(shape) - 2)
    cell_rows, cell_columns = (
        tuple(axis + 2 for axis in axes) for axes in (cell_rows, cell_columns)
    )
    spatial = len(shape) > 2
    transposed = "Conv" in kind and kind.endswith("Transpose")
    depthwise = kind.startswith("Depthwise") or role == "depthwise_kernel"
    if spatial and depthwise and shape[1] == 1:
        return MatrixLayout(
            shape,
            (1,),
            (0,),
            cell_rows,
            cell_columns,
            row_word="own input channel",
            column_word="filter",
            columns_are_channels=True,
            note="Each filter has one slice, that of its own input channel.",
            cells_inside=True,
        )
    grouped = spatial and (options.groups or 1) > 1
    recurrent = role == "recurrent_kernel"
    words = ("input channel", "filter") if spatial else ("input", "unit")
    note = _gate_note(gates, shape[0]) if gates else None
    if grouped:
        words = ("input channel of the group", "filter")
        note = f"{options.groups} groups: each filter sees the input channels of its own."
    return MatrixLayout(
        shape,
        (0,) if transposed else (1,),
        (1,) if transposed else (0,),
        cell_rows,
        cell_columns,
        rows_inside=not transposed,
        row_word="recurrent unit" if recurrent else words[0],
        column_word=f"gate {words[1]}" if gates else words[1],
        rows_are_channels=not (recurrent or grouped),
        columns_are_channels=not gates,
        note=note,
        cells_inside=True,
    )


def _matrix(role: str, shape: tuple[int, ...], gates: tuple[str, ...]) -> MatrixLayout:
    axes = tuple(range(len(shape)))
    row_word, column_word, rows_are, columns_are = "input", "unit", True, True
    if role == "embeddings":
        row_word, column_word, rows_are = "token", "dimension", False
    elif role == "reverse_embeddings":
        row_word, column_word = "dimension", "token"
    elif role == "recurrent_kernel":
        row_word, rows_are = "recurrent unit", False
    elif role != "kernel":
        row_word, column_word, rows_are, columns_are = "row", "column", False, False
    if gates:
        column_word, columns_are = "gate unit", False
    return MatrixLayout(
        shape,
        axes[:-1],
        axes[-1:],
        row_word=row_word,
        column_word=column_word,
        rows_are_channels=rows_are,
        columns_are_channels=columns_are,
        note=_gate_note(gates, shape[-1]) if gates else None,
    )


def _cell_axes(spatial: int) -> tuple[Axis, Axis]:
    """The last spatial axis goes along the columns of a slice, the others along its rows."""
    axes = tuple(range(spatial))
    return axes[:-1], axes[-1:]


def _gates(name: str, kind: str) -> tuple[str, ...]:
    """The fused gates of a recurrent layer's columns; wrappers are told by the tensor's path."""
    text = kind if kind not in _WRAPPERS else name.rpartition("/")[0]
    return next((gates for word, gates in _GATES.items() if word in text.lower()), ())


def _gate_note(gates: tuple[str, ...], columns: int) -> str | None:
    size, rest = divmod(columns, len(gates))
    if rest:
        return None
    return f"Columns are the gates {', '.join(gates)}: {size} each."


def _is_attention(name: str, kind: str) -> bool:
    parts = set(name.split("/")[:-1])
    return "Attention" in kind or "attention_output" in parts


def _spatial_kind(kind: str) -> bool:
    return "Conv" in kind or "Norm" in kind


def _is_convolution(role: str, kind: str, shape: tuple[int, ...]) -> bool:
    if len(shape) not in _CONVOLUTION_RANK:
        return False
    return "Conv" in kind or "kernel" in role or max(shape[:-2]) <= _SPATIAL_MAX
