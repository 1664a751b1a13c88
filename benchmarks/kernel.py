"""The kernels alone, beside the rate at which the same bytes can be read.

`PairAccumulator` takes two tensors that lie in memory, block by block, with and without
`DistributionAccumulator` behind it; beside it, in the same rounds, as many threads read as many
bytes from a file in the system's cache with `pread` into buffers that they use again. For every
layout of filters and every width of values; with one thread and with two. The sums are held
against float64 references.

    python -m benchmarks.kernel
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

from benchmarks import reference, report
from benchmarks.measuring import interleaved, timed
from benchmarks.progress import say
from benchmarks.report import Table
from tb_snapshot_compare.analysis import (
    DistributionAccumulator,
    FilterAxis,
    PairAccumulator,
    filter_axis,
)
from tb_snapshot_compare.limits import BLOCK_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from benchmarks.reference import Errors

DTYPES = ("float32", "float16", "bfloat16", "float64", "int8", "float8_e4m3fn")
LAYOUTS: dict[str, tuple[str, str, tuple[int, ...], str]] = {
    "HWIO": ("kernel", "Conv2D", (3, 3, 512, 512), "keras"),
    "OIHW": ("kernel", "Conv2D", (512, 512, 3, 3), "torch"),
    "depthwise": ("depthwise_kernel", "DepthwiseConv2D", (3, 3, 1024, 1), "keras"),
    "dense": ("kernel", "Dense", (4096, 1024), "keras"),
}
THREADS = (1, 2)
BINS, LEVELS = 40, 10
_BYTES = 64 * 2**20
"""Of each of the two tensors: much more than caches hold."""
_READ_BYTES = 512 * 2**10
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Tensors:
    """Two flat tensors of a layout, the axis of their filters and the range of b - a."""

    a: NDArray[Any]
    b: NDArray[Any]
    axis: FilterAxis
    low: float
    high: float

    def halves(self, count: int) -> list[Tensors]:
        """Cut into `count` tensors of whole filters' periods."""
        period = self.axis.count * self.axis.stride
        size = self.a.size // period // count * period
        cuts = [slice(n * size, (n + 1) * size) for n in range(count)]
        return [Tensors(self.a[cut], self.b[cut], self.axis, self.low, self.high) for cut in cuts]

    @property
    def nbytes(self) -> int:
        """Of both."""
        return self.a.nbytes + self.b.nbytes


@dataclass(frozen=True, slots=True)
class Rates:
    """Bytes per second of each round, by what was done."""

    read: Sequence[float]
    measures: Sequence[float]
    distribution: Sequence[float]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How fast one layout and dtype is, and how right the sums of the tensor and filters are."""

    layout: str
    dtype: str
    threads: int
    rates: Rates
    errors: Errors
    filters: Errors
    counted: bool
    """Whether the distribution's counts are those of NumPy."""


def tables(tiny: bool = False) -> Iterator[Table]:
    """One table for each number of threads."""
    outcomes = [
        outcome
        for dtype in DTYPES
        for layout in LAYOUTS
        for outcome in measure(layout, dtype, tiny)
    ]
    for threads in THREADS:
        some = [outcome for outcome in outcomes if outcome.threads == threads]
        plain = {
            o.layout: statistics.median(o.rates.measures) for o in some if o.dtype == "float32"
        }
        yield Table(
            f"Kernels, {threads} thread{'s' * (threads > 1)}",
            (
                *("dtype", "layout", "pread, GB/s"),
                *("measures, GB/s", "of pread", "with distribution, GB/s", "of pread"),
                *("of float32", "largest relative error", "of filters", "distribution"),
            ),
            tuple(_row(outcome, plain[outcome.layout]) for outcome in some),
            (
                f"All measures, of the tensor and of its filters; {BINS} x {LEVELS} cells of the "
                "distribution. Bytes of both tensors. The distribution is held against "
                "numpy.histogram2d in float64.",
            ),
        )


def _row(outcome: Outcome, plain: float) -> tuple[str, ...]:
    def share(rates: Sequence[float]) -> str:
        shares = [rate / read for rate, read in zip(rates, outcome.rates.read, strict=True)]
        return f"{100 * statistics.median(shares):.0f} %"

    def giga(rates: Sequence[float]) -> str:
        return report.spread([rate / 1e9 for rate in rates], "")

    return (
        *(outcome.dtype, outcome.layout, giga(outcome.rates.read)),
        *(giga(outcome.rates.measures), share(outcome.rates.measures)),
        *(giga(outcome.rates.distribution), share(outcome.rates.distribution)),
        f"{100 * statistics.median(outcome.rates.measures) / plain:.0f} %",
        outcome.errors.summary,
        outcome.filters.summary,
        "as NumPy" if outcome.counted else "DIFFERS",
    )


def measure(layout: str, dtype: str, tiny: bool) -> Iterator[Outcome]:
    """One layout and dtype, with each number of threads."""
    say(f"{dtype}, {layout}: numbers")
    checked = check(make(layout, dtype, 2**18 if tiny else 2**21))
    tensors = make(layout, dtype, 2**18 if tiny else _BYTES)
    for threads in THREADS:
        say(f"{dtype}, {layout}: {threads} threads")
        rates = measure_rates(tensors, threads, 1 if tiny else _ROUNDS)
        yield Outcome(layout, dtype, threads, rates, *checked)


