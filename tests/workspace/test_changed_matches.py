"""Whatever is kept is kept under the matches that it was made with, however soon these change."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import keras
import numpy as np
import pytest
import torch
from keras import layers
from torch import nn

from tb_snapshot_compare.images import ImageSet
from tb_snapshot_compare.inference.values import (
    LayerOutput,
    MixtureResult,
    ModelDescription,
    ModelSource,
    RunRequest,
    TensorSpec,
)
from tb_snapshot_compare.readers import TensorReader
from tb_snapshot_compare.snapshot import SnapshotContents, SnapshotRef
from tb_snapshot_compare.workspace import Match, Probing, Workspace
from tb_snapshot_compare.workspace.kernel_maps import KernelMaps, KernelQuery
from tb_snapshot_compare.workspace.probed import NO_CHANGES, Pair

SWAPPED = tuple(
    Match(f"{a}/{role}", f"{b}/{role}")
    for a, b in (("one", "two"), ("two", "one"))
    for role in ("kernel", "bias")
)


class NoEvents:
    def keras_configs(self, event_runs: object) -> tuple[str, ...]:
        return ()


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Callable[[], tuple[Workspace, Pair]]]:
    opened: list[Workspace] = []

    def start() -> tuple[Workspace, Pair]:
        logs, cache = str(tmp_path / "logs"), str(tmp_path / "cache")
        workspace = Workspace.of_directories(logs, "", "", cache, NoEvents())
        opened.append(workspace)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            found: list[SnapshotRef] = [
                r for run in workspace.catalog().runs for r in run.snapshots
            ]
            if len(found) == 2 and all(ref.state == "ready" for ref in found):
                return workspace, Pair(*sorted(found, key=lambda ref: ref.name))
            time.sleep(0.05)
        raise AssertionError("no two snapshots were listed")

    yield start
    for each in opened:
        each.close()


def test_a_kernel_map_is_not_kept_under_matches_that_came_later(
    tmp_path: Path, workspace: Callable[[], tuple[Workspace, Pair]], monkeypatch: Any
) -> None:
    (tmp_path / "logs").mkdir()
    for number in (1, 2):
        chance = np.random.default_rng(number)
        values = {f"{layer}/kernel": chance.normal(size=(6, 6)) for layer in ("one", "two")}
        values |= {f"{layer}/bias": chance.normal(size=6) for layer in ("one", "two")}
        np.savez(tmp_path / "logs" / f"epoch-{number}.npz", **cast("Any", values))
    opened, pair = workspace()
    query = KernelQuery("one", "one/kernel", rows_by="difference")
    maps = KernelMaps(opened, whole=0)
    plain = maps.view(pair.a, pair.b, query), maps.order(pair.a, pair.b, query)
    find = maps._pairs.find

    def corrected_meanwhile(*arguments: Any) -> Any:
        found = find(*arguments)
        opened.correct(pair.a, pair.b, SWAPPED)
        return found

    monkeypatch.setattr(maps._pairs, "find", corrected_meanwhile)
    maps.view(pair.a, pair.b, query)
    fresh = KernelMaps(opened, whole=0)
    now = fresh.view(pair.a, pair.b, query), fresh.order(pair.a, pair.b, query)
    assert now[0].scales != plain[0].scales
    assert now[1][0].tolist() != plain[1][0].tolist()


class Weights:
    """Runs nothing: the output of a layer is the sum of the weights that it would run with."""

    description = ModelDescription(
        inputs=(TensorSpec("image", (8, 8, 3), "float32"),),
        outputs=(TensorSpec("out", (2,), "float32"),),
        layers=(LayerOutput("one", "Conv2D", (8, 8, 3)), LayerOutput("two", "Conv2D", (8, 8, 3))),
        final="softmax",
    )

    def describe(self, source: ModelSource, progress: object = None) -> ModelDescription:
        return self.description

    def run(self, request: RunRequest, progress: object = None) -> tuple[MixtureResult, ...]:
        layer = request.wanted[0].layer if request.wanted else "one"
        return tuple(
            MixtureResult(
                np.full((len(request.images), 2), total, np.float32),
                (np.full((1, 8, 8, 3), total, np.float32),),
            )
            for total in (total_of(request.a, layer), total_of(request.b, layer))
        )


def total_of(contents: SnapshotContents, layer: str) -> float:
    tensor = next(t for t in contents.tensors if (t.layer, t.role) == (layer, "kernel"))
    with TensorReader(contents.generation) as reader:
        return float(sum(block.sum() for block in reader.read_blocks(tensor)))


@pytest.fixture
def ported(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(3, 3, padding="same", name="one"),
            layers.Conv2D(3, 3, padding="same", name="two"),
        ]
    )
    model.save(tmp_path / "logs" / "epoch-1.keras")
    torch.manual_seed(0)
    module = nn.ModuleDict({"one": nn.Conv2d(3, 3, 3), "two": nn.Conv2d(3, 3, 3)})
    torch.save(module.state_dict(), tmp_path / "logs" / "epoch-2.pt")


def probing_of(opened: Workspace) -> Probing:
    images = ImageSet("set", "set", "directory", (), ())
    only: Any = SimpleNamespace(
        pixels=lambda _: np.zeros((8, 8, 3), np.uint8),
        set=lambda _: images,
        set_of=lambda _: images,
    )
    return Probing(opened, only, Weights())


@pytest.mark.usefixtures("ported")
def test_activation_maps_follow_the_users_matches(
    workspace: Callable[[], tuple[Workspace, Pair]],
) -> None:
    opened, pair = workspace()
    probing = probing_of(opened)
    before = probing.maps(pair, "image", "one", NO_CHANGES)
    other = probing.maps(pair, "image", "two", NO_CHANGES)
    opened.correct(pair.a, pair.b, SWAPPED)
    after = probing.maps(pair, "image", "one", NO_CHANGES)
    assert (before.b != other.b).all()
    assert (after.b == other.b).all()


@pytest.mark.usefixtures("ported")
def test_outcomes_are_kept_under_the_matches_that_they_were_made_with(
    workspace: Callable[[], tuple[Workspace, Pair]],
) -> None:
    opened, pair = workspace()
    probing = probing_of(opened)
    probed = probing.probed(pair)
    as_of_then = probing._key("outcome", pair, probed, (), probed.preprocessing)
    opened.correct(pair.a, pair.b, SWAPPED)
    assert probing._key("outcome", pair, probed, (), probed.preprocessing) == as_of_then
    now = probing.probed(pair)
    assert probing._key("outcome", pair, now, (), now.preprocessing) != as_of_then
