"""Tensors that did not change are recognised; numbers are those of a comparison that reads all."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch as pytorch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tb_snapshot_compare import compare, open_snapshot
from tb_snapshot_compare.store import ContentStore
from tb_snapshot_compare.workspace import Comparison, Contents, OpenedSnapshot, distribution
from tests.hostile.bundle_writer import BundleWriter
from tests.workspace.reading_counts import counted
from tests.workspace.stored_tensors import snapshot

Array = np.ndarray[Any, Any]
Weights = Mapping[str, Array]
SHAPES = {
    "conv1/kernel": (3, 3, 4, 20),
    "conv1/bias": (20,),
    "big/kernel": (300, 200),
    "big/bias": (200,),
    "wide/kernel": (5000, 3),
    "scale/gamma": (),
}
BYTES = {name: 4 * int(np.prod(shape)) for name, shape in SHAPES.items()}
DATA = ".data-00000-of-00001"


def weights(seed: int = 0, **changed: float) -> dict[str, Array]:
    """Weights of `SHAPES`; those of `layer__role` are moved."""
    rng = np.random.default_rng(seed)
    made = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in SHAPES.items()}
    made["conv1/kernel"][0, 0, 0, 0] = np.nan
    made["big/kernel"][0, 3], made["big/kernel"][9, 9] = np.inf, -np.inf
    for name, by in changed.items():
        made[name.replace("__", "/")] += np.float32(by)
    return made


def bundle(prefix: Path, values: Weights, damage: str | None = None) -> OpenedSnapshot:
    """A checkpoint, whose index has a checksum for every tensor."""
    writer = BundleWriter()
    for name, array in values.items():
        writer.add(name, array)
        if name == damage:
            writer.data[-1] ^= 1
    return open_snapshot(writer.write(prefix))


def raw(prefix: Path, values: Weights) -> OpenedSnapshot:
    """A snapshot without a checksum."""
    return snapshot(Path(f"{prefix}{DATA}"), values)


def archive(prefix: Path, values: Weights) -> OpenedSnapshot:
    """PyTorch's, whose zip archive has a CRC-32 for every storage."""
    path = f"{prefix}{DATA}.pt"
    state = {name.replace("/", "."): pytorch.from_numpy(value) for name, value in values.items()}
    pytorch.save(state, path)
    return open_snapshot(path)


WAYS: list[Callable[[Path, Weights], OpenedSnapshot]] = [bundle, raw, archive]


def words(result: Comparison) -> str:
    """All of it but the names of the files, where every bit of a number shows."""
    return repr(dataclasses.replace(result, a=None, b=None))  # type: ignore[arg-type]


@pytest.mark.parametrize("save", WAYS)
def test_the_numbers_are_the_same_bit_for_bit(
    tmp_path: Path, save: Callable[[Path, Weights], OpenedSnapshot]
) -> None:
    series = [
        weights(),
        weights(big__kernel=0.25),
        weights(big__kernel=0.25, conv1__bias=1),
        weights(),
        weights(1),
    ]
    opened = [save(tmp_path / f"ckpt-{n}", values) for n, values in enumerate(series)]
    contents = Contents(ContentStore(tmp_path / "cache"))
    pairs = [(0, 1), (1, 2), (2, 3), (3, 4), (0, 3), (3, 0), (0, 0), (1, 0), (0, 1)]
    for a, b in pairs:
        full = compare(opened[a], opened[b])
        assert words(compare(opened[a], opened[b], contents=contents)) == words(full), (a, b)
        assert words(compare(opened[a], opened[b], contents=Contents())) == words(full), (a, b)


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    dtype=st.sampled_from(["float32", "float64", "float16", "bfloat16", "int64", "int8", "bool"]),
    shape=st.lists(st.integers(0, 9), max_size=4).map(tuple),
    odd=st.lists(st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-320, 1e300]), max_size=4),
    role=st.sampled_from(["kernel", "bias", "depthwise_kernel"]),
)
def test_for_any_values(
    tmp_path_factory: pytest.TempPathFactory,
    dtype: str,
    shape: tuple[int, ...],
    odd: list[float],
    role: str,
) -> None:
    import ml_dtypes

    folder = tmp_path_factory.mktemp("any")
    values = np.random.default_rng(1).standard_normal(shape) * 3
    values.reshape(-1)[: len(odd)] = odd[: values.size]
    kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
    with np.errstate(all="ignore"):
        array = np.asarray(values).astype(kind).reshape(shape)
    if dtype == "int64":
        array = np.full(shape, 2**62 + 3, kind)
    first = raw(folder / "a", {f"layer/{role}": array})
    second = raw(folder / "b", {f"layer/{role}": array.copy()})
    contents = Contents(ContentStore(folder / "cache"))
    full = words(compare(first, second))
    for _ in range(3):
        assert words(compare(first, second, contents=contents)) == full
        assert words(compare(second, first, contents=contents)) == full


