"""SavedModels and code models through the child process, as the server runs them."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tb_snapshot_compare.errors import ModelProcessError, ModelUnavailableError
from tb_snapshot_compare.inference.client import Inference
from tb_snapshot_compare.inference.values import (
    B,
    Mixture,
    ModelSource,
    Replacement,
    RunRequest,
    Wanted,
)
from tb_snapshot_compare.limits import MIB
from tb_snapshot_compare.readers import open_contents
from tb_snapshot_compare.snapshot import SnapshotContents
from tests.hostile import hostile_saved_models as hostile
from tests.inference import saved_models as made
from tests.inference.keras_helpers import BOTH, randomize

TOLERANCE = 1e-5
SWAPPED = Mixture("a", (Replacement(("fc8/kernel", "fc8/bias")),))


def request(
    a: SnapshotContents,
    b: SnapshotContents,
    images: made.Array,
    mixtures: tuple[Mixture, ...] = BOTH,
    wanted: tuple[Wanted, ...] = (),
) -> RunRequest:
    source = ModelSource("saved_model", path=a.path)
    return RunRequest(source, a, b, mixtures, images, wanted)


def test_a_pair_of_saved_models_runs(inference: Inference, tmp_path: Path) -> None:
    network = made.alexnet()
    a = open_contents(made.saved(network, tmp_path / "a", seed=1))
    batch = made.images(40, 48, 48, 3) * 255
    expected_a = np.asarray(network(batch, training=False))
    conv_a = made.layer_outputs(network, ["conv2"], batch)[0]
    b = open_contents(made.saved(network, tmp_path / "b", seed=2))
    expected_b = np.asarray(network(batch, training=False))
    seen: list[tuple[int, int]] = []
    results = inference.run(
        request(a, b, batch, (*BOTH, SWAPPED), (Wanted("conv2", None, "max"),)),
        lambda done, total: seen.append((done, total)),
    )
    outputs = [result.predictions for result in results]
    assert outputs[0] is not None
    assert outputs[1] is not None
    assert made.largest_difference(outputs[0], expected_a) < TOLERANCE
    assert made.largest_difference(outputs[1], expected_b) < TOLERANCE
    assert made.largest_difference(results[0].layers[0], conv_a.max(axis=(1, 2))) < TOLERANCE
    assert (120, 120) in seen
    weights = made.stored(a.path) | {
        name: made.stored(b.path)[name] for name in ("fc8/kernel", "fc8/bias")
    }
    model = made.opened(a.path)
    model.set_weights(weights)
    mixed = model.run(batch, [], predictions=True).predictions
    assert outputs[2] is not None
    assert mixed is not None
    assert made.largest_difference(outputs[2], mixed) < TOLERANCE


def test_the_other_snapshot_may_be_of_another_format(inference: Inference, tmp_path: Path) -> None:
    network = made.nested()
    a = open_contents(made.saved(network, tmp_path / "a", seed=1))
    randomize(network, 2)
    network.save(tmp_path / "b.keras")
    b = open_contents(str(tmp_path / "b.keras"))
    assert {tensor.name for tensor in a.tensors} != {tensor.name for tensor in b.tensors}
    batch = made.images(2, 16, 16, 3)
    (result,) = inference.run(request(a, b, batch, (B,), (Wanted("upper/conv"),)))
    assert result.predictions is not None
    expected = np.asarray(network(batch, training=False))
    assert made.largest_difference(result.predictions, expected) < TOLERANCE
    own = made.layer_outputs(network, ["upper/conv"], batch)[0]
    assert made.largest_difference(result.layers[0], own) < TOLERANCE


def test_a_saved_model_that_is_replaced_is_opened_again(
    inference: Inference, tmp_path: Path
) -> None:
    source = ModelSource("saved_model", path=str(tmp_path / "a"))
    made.saved(made.nested(), tmp_path / "a")
    assert inference.describe(source).inputs[0].shape == (16, 16, 3)
    shutil.rmtree(tmp_path / "a")
    made.saved(made.recurrent(), tmp_path / "a")
    assert inference.describe(source).inputs[0].shape == (8, 6, 3)


def test_what_b_lacks_is_named(inference: Inference, tmp_path: Path) -> None:
    a = open_contents(made.saved(made.nested(), tmp_path / "a"))
    b = replace(a, tensors=tuple(t for t in a.tensors if t.name != "head/bias"))
    with pytest.raises(ModelUnavailableError, match="head/bias"):
        inference.run(request(a, b, made.images(1, 16, 16, 3), (B,)))


def test_a_refused_graph_is_named_and_the_next_request_works(
    inference: Inference, tmp_path: Path
) -> None:
    bad = hostile.save(hostile.in_a_branch, tmp_path / "bad", tmp_path / "canary")
    good = hostile.save(hostile.harmless, tmp_path / "good", tmp_path / "canary")
    with pytest.raises(ModelUnavailableError, match="'WriteFile', which is not allowed") as caught:
        inference.describe(ModelSource("saved_model", path=bad))
    assert "--snapshot_compare_model" in caught.value.remedy
    assert inference.blocked == ()
    process = inference.pid
    description = inference.describe(ModelSource("saved_model", path=good))
    assert description.inputs[0].shape == (4, 4, 3)
    assert inference.pid == process
    assert not (tmp_path / "canary").exists()


def test_a_loop_that_grows_ends_the_child_only(tmp_path: Path) -> None:
    bomb = hostile.save(hostile.growing_loop, tmp_path / "bomb", tmp_path / "canary")
    good = hostile.save(hostile.harmless, tmp_path / "good", tmp_path / "canary")
    images = made.images(1, 4, 4, 3)
    small = Inference(memory_bytes=1500 * MIB, threads=2)
    try:
        contents = open_contents(bomb)
        with pytest.raises((ModelProcessError, ModelUnavailableError), match=r"MiB|memory|ended"):
            small.run(request(contents, contents, images))
        contents = open_contents(good)
        first, second = small.run(request(contents, contents, images))
        assert first.predictions is not None
        assert np.array_equal(first.predictions, second.predictions)
    finally:
        small.close()


def test_a_code_model_runs_from_the_start_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = str(Path(__file__).resolve().parents[2])
    (tmp_path / "start_networks.py").write_text(
        f"import sys\nsys.path.insert(0, {root!r})\n"
        "from tests.inference.saved_models import nested as make\n"
    )
    monkeypatch.chdir(tmp_path)
    network = made.nested()
    randomize(network, 3)
    network.save(tmp_path / "a.keras")
    a = open_contents(str(tmp_path / "a.keras"))
    batch = made.images(2, 16, 16, 3)
    source = ModelSource("code", factory="start_networks:make")
    trusted = Inference(threads=2)
    try:
        (result,) = trusted.run(RunRequest(source, a, a, (B,), batch, (Wanted("upper/conv"),)))
    finally:
        trusted.close()
    assert result.predictions is not None
    expected = np.asarray(network(batch, training=False))
    assert made.largest_difference(result.predictions, expected) < TOLERANCE
    own = made.layer_outputs(network, ["upper/conv"], batch)[0]
    assert made.largest_difference(result.layers[0], own) < TOLERANCE
