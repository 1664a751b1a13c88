"""Anomaly iterations are where the published rule, written as loops, finds them."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from tb_snapshot_compare.analysis import anomalies as module
from tb_snapshot_compare.analysis.anomalies import (
    RUN_LENGTHS,
    Anomaly,
    AnomalyCounts,
    all_anomaly_counts,
    anomalies,
    anomaly_counts,
    class_iterations,
    left_counts_of_newest,
)

Bits = NDArray[Any]


def by_loops(
    correct: Bits, labels: Bits, classes: int, d: int, known: Bits | None = None
) -> tuple[Bits, Bits]:
    """v(t) differs from each of v(t-1) ... v(t-1-d); and of v(t+1) ... v(t+1+d), at t + 1."""
    images, passes = correct.shape
    left, right = (np.zeros((classes, passes), int) for _ in range(2))
    for j in range(images):
        if labels[j] < 0:
            continue
        v = [bool(x) if known is None or known[j, t] else None for t, x in enumerate(correct[j])]
        for t in range(passes):
            before = [v[s] if s >= 0 else None for s in range(t - 1, t - 2 - d, -1)]
            after = [v[s] if s < passes else None for s in range(t + 1, t + 2 + d)]
            if v[t] is None:
                continue
            if all(x is not None and x != v[t] for x in before):
                left[labels[j], t] += 1
            if all(x is not None and x != v[t] for x in after):
                right[labels[j], t + 1] += 1
    return left, right


def marks(bits: list[int], d: int) -> tuple[list[int], list[int]]:
    """The passes at which one image counts as left and as right."""
    counts = anomaly_counts(np.array([bits], np.uint8), np.zeros(1, int), 1, d)
    assert max(counts.left.max(), counts.right.max()) <= 1
    return np.flatnonzero(counts.left[0]).tolist(), np.flatnonzero(counts.right[0]).tolist()


def test_a_blip_between_forty_equal_passes_is_left_at_it_and_right_after_it() -> None:
    blip = [0] * 40 + [1] + [0] * 40
    assert marks(blip, 30) == ([40], [41])
    assert marks(blip, 40) == ([], [])
    assert marks(blip, 39) == ([40], [41])
    assert marks(blip, 0) == ([40, 41], [40, 41])


def test_a_lasting_flip_is_on_both_sides_of_one_pass() -> None:
    assert marks([0] * 50 + [1] * 50, 30) == ([50], [50])
    assert marks([1] * 50 + [0] * 50, 49) == ([50], [50])
    assert marks([0] * 50 + [1] * 50, 50) == ([], [])


def test_a_run_must_have_been_seen_in_whole() -> None:
    d = 5
    for first in range(1, 12):
        left, right = marks([1] * first + [0] * 30, d)
        assert left == ([first] if first > d else [])
        assert right == [first]
        left, right = marks([1] * 30 + [0] * first, d)
        assert left == [30]
        assert right == ([30] if first > d else [])


@st.composite
def cases(draw: st.DrawFn) -> tuple[Bits, Bits, int, Bits | None]:
    images, passes = draw(st.integers(1, 8)), draw(st.integers(1, 24))
    classes = draw(st.integers(1, 4))
    correct = draw(arrays(np.uint8, (images, passes), elements=st.integers(0, 1)))
    sticky = draw(st.integers(1, 5))
    correct = correct[:, np.arange(passes) // sticky]
    labels = draw(arrays(np.int32, images, elements=st.integers(-1, classes - 1)))
    known = None
    if draw(st.booleans()):
        known = draw(arrays(np.bool_, (images, passes), elements=st.integers(0, 9).map(bool)))
    return correct, labels, classes, known


@given(case=cases(), d=st.integers(0, 8))
def test_counts_are_those_of_the_rule(case: tuple[Bits, Bits, int, Bits | None], d: int) -> None:
    correct, labels, classes, known = case
    left, right = by_loops(correct, labels, classes, d, known)
    for values in (correct, correct.astype(bool), correct * np.uint8(7)):
        found = anomaly_counts(values, labels, classes, d, known)
        np.testing.assert_array_equal(found.left, left)
        np.testing.assert_array_equal(found.right, right)
    assert found.left.dtype == found.right.dtype == np.int32
    everything = all_anomaly_counts(correct, labels, classes, known)
    assert everything.left.shape == (*left.shape, RUN_LENGTHS)
    np.testing.assert_array_equal(everything.of(d).left, left)
    np.testing.assert_array_equal(everything.of(d).right, right)
    newest = left_counts_of_newest(correct, labels, classes, d, known)
    np.testing.assert_array_equal(newest, left[:, -1])


@given(case=cases(), d=st.integers(0, 6))
def test_time_turned_round_swaps_the_sides(
    case: tuple[Bits, Bits, int, Bits | None], d: int
) -> None:
    correct, labels, classes, known = case
    turned_known = None if known is None else known[:, ::-1]
    one = anomaly_counts(correct, labels, classes, d, known)
    other = anomaly_counts(correct[:, ::-1], labels, classes, d, turned_known)
    np.testing.assert_array_equal(one.right[:, 1:], other.left[:, :0:-1])
    np.testing.assert_array_equal(one.left[:, 1:], other.right[:, :0:-1])
    assert not one.left[:, 0].any()
    assert not one.right[:, 0].any()


@given(case=cases())
def test_longer_runs_are_rarer_and_none_is_beyond_what_is_known(
    case: tuple[Bits, Bits, int, Bits | None],
) -> None:
    everything = all_anomaly_counts(*case)
    for side in (everything.left, everything.right):
        assert (np.diff(side.astype(int), axis=2) <= 0).all()
    for d in (0, 3, 9, 40):
        counts = everything.of(d)
        unknown = np.ones(counts.left.shape[1], bool)
        unknown[counts.left_known] = False
        assert not counts.left[:, unknown].any()
        unknown[:] = True
        unknown[counts.right_known] = False
        assert not counts.right[:, unknown].any()


@pytest.mark.parametrize("cells", [1, 30, 100, 10_000])
@pytest.mark.parametrize("ordered", [True, False])
def test_blocks_of_images_add_up(
    monkeypatch: pytest.MonkeyPatch, cells: int, ordered: bool
) -> None:
    random = np.random.default_rng(3)
    correct = random.random((40, 30)) < 0.7
    labels = random.integers(-1, 5, 40)
    if ordered:
        labels.sort()
    left, right = by_loops(correct, labels, 5, 1)
    monkeypatch.setattr(module, "_BLOCK_CELLS", cells)
    found = anomaly_counts(correct, labels, 5, 1)
    np.testing.assert_array_equal(found.left, left)
    np.testing.assert_array_equal(found.right, right)


def test_classes_of_many_images_need_wide_counts() -> None:
    images = 40_000
    correct = np.zeros((images, 3), np.uint8)
    correct[:, 1:] = 1
    counts = all_anomaly_counts(correct, np.zeros(images, int), 1)
    assert counts.left.dtype == np.int32
    assert counts.left[0, 1, 0] == counts.right[0, 1, 1] == images
    assert all_anomaly_counts(correct[:9], np.zeros(9, int), 1).left.dtype == np.int16


def test_the_model_is_all_classes() -> None:
    random = np.random.default_rng(4)
    correct, labels = random.random((60, 50)) < 0.5, random.integers(0, 7, 60)
    whole = anomaly_counts(correct, labels, 7, 2).whole()
    one = anomaly_counts(correct, np.zeros(60, int), 1, 2)
    np.testing.assert_array_equal(whole.left, one.left)
    np.testing.assert_array_equal(whole.right, one.right)
    assert whole.run_length == 2


def test_the_newest_pass_needs_only_as_many_as_the_run() -> None:
    random = np.random.default_rng(5)
    correct, labels = random.random((50, 60)) < 0.9, random.integers(0, 3, 50)
    for d in (0, 1, 4):
        whole = anomaly_counts(correct, labels, 3, d).left
        for now in range(60):
            shown = correct[:, max(now - d - 1, 0) : now + 1]
            newest = left_counts_of_newest(shown, labels, 3, d)
            np.testing.assert_array_equal(newest, whole[:, now])


def test_nothing_is_counted_of_nothing() -> None:
    for images, passes in ((0, 5), (3, 0), (3, 1), (0, 0)):
        correct, labels = np.zeros((images, passes), np.uint8), np.zeros(images, int)
        counts = anomaly_counts(correct, labels, 2, 0)
        assert counts.left.shape == counts.right.shape == (2, passes)
        assert not counts.left.any()
        assert all_anomaly_counts(correct, labels, 2).left.shape == (2, passes, RUN_LENGTHS)
        assert left_counts_of_newest(correct, labels, 2, 0).tolist() == [0, 0]
    unlabelled = anomaly_counts(np.eye(5), np.full(5, -1), 2, 0)
    assert not unlabelled.left.any()


def test_anomalies_are_listed_by_pass_class_and_side() -> None:
    left = np.array([[0, 5, 0], [0, 6, 4]], np.int32)
    right = np.array([[0, 9, 0], [0, 0, 5]], np.int32)
    found = anomalies(AnomalyCounts(left, right, 0), 5)
    assert found == (
        Anomaly(0, 1, "left", 5),
        Anomaly(0, 1, "right", 9),
        Anomaly(1, 1, "left", 6),
        Anomaly(1, 2, "right", 5),
    )
    assert all(type(each.count) is int for each in found)
    assert anomalies(AnomalyCounts(left, right, 0), 10) == ()


def test_an_iteration_of_a_class_is_one_column_whichever_side() -> None:
    found = (
        Anomaly(1, 7, "right", 5),
        Anomaly(0, 9, "right", 8),
        Anomaly(1, 7, "left", 5),
        Anomaly(0, 9, "left", 6),
        Anomaly(0, 2, "left", 5),
    )
    columns = (Anomaly(0, 2, "left", 5), Anomaly(0, 9, "right", 8), Anomaly(1, 7, "left", 5))
    assert class_iterations(found) == columns
    assert class_iterations(reversed(found)) == columns
    assert class_iterations(()) == ()


def test_what_cannot_be_counted_is_named() -> None:
    correct, labels = np.zeros((3, 4), np.uint8), np.array([0, 1, 2])
    with pytest.raises(ValueError, match="label 2: want less than 2"):
        anomaly_counts(correct, labels, 2)
    with pytest.raises(ValueError, match=r"shape \(3, 4\) and labels of shape \(2,\)"):
        all_anomaly_counts(correct, labels[:2], 3)
    with pytest.raises(ValueError, match=r"known of shape \(4,\): want \(3, 4\)"):
        left_counts_of_newest(correct, labels, 3, 0, np.ones(4, bool))
    with pytest.raises(ValueError, match="run length of -1"):
        anomaly_counts(correct, labels, 3, -1)
    with pytest.raises(ValueError, match="threshold of 0 images"):
        anomalies(anomaly_counts(correct, labels, 3), 0)


def test_fifty_thousand_images_fit_into_little_memory() -> None:
    """Planted counts of 1000 classes over 757 passes come back, within 100 MB."""
    images, passes = 50_000, 757
    labels = np.arange(images) // 50
    correct = np.zeros((images, passes), np.uint8)
    correct[:, ::2] = np.arange(images)[:, None] % 5 == 0  # a tenth of all cells change
    correct[:, 1::2] = np.arange(images)[:, None] % 50 < 5
    steady = np.arange(images) % 50 >= 30
    correct[steady] = 0
    correct[steady, 400:] = 1
    tracemalloc.start()
    counts = anomaly_counts(correct, labels, 1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6
    expected = np.zeros((1000, passes), int)
    expected[:, 400] = 20
    np.testing.assert_array_equal(counts.left, expected)
    np.testing.assert_array_equal(counts.right, expected)
