import dataclasses
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tb_snapshot_compare import compare, open_snapshot
from tb_snapshot_compare.cli import comparison_json
from tb_snapshot_compare.errors import (
    CancelledError,
    InvalidRequestError,
    NotFoundError,
    SnapshotChangedError,
    SnapshotGoneError,
    UnreadableSnapshotError,
)
from tb_snapshot_compare.workspace import EVERYTHING
from tests.conftest import FORMATS, SavedPair
from tests.workspace.reference import measures

TIGHT = 1e-9


def assert_equal_measures(found: Any, expected: dict[str, float]) -> None:
    values = dataclasses.asdict(found)
    for name, value in expected.items():
        assert values[name] == pytest.approx(value, rel=TIGHT, abs=1e-300), name
    assert (values["nan_a"], values["nan_b"], values["inf_a"], values["inf_b"]) == (0, 0, 0, 0)


def joined(weights: dict[str, Any], names: list[str]) -> Any:
    return np.concatenate([weights[name].ravel() for name in names])


@pytest.mark.parametrize("form", FORMATS)
def test_every_tensor_layer_and_the_model_equal_the_float64_reference(
    saved: SavedPair, form: str
) -> None:
    result = compare(open_snapshot(saved.a[form]), open_snapshot(saved.b[form]))
    assert {tensor.name for tensor in result.tensors} == set(saved.weights_a)
    for tensor in result.tensors:
        a, b = saved.weights_a[tensor.name], saved.weights_b[tensor.name]
        assert tensor.status == "compared"
        assert (tensor.count, tensor.shape_a) == (a.size, a.shape)
        assert_equal_measures(tensor.measures, measures(a, b))
    for layer in result.layers:
        names = [name for name in saved.weights_a if name.startswith(layer.name + "/")]
        expected = measures(joined(saved.weights_a, names), joined(saved.weights_b, names))
        assert_equal_measures(layer.measures, expected)
    everything = list(saved.weights_a)
    expected = measures(joined(saved.weights_a, everything), joined(saved.weights_b, everything))
    assert_equal_measures(result.model, expected)
    assert [layer.name for layer in result.layers] == ["conv1", "norm1", "conv2", "fc"]
    assert result.coverage.tensors_compared == result.coverage.tensors_total == len(everything)


def numbers(result: Any) -> str:
    value = comparison_json(result)
    return json.dumps(
        {
            "model": value["model"],
            "coverage": value["coverage"],
            "layers": {
                layer["name"]: {k: v for k, v in layer.items() if k != "kind"}
                for layer in value["layers"]
            },
            "tensors": {tensor["name"]: tensor for tensor in value["tensors"]},
        },
        sort_keys=True,
    )


def test_the_numbers_are_identical_in_every_format_and_across_formats(saved: SavedPair) -> None:
    results = {
        numbers(compare(open_snapshot(saved.a[form_a]), open_snapshot(saved.b[form_b])))
        for form_a in FORMATS
        for form_b in FORMATS
    }
    assert len(results) == 1


@pytest.mark.parametrize("form", FORMATS)
def test_filters_are_output_channels(saved: SavedPair, form: str) -> None:
    result = compare(open_snapshot(saved.a[form]), open_snapshot(saved.b[form]))
    (found,) = (entry for entry in result.filters if entry.tensor == "conv2/kernel")
    a, b = saved.weights_a["conv2/kernel"], saved.weights_b["conv2/kernel"]
    assert found.filters == 12
    for name in measures(a, b):
        values = np.frombuffer(found.arrays[name], "<f8")
        expected = [measures(a[..., k], b[..., k])[name] for k in range(12)]
        np.testing.assert_allclose(values, expected, rtol=TIGHT)


def test_filters_that_nobody_wants_change_no_other_number(saved: SavedPair) -> None:
    a, b = open_snapshot(saved.a["keras"]), open_snapshot(saved.b["keras"])
    whole = compare(a, b)
    assert whole.filters
    assert compare(a, b, filters=False) == dataclasses.replace(whole, filters=())


