"""A filter is a filter in every framework: PyTorch's order of axes gives what Keras's gives."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tb_snapshot_compare.analysis import PairAccumulator, filter_axis
from tb_snapshot_compare.analysis.distribution import DistributionAccumulator
from tb_snapshot_compare.analysis.matrix_layout import LayerOptions, matrix_layout

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Twin:
    """One tensor of both frameworks: Keras's kind, and how its axes become PyTorch's."""

    kind: str
    role: str
    keras: tuple[int, ...]
    torch: tuple[int, ...]
    order: tuple[int, ...]
    folded: tuple[int, ...] | None = None

    def in_torch(self, values: Array) -> Array:
        """Keras's array as PyTorch stores it."""
        return np.ascontiguousarray(
            values.reshape(self.folded or self.keras).transpose(self.order).reshape(self.torch)
        )


def convolution(rank: int, data: st.DrawFn, transposed: bool) -> Twin:
    *spatial, first, last = data(st.tuples(*[st.integers(1, 4)] * (rank + 2)))
    order = (rank + 1, rank, *range(rank))
    kind = f"Conv{rank}D{'Transpose' if transposed else ''}"
    return Twin(kind, "kernel", (*spatial, first, last), (last, first, *spatial), order)


@st.composite
def twins(draw: st.DrawFn) -> Twin:
    what = draw(st.sampled_from(["conv", "up", "depthwise", "dense", "lstm", "vector", "tokens"]))
    if what in ("conv", "up"):
        return convolution(draw(st.integers(1, 3)), draw, what == "up")
    first, second = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    if what == "depthwise":
        height, width = draw(st.integers(1, 3)), draw(st.integers(1, 3))
        return Twin(
            "DepthwiseConv2D", "kernel", (height, width, first, second),
            (first * second, 1, height, width), (2, 0, 1), (height, width, first * second),
        )  # fmt: skip
    if what == "dense":
        return Twin("Dense", "kernel", (first, second), (second, first), (1, 0))
    if what == "lstm":
        role = draw(st.sampled_from(["kernel", "recurrent_kernel"]))
        return Twin("LSTM", role, (first, 4 * second), (4 * second, first), (1, 0))
    if what == "tokens":
        return Twin("Embedding", "embeddings", (first, second), (first, second), (0, 1))
    return Twin("BatchNormalization", "gamma", (first,), (first,), (0,))


def pair_of(twin: Twin, seed: int) -> tuple[Array, Array]:
    """Quarters of small whole numbers: their sums are exact in whatever order they are added."""
    random = np.random.default_rng(seed)
    a, b = random.integers(-40, 40, size=(2, *twin.keras)) / 4
    return a.astype(np.float32), b.astype(np.float32)


def sums(twin: Twin, a: Array, b: Array, layout: Any) -> Any:
    axis = filter_axis(twin.role, twin.kind, a.shape, layout)
    accumulator = PairAccumulator("float32", "float32", a.size, axis)
    accumulator.add(a.reshape(-1), b.reshape(-1))
    return accumulator.finish()


@given(twin=twins(), seed=st.integers(0, 1 << 20))
@settings(max_examples=200, deadline=None)
def test_every_measure_of_every_filter_is_that_of_the_keras_twin(twin: Twin, seed: int) -> None:
    a, b = pair_of(twin, seed)
    keras = sums(twin, a, b, "keras")
    torch = sums(twin, twin.in_torch(a), twin.in_torch(b), "torch")
    of_keras, of_torch = keras.filters.measures(), torch.filters.measures()
    assert of_keras.keys() == of_torch.keys()
    for name, values in of_keras.items():
        np.testing.assert_allclose(of_torch[name], values, rtol=1e-15, err_msg=name)
    for name in ("l1", "max_abs", "sign_flips", "changed"):
        np.testing.assert_array_equal(of_torch[name], of_keras[name])
    one, other = keras.total.measures(), torch.total.measures()
    assert (one.l2, one.l1, one.max_abs) == (other.l2, other.l1, other.max_abs)


@given(twin=twins(), seed=st.integers(0, 1 << 20))
@settings(max_examples=200, deadline=None)
def test_every_slice_of_the_matrix_is_that_of_the_keras_twin(twin: Twin, seed: int) -> None:
    values, _ = pair_of(twin, seed)
    keras = matrix_layout("x/" + twin.role, twin.role, twin.kind, twin.keras)
    torch = matrix_layout("x/" + twin.role, twin.role, twin.kind, twin.torch, layout="torch")
    np.testing.assert_array_equal(torch.as_matrix(twin.in_torch(values)), keras.as_matrix(values))
    assert torch.note == keras.note or "slice" in (torch.note or "")
    for index in range(0, values.size, max(values.size // 40, 1)):
        place = torch.place(index)
        assert torch.flat(*place) == index
        assert torch.as_matrix(np.arange(values.size).reshape(twin.torch))[place] == index


@given(twin=twins(), seed=st.integers(0, 1 << 20))
@settings(max_examples=50, deadline=None)
def test_the_distribution_is_that_of_the_keras_twin(twin: Twin, seed: int) -> None:
    a, b = pair_of(twin, seed)
    counts = []
    for x, y in ((a, b), (twin.in_torch(a), twin.in_torch(b))):
        accumulator = DistributionAccumulator(-20.0, 20.0, 16, 4)
        accumulator.add(x.reshape(-1), y.reshape(-1))
        counts.append(accumulator.finish().counts)
    np.testing.assert_array_equal(*counts)


@pytest.mark.parametrize(
    ("role", "kind", "shape", "filters", "stride"),
    [
        ("kernel", "Conv2D", (32, 16, 3, 3), 32, 144),
        ("kernel", "Unknown", (32, 1, 3, 3), 32, 9),
        ("kernel", "Conv2DTranspose", (16, 32, 3, 3), 32, 9),
        ("kernel", "Unknown", (10, 784), 10, 784),
        ("kernel", "Unknown", (3 * 64, 64), 192, 64),
        ("kernel", "LSTM", (128, 20), 128, 20),
        ("recurrent_kernel", "LSTM", (128, 32), 128, 32),
        ("kernel_v", "Unknown", (8, 4, 3), 8, 12),
        ("embeddings", "Embedding", (1000, 64), 64, 1),
        ("gamma", "Unknown", (64,), 64, 1),
    ],
)
def test_filters_of_pytorchs_tensors(
    role: str, kind: str, shape: tuple[int, ...], filters: int, stride: int
) -> None:
    axis = filter_axis(role, kind, shape, "torch")
    assert axis is not None
    assert (axis.count, axis.stride) == (filters, stride)


def test_words_and_index_are_those_of_the_stored_array() -> None:
    layout = matrix_layout("c/kernel", "kernel", "Conv2D", (6, 4, 3, 2), layout="torch")
    assert (layout.rows, layout.columns, layout.cell_rows, layout.cell_columns) == (4, 6, 3, 2)
    assert layout.index(3, 5) == ("5", "3", ":", ":")
    assert (layout.row_word, layout.column_word) == ("input channel", "filter")
    assert layout.cell_word == "3 × 2 slice"
    gates = matrix_layout("l/kernel", "kernel", "LSTM", (8, 3), layout="torch")
    assert "input, forget, cell, output: 2 each" in (gates.note or "")
    grouped = matrix_layout(
        "c/kernel", "kernel", "Conv2D", (6, 2, 3, 3), LayerOptions(groups=2), "torch"
    )
    assert grouped.row_word == "input channel of the group"
    assert math.prod((grouped.rows, grouped.columns, grouped.cells)) == 108
