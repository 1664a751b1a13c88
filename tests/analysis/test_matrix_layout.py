import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tb_snapshot_compare.analysis.matrix_layout import (
    LayerOptions,
    MatrixLayout,
    matrix_layout,
)

KINDS = [
    ("dense/kernel", "kernel", "Dense", (5, 7), (5, 7, 1, 1)),
    ("dense/bias", "bias", "Dense", (7,), (1, 7, 1, 1)),
    ("conv/kernel", "kernel", "Conv1D", (3, 4, 6), (4, 6, 1, 3)),
    ("conv/kernel", "kernel", "Conv2D", (3, 2, 4, 6), (4, 6, 3, 2)),
    ("conv/kernel", "kernel", "Conv3D", (5, 3, 2, 4, 6), (4, 6, 15, 2)),
    ("up/kernel", "kernel", "Conv2DTranspose", (3, 2, 6, 4), (4, 6, 3, 2)),
    ("dw/kernel", "kernel", "DepthwiseConv2D", (3, 2, 4, 5), (1, 20, 3, 2)),
    ("sep/depthwise_kernel", "depthwise_kernel", "SeparableConv2D", (3, 2, 4, 5), (1, 20, 3, 2)),
    ("sep/pointwise_kernel", "pointwise_kernel", "SeparableConv2D", (1, 1, 20, 6), (20, 6, 1, 1)),
    ("tokens/embeddings", "embeddings", "Embedding", (90, 4), (90, 4, 1, 1)),
    ("gru/gru_cell/bias", "bias", "GRU", (2, 9), (2, 9, 1, 1)),
    ("lstm/lstm_cell/kernel", "kernel", "LSTM", (5, 12), (5, 12, 1, 1)),
    ("mha/query/kernel", "kernel", "MultiHeadAttention", (5, 2, 3), (5, 6, 1, 1)),
    ("mha/query/bias", "bias", "MultiHeadAttention", (2, 3), (1, 6, 1, 1)),
    ("mha/attention_output/kernel", "kernel", "MultiHeadAttention", (2, 3, 5), (6, 5, 1, 1)),
    ("bn/gamma", "gamma", "BatchNormalization", (8,), (1, 8, 1, 1)),
    ("scale/scale", "scale", "Attention", (), (1, 1, 1, 1)),
    ("odd/variable_0", "variable_0", "Unknown", (500, 300, 4), (150_000, 4, 1, 1)),
]


@pytest.mark.parametrize(("name", "role", "kind", "shape", "sizes"), KINDS)
def test_each_kind_is_folded_as_it_works(
    name: str, role: str, kind: str, shape: tuple[int, ...], sizes: tuple[int, ...]
) -> None:
    layout = matrix_layout(name, role, kind, shape)
    assert (layout.rows, layout.columns, layout.cell_rows, layout.cell_columns) == sizes


def assert_consistent(layout: MatrixLayout) -> None:
    """Flat index, place, matrix and index texts tell the same of every weight."""
    count = int(np.prod(layout.shape))
    flat = np.arange(count).reshape(layout.shape)
    matrix = layout.as_matrix(flat)
    for index in range(0, count, max(count // 50, 1)):
        place = layout.place(index)
        assert layout.flat(*place) == index
        assert matrix[place] == index
        row, column, *_ = place
        cut = tuple(slice(None) if t == ":" else int(t) for t in layout.index(row, column))
        np.testing.assert_array_equal(flat[cut].ravel(), matrix[row, column].ravel())


@pytest.mark.parametrize(("name", "role", "kind", "shape", "sizes"), KINDS)
def test_every_weight_has_one_place(
    name: str, role: str, kind: str, shape: tuple[int, ...], sizes: tuple[int, ...]
) -> None:
    assert_consistent(matrix_layout(name, role, kind, shape))


@given(
    role=st.sampled_from(
        ["kernel", "bias", "depthwise_kernel", "recurrent_kernel", "embeddings", "variable_1"]
    ),
    kind=st.sampled_from(
        [
            "Dense", "Conv2D", "Conv1DTranspose", "DepthwiseConv2D", "EinsumDense", "LSTM", "GRU",
            "MultiHeadAttention", "LayerNormalization", "Bidirectional", "Unknown", "MyLayer",
        ]
    ),
    shape=st.lists(st.integers(1, 5), max_size=6).map(tuple),
    equation=st.sampled_from([None, "abc,cd->abd", "abc,dc->abd", "ab,bcd->acd", "nonsense"]),
)  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_every_shape_of_every_layer_has_a_layout(
    role: str, kind: str, shape: tuple[int, ...], equation: str | None
) -> None:
    layout = matrix_layout(f"x/{role}", role, kind, shape, LayerOptions(equation=equation))
    assert layout.rows * layout.columns * layout.cells == int(np.prod(shape))
    assert_consistent(layout)


def test_an_equation_tells_what_is_summed_over() -> None:
    plain = matrix_layout("e/kernel", "kernel", "EinsumDense", (4, 6))
    assert (plain.rows, plain.columns) == (4, 6)
    options = LayerOptions(equation="...c,dc->...d")
    swapped = matrix_layout("e/kernel", "kernel", "EinsumDense", (4, 6), options)
    assert (swapped.rows, swapped.columns, swapped.rows_inside) == (6, 4, True)
    options = LayerOptions(equation="abcd,cde->abe")
    contracted = matrix_layout("e/kernel", "kernel", "EinsumDense", (2, 3, 5), options)
    assert (contracted.rows, contracted.columns) == (6, 5)


def test_words_tell_what_rows_columns_and_cells_are() -> None:
    conv = matrix_layout("c/kernel", "kernel", "Conv2D", (3, 3, 4, 6))
    assert (conv.row_word, conv.column_word, conv.cell_word) == (
        "input channel",
        "filter",
        "3 × 3 slice",
    )
    assert conv.rows_are_channels
    assert conv.columns_are_channels
    grouped = matrix_layout("c/kernel", "kernel", "Conv2D", (3, 3, 2, 6), LayerOptions(groups=2))
    assert not grouped.rows_are_channels
    assert grouped.columns_are_channels
    assert matrix_layout("d/kernel", "kernel", "Dense", (3, 4)).cell_word == "weight"
    gates = matrix_layout("both/forward_lstm/lstm_cell/kernel", "kernel", "Bidirectional", (3, 8))
    assert "input, forget, cell, output: 2 each" in (gates.note or "")
    assert matrix_layout("congruent/kernel", "kernel", "Dense", (3, 6)).note is None
