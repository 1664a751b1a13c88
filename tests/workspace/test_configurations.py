"""Where the layers of a snapshot without a configuration come from."""

import os
import shutil
from pathlib import Path

import keras
import pytest
from keras import layers

from tb_snapshot_compare import compare, open_snapshot
from tb_snapshot_compare.snapshot import State
from tb_snapshot_compare.workspace import list_snapshots
from tb_snapshot_compare.workspace.matching import pair_architecture
from tb_snapshot_compare.workspace.opening import (
    FoundConfig,
    configs_in_run,
    open_ref,
    with_config,
)
from tests.workspace.networks import automatic, nested, saved_twice


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    return saved_twice(nested, tmp_path_factory.mktemp("nested"))


def _pair(folder: Path, source: tuple[str, str], ending: str) -> tuple[str, str]:
    """Both snapshots of a checkpoint or file, copied into one folder."""
    found = []
    for number, path in enumerate(source, 1):
        for file in Path(path).parent.glob(f"{Path(path).name}*"):
            shutil.copy(file, folder / f"{number}{file.name.removeprefix(Path(path).name)}{ending}")
        found.append(str(folder / f"{number}{ending}"))
    return found[0], found[1]


def _layers(a: str, b: str) -> list[tuple[str, str]]:
    result = compare(open_snapshot(a), open_snapshot(b))
    return [(layer.name, layer.kind) for layer in result.layers]


FULL = ["enc/fc", "enc/dense", "dec/fc", "dec/dense", "dense"]


def test_a_checkpoint_is_read_by_the_configuration_beside_it(
    paths: dict[str, tuple[str, str]], tmp_path: Path
) -> None:
    pair = _pair(tmp_path, paths["checkpoint"], "")
    shutil.copy(paths["m.keras"][1], tmp_path / "last.keras")
    assert _layers(*pair) == [(name, "Dense") for name in FULL]
    note = pair_architecture(*(open_snapshot(path) for path in pair)).graph.note
    assert "last.keras" in note


def test_a_weights_file_alone_tells_the_models_around_its_layers(
    paths: dict[str, tuple[str, str]], tmp_path: Path
) -> None:
    pair = _pair(tmp_path, paths["m.weights.h5"], ".weights.h5")
    assert [name for name, _ in _layers(*pair)] == FULL


def test_a_checkpoint_learns_the_models_from_a_weights_file(
    paths: dict[str, tuple[str, str]],
) -> None:
    assert [name for name, _ in _layers(paths["checkpoint"][0], paths["m.weights.h5"][1])] == FULL


def test_another_models_configuration_is_not_used(
    paths: dict[str, tuple[str, str]], tmp_path: Path
) -> None:
    pair = _pair(tmp_path, paths["checkpoint"], "")
    automatic().save(tmp_path / "other.keras")
    architecture = pair_architecture(*(open_snapshot(path) for path in pair))
    assert architecture.graph.source == "names"
    assert "other.keras" not in architecture.graph.note


def test_the_configuration_that_fits_is_found_behind_a_newer_one_that_does_not(
    paths: dict[str, tuple[str, str]], tmp_path: Path
) -> None:
    pair = _pair(tmp_path, paths["checkpoint"], "")
    shutil.copy(paths["m.keras"][1], tmp_path / "fits.keras")
    os.utime(tmp_path / "fits.keras", (1e9, 1e9))
    automatic().save(tmp_path / "other.keras")
    assert open_snapshot(pair[0]).config_origin == "fits.keras"


def test_the_same_layers_with_other_sizes_are_another_model(tmp_path: Path) -> None:
    def build(units: int) -> keras.Model:
        given = [layers.Dense(units, name="one"), layers.Dense(units, name="two")]
        return keras.Sequential([keras.Input((4,)), *given], name="m")

    build(3).save_weights(tmp_path / "a.weights.h5")
    build(7).save(tmp_path / "other.keras")
    assert open_snapshot(tmp_path / "a.weights.h5").config is None


def test_a_run_offers_its_configurations_and_the_first_that_fits_is_taken(
    paths: dict[str, tuple[str, str]], tmp_path: Path
) -> None:
    _pair(tmp_path, paths["checkpoint"], "")
    automatic().save(tmp_path / "other.keras")
    shutil.copy(paths["m.keras"][1], tmp_path / "epoch-2.keras")
    (run,) = list_snapshots(tmp_path).runs
    bare = open_ref(next(ref for ref in run.snapshots if ref.name == "1"))
    assert bare.config is None
    found = with_config(bare, configs_in_run(run.snapshots))
    assert (found.config_source, found.config_origin) == ("keras_config", "epoch-2.keras")
    events = [
        FoundConfig(automatic().to_json(), "event_file"),
        FoundConfig(nested().to_json(), "event_file"),
    ]
    told = with_config(bare, events)
    assert (told.config, told.config_source) == (events[1].text, "event_file")
    assert with_config(bare, events[:1]) is bare


def test_a_transposed_convolution_is_told_by_its_bias(tmp_path: Path) -> None:
    model = keras.Sequential(
        [keras.Input((4, 4, 8)), layers.Conv2DTranspose(5, 3, name="up"), layers.Conv2D(2, 1)]
    )
    model.save_weights(tmp_path / "a.weights.h5")
    snapshot = open_snapshot(tmp_path / "a.weights.h5")
    result = compare(snapshot, snapshot)
    assert {f.tensor: f.filters for f in result.filters}["up/kernel"] == 5


def test_a_truncated_data_file_is_listed_with_what_cannot_be_read(
    paths: dict[str, tuple[str, str]], tmp_path: Path
) -> None:
    _pair(tmp_path, paths["checkpoint"], "")
    data = tmp_path / "1.data-00000-of-00001"
    tensors = open_snapshot(tmp_path / "1").contents.tensors
    ends = [e.offset + e.length for t in tensors if t.scope == "weights" for e in t.extents]
    data.write_bytes(data.read_bytes()[: min(ends)])
    (tmp_path / "2.data-00000-of-00001").write_bytes(b"")
    (run,) = list_snapshots(tmp_path).runs
    told = {ref.name: (ref.state, ref.reason or "") for ref in run.snapshots}
    assert told["1"][0] is State.READY
    assert "9 of its 10 weights cannot be read" in told["1"][1]
    assert told["2"][0] is State.BROKEN
    assert "truncated" in told["2"][1]


def test_an_index_without_data_is_listed_and_another_programs_index_is_not(
    paths: dict[str, tuple[str, str]], tmp_path: Path
) -> None:
    _pair(tmp_path, paths["checkpoint"], "")
    (tmp_path / "1.data-00000-of-00001").unlink()
    (tmp_path / "faiss.index").write_bytes(b"IxF2" + bytes(100))
    (run,) = list_snapshots(tmp_path).runs
    states = {ref.name: ref.state for ref in run.snapshots}
    assert states == {"1": State.BROKEN, "2": State.READY}
    broken = next(ref for ref in run.snapshots if ref.name == "1")
    assert "1.data-00000-of-00001" in (broken.reason or "")


def test_what_was_saved_a_moment_ago_is_ready_in_a_list(tmp_path: Path) -> None:
    automatic().save(tmp_path / "m.keras")
    (run,) = list_snapshots(tmp_path).runs
    assert run.snapshots[0].state is State.READY
