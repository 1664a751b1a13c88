"""Long arrays of few different pairs: exact references at any length, for every kind of value.

A *pool* holds up to a few dozen pairs of values, drawn bit by bit; a *run* is an array of any
length made from a pool. What an array's measures should be then follows exactly from how often
each pair stands in it, so that arrays that reach every loop of the kernels cost next to nothing.
"""

import itertools
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from tb_snapshot_compare.analysis import (
    DifferenceSums,
    FilterAxis,
    OwnSums,
    PairAccumulator,
    PairDifference,
    SumColumns,
    is_comparable,
    unchanged_columns,
)

Array = NDArray[Any]

NATIVE = [
    *("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
    *("float16", "float32", "float64"),
]
NARROW = [name for name in dir(ml_dtypes) if is_comparable(name)]
COMPARABLE = NATIVE + NARROW
COUNTED = [*NATIVE[1:9], "int2", "uint2", "int4", "uint4"]
"""Whole numbers: every bit pattern is a value."""

LENGTHS = [
    *(0, 1, 2, 3, 15, 16, 17, 63, 64, 65, 255, 256, 257, 511, 512, 513, 1023, 1024, 1025),
    *(2047, 2048, 2049, 4095, 4096, 4097, 16_383, 16_384, 16_385),
    *(65_535, 65_536, 65_537, 131_072, 131_073, 200_003, 262_144),
]
"""About every power of two at which a kernel might begin anew: vectors, lanes, tiles, pieces,
converted blocks, and the rows after which lanes are emptied."""

LENGTH = st.one_of(st.sampled_from(LENGTHS), st.integers(0, 3000))

LAYOUTS = {
    "HWIO": (32, 1),
    "HWIO of one filter": (1, 1),
    "HWIO, odd": (7, 1),
    "OIHW": (16, 9 * 24),
    "OIHW of one channel": (32, 9),
    "OIHW, odd": (5, 25 * 3),
    "depthwise, Keras": (24, 1),
    "depthwise, PyTorch": (24, 9),
    "dense, Keras": (1000, 1),
    "dense, PyTorch": (10, 784),
    "transposed, Keras": (16, 8),
    "transposed, PyTorch": (16, 4),
    "wide dense": (4096, 1),
    "one filter of everything": (1, 300_000),
    "more filters than elements": (20_011, 1),
    "the first of many filters only": (3, 300_000),
}
"""Count and stride of the filters of each order of axes."""
ODD_AXES = [
    FilterAxis(count, stride)
    for count, stride in itertools.product((1, 2, 3, 255, 256, 257, 511, 513), (1, 2, 3, 17, 256))
]
AXES = [FilterAxis(*axis) for axis in LAYOUTS.values() if axis[0] < 5000]


def dtype_of(name: str) -> np.dtype[Any]:
    return np.dtype(getattr(ml_dtypes, name, None) or name)


@dataclass(frozen=True)
class Run:
    """Two arrays, the pools they are made of, and which pair of the pools each element is."""

    pool_a: Array
    pool_b: Array
    index: NDArray[np.intp]

    @property
    def a(self) -> Array:
        return self.pool_a[self.index]

    @property
    def b(self) -> Array:
        return self.pool_b[self.index]

    def counts(self, chosen: NDArray[np.bool_] | slice = slice(None)) -> NDArray[np.int64]:
        """How often each pair of the pools stands among the chosen elements."""
        return np.bincount(self.index[chosen], minlength=self.pool_a.size)


def _limits(dtype: np.dtype[Any]) -> list[float]:
    """Where values of a dtype become zero, subnormal, whole or infinite, and what is beside."""
    info = ml_dtypes.finfo(dtype)
    edges = [0.0, 1.0, 1 + info.eps, info.tiny, info.smallest_subnormal, info.max, info.max / 2]
    return [float(edge) for edge in edges] + [float("inf"), float("nan")]


@st.composite
def pools(draw: st.DrawFn, name: str, size: int, magnitude: float) -> Array:
    """`size` values of a dtype: any bits, values at its limits, or of the size of weights.

    Or all of one magnitude, which is -1 near the smallest of the dtype and 1 near its largest.
    """
    dtype = dtype_of(name)
    if name == "bool":
        return np.array(draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    bits = 8 * dtype.itemsize
    codes = np.array(
        draw(st.lists(st.integers(0, 2**bits - 1), min_size=size, max_size=size)),
        f"u{dtype.itemsize}",
    )
    if name in NATIVE and name in COUNTED:
        return codes.view(dtype)
    if name in COUNTED:
        return (codes % 2 ** int(name[-1])).astype(np.int8).astype(dtype)
    style = draw(st.sampled_from(["bits", "weights", "limits", "mixed", "one magnitude"]))
    with np.errstate(all="ignore"):
        plain = (codes.astype(np.float64) / 2.0**bits - 0.5) * 4
        weights = plain.astype(dtype)
        largest = np.log2(float(ml_dtypes.finfo(dtype).max))
        alike = np.ldexp(plain, int(magnitude * largest)).astype(dtype)
        some = np.array(_limits(dtype))[codes % 9] * np.where(codes % 2, 1.0, -1.0)
        special = some.astype(dtype)
    if style == "bits":
        return valid(codes, name)
    if style in ("weights", "one magnitude"):
        return weights if style == "weights" else alike
    return special if style == "limits" else np.where(codes % 3 == 0, special, weights)


def valid(codes: Array, name: str) -> Array:
    """The codes as values; of dtypes of fewer than 8 bits, those that are codes."""
    widths = {"float4_e2m1fn": 4, "float6_e2m3fn": 6, "float6_e3m2fn": 6}
    if name in widths:
        codes = codes & np.uint8((1 << widths[name]) - 1)
    return codes.view(dtype_of(name))


def in_stored_order(values: Array, order: str) -> Array:
    """The same values in a byte order, where the dtype has one."""
    return (
        values.astype(values.dtype.newbyteorder(order)) if values.dtype.name in NATIVE else values
    )


@st.composite
def runs(
    draw: st.DrawFn, name_a: str, name_b: str, lengths: st.SearchStrategy[int] = LENGTH
) -> Run:
    """Arrays of some length: pairs mixed, in stretches, or odd ones among many ordinary ones."""
    size = draw(st.integers(1, 12))
    magnitude = draw(st.integers(-32, 32)) / 32
    pool_a, pool_b = (draw(pools(name, size, magnitude)) for name in (name_a, name_b))
    if name_a == name_b and draw(st.integers(0, 4)) == 0:
        pool_b = np.where(np.arange(size) % 2 == 0, pool_a, pool_b)
    length = draw(lengths)
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    style = draw(st.sampled_from(["mixed", "stretches", "rare", "late"]))
    if style == "mixed":
        index = random.integers(0, size, length)
    elif style == "stretches":
        index = np.sort(random.integers(0, size, length))
    else:
        index = np.zeros(length, np.intp)
        places = random.integers(0 if style == "rare" else length // 2, max(length, 1), 7)
        index[places[: length and 7]] = random.integers(0, size, length and 7)
    orders = draw(st.tuples(*[st.sampled_from("=<>")] * 2))
    return Run(
        in_stored_order(pool_a, orders[0]),
        in_stored_order(pool_b, orders[1]),
        index.astype(np.intp),
    )


def cuts(length: int) -> st.SearchStrategy[list[int]]:
    """Where an array of this length is cut: anywhere, and beside powers of two."""
    places = st.one_of(st.integers(0, length), st.sampled_from(LENGTHS))
    return st.lists(places, max_size=6)


def axes() -> st.SearchStrategy[FilterAxis]:
    return st.one_of(
        st.sampled_from(AXES),
        st.sampled_from(ODD_AXES),
        st.builds(FilterAxis, st.integers(1, 1500), st.sampled_from([1, 1, 2, 5, 9, 31, 144])),
    )


def parts(ends: list[int] | tuple[int, ...], length: int) -> list[slice]:
    """The slices between cuts."""
    inner = sorted({min(end, length) for end in ends})
    return [slice(*span) for span in itertools.pairwise([0, *inner, length])]


def difference(
    a: Array, b: Array, axis: FilterAxis | None = None, ends: list[int] | tuple[int, ...] = ()
) -> PairDifference:
    """What the accumulator makes of two arrays that are cut into blocks."""
    accumulator = PairAccumulator(a.dtype.name, b.dtype.name, a.size, axis)
    for part in parts(ends, a.size):
        accumulator.add(a[part], b[part])
    return accumulator.finish()


def assert_same_bits(one: PairDifference, other: PairDifference) -> None:
    """Every sum and every count, of the whole and of every filter."""
    assert one.total == other.total
    assert (one.filters is None) == (other.filters is None)
    for name in DifferenceSums.__dataclass_fields__ if one.filters is not None else ():
        np.testing.assert_array_equal(
            getattr(one.filters, name), getattr(other.filters, name), err_msg=name
        )


def assert_same_own(own: OwnSums, itself: SumColumns) -> None:
    """What belongs to one tensor gives what comparing it with itself does, bit for bit."""
    whole = unchanged_columns([own])
    for name in SumColumns.__dataclass_fields__:
        got, want = getattr(whole, name), getattr(itself[:1], name)
        np.testing.assert_array_equal(got, want, err_msg=name)
        assert not np.any(np.signbit(got) != np.signbit(want)), name
    filters = itself[1:].as_filters().measures()
    assert own.filters.shape[1] == itself.size - 1
    for name, got in own.unchanged_filters().items():
        np.testing.assert_array_equal(got, filters[name], err_msg=name)
    if own.is_finite:
        shape = (itself.counts[0, 0], itself.size - 1)
        again = OwnSums.of_finite(*(int(n) for n in shape), own.squares)
        np.testing.assert_array_equal(again.whole, own.whole)
        np.testing.assert_array_equal(again.filters, own.filters)
