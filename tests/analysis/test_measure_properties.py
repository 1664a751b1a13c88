"""Every path through the kernels of measures, held to exact references of any length."""

import math
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pair_pools import (
    AXES,
    COMPARABLE,
    LAYOUTS,
    NARROW,
    Run,
    assert_same_bits,
    axes,
    cuts,
    difference,
    dtype_of,
    runs,
    valid,
)
from reference_measures import assert_close, reference_measures

from tb_snapshot_compare.analysis import DifferenceSums, FilterAxis, FilterSums

MIXED = ["float32", "float64", "int64", "bfloat16", "uint8"]
MIRRORED = {
    "squares_a": "squares_b",
    "nan_a": "nan_b",
    "inf_a": "inf_b",
    "low": "high",
}


def assert_as_defined(sums: DifferenceSums, run: Run) -> None:
    counts = run.counts()
    assert_close(asdict(sums.measures()), reference_measures(run.pool_a, run.pool_b, counts))
    assert sums.pairs == run.index.size


def assert_filter_as_defined(filters: FilterSums, run: Run, axis: FilterAxis, chosen: int) -> None:
    of_filter = np.arange(run.index.size) // axis.stride % axis.count == chosen
    want = reference_measures(run.pool_a, run.pool_b, run.counts(of_filter))
    got = {name: float(column[chosen]) for name, column in filters.measures().items()}
    assert filters.pairs[chosen] == of_filter.sum()
    for name, value in want.items():
        if value is None:
            assert math.isnan(got[name]), name
        elif name == "cosine":
            assert got[name] == pytest.approx(value, rel=1e-9, abs=1e-12)
        else:
            assert got[name] == pytest.approx(value, rel=1e-11, abs=5e-324), name


