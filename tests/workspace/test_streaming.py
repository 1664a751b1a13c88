"""What reading costs, in calls and bytes; and that nothing of it changes a bit of a result."""

import resource
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tb_snapshot_compare import compare
from tb_snapshot_compare.analysis import tensor_parts
from tb_snapshot_compare.errors import CancelledError
from tb_snapshot_compare.workspace import distribution, streaming
from tests.workspace.reading_counts import counted
from tests.workspace.stored_tensors import snapshot, torch
from tests.workspace.test_contents import words

Array = np.ndarray[Any, Any]


def many(count: int, by: float = 0) -> dict[str, Array]:
    rng = np.random.default_rng(3)
    shapes = ((3, 3, 2, 4), (8,), (16, 16), ())
    return {
        f"layer{n:05d}/kernel": np.asarray(rng.standard_normal(shapes[n % 4]) + by, np.float32)
        for n in range(count)
    }


def test_small_tensors_that_lie_together_are_read_together(tmp_path: Path) -> None:
    a = snapshot(tmp_path / "a.raw", many(2_000))
    b = snapshot(tmp_path / "b.raw", many(2_000, 1))
    with counted(".raw") as reads:
        found = compare(a, b)
    size = sum(array.nbytes for array in many(2_000).values())
    assert reads.bytes == 2 * size
    assert reads.calls <= 8
    assert found.coverage.tensors_compared == 2_000


def test_a_tensor_does_not_depend_on_which_are_compared_with_it(tmp_path: Path) -> None:
    a, b = snapshot(tmp_path / "a.raw", many(300)), snapshot(tmp_path / "b.raw", many(300, 1))
    everything = {tensor.name: tensor for tensor in compare(a, b).tensors}
    for n in range(0, 300, 37):
        (alone,) = compare(a, b, layer=f"layer{n:05d}").tensors
        assert repr(alone) == repr(everything[alone.name])


def test_one_that_cannot_be_read_leaves_its_neighbours_alone(tmp_path: Path) -> None:
    a, b = snapshot(tmp_path / "a.raw", many(40)), snapshot(tmp_path / "b.raw", many(40, 1))
    full = {tensor.name: tensor for tensor in compare(a, b).tensors}
    with (tmp_path / "b.raw").open("r+b") as file:
        file.truncate((tmp_path / "b.raw").stat().st_size - 1)
    b = snapshot_of_the_same(b, tmp_path / "b.raw")
    found = compare(a, b).tensors
    assert [tensor.name for tensor in found if tensor.status == "unreadable"] == [
        "layer00039/kernel"
    ]
    assert "truncated" in (found[-1].problem or "")
    assert [repr(t) for t in found[:-1]] == [repr(full[t.name]) for t in found[:-1]]


def snapshot_of_the_same(opened: Any, path: Path) -> Any:
    from dataclasses import replace

    from tb_snapshot_compare.readers import generation_of

    return replace(opened, contents=replace(opened.contents, generation=generation_of([str(path)])))


def large(by: float, layout: str = "keras") -> dict[str, Any]:
    rng = np.random.default_rng(4)
    shapes = {"one/kernel": (600, 500), "two/kernel": (3, 3, 70, 100), "three/bias": (90_000,)}
    made = {
        name: (rng.standard_normal(shape) * 2 + by).astype(np.float32)
        for name, shape in shapes.items()
    }
    return {name: torch(v) if layout == "torch" else v for name, v in made.items()}


@pytest.mark.parametrize("layout", ["keras", "torch"])
def test_results_do_not_depend_on_the_number_of_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    monkeypatch.setattr(tensor_parts, "PART_ELEMENTS", 20_000)
    monkeypatch.setattr(streaming, "_BLOCK_ELEMENTS", 7_000)
    monkeypatch.setattr("tb_snapshot_compare.processors.available", lambda: 4)
    a = snapshot(tmp_path / "a.raw", large(0, layout))
    b = snapshot(tmp_path / "b.raw", large(1, layout))
    results = set()
    for threads in (1, 2, 4):
        monkeypatch.setattr(streaming, "THREADS_MAX", threads)
        found = compare(a, b)
        counts = distribution(a, b, found, bins=30, levels=5)
        results.add((words(found), repr(counts)))
    assert len(results) == 1


def test_large_tensors_are_shared_among_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensor_parts, "PART_ELEMENTS", 20_000)
    monkeypatch.setattr("tb_snapshot_compare.processors.available", lambda: 4)
    a = snapshot(tmp_path / "a.raw", {"one/kernel": np.zeros((600, 500), np.float32)})
    b = snapshot(tmp_path / "b.raw", {"one/kernel": np.ones((600, 500), np.float32)})
    here, names = threading.Barrier(2), set[str]()

    def met(done: int, total: int) -> None:
        if len(names) < 2:
            names.add(threading.current_thread().name)
            here.wait(20)

    assert compare(a, b, progress=met).model.l1 == 300_000
    assert len(names) == 2


def test_files_are_opened_once_by_each_thread_and_read_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "THREADS_MAX", 1)
    names = [f"layer{n}/kernel" for n in (7, 3, 9, 1, 5)]
    values = {name: np.full((300, 300), n, np.float32) for n, name in enumerate(names)}
    a = snapshot(tmp_path / "a.raw", values)
    b = snapshot(tmp_path / "b.raw", {name: value + 1 for name, value in values.items()})
    with counted(".raw") as reads:
        compare(a, b)
    assert sorted(reads.opened) == [str(tmp_path / "a.raw"), str(tmp_path / "b.raw")]
    for file in set(reads.opened):
        offsets = [offset for name, offset in reads.places if name == file]
        assert offsets == sorted(offsets)
    assert reads.bytes == 2 * 5 * 300 * 300 * 4


def test_the_first_refusal_stops_every_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tb_snapshot_compare.processors.available", lambda: 4)
    monkeypatch.setattr(tensor_parts, "PART_ELEMENTS", 20_000)
    a, b = snapshot(tmp_path / "a.raw", large(0)), snapshot(tmp_path / "b.raw", large(1))

    def refuse(done: int, total: int) -> None:
        raise CancelledError("enough")

    with counted(".raw") as reads, pytest.raises(CancelledError):
        compare(a, b, progress=refuse)
    assert reads.bytes < 2 * sum(value.nbytes for value in large(0).values()) / 2
    assert not [t for t in threading.enumerate() if t.name.startswith("snapshot-compare-pair")]


def test_memory_does_not_grow_with_the_tensor(tmp_path: Path) -> None:
    values = np.zeros((4_000, 16_000), np.float32)
    values[:, 5] = 2
    a = snapshot(tmp_path / "a.raw", {"one/kernel": values})
    b = snapshot(tmp_path / "b.raw", {"one/kernel": values})
    size = values.nbytes
    del values
    small = snapshot(tmp_path / "s.raw", {"one/kernel": np.ones((400, 400), np.float32)})
    compare(small, small)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert compare(a, b).model.l2 == 0
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    assert grown < size / 4
