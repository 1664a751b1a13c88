"""Neither threads, nor the size of blocks, nor the company of other tensors changes a bit."""

import dataclasses
import itertools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from tb_snapshot_compare.analysis import (
    DistributionAccumulator,
    FilterAxis,
    PairAccumulator,
    tensor_parts,
)
from tb_snapshot_compare.workspace import (
    Comparison,
    Distribution,
    compare,
    distribution,
    streaming,
)
from tests.workspace.stored_tensors import Stored, snapshot, torch

THREADS = [1, 2, 3, 7]
BLOCKS = [1 << 10, 1 << 16, 1 << 20]
PARTS = [1 << 14, 1 << 24]


def tensors(seed: int) -> dict[str, Stored]:
    """Large and small ones, in both layouts and several dtypes, with values of every kind."""
    random = np.random.default_rng(seed)

    def normal(*shape: int, dtype: Any = np.float32) -> Any:
        values = random.standard_normal(shape) * 10.0 ** random.integers(-3, 3, shape)
        with np.errstate(over="ignore"):
            return values.astype(dtype)

    found = {
        "conv/kernel": Stored(normal(3, 3, 32, 64)),
        "conv/bias": Stored(normal(64)),
        "up/kernel": torch(normal(48, 32, 3, 3)),
        "dense/kernel": Stored(normal(600, 100)),
        "fc/kernel": torch(normal(100, 700)),
        "half/kernel": Stored(normal(300, 90, dtype=np.float16)),
        "brain/kernel": Stored(normal(300, 90, dtype=ml_dtypes.bfloat16)),
        "double/kernel": Stored(normal(200, 90, dtype=np.float64)),
        "whole/kernel": Stored(random.integers(-(2**62), 2**62, (200, 90))),
        "one/gamma": Stored(normal(1)),
    }
    for k in range(30):
        found[f"norm{k}/gamma"] = Stored(normal(64))
        found[f"norm{k}/beta"] = Stored(normal(8 + k % 3))
    for name in ("conv/kernel", "fc/kernel", "double/kernel", "norm3/gamma"):
        values = found[name].values.reshape(-1)
        values[3], values[-1], values[values.size // 2] = np.nan, np.inf, 0.0
    return found


def bits(values: Any) -> Any:
    """Every number as text that tells its last bit."""
    if dataclasses.is_dataclass(values) and not isinstance(values, type):
        return {f.name: bits(getattr(values, f.name)) for f in dataclasses.fields(values)}
    if isinstance(values, tuple | list):
        return [bits(value) for value in values]
    return values.hex() if isinstance(values, float) else values


def run(folder: Path) -> tuple[Comparison, Distribution]:
    a, b = (snapshot(folder / name, tensors(seed)) for name, seed in (("a", 1), ("b", 2)))
    found = compare(a, b)
    assert found.coverage.tensors_compared == len(tensors(1))
    return found, distribution(a, b, found, bins=33, levels=7)


def test_threads_blocks_and_parts_change_no_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tb_snapshot_compare.processors.available", lambda: 64)
    for parts in PARTS:
        monkeypatch.setattr(tensor_parts, "PART_ELEMENTS", parts)
        seen: list[Any] = []
        for threads, block in itertools.product(THREADS, BLOCKS):
            monkeypatch.setattr(streaming, "THREADS_MAX", threads)
            monkeypatch.setattr(streaming, "_BLOCK_ELEMENTS", block)
            seen.append(bits(run(tmp_path)))
        assert all(one == seen[0] for one in seen)


def test_a_tensors_numbers_do_not_depend_on_the_others(tmp_path: Path) -> None:
    a, b = (snapshot(tmp_path / name, tensors(seed)) for name, seed in (("a", 1), ("b", 2)))
    every = {tensor.name: tensor.measures for tensor in compare(a, b).tensors}
    filters = {one.tensor: one.arrays for one in compare(a, b).filters}
    for layer in ("conv", "norm3", "norm4", "one", "whole"):
        alone = compare(a, b, layer=layer)
        for tensor in alone.tensors:
            assert bits(tensor.measures) == bits(every[tensor.name]), tensor.name
        for one in alone.filters:
            assert one.arrays == filters[one.tensor]


@pytest.mark.parametrize("threads", [2, 4, 8])
def test_accumulators_side_by_side_do_not_meet(threads: int) -> None:
    """The kernels run without the interpreter's lock: nothing of theirs is shared."""
    names = ("conv/kernel", "half/kernel", "whole/kernel")
    sides = [(tensors(k)[name], tensors(k + 9)[name]) for k in range(2) for name in names]
    pairs = [(a.values.reshape(-1), b.values.reshape(-1)) for a, b in sides]

    def sums(barrier: Barrier, index: int) -> Any:
        a, b = pairs[index % len(pairs)]
        measures = PairAccumulator(a.dtype.name, b.dtype.name, a.size, FilterAxis(9, 1))
        counts = DistributionAccumulator(-3.0, 2.0, 50, 7)
        barrier.wait(30)
        for start in range(0, a.size, 1000):
            measures.add(a[start : start + 1000], b[start : start + 1000])
            counts.add(a[start : start + 1000], b[start : start + 1000])
        found = measures.finish()
        assert found.filters is not None
        return bits(found.total), found.filters.squares.tobytes(), counts.finish().counts.tobytes()

    alone = [sums(Barrier(1), index) for index in range(len(pairs))]
    barrier = Barrier(threads)
    with ThreadPoolExecutor(threads) as pool:
        together = list(pool.map(lambda index: sums(barrier, index), range(threads)))
    for index, found in enumerate(together):
        assert found == alone[index % len(pairs)]