def measure_rates(tensors: Tensors, threads: int, rounds: int) -> Rates:
    """Bytes per second of reading, of the measures, and of them with the distribution."""
    parts = tensors.halves(threads)
    total = sum(part.nbytes for part in parts)
    with tempfile.NamedTemporaryFile(dir=_folder()) as file:
        file.write(bytes(total))
        file.flush()
        works: dict[str, Callable[[], object]] = {
            "read": partial(_read_all, file.fileno(), total, threads),
            "measures": partial(_in_threads, [partial(_measure, part) for part in parts]),
            "distribution": partial(
                _in_threads, [partial(_measure_and_count, part) for part in parts]
            ),
        }
        times = interleaved(
            {name: timed(work) for name, work in works.items()}, rounds, uncounted=1
        )
    return Rates(**{name: [total / each for each in found] for name, found in times.items()})


def _folder() -> str:
    from benchmarks.inputs import cache

    cache().mkdir(parents=True, exist_ok=True)
    return str(cache())


def make(layout: str, dtype: str, nbytes: int) -> Tensors:
    """Two tensors of about so many bytes each: as many kernels of the layout's shape as fit."""
    role, kind, shape, order = LAYOUTS[layout]
    axis = filter_axis(role, kind, shape, "torch" if order == "torch" else "keras")
    assert axis is not None
    numpy_dtype = np.dtype(getattr(ml_dtypes, dtype, dtype))
    period = axis.count * axis.stride
    count = max(2, nbytes // numpy_dtype.itemsize // period) * period
    rng = np.random.default_rng(2026)
    a = rng.standard_normal(count, np.float32) * np.float32(0.02)
    b = a + rng.standard_normal(count, np.float32) * np.float32(0.0005)
    if numpy_dtype.kind == "i":
        a, b = (np.clip(np.rint(values * 2000), -127, 127) for values in (a, b))
    x, y = a.astype(numpy_dtype), b.astype(numpy_dtype)
    low, high = _range(x, y)
    return Tensors(x, y, axis, low, high)


def _range(x: NDArray[Any], y: NDArray[Any]) -> tuple[float, float]:
    accumulator = PairAccumulator(x.dtype.name, y.dtype.name, x.size)
    accumulator.add(x, y)
    found = accumulator.finish().total.difference_range()
    return found.low, found.high


def check(tensors: Tensors) -> tuple[Errors, Errors, bool]:
    """How far the measures are from the reference, and whether the counts are NumPy's.

    First those of the tensor, then those of its filters.
    """
    a, b = tensors.a, tensors.b
    found, counts = _measure_and_count(tensors)
    wanted = reference.measures(a, b)
    got = {
        name: value
        for name in wanted
        if (value := getattr(found.total.measures(), name)) is not None
    }
    errors = reference.errors({"whole": got}, {"whole": wanted})
    x, y = a.astype(np.float64), b.astype(np.float64)
    sums = np.abs(x) + np.abs(y)
    relative = np.divide(2 * np.abs(y - x), sums, out=np.zeros_like(sums), where=sums > 0)
    cells, _, _ = np.histogram2d(y - x, relative, [counts.bin_edges, counts.level_edges])
    return (
        errors,
        _filter_errors(tensors, found.filters.measures()),
        bool(np.array_equal(cells, counts.counts)),
    )


def _filter_errors(tensors: Tensors, got: dict[str, NDArray[np.float64]]) -> Errors:
    wanted = reference.filter_measures(tensors.a, tensors.b, tensors.axis)
    numbers = range(tensors.axis.count)
    return reference.errors(
        *(
            {str(n): {name: float(columns[name][n]) for name in wanted} for n in numbers}
            for columns in (got, wanted)
        )
    )


def _blocks(tensors: Tensors) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    step = BLOCK_BYTES // 4
    for start in range(0, tensors.a.size, step):
        yield tensors.a[start : start + step], tensors.b[start : start + step]


def _measure(tensors: Tensors) -> Any:
    a, b = tensors.a, tensors.b
    accumulator = PairAccumulator(a.dtype.name, b.dtype.name, a.size, tensors.axis)
    for block_a, block_b in _blocks(tensors):
        accumulator.add(block_a, block_b)
    return accumulator.finish()


def _measure_and_count(tensors: Tensors) -> tuple[Any, Any]:
    a, b = tensors.a, tensors.b
    accumulator = PairAccumulator(a.dtype.name, b.dtype.name, a.size, tensors.axis)
    distribution = DistributionAccumulator(tensors.low, tensors.high, BINS, LEVELS)
    for block_a, block_b in _blocks(tensors):
        accumulator.add(block_a, block_b)
        distribution.add(block_a, block_b)
    return accumulator.finish(), distribution.finish()


def _read_all(descriptor: int, total: int, threads: int) -> None:
    """Reads a file, each thread its own part, into one buffer that stays in the cache."""

    def part(number: int) -> None:
        buffer = memoryview(bytearray(_READ_BYTES))
        begin, end = (total * n // threads for n in (number, number + 1))
        while begin < end:
            begin += os.preadv(descriptor, [buffer[: end - begin]], begin)

    _in_threads([partial(part, number) for number in range(threads)])


def _in_threads(works: Sequence[Callable[[], object]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    report.main(sys.modules[__name__], __doc__)