@pytest.mark.parametrize("save", WAYS)
def test_what_was_seen_is_not_read_again(
    tmp_path: Path, save: Callable[[Path, Weights], OpenedSnapshot]
) -> None:
    series = [weights(), weights(big__kernel=1), weights(big__kernel=1, conv1__bias=2)]
    opened = [save(tmp_path / f"ckpt-{n}", values) for n, values in enumerate(series)]
    contents = Contents(ContentStore(tmp_path / "cache"))
    for a, b in ((0, 1), (1, 2), (2, 1)):
        compare(opened[a], opened[b], contents=contents)
    with counted(".pt" if save is archive else DATA) as reads:
        compare(opened[1], opened[2], contents=Contents(ContentStore(tmp_path / "cache")))
    assert reads.bytes == 2 * BYTES["conv1/bias"]
    with counted(".pt" if save is archive else DATA) as reads:
        compare(opened[0], opened[1], contents=contents)
    assert reads.bytes == 2 * BYTES["big/kernel"]


@pytest.mark.parametrize("save", [bundle, archive])
def test_of_an_unseen_tensor_that_did_not_change_one_side_is_read(
    tmp_path: Path, save: Callable[[Path, Weights], OpenedSnapshot]
) -> None:
    first = save(tmp_path / "ckpt-0", weights())
    second = save(tmp_path / "ckpt-1", weights(big__kernel=1))
    for contents in (Contents(), Contents(ContentStore(tmp_path / "cache"))):
        with counted(".pt" if save is archive else DATA) as reads:
            compare(first, second, contents=contents)
        between = 4096 * len(BYTES) if save is archive else 0  # what lies between small tensors
        assert 0 <= reads.bytes - sum(BYTES.values()) - BYTES["big/kernel"] <= between
    with counted(".pt" if save is archive else DATA) as reads:
        compare(first, second)
    assert reads.bytes >= 2 * sum(BYTES.values())


def test_contents_are_known_wherever_they_turn_up(tmp_path: Path) -> None:
    """A frozen part is read once, whichever snapshots of a run are compared later."""
    series = [weights(big__kernel=step) for step in range(6)]
    opened = [bundle(tmp_path / f"ckpt-{n}", values) for n, values in enumerate(series)]
    contents = Contents(ContentStore(tmp_path / "cache"))
    compare(opened[0], opened[1], contents=contents)
    with counted(DATA) as reads:
        compare(opened[3], opened[5], contents=contents)
    assert reads.bytes == 2 * BYTES["big/kernel"]


def test_a_tensor_moved_within_its_file_is_recognised(tmp_path: Path) -> None:
    values = weights()
    first = bundle(tmp_path / "ckpt-0", values)
    second = bundle(tmp_path / "ckpt-1", dict(reversed(values.items())))
    contents = Contents(ContentStore(tmp_path / "cache"))
    compare(first, second, contents=contents)
    with counted(DATA) as reads:
        assert compare(first, second, contents=contents).model.l2 == 0
    assert reads.bytes == 0


def test_a_rewritten_file_is_read_again(tmp_path: Path) -> None:
    """Digests of what was read belong to a generation of the file."""
    contents = Contents(ContentStore(tmp_path / "cache"))
    first, second = raw(tmp_path / "a", weights()), raw(tmp_path / "b", weights())
    assert compare(first, second, contents=contents).model.l2 == 0
    second = raw(tmp_path / "b", weights(big__bias=1))
    found = compare(first, second, contents=contents)
    assert words(found) == words(compare(first, second))
    assert found.model.l2 == pytest.approx(np.sqrt(200))


