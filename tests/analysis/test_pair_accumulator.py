import math
import subprocess
import sys
from dataclasses import asdict
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from reference_measures import assert_close, assert_equal, reference_measures

from tb_snapshot_compare.analysis import (
    DifferenceSums,
    FilterAxis,
    PairAccumulator,
    PairDifference,
    as_float,
    is_comparable,
)

DTYPES = [
    "float32",
    "float64",
    "float16",
    "bfloat16",
    "float8_e4m3fn",
    "float8_e5m2",
    "float8_e4m3b11fnuz",
    "int4",
    "uint8",
    "int8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "uint64",
    "bool",
]


def dtype_of(name: str) -> np.dtype[Any]:
    return np.dtype(getattr(ml_dtypes, name, None) or name)


def difference(
    a: NDArray[Any], b: NDArray[Any], axis: FilterAxis | None = None, cuts: tuple[int, ...] = ()
) -> PairDifference:
    flat_a, flat_b = a.ravel(), b.ravel()
    accumulator = PairAccumulator(a.dtype.name, b.dtype.name, a.size, axis)
    ends = sorted({min(cut, a.size) for cut in cuts})
    for start, end in zip([0, *ends], [*ends, a.size], strict=True):
        accumulator.add(flat_a[start:end], flat_b[start:end])
    return accumulator.finish()


def measures(a: NDArray[Any], b: NDArray[Any]) -> dict[str, Any]:
    return asdict(difference(a, b).total.measures())


