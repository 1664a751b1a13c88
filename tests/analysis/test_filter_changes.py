"""Measures of filters against the definitions, filter by filter in float64."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pair_pools import dtype_of

from tb_snapshot_compare.analysis import FilterAxis, filter_changes, streamed_filter_changes
from tb_snapshot_compare.analysis.filter_changes import FILTER_MEASURES

Array = NDArray[Any]
LAYOUTS = {
    "Conv2D": ((3, 3, 4, 6), FilterAxis(6, 1), 3),
    "Conv2D of PyTorch": ((6, 4, 3, 3), FilterAxis(6, 36), 0),
    "Conv2DTranspose": ((3, 3, 6, 4), FilterAxis(6, 4), 2),
    "Dense": ((40, 6), FilterAxis(6, 1), 1),
    "Dense of PyTorch": ((6, 40), FilterAxis(6, 40), 0),
}


def ratio(over: float, under: float) -> float:
    if under > 0:
        return over / under
    return 0.0 if over == 0 else float("nan")


def cosine(a: Array, b: Array) -> float:
    zeros = (not a.any()) + (not b.any())
    if zeros:
        return 1.0 if zeros == 2 else float("nan")
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def reference(w: Array, before: Array, gradient: Array) -> dict[str, float]:
    """Of one filter; only finite values count."""
    w, before, gradient = (
        values.reshape(-1).astype(np.float64) for values in (w, before, gradient)
    )
    both = np.isfinite(w) & np.isfinite(before)
    x, y = before[both], w[both]
    l1, l2, own = {}, {}, {"w": w, "before": before, "g": gradient}
    for name, values in own.items():
        fine = values[np.isfinite(values)]
        l1[name] = np.abs(fine).sum() if fine.size else np.nan
        l2[name] = np.linalg.norm(fine) if fine.size else np.nan
    fine = w[np.isfinite(w)]
    if not x.size:
        return {"w_l2": l2["w"], "w_std": fine.std() if fine.size else np.nan}
    return {
        "cosine": cosine(x, y),
        "euclidean": np.linalg.norm(y - x),
        "manhattan": np.abs(y - x).sum(),
        "relative_l1": ratio(np.abs(y - x).sum(), l1["before"]),
        "relative_l2": ratio(np.linalg.norm(y - x), np.linalg.norm(x)),
        "w_l2": l2["w"],
        "w_std": fine.std(),
        "g_l1": l1["g"],
        "g_l2": l2["g"],
        "g_relative_l1": ratio(l1["g"], l1["w"]),
        "g_relative_l2": ratio(l2["g"], l2["w"]),
    }


def assert_filters(w: Array, before: Array, gradient: Array, layout: str) -> None:
    _, axis, place = LAYOUTS[layout]
    found = filter_changes(w, axis, before, gradient)
    for k in range(axis.count):
        one = (np.moveaxis(values, place, 0)[k] for values in (w, before, gradient))
        for name, want in reference(*one).items():
            assert found[name].dtype == (np.float64 if name == "cosine" else np.float32)
            small = {"cosine": 1e-14, "w_std": 1e-6}.get(name, 1e-30)
            assert found[name][k] == pytest.approx(want, rel=3e-7, abs=small, nan_ok=True), name


@pytest.mark.parametrize("layout", LAYOUTS)
@given(
    seed=st.integers(0, 2**32),
    dtype=st.sampled_from(["float32", "float64", "float16", "bfloat16", "float8_e4m3fn"]),
    odd=st.booleans(),
)
def test_every_filter_equals_the_definitions(layout: str, seed: int, dtype: str, odd: bool) -> None:
    shape, _, place = LAYOUTS[layout]
    random = np.random.default_rng(seed)
    before, step, gradient = random.normal(size=(3, *shape))
    if odd:
        for values in (before, step, gradient):
            moved = np.moveaxis(values, place, 0)
            moved[random.integers(0, 6)] = 0
            moved[random.integers(0, 6)].reshape(-1)[:] += 30
            values.reshape(-1)[random.integers(0, values.size, 3)] = random.choice([np.nan, np.inf])
    with np.errstate(all="ignore"):
        cast = [v.astype(dtype_of(dtype)) for v in (before + step / 10, before, gradient)]
    assert_filters(*cast, layout)


def test_long_filters_are_exact() -> None:
    random = np.random.default_rng(11)
    w, before, gradient = (1 + 1e-3 * random.normal(size=(3, 50_000, 6))).astype(np.float32)
    found = filter_changes(w, FilterAxis(6, 1), before, gradient)
    for k in range(6):
        for name, want in reference(w[:, k], before[:, k], gradient[:, k]).items():
            assert found[name][k] == pytest.approx(want, rel=2e-7), name


def test_a_filter_of_equal_values_has_no_deviation() -> None:
    w = np.full((1000, 6), 0.1, np.float32) * np.arange(1, 7, dtype=np.float32)
    assert filter_changes(w, FilterAxis(6, 1))["w_std"].tolist() == [0.0] * 6


def test_what_is_not_known_is_nan() -> None:
    w = np.ones((4, 3), np.float32)
    found = filter_changes(w, FilterAxis(3, 1))
    assert tuple(found) == FILTER_MEASURES
    known = {name for name, values in found.items() if not np.isnan(values).any()}
    assert known == {"w_l2", "w_std"}


def test_an_unchanged_kernel_has_changes_of_zero() -> None:
    w = np.random.default_rng(0).normal(size=(9, 5)).astype(np.float32)
    w[:, 2] = 0
    found = filter_changes(w, FilterAxis(5, 1), w, np.zeros_like(w))
    for name in ("euclidean", "manhattan", "relative_l1", "relative_l2", "g_l1", "g_relative_l2"):
        assert found[name].tolist() == [0.0] * 5, name
    assert found["cosine"].tolist() == [1.0] * 5


def test_what_does_not_fit_is_refused() -> None:
    w = np.zeros((4, 3), np.float32)
    with pytest.raises(ValueError, match=r"shape \(4, 3\) beside one of \(3, 4\)"):
        filter_changes(w, FilterAxis(3, 1), w.T)
    with pytest.raises(ValueError, match=r"shape \(4, 3\) has no 5 filters"):
        filter_changes(w, FilterAxis(5, 1))


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((3, 3, 40, 70), FilterAxis(70, 1)),
        ((300, 700), FilterAxis(300, 700)),
        ((70_000, 3), FilterAxis(3, 1)),
        ((2, 100_000), FilterAxis(2, 100_000)),
        ((4, 3), FilterAxis(3, 1)),
    ],
)
@pytest.mark.parametrize("size", [7, 1000, 65_537, 1 << 20])
def test_what_is_streamed_equals_what_is_in_memory(
    shape: tuple[int, ...], axis: FilterAxis, size: int
) -> None:
    random = np.random.default_rng(5)
    before, gradient = random.normal(size=(2, *shape)).astype(np.float32)
    weights = before + gradient / 100
    flat = [each.reshape(-1) for each in (weights, before, gradient)]

    def blocks() -> Iterator[tuple[Array, Array, Array]]:
        step = max(size, flat[0].size // 300)
        buffers = np.empty((3, step), np.float32)
        for start in range(0, flat[0].size, step):
            count = min(step, flat[0].size - start)
            for buffer, values in zip(buffers, flat, strict=True):
                buffer[:count] = values[start : start + count]
            yield buffers[0, :count], buffers[1, :count], buffers[2, :count]

    whole = filter_changes(weights, axis, before, gradient)
    for name, values in streamed_filter_changes(blocks, weights.size, axis).items():
        np.testing.assert_array_equal(values, whole[name], err_msg=name)
