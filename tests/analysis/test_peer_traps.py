"""Cases that other tools were measured to get wrong; each docstring gives the wrong answer."""

import math

import numpy as np
import pytest

from tb_snapshot_compare.analysis import Measures, PairAccumulator


def measures(a: np.ndarray, b: np.ndarray) -> Measures:
    accumulator = PairAccumulator(a.dtype.name, b.dtype.name, a.size)
    accumulator.add(a.ravel(), b.ravel())
    return accumulator.finish().total.measures()


def test_a_hundred_million_elements_keep_twelve_digits() -> None:
    """torch 2.13's float32 norm is 1.10 % off here, its cosine_similarity(x, x) is 1.022."""
    block, repeats = 1_000_003, 100
    rng = np.random.default_rng(0)
    a = rng.standard_normal(block).astype(np.float32)
    b = (a + rng.standard_normal(block).astype(np.float32) * 0.01).astype(np.float32)
    accumulator = PairAccumulator("float32", "float32", block * repeats)
    for _ in range(repeats):
        accumulator.add(a, b)
    found = accumulator.finish().total.measures()
    x, y = a.astype(np.float64), b.astype(np.float64)
    d = y - x
    relative = 2 * np.abs(d) / (np.abs(x) + np.abs(y))
    square, square_a, square_b = (repeats * math.fsum(v * v) for v in (d, x, y))
    assert found.l2 == pytest.approx(math.sqrt(square), rel=1e-13)
    assert found.relative_l2 == pytest.approx(math.sqrt(square / square_a), rel=1e-13)
    assert found.l1 == pytest.approx(repeats * math.fsum(np.abs(d)), rel=1e-13)
    assert found.mean_relative_percent == pytest.approx(math.fsum(relative) / block, rel=1e-13)
    cosine = repeats * math.fsum(x * y) / math.sqrt(square_a * square_b)
    assert found.cosine == pytest.approx(cosine, rel=1e-13)
    assert found.sign_flips == repeats * int((x * y < 0).sum())


def test_a_nan_layer_is_changed_and_counted() -> None:
    """weightscope: "0 changed, 0.00 %"; modeldelta crashes; sft prints bare NaN as JSON."""
    found = measures(np.ones((3, 3), np.float32), np.full((3, 3), np.nan, np.float32))
    assert (found.changed, found.nan_a, found.nan_b) == (1.0, 0, 9)
    assert (found.l2, found.cosine, found.mean_abs) == (None, None, None)


def test_an_infinite_value_is_one_changed_value() -> None:
    """weightscope: a changed shape, "architecture_change, confidence: high"."""
    a = np.ones(100, np.float32)
    b = a.copy()
    b[50] = np.inf
    found = measures(a, b)
    assert (found.inf_b, found.changed, found.l2) == (1, 0.01, 0.0)


def test_tensors_of_one_element_are_compared() -> None:
    """modeldelta skips whatever has under 1000 elements: every bias and batch norm."""
    assert measures(np.array([1.0]), np.array([3.0])).l2 == 2.0


def test_integer_buffers_are_compared() -> None:
    """GradientHound crashes on `num_batches_tracked`."""
    assert measures(np.array([100], np.int64), np.array([350], np.int64)).max_abs == 250.0


def test_a_changed_dtype_is_compared_by_value() -> None:
    """sft gives no value difference at all."""
    values = np.array([1.0, -2.5, 0.375], np.float32)
    assert measures(values, values.astype(np.float16)).changed == 0.0


def test_zero_vectors_are_alike() -> None:
    """sft: cosine 0.0 for two identical zero tensors."""
    zeros, ones = np.zeros(8, np.float32), np.ones(8, np.float32)
    same = measures(zeros, zeros)
    assert (same.cosine, same.relative_l2, same.mean_relative_percent) == (1.0, 0.0, 0.0)
    grown = measures(zeros, ones)
    assert (grown.cosine, grown.relative_l2, grown.mean_relative_percent) == (None, None, 2.0)