def test_a_snapshot_compared_with_itself_differs_nowhere(saved: SavedPair) -> None:
    snapshot = open_snapshot(saved.a["keras"])
    model = compare(snapshot, snapshot).model
    assert (model.l2, model.relative_l2, model.cosine, model.changed) == (0.0, 0.0, 1.0, 0.0)


def test_optimizer_and_bookkeeping_are_left_out_and_said_so(saved: SavedPair) -> None:
    a, b = open_snapshot(saved.a["tf_checkpoint"]), open_snapshot(saved.b["tf_checkpoint"])
    result = compare(a, b)
    trained = [name for name in saved.weights_a if "moving" not in name]
    assert {tensor.scope for tensor in result.tensors} == {"weights"}
    assert result.left_out.optimizer == 2 * len(trained) + 2  # Adam: two slots, rate, iterations
    assert result.left_out.state == 1
    everything = compare(a, b, scopes=EVERYTHING)
    assert {tensor.scope for tensor in everything.tensors} == {"weights", "optimizer", "state"}
    assert everything.model == result.model
    assert everything.layers == result.layers
    graph = next(tensor for tensor in everything.tensors if tensor.scope == "state")
    assert graph.status == "not_numeric"


def test_one_layer_is_compared_alone(saved: SavedPair) -> None:
    a, b = open_snapshot(saved.a["keras"]), open_snapshot(saved.b["keras"])
    result = compare(a, b, layer="conv2")
    assert [tensor.name for tensor in result.tensors] == ["conv2/kernel", "conv2/bias"]
    assert result.layers[0].measures == result.model
    with pytest.raises(InvalidRequestError, match="has a layer 'conv9'"):
        compare(a, b, layer="conv9")


def test_different_architectures_are_compared_where_they_match(
    saved: SavedPair, tmp_path: Path
) -> None:
    import keras

    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(8, 3, name="conv1")(inputs)
    x = keras.layers.Conv2D(14, 3, name="conv2")(x)
    x = keras.layers.Conv2D(2, 3, name="conv3")(x)
    keras.Model(inputs, x).save(tmp_path / "other.keras")
    result = compare(open_snapshot(saved.a["keras"]), open_snapshot(tmp_path / "other.keras"))
    status = {tensor.name: tensor.status for tensor in result.tensors}
    assert status["conv1/kernel"] == "compared"
    assert status["conv2/kernel"] == "shape_differs"
    assert status["conv3/kernel"] == "only_b"
    assert status["fc/kernel"] == "only_a"
    assert result.coverage.tensors_compared == 2
    assert [layer.name for layer in result.layers] == ["conv1"]


def test_nan_and_infinity_are_counted_and_excluded(tmp_path: Path) -> None:
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="fc")])
    a = np.arange(12, dtype="float32").reshape(4, 3)
    b = a + 1
    model.layers[0].set_weights([a, np.zeros(3)])
    model.save(tmp_path / "a.keras")
    b[0, 0], b[1, 1], b[2, 2] = np.nan, np.inf, -np.inf
    model.layers[0].set_weights([b, np.zeros(3)])
    model.save(tmp_path / "b.keras")
    result = compare(open_snapshot(tmp_path / "a.keras"), open_snapshot(tmp_path / "b.keras"))
    kernel = next(tensor for tensor in result.tensors if tensor.name == "fc/kernel")
    assert kernel.measures is not None
    assert (kernel.measures.nan_b, kernel.measures.inf_b, kernel.measures.nan_a) == (1, 2, 0)
    assert kernel.measures.mean_abs == 1.0
    assert kernel.measures.changed == 1.0
    assert result.coverage.elements_compared == result.coverage.elements_total - 3
    assert "NaN" not in json.dumps(comparison_json(result), allow_nan=False)


