"""Formats of Keras 1 and 2, written by the last Keras 2 (`tf_keras`) where it still writes them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from tb_snapshot_compare.readers import TensorReader, open_contents
from tb_snapshot_compare.snapshot import Format, SnapshotContents, TensorInfo
from tests.readers.keras_models import weights_of

REPOSITORY = Path(__file__).parents[2]
MODELS = ("convolutional", "nested", "sequences", "stack")
NESTED_MODELS = {"encoder", "head"}
OPTIMIZERS = (
    "adam", "amsgrad", "adamw", "adamax", "nadam", "sgd", "momentum", "rmsprop", "adagrad",
    "adadelta", "ftrl", "lion", "schedule",
)  # fmt: skip
LEGACY_OPTIMIZERS = ("legacy-adam", "legacy-sgd", "legacy-rmsprop")
ROLES = {"m": "momentum", "v": "velocity", "vhat": "velocity_hat", "u": "norm", "rms": "velocity"}
RENAMED = {
    "depth/depthwise_kernel": "depth/kernel",
    "steps/kernel": "steps/inner/kernel",
    "steps/bias": "steps/inner/bias",
}
"""What Keras 3 calls otherwise."""


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tf_keras")
    command = [sys.executable, "-W", "ignore", "-m", "tests.readers.tf_keras_writer", str(folder)]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def stored(written: Path, name: str, kind: str) -> dict[str, np.ndarray]:
    """Variables as Keras 2 called them, without the number of the output."""
    with np.load(written / f"{name}.npz") as archive:
        found = {key.partition("|")[::2]: value for key, value in archive.items()}
    return {re.sub(r":\d+$", "", key): value for (k, key), value in found.items() if k == kind}


def canonical(written: Path, name: str) -> dict[str, np.ndarray]:
    values = {}
    for key, value in stored(written, name, "w").items():
        first, _, rest = key.partition("/")
        plain = rest if first in NESTED_MODELS else key
        values[RENAMED.get(plain, plain)] = value
    return values


def values_by_name(contents: SnapshotContents, tensors: dict[str, TensorInfo]) -> dict:
    with TensorReader(contents.generation) as reader:
        return {name: reader.read_array(tensor) for name, tensor in tensors.items()}


def assert_same(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> None:
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)
        assert found[name].dtype == value.dtype


@pytest.mark.parametrize("suffix", [".h5", ".keras", "-npz.keras", "-weights.h5"])
@pytest.mark.parametrize("name", MODELS)
def test_weights_have_the_names_of_keras_3(written: Path, name: str, suffix: str) -> None:
    contents = open_contents(str(written / f"{name}{suffix}"))
    wanted = canonical(written, name)
    if suffix == "-weights.h5":  # no configuration tells what lies in `steps`
        wanted = {key.replace("steps/inner/", "steps/"): value for key, value in wanted.items()}
    weights = weights_of(contents)
    assert_same(values_by_name(contents, weights), wanted)
    assert all(tensor.role == key.rpartition("/")[2] for key, tensor in weights.items())
    assert all(tensor.layer == key.rpartition("/")[0] for key, tensor in weights.items())


@pytest.mark.parametrize("name", MODELS)
def test_weights_files_of_keras_2_have_its_values_in_its_layers_order(
    written: Path, name: str
) -> None:
    """`.weights.h5` of Keras 2 names its groups by class: neither names nor configuration."""
    contents = open_contents(str(written / f"{name}.weights.h5"))
    assert contents.format is Format.WEIGHTS_H5
    assert contents.position.step == 1
    weights = weights_of(contents)
    found = values_by_name(contents, weights)
    wanted = canonical(written, name)
    roles = sorted((key.rpartition("/")[2], value.tobytes()) for key, value in wanted.items())
    assert sorted((t.role, found[key].tobytes()) for key, t in weights.items()) == roles
    if name == "stack":
        assert list(found) == [
            "dense/kernel",
            "dense/bias",
            "batch_normalization/gamma",
            "batch_normalization/beta",
            "batch_normalization/moving_mean",
            "batch_normalization/moving_variance",
            "dense_1/kernel",
            "dense_1/bias",
        ]


@pytest.mark.parametrize("name", MODELS)
def test_every_format_tells_the_step_and_keeps_metrics_apart(written: Path, name: str) -> None:
    for suffix in (".h5", ".keras", "-npz.keras"):
        contents = open_contents(str(written / f"{name}{suffix}"))
        assert contents.position.step == 1
        assert contents.model_config is not None
        assert {t.scope for t in contents.tensors if "mean/" in t.name} <= {"state"}


def slot(stored_name: str) -> tuple[str, str]:
    """The tensor and role of an optimizer variable's name."""
    parts = stored_name.split("/")[1:]
    for index in (0, -1):
        if parts[index] in (*ROLES, "momentum", "velocity", "accumulator", "linear") or (
            parts[index].startswith(("accumulated", "average"))
        ):
            role = parts.pop(index)
            return "/".join(parts), ROLES.get(role, role)
    raise AssertionError(stored_name)


