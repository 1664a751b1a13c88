"""The wire types of the convolution operation view: one tensor pair as a matrix of slices.

A tensor is unfolded to a matrix of `rows` input channels and `columns` output filters whose
cells are slices of `cell_rows` x `cell_columns` weights. Map coordinates count weights:
the map is `rows * cell_rows` high and `columns * cell_columns` wide.
"""

from typing import Literal

from tb_snapshot_compare.http_api.contract import Measures, Struct

Quantity = Literal["difference", "signed", "relative", "a", "b", "located"]
"""What a tile shows of the weights under a pixel.

`difference`: the chosen measure (see `KernelScale`); `signed`: root mean square of b - a with
the sign of its mean; `relative`: mean of 2|b-a| / (|a|+|b|); `a`, `b`: signed root mean square
of the values; `located`: how many weights lie in the chosen cells of the distribution.
"""
Order = Literal["index", "difference", "similarity"]


class KernelLevel(Struct, frozen=True, kw_only=True):
    """A level of detail: `rows` x `columns` pixels of `pixel_rows` x `pixel_columns` weights.

    Levels go from single weights (1 x 1), over slices (`cell_rows` x `cell_columns`; left out
    where that is 1 x 1), to pools of 2 x 2, 4 x 4, ... slices, until one tile holds it all.
    """

    rows: int
    columns: int
    pixel_rows: int
    pixel_columns: int


class KernelScale(Struct, frozen=True, kw_only=True):
    """The range of a quantity over all slices: extremes, and the 99.5th percentile of |value|.

    Null where no slice has a finite value. Tiles hold multiples of `unit`, a power of two: 1
    unless the values are too small or too large for float16.
    """

    quantity: str
    low: float | None
    high: float | None
    robust: float | None
    unit: float = 1.0


class KernelTensor(Struct, frozen=True, kw_only=True):
    """A tensor of the layer that the view can show."""

    name: str
    role: str
    shape: list[int]
    compared: bool


class KernelMap(Struct, frozen=True, kw_only=True):
    """How a tensor of a layer lies on the map.

    `row_word` and `column_word` say what a row and a column are (`input channel`, `filter`,
    `unit`, `token`, ...), `cell_word` what a cell is (`3 × 3 slice`, `weight`). `row_tensor_axes`
    etc. are for the hover card: the axes of the stored shape. `measure` is the measure that
    `difference` shows; extensive measures (l2, l1, sign_flips) are given per weight, so that
    every level has one scale. `row_channels` and `column_channels` tell which channel of the
    layer's input and output a row and a column belong to, null where they are none (the row of
    a bias). `tile` is the edge of a tile in pixels.
    """

    layer: str
    tensor: str
    role: str
    kind: str
    dtype_a: str
    dtype_b: str
    shape: list[int]
    rows: int
    columns: int
    cell_rows: int
    cell_columns: int
    row_word: str
    column_word: str
    cell_word: str
    rows_are_channels: bool
    columns_are_channels: bool
    measure: str
    tile: int
    levels: list[KernelLevel]
    scales: list[KernelScale]
    tensors: list[KernelTensor]
    rows_by: Order
    columns_by: Order
    note: str | None


class KernelSlice(Struct, frozen=True, kw_only=True):
    """One slice: its weights in a and in b, `[cell_rows][cell_columns]`, null where not finite.

    `row` and `column` are the stored indices, whatever the order on the map. `index` has a text
    for each axis of the tensor's shape (`:`, `:`, `3`, `17`). `texts_a` and `texts_b` give the
    non-finite values' names (`nan`, `inf`, `-inf`) by `row,column` of the slice.
    """

    tensor: str
    row: int
    column: int
    index: list[str]
    a: list[list[float | None]]
    b: list[list[float | None]]
    difference: list[list[float | None]]
    texts_a: dict[str, str]
    texts_b: dict[str, str]
    measures: Measures


class Located(Struct, frozen=True, kw_only=True):
    """Where the weights of distribution cells lie: counts, and of slices those with any."""

    tensor: str
    weights: int
    slices: int
    slices_total: int


class AreaDistribution(Struct, frozen=True, kw_only=True):
    """The distribution of an area of the map, in the bins and levels of the layer's."""

    tensor: str
    counts: list[list[int]]
    total: int
    excluded: int