def check(data: st.DataObject, dtype_a: str, dtype_b: str, axis: FilterAxis | None) -> None:
    """One run: as defined, as a whole and per filter, in any blocks, and the same mirrored."""
    run = data.draw(runs(dtype_a, dtype_b))
    ends = data.draw(cuts(run.index.size))
    whole = difference(run.a, run.b, axis)
    assert_as_defined(whole.total, run)
    assert_same_bits(difference(run.a, run.b, axis, ends), whole)
    assert_mirrored(difference(run.b, run.a, axis), whole)
    if axis is not None:
        assert whole.filters is not None
        for chosen in {0, axis.count // 2, axis.count - 1}:
            assert_filter_as_defined(whole.filters, run, axis, chosen)


def assert_mirrored(back: Any, there: Any) -> None:
    for one, other in ((back.total, there.total), (back.filters, there.filters)):
        if one is None:
            continue
        for name in DifferenceSums.__dataclass_fields__:
            mirror = MIRRORED.get(name) or {v: k for k, v in MIRRORED.items()}.get(name, name)
            sign = -1 if name in ("low", "high") else 1
            got, want = getattr(one, name), getattr(other, mirror)
            if isinstance(want, int | float | np.ndarray):
                np.testing.assert_array_equal(got, sign * want, err_msg=name)
            else:
                assert got == want, name


@pytest.mark.parametrize("dtype", COMPARABLE)
@given(data=st.data(), axis=st.one_of(st.none(), axes()))
def test_every_dtype_equals_the_definitions(
    dtype: str, data: st.DataObject, axis: FilterAxis | None
) -> None:
    check(data, dtype, dtype, axis)


@pytest.mark.parametrize("dtype_a", MIXED)
@given(data=st.data(), dtype_b=st.sampled_from(COMPARABLE), axis=st.one_of(st.none(), axes()))
def test_any_two_dtypes_equal_the_definitions(
    dtype_a: str, data: st.DataObject, dtype_b: str, axis: FilterAxis | None
) -> None:
    check(data, dtype_a, dtype_b, axis)


@pytest.mark.parametrize(("count", "stride"), LAYOUTS.values(), ids=LAYOUTS)
@given(data=st.data(), dtype=st.sampled_from(["float32", "float32", "float16", "int64"]))
def test_every_layout_equals_the_definitions(
    count: int, stride: int, data: st.DataObject, dtype: str
) -> None:
    check(data, dtype, dtype, FilterAxis(count, stride))


@pytest.mark.parametrize("spread", [0, 3, 25, 90])
@pytest.mark.parametrize("first", range(-1060, 1020, 160))
def test_every_magnitude_equals_the_definitions(first: int, spread: int) -> None:
    """Squares leave the range of float64 long before the values do."""
    random = np.random.default_rng(7)
    index = random.integers(0, 12, 3000)
    for magnitude in range(first, min(first + 160, 1021), 5):
        signs = random.choice([-1.0, 1.0], (2, 12))
        pool_a, pool_b = np.ldexp(signs * random.uniform(0.7, 1.4, (2, 12)), magnitude)
        pool_b[::3] = np.ldexp(pool_b[::3], max(-spread, -1070 - magnitude))
        run = Run(pool_a, pool_b, index)
        assert_as_defined(difference(run.a, run.b).total, run)


def summed(a: NDArray[Any], b: NDArray[Any]) -> dict[str, float]:
    """The sums of dense arrays: float64 terms, added exactly."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    fine = np.isfinite(x) & np.isfinite(y)
    x, y = x[fine], y[fine]
    d, s = y - x, np.abs(x) + np.abs(y)
    relative = np.divide(2 * np.abs(d), s, out=np.zeros_like(s), where=s > 0)
    return {
        "squares": math.fsum(d * d),
        "squares_a": math.fsum(x * x),
        "squares_b": math.fsum(y * y),
        "absolute": math.fsum(np.abs(d)),
        "relative": math.fsum(relative),
        "products": math.fsum(x * y),
        "flips": float(np.sum((x < 0) & (y > 0) | (x > 0) & (y < 0))),
        "finite": float(x.size),
        "low": float(d.min()),
        "high": float(d.max()),
    }


def assert_sums(sums: DifferenceSums, want: dict[str, float]) -> None:
    for name in ("squares", "squares_a", "squares_b", "absolute"):
        part = getattr(sums, name)
        assert (part.small, part.big) == (0.0, 0.0)
        assert part.middle == pytest.approx(want[name], rel=1e-14), name
    spread = math.sqrt(want["squares_a"] * want["squares_b"])
    assert sums.products.middle == pytest.approx(want["products"], rel=1e-14, abs=1e-14 * spread)
    assert sums.relative == pytest.approx(want["relative"], rel=1e-14)
    assert (sums.sign_flips, sums.finite) == (want["flips"], want["finite"])
    assert (sums.low, sums.high) == (want["low"], want["high"])


BYTES = [name for name in NARROW if dtype_of(name).itemsize == 1 and name.startswith("float")]


@pytest.mark.parametrize("dtype", [*BYTES, "int8", "uint8"])
def test_every_pair_of_values_of_one_byte(dtype: str) -> None:
    codes = np.unique(valid(np.arange(256, dtype=np.uint8), dtype).view(np.uint8))
    values = codes.view(dtype_of(dtype))
    a, b = np.repeat(values, values.size), np.tile(values, values.size)
    assert_sums(difference(a, b, FilterAxis(values.size, 1)).total, summed(a, b))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int16", "uint16"])
def test_every_value_of_two_bytes_beside_many_others(dtype: str) -> None:
    codes = np.arange(1 << 16, dtype=np.uint16)
    if dtype == "bfloat16":  # beyond, squares leave the range of one float64
        codes = codes[np.abs((codes >> 7 & 255).astype(int) - 127) < 100]
    a, b = (
        np.repeat(codes, 3),
        np.r_[codes, codes[::-1], np.random.default_rng(1).permutation(codes)],
    )
    a, b = a.view(dtype_of(dtype)), b.view(dtype_of(dtype))
    assert_sums(difference(a, b).total, summed(a, b))


@pytest.mark.parametrize("axis", [None, *AXES], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_dense_values_keep_fourteen_digits(dtype: str, axis: FilterAxis | None) -> None:
    random = np.random.default_rng(5)
    a = (random.standard_normal(150_001) * 10.0 ** random.integers(-3, 3, 150_001)).astype(
        dtype_of(dtype)
    )
    b = (a.astype(np.float64) * (1 + 0.1 * random.standard_normal(a.size))).astype(a.dtype)
    assert_sums(difference(a, b, axis).total, summed(a, b))
