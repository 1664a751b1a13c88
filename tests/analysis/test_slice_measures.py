from typing import Any

import ml_dtypes
import numpy as np
import pytest

from tb_snapshot_compare.analysis.slice_measures import (
    SLICE_QUANTITIES,
    Block,
    SliceSums,
    WeightExtremes,
    joined_pairs,
    quantity_of,
    taken,
)
from tests.workspace import kernel_reference

Array = np.ndarray[Any, Any]
DTYPES = ["float32", "float16", "bfloat16", "float64", "int8", "int64", "bool"]


def dtype_of(name: str) -> np.dtype[Any]:
    return np.dtype(getattr(ml_dtypes, name, name))


def values(shape: tuple[int, ...], dtype: str, seed: int, odd: bool = True) -> Array:
    random = np.random.default_rng(seed)
    if dtype == "int64":
        return random.integers(-(2**62), 2**62, shape)
    if dtype in ("int8", "bool"):
        return random.integers(-3, 4, shape).astype(dtype)
    found = random.normal(size=shape)
    if odd:
        for value in (np.nan, np.inf, -np.inf, 0.0):
            found[random.random(shape) < 0.05] = value
    return found.astype(dtype_of(dtype))


def summed(a: Array, b: Array, pool: int, step: int) -> SliceSums:
    """Sums of `[cells, outers, inners]` in pools, added `step` outers at a time."""
    _, outers, inners = a.shape
    width = -(-inners // pool)
    sums = SliceSums(-(-outers // pool), width)
    for first in range(0, outers, step):
        part = slice(first, first + step)
        places = np.arange(outers)[part]
        pairs = joined_pairs(a[:, part].reshape(-1), b[:, part].reshape(-1))
        sums.add(Block(pairs, places // pool * width, np.arange(inners) // pool))
    return sums


def reference(a: Array, b: Array, quantity: str, exponent: int) -> Array:
    x, y = (side.astype(np.float64).transpose(1, 2, 0)[:, :, None] for side in (a, b))
    return kernel_reference.level(x, y, quantity, exponent)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("quantity", SLICE_QUANTITIES)
def test_pools_equal_float64_numpy(dtype: str, quantity: Any) -> None:
    a, b = values((3, 20, 300), dtype, 1), values((3, 20, 300), dtype, 2)
    b[:, ::3] = a[:, ::3]
    for exponent in (0, 2):
        found = summed(a, b, 1 << exponent, 20).quantity(quantity)
        wanted = reference(a, b, quantity, exponent)
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("pair", [("float32", "float16"), ("bfloat16", "float64")])
def test_two_dtypes_are_compared_by_value(pair: tuple[str, str]) -> None:
    a, b = values((2, 9, 17), pair[0], 1), values((2, 9, 17), pair[1], 2)
    found = summed(a, b, 4, 9).quantity("signed")
    np.testing.assert_allclose(found, reference(a, b, "signed", 2), rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("pool", [1, 4, 16, 64])
@pytest.mark.parametrize("odd", [False, True])
def test_the_cut_into_blocks_does_not_matter(pool: int, odd: bool) -> None:
    a, b = (values((2, 80, 700), "float32", seed, odd) for seed in (1, 2))
    whole = summed(a, b, pool, 80)
    for step in (8, 16, 40):
        part = summed(a, b, pool, step)
        for quantity in SLICE_QUANTITIES:
            np.testing.assert_array_equal(whole.quantity(quantity), part.quantity(quantity))


@pytest.mark.parametrize("shape", [(1, 7, 5), (2, 16, 9), (1, 1, 3)])
def test_pooled_sums_are_those_of_larger_pools(shape: tuple[int, int, int]) -> None:
    a, b = values(shape, "float32", 3), values(shape, "float32", 4)
    sums = summed(a, b, 1, shape[1])
    for exponent in range(1, 4):
        sums = sums.pooled()
        for quantity in SLICE_QUANTITIES:
            wanted = reference(a, b, quantity, exponent)
            np.testing.assert_allclose(sums.quantity(quantity), wanted, rtol=1e-9, atol=1e-13)


def test_joined_sums_are_those_of_all_outers() -> None:
    a, b = values((1, 13, 6), "float32", 3), values((1, 13, 6), "float32", 4)
    found = summed(a, b, 1, 13).joined().quantity("max_abs")
    wanted = [kernel_reference.pixel(a[0, :, i], b[0, :, i], "max_abs") for i in range(6)]
    np.testing.assert_allclose(found[0], wanted)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_extremes_of_weights_are_those_of_the_reference(dtype: str) -> None:
    a, b = values((1, 30, 70), dtype, 5), values((1, 30, 70), dtype, 6)
    sums, extremes = summed(a, b, 8, 30), WeightExtremes()
    for part in (slice(0, 1000), slice(1000, None)):
        extremes.add(joined_pairs(a.reshape(-1)[part], b.reshape(-1)[part]))
    for quantity, ends in extremes.ends(sums).items():
        wanted = reference(a, b, quantity, 0)
        wanted = wanted[np.isfinite(wanted)]
        assert ends == pytest.approx((wanted.min(), wanted.max()), rel=1e-9), quantity


def test_without_a_finite_pair_there_are_no_extremes_and_pixels_are_nan() -> None:
    a, b = np.full((1, 2, 3), np.nan, np.float32), np.ones((1, 2, 3), np.float32)
    sums, extremes = summed(a, b, 2, 2), WeightExtremes()
    extremes.add(joined_pairs(a.reshape(-1), b.reshape(-1)))
    ends = extremes.ends(sums)
    assert ends["l2"] is None
    assert ends["a"] is None
    assert ends["b"] == (1.0, 1.0)
    assert ends["changed"] == (1.0, 1.0)
    assert np.isnan(sums.quantity("signed")).all()
    np.testing.assert_array_equal(sums.quantity("b"), [[1.0, 1.0]])


def test_a_part_of_a_block_is_that_of_the_array() -> None:
    for dtype in ("float32", "int64"):
        a, b = values((3, 8, 9), dtype, 7), values((3, 8, 9), dtype, 8)
        outers, inners = np.array([5, 0, 7]), np.array([1, 2, 8])
        pairs = taken(joined_pairs(a.ravel(), b.ravel()), a.shape, outers, inners)
        wanted = joined_pairs(
            a[:, outers][:, :, inners].ravel(), b[:, outers][:, :, inners].ravel()
        )
        for name in ("a", "b", "low_a", "low_b"):
            np.testing.assert_array_equal(getattr(pairs, name), getattr(wanted, name))


def test_only_what_is_shown_of_a_pixel_has_a_quantity() -> None:
    assert quantity_of("difference", "mean_abs") == "l1"
    assert quantity_of("relative", "l2") == "mean_relative_percent"
    with pytest.raises(ValueError, match="located"):
        quantity_of("located", "l2")