def test_equal_checksums_of_other_types_or_shapes_say_nothing(tmp_path: Path) -> None:
    values = np.arange(64, dtype=np.float32)
    first = bundle(tmp_path / "ckpt-0", {"layer/kernel": values.reshape(8, 8)})
    second = bundle(tmp_path / "ckpt-1", {"layer/kernel": values.view(np.int32).reshape(8, 8)})
    contents = Contents(ContentStore(tmp_path / "cache"))
    for _ in range(2):
        found = compare(first, second, contents=contents)
        assert words(found) == words(compare(first, second))


def test_damage_of_an_unchanged_tensor_that_is_read_is_shown(tmp_path: Path) -> None:
    first = bundle(tmp_path / "ckpt-0", weights(), damage="big/kernel")
    second = bundle(tmp_path / "ckpt-1", weights(), damage="conv1/bias")
    store = ContentStore(tmp_path / "cache")
    for contents in (Contents(), Contents(store), Contents(store)):
        found = {t.name: t for t in compare(first, second, contents=contents).tensors}
        assert found["big/kernel"].status == "unreadable"
        assert "checksum" in (found["big/kernel"].problem or "")
        assert found["conv1/bias"].status == "compared"  # its checksum is believed, not read
    everything = {t.name: t.status for t in compare(first, second).tensors}
    assert {name for name, status in everything.items() if status == "unreadable"} == {
        "big/kernel",
        "conv1/bias",
    }


def test_a_damaged_archive_does_not_lend_its_numbers_to_others(tmp_path: Path) -> None:
    """Its CRC-32 is not checked where both sides are read, so nothing is remembered under it."""
    values = weights()
    first = archive(tmp_path / "a", values)
    changed = archive(tmp_path / "b", weights(big__kernel=1))
    path = Path(first.contents.path)
    place = next(t for t in first.contents.tensors if t.name == "big/kernel").extents[0].offset
    content = bytearray(path.read_bytes())
    content[place + 4 * 1000] ^= 0x40
    path.write_bytes(content)
    contents = Contents(ContentStore(tmp_path / "cache"))
    damaged = open_snapshot(str(path))
    compare(damaged, changed, contents=contents)
    sound, same = archive(tmp_path / "c", values), archive(tmp_path / "d", values)
    assert words(compare(sound, same, contents=contents)) == words(compare(sound, same))
    found = {t.name: t.status for t in compare(damaged, sound, contents=Contents()).tensors}
    assert found["big/kernel"] == "unreadable"


def test_an_archive_without_checksums_is_read(tmp_path: Path) -> None:
    """`torch.save` leaves them 0 where it is told not to compute them."""
    pytorch.serialization.set_crc32_options(False)
    try:
        first = archive(tmp_path / "a", weights())
        second = archive(tmp_path / "b", weights(big__kernel=1))
    finally:
        pytorch.serialization.set_crc32_options(True)
    found = compare(first, second, contents=Contents())
    assert words(found) == words(compare(first, second))
    assert (found.model.l2 or 0) > 100


def test_distributions_read_what_has_changed(tmp_path: Path) -> None:
    first = bundle(tmp_path / "ckpt-0", weights())
    second = bundle(tmp_path / "ckpt-1", weights(conv1__bias=0.5))
    comparison = compare(first, second)
    with counted(DATA) as reads:
        found = distribution(first, second, comparison, bins=20, levels=5)
    assert reads.bytes == 2 * BYTES["conv1/bias"]
    assert found.excluded == 3
    assert found.total == sum(BYTES.values()) // 4 - 3
    unchanged = sum(BYTES.values()) // 4 - 3 - 20
    assert max(max(row) for row in found.counts) == unchanged
    with counted(DATA) as reads:
        part = distribution(first, second, comparison, bins=20, levels=5, layer="big")
    assert reads.bytes == 0
    assert (part.total, part.excluded) == (300 * 200 + 200 - 2, 2)