@pytest.mark.parametrize(
    ("name", "suffix"),
    [(name, suffix) for name in OPTIMIZERS for suffix in (".h5", ".keras")]
    + [(name, ".h5") for name in LEGACY_OPTIMIZERS],
)
def test_slots_belong_to_their_tensors(written: Path, name: str, suffix: str) -> None:
    contents = open_contents(str(written / f"optimizer-{name}{suffix}"))
    found = {
        (t.slot_of, t.role): t
        for t in contents.tensors
        if t.scope == "optimizer" and t.slot_of is not None
    }
    wanted = {
        slot(key): value
        for key, value in stored(written, f"optimizer-{name}", "o").items()
        if value.ndim and "iter" not in key
    }
    assert wanted
    assert found.keys() == wanted.keys()
    with TensorReader(contents.generation) as reader:
        for key, value in wanted.items():
            np.testing.assert_array_equal(reader.read_array(found[key]), value, err_msg=str(key))
    assert contents.position.step == 1


def test_adamax_of_keras_2_has_the_roles_of_keras_3(written: Path) -> None:
    tensors = open_contents(str(written / "optimizer-adamax.keras")).tensors
    assert {t.role for t in tensors if t.slot_of == "out/kernel"} == {"momentum", "norm"}


# --- what no installable framework writes any more


def old_file(path: Path, group: str, weights: dict[str, np.ndarray], config: str = "") -> str:
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [group.encode()]
        file.attrs["keras_version"] = b"1.2.2"
        if config:
            file.attrs["model_config"] = config
        layer = file.create_group(group)
        layer.attrs["weight_names"] = [name.encode() for name in weights]
        for name, value in weights.items():
            layer[name] = value
    return str(path)


def names_in(path: str) -> list[str]:
    return [tensor.name for tensor in open_contents(path).tensors]


def test_names_of_keras_1_are_translated(tmp_path: Path) -> None:
    kernel, vector = np.ones((3, 4), "float32"), np.ones(4, "float32")
    dense = old_file(tmp_path / "a.h5", "dense_1", {"dense_1_W": kernel, "dense_1_b": vector})
    assert names_in(dense) == ["dense_1/kernel", "dense_1/bias"]
    words = ("gamma", "beta", "running_mean", "running_std")
    norm = old_file(tmp_path / "b.h5", "norm", {f"norm_{word}": vector for word in words})
    roles = ("gamma", "beta", "moving_mean", "moving_variance")
    assert names_in(norm) == [f"norm/{role}" for role in roles]
    embedding = old_file(tmp_path / "c.h5", "embedding_1", {"embedding_1_W": kernel})
    assert names_in(embedding) == ["embedding_1/embeddings"]
    gates = old_file(tmp_path / "d.h5", "lstm_1", {"lstm_1_W_i": kernel, "lstm_1_U_i": kernel})
    assert names_in(gates) == ["lstm_1/lstm_1_W_i", "lstm_1/lstm_1_U_i"]


def test_a_model_that_was_built_twice_keeps_its_layers_names(tmp_path: Path) -> None:
    weights = {"dense_1_1/kernel:0": np.ones((3, 4), "float32")}
    assert names_in(old_file(tmp_path / "a.h5", "dense_1", weights)) == ["dense_1/kernel"]


def test_recurrent_weights_from_before_cells_are_those_of_the_cell(tmp_path: Path) -> None:
    words = ("kernel", "recurrent_kernel", "bias")
    weights = {f"lstm/{word}:0": np.ones((3, 4), "float32") for word in words}
    expected = [f"lstm/lstm_cell/{word}" for word in words]
    assert names_in(old_file(tmp_path / "a.h5", "lstm", weights)) == expected


@pytest.mark.parametrize(
    "config", ["null", "[]", '{"config": 3}', '{"config": {"layers": [3, {"config": []}]}}', "{"]
)
def test_a_configuration_that_is_none_does_not_hide_the_weights(
    tmp_path: Path, config: str
) -> None:
    weights = {"dense_1/kernel:0": np.ones((3, 4), "float32")}
    assert names_in(old_file(tmp_path / "a.h5", "dense_1", weights, config)) == ["dense_1/kernel"]