def test_a_damaged_tensor_is_marked_and_the_others_are_compared(
    saved: SavedPair, tmp_path: Path
) -> None:
    for path in sorted(saved.folder.glob("epoch-4-tf*")):
        shutil.copy(path, tmp_path)
    damaged = open_snapshot(tmp_path / "epoch-4-tf")
    kernel = next(t for t in damaged.contents.tensors if t.name == "conv2/kernel")
    with open(kernel.extents[0].path, "r+b") as file:
        file.seek(kernel.extents[0].offset + 5)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 64]))
    (tmp_path / "epoch-4-tf.index").touch()  # data that are newer than it are being written
    result = compare(
        open_snapshot(saved.a["tf_checkpoint"]), open_snapshot(tmp_path / "epoch-4-tf")
    )
    status = {tensor.name: tensor for tensor in result.tensors}
    assert status["conv2/kernel"].status == "unreadable"
    assert "checksum" in (status["conv2/kernel"].problem or "")
    assert status["conv2/bias"].status == "compared"
    assert result.coverage.tensors_compared == result.coverage.tensors_total - 1


def test_a_snapshot_deleted_after_it_was_opened_is_gone(saved: SavedPair, tmp_path: Path) -> None:
    copy = Path(shutil.copy(saved.b["keras"], tmp_path / "b.keras"))
    opened = open_snapshot(copy)
    copy.unlink()
    with pytest.raises(SnapshotGoneError, match=r"b\.keras"):
        compare(open_snapshot(saved.a["keras"]), opened)


def test_a_snapshot_overwritten_after_it_was_opened_is_never_mixed(
    saved: SavedPair, tmp_path: Path
) -> None:
    copy = Path(shutil.copy(saved.b["keras"], tmp_path / "b.keras"))
    opened = open_snapshot(copy)
    shutil.copy(saved.a["keras"], copy)
    with pytest.raises(SnapshotChangedError, match=r"b\.keras"):
        compare(open_snapshot(saved.a["keras"]), opened)


def test_the_work_stops_when_the_progress_says_so(saved: SavedPair) -> None:
    def stop(done: int, total: int) -> None:
        raise CancelledError("enough")

    with pytest.raises(CancelledError, match="enough"):
        compare(open_snapshot(saved.a["keras"]), open_snapshot(saved.b["keras"]), progress=stop)


def test_progress_ends_at_its_total(saved: SavedPair) -> None:
    seen: list[tuple[int, int]] = []
    compare(
        open_snapshot(saved.a["keras"]),
        open_snapshot(saved.b["keras"]),
        progress=lambda done, total: seen.append((done, total)),
    )
    expected = 2 * sum(value.nbytes for value in saved.weights_a.values())
    assert max(seen) == (expected, expected)


def test_an_address_names_a_snapshot_by_run_and_step(saved: SavedPair, tmp_path: Path) -> None:
    run = tmp_path / "logs" / "net"
    run.mkdir(parents=True)
    shutil.copy(saved.a["keras"], run / "epoch-1.keras")
    shutil.copy(saved.b["keras"], run / "epoch-4.keras")
    logdir = tmp_path / "logs"
    by_epoch = open_snapshot(f"{logdir}@net:4")
    assert by_epoch.contents.path == str(run / "epoch-4.keras")
    step = by_epoch.contents.position.step
    assert step == 4
    assert open_snapshot(f"{logdir}@net:epoch-1").contents.path == str(run / "epoch-1.keras")
    with pytest.raises(NotFoundError, match=r"no run 'nets'.*Its runs: net"):
        open_snapshot(f"{logdir}@nets:4")
    with pytest.raises(NotFoundError, match=r"'17'.*epoch-1, epoch-4"):
        open_snapshot(f"{logdir}@net:17")


def test_what_is_no_snapshot_says_so(tmp_path: Path) -> None:
    with pytest.raises(
        (NotFoundError, SnapshotGoneError, UnreadableSnapshotError), match="nothing"
    ):
        open_snapshot(tmp_path / "nothing.keras")
    (tmp_path / "text.keras").write_text("hello")
    os.utime(tmp_path / "text.keras", (1, 1))
    with pytest.raises(UnreadableSnapshotError, match=r"text\.keras"):
        open_snapshot(tmp_path / "text.keras")


def test_a_notebook_shows_a_table(saved: SavedPair) -> None:
    result = compare(open_snapshot(saved.a["keras"]), open_snapshot(saved.b["keras"]))
    html = result._repr_html_()
    for words in ("conv1", "BatchNormalization", "10 of 10 tensors compared", "epoch-4.keras"):
        assert words in html