def random_values(dtype: str, count: int, seed: int) -> NDArray[Any]:
    rng = np.random.default_rng(seed)
    if dtype in ("int64", "uint64"):
        return rng.integers(0, 2**64, count, np.uint64, endpoint=False).view(dtype)
    if "int" in dtype and dtype != "int4":
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, count, dtype, endpoint=True)
    if dtype == "bool":
        return rng.random(count) < 0.5
    return (rng.standard_normal(count) * 3).astype(dtype_of(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("count", [0, 1, 2, 300, 5000])
def test_measures_equal_the_definitions(dtype: str, count: int) -> None:
    a, b = random_values(dtype, count, 1), random_values(dtype, count, 2)
    assert_equal(measures(a, b), reference_measures(a, b))


@pytest.mark.parametrize("dtype_b", DTYPES)
@pytest.mark.parametrize("dtype_a", ["float32", "float64", "int8", "int64", "uint64"])
def test_different_dtypes_are_compared_by_value(dtype_a: str, dtype_b: str) -> None:
    a, b = random_values(dtype_a, 700, 3), random_values(dtype_b, 700, 4)
    assert_equal(measures(a, b), reference_measures(a, b))


ODD_VALUES = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.5, -1.5, 1e-45, 3e38]


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", "float8_e5m2"])
def test_every_pair_of_special_values_is_counted_as_defined(dtype: str) -> None:
    with np.errstate(over="ignore", under="ignore"):
        values = np.array(ODD_VALUES).astype(dtype_of(dtype))
    a, b = np.repeat(values, len(values)), np.tile(values, len(values))
    assert_equal(measures(a, b), reference_measures(a, b))
    for x, y in zip(a, b, strict=True):
        one, other = np.array([x]), np.array([y])
        assert_equal(measures(one, other), reference_measures(one, other))


@pytest.mark.parametrize("where", [0, 511, 512, 2047, 70_000, 99_999])
def test_one_value_that_is_not_finite_leaves_the_other_sums_alone(where: int) -> None:
    a, b = random_values("float32", 100_000, 5), random_values("float32", 100_000, 6)
    b[where] = np.nan
    rest = np.delete(np.arange(a.size), where)
    got, want = difference(a, b).total, difference(a[rest], b[rest]).total
    assert (got.finite, got.nan_b, got.pairs) == (99_999, 1, 100_000)
    assert got.measures().l2 == pytest.approx(want.measures().l2, rel=1e-14)


special = st.sampled_from([0.0, -0.0, 5e-324, 1e-300, 1e-160, 1e160, 1e300, 1.7e308])
wild = st.one_of(
    st.floats(width=64), special, special.map(lambda x: -x), st.floats(-1, 1, width=64)
)
shapes = st.one_of(st.integers(0, 40), st.integers(500, 2100))


@settings(max_examples=25)
@given(
    st.data(),
    shapes,
    st.sampled_from([None, (1, 1), (3, 1), (7, 1), (600, 1), (3, 2), (5, 7)]),
)
def test_float64_of_any_magnitude_equals_the_definitions_in_any_blocks(
    data: st.DataObject, count: int, axis: tuple[int, int] | None
) -> None:
    arrays = hnp.arrays(np.float64, count, elements=wild)
    a, b = data.draw(arrays), data.draw(arrays)
    cuts = tuple(data.draw(st.lists(st.integers(0, count), max_size=5)))
    filters = FilterAxis(*axis) if axis else None
    got = difference(a, b, filters, cuts)
    want = reference_measures(a, b)
    found = asdict(got.total.measures())
    assert_close(found, want)
    whole = difference(a, b, filters)
    assert got.total == whole.total
    if axis:
        assert got.filters is not None
        assert whole.filters is not None
        for name, column in got.filters.measures().items():
            assert np.array_equal(column, whole.filters.measures()[name], equal_nan=True), name


@settings(max_examples=25)
@given(
    st.data(),
    st.integers(1, 3000),
    st.sampled_from([np.float32, np.float16, np.int8, np.int64, np.uint64]),
)
def test_narrow_dtypes_equal_the_definitions(
    data: st.DataObject, count: int, dtype: type[np.generic]
) -> None:
    a = data.draw(hnp.arrays(dtype, count))
    b = data.draw(hnp.arrays(dtype, count))
    found, want = measures(a, b), reference_measures(a, b)
    assert_close(found, want)


AXES = [
    FilterAxis(1, 1),
    FilterAxis(3, 1),
    FilterAxis(64, 1),
    FilterAxis(300, 1),
    FilterAxis(4096, 1),
    FilterAxis(64, 9),
    FilterAxis(5, 1000),
]


@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "int64"])
def test_each_filter_has_the_measures_of_its_own_elements(dtype: str, axis: FilterAxis) -> None:
    count = 3 * axis.count * axis.stride + 17
    a, b = random_values(dtype, count, 7), random_values(dtype, count, 8)
    if dtype != "int64":
        a[5], b[count // 2] = np.nan, np.inf
    filters = difference(a, b, axis, (1, 700, count // 3)).filters
    assert filters is not None
    columns = filters.measures()
    index = np.arange(count) // axis.stride % axis.count
    for k in {0, 1 % axis.count, 5 % axis.count, axis.count - 1}:
        want = reference_measures(a[index == k], b[index == k])
        got = {name: float(column[k]) for name, column in columns.items()}
        for name, value in want.items():
            if value is None:
                assert math.isnan(got[name]), name
            else:
                assert got[name] == pytest.approx(value, rel=1e-12), name


@pytest.mark.parametrize("axis", [None, *AXES], ids=str)
def test_block_boundaries_do_not_change_a_single_bit(axis: FilterAxis | None) -> None:
    count = 700_001
    a, b = random_values("float32", count, 9), random_values("float32", count, 10)
    a[12_345], b[600_000] = np.inf, np.nan
    whole = difference(a, b, axis)
    cuts = np.random.default_rng(11).integers(0, count, 200)
    for ends in (tuple(cuts), (1,), (511, 512, 513), tuple(range(0, count, 4099))):
        parts = difference(a, b, axis, ends)
        assert parts.total == whole.total
        if axis and parts.filters and whole.filters:
            for name in DifferenceSums.__dataclass_fields__:
                one, other = getattr(parts.filters, name), getattr(whole.filters, name)
                assert np.array_equal(one, other), name


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_swapping_the_tensors_mirrors_the_result_bit_for_bit(dtype: str) -> None:
    a, b = random_values(dtype, 50_000, 12), random_values(dtype, 50_000, 13)
    there, back = difference(a, b).total, difference(b, a).total
    assert (there.squares, there.absolute, there.relative) == (
        back.squares,
        back.absolute,
        back.relative,
    )
    assert (there.low, there.high) == (-back.high, -back.low)
    assert (there.squares_a, there.squares_b) == (back.squares_b, back.squares_a)
    assert there.measures().cosine == back.measures().cosine


def test_adding_sums_is_concatenating_tensors() -> None:
    a, b = random_values("float32", 90_000, 14), random_values("float32", 90_000, 15)
    a[3], b[80_000] = np.nan, np.inf
    parts = difference(a[:40_000], b[:40_000]).total + difference(a[40_000:], b[40_000:]).total
    whole = difference(a, b).total
    assert_equal(asdict(parts.measures()), asdict(whole.measures()), 1e-14)
    assert DifferenceSums() + whole == whole


def test_filters_of_kernel_and_bias_join() -> None:
    kernel_a, kernel_b = (random_values("float32", 5 * 8, seed) for seed in (16, 17))
    bias_a, bias_b = (random_values("float32", 8, seed) for seed in (18, 19))
    kernel = difference(kernel_a, kernel_b, FilterAxis(8, 1)).filters
    bias = difference(bias_a, bias_b, FilterAxis(8, 1)).filters
    assert kernel is not None
    assert bias is not None
    joined = (kernel + bias).measures()["l2"]
    distance = np.r_[kernel_b - kernel_a, bias_b - bias_a].astype(float).reshape(6, 8)
    assert joined == pytest.approx(np.sqrt((distance**2).sum(axis=0)), rel=1e-6)
    with pytest.raises(ValueError, match="8 filters with 4"):
        kernel + difference(bias_a, bias_b, FilterAxis(4, 1)).filters


def test_equal_tensors_have_a_cosine_of_exactly_one() -> None:
    for dtype in ("float32", "float64", "bfloat16", "int16"):
        a = random_values(dtype, 33_333, 20)
        found = difference(a, a.copy()).total.measures()
        assert (found.cosine, found.l2, found.changed) == (1.0, 0.0, 0.0)


def test_stored_bytes_are_taken_as_they_are() -> None:
    """Read-only, unaligned and big-endian blocks, as they come from files."""
    a, b = random_values("float32", 1000, 21), random_values("float32", 1000, 22)
    want = difference(a, b).total
    unaligned = np.frombuffer(b"x" + a.tobytes(), np.float32, offset=1)
    assert not unaligned.flags.aligned
    assert not unaligned.flags.writeable
    assert difference(unaligned, b.astype(">f4")).total == want
    assert difference(np.repeat(a, 2)[::2], b.astype(">f8")).total.measures() == want.measures()
    big = np.array([2**60 + 1, -3], ">i8")
    assert measures(big, np.array([2**60, -3]))["l2"] == 1.0


def test_differences_of_large_integers_are_exact() -> None:
    """int64 above 2^53: converting to float64 first would lose every one of these."""
    a = np.array([2**62, -(2**63), 2**63 - 1, 2**53 + 1], np.int64)
    b = np.array([2**62 + 1, -(2**63) + 3, -(2**63), 2**53], np.int64)
    found = difference(a, b).total
    assert (found.low, found.high, found.changed) == (-float(2**64 - 1), 3.0, 4)
    mixed = difference(np.array([2**63 + 1], np.uint64), np.array([-5], np.int64)).total
    assert mixed.high == -float(2**63 + 6)
    floats = difference(np.array([2**53 + 1], np.int64), np.array([2.0**53])).total
    assert (floats.low, floats.changed) == (-1.0, 1)


def test_float64_near_its_limit_neither_overflows_nor_vanishes() -> None:
    huge = difference(np.array([1.5e308, -1.5e308, 0.0]), np.array([1.4e308, -1.6e308, 0.0]))
    found = huge.total.measures()
    assert found.l2 == pytest.approx(math.hypot(0.1e308, 0.1e308), rel=1e-12)
    cosine = (1.5 * 1.4 + 1.5 * 1.6) / math.sqrt(4.5 * (1.4**2 + 1.6**2))
    assert found.cosine == pytest.approx(cosine, rel=1e-12)
    assert found.mean_relative_percent == pytest.approx((0.2 / 2.9 + 0.2 / 3.1) / 3, rel=1e-12)
    tiny = difference(np.array([3e-320, 0.0]), np.array([0.0, 4e-320])).total.measures()
    assert tiny.l2 == pytest.approx(5e-320, rel=1e-3)
    beyond = difference(np.array([-1.7e308, 1.0]), np.array([1.7e308, 1.0])).total.measures()
    assert (beyond.l2, beyond.l1, beyond.max_abs) == (None, None, None)
    assert beyond.mean_abs == pytest.approx(1.7e308, rel=1e-12)
    assert beyond.cosine == -1.0


def test_misuse_is_refused() -> None:
    accumulator = PairAccumulator("float32", "float32", 4)
    ones = np.ones(3, np.float32)
    accumulator.add(ones, ones)
    with pytest.raises(ValueError, match="3 of 4 elements"):
        accumulator.finish()
    with pytest.raises(ValueError, match="6 elements were added to a tensor of 4"):
        accumulator.add(ones, ones)
    with pytest.raises(ValueError, match="vectors of one length"):
        accumulator.add(ones[:1], ones.reshape(3, 1)[:1])
    with pytest.raises(ValueError, match="'complex64' is not numeric"):
        PairAccumulator("complex64", "float32", 1)


def test_real_numbers_of_up_to_64_bits_are_comparable() -> None:
    assert all(map(is_comparable, DTYPES))
    unlike = ("complex64", "complex128", "string", "resource", "object", "float128", "")
    assert not any(map(is_comparable, unlike))


@pytest.mark.parametrize("dtype", DTYPES)
def test_conversion_keeps_every_value(dtype: str) -> None:
    block = random_values(dtype, 500, 23)
    converted = as_float(block)
    assert converted.dtype in (np.float32, np.float64)
    assert [float(v) for v in converted] == [float(v) for v in block]


def test_import_does_not_load_numba() -> None:
    program = "import sys, tb_snapshot_compare.analysis; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
