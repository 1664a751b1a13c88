"""Canonical names: the user sees `conv1/kernel`, whatever wrote the file."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tb_snapshot_compare.readers import TensorReader, open_contents
from tb_snapshot_compare.snapshot import SnapshotContents, TensorInfo
from tests.readers.bundle_models import MODELS, saved_model

STORED_BY = ("both-1", "alone", "saved", "exported")


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp() / "bundle-models"


def weights(contents: SnapshotContents) -> list[TensorInfo]:
    return [tensor for tensor in contents.tensors if tensor.scope == "weights"]


@pytest.mark.parametrize("stored_by", STORED_BY)
@pytest.mark.parametrize("name", MODELS)
def test_names_layers_roles_and_values_are_those_of_the_model(
    name: str, stored_by: str, root: Path
) -> None:
    model, folder = saved_model(name, root)
    contents = open_contents(str(folder / stored_by))
    found = weights(contents)
    expected = MODELS[name][1]
    if stored_by == "exported":
        expected = exported_names(name, expected)
    assert sorted(tensor.name for tensor in found) == sorted(expected)
    for tensor in found:
        assert tensor.name == "/".join(filter(None, (tensor.layer, tensor.role)))
    variables = [v for v in model.variables if "seed_generator" not in v.path]
    values = dict(zip(expected, variables, strict=True))
    with TensorReader(contents.generation) as reader:
        for tensor in found:
            assert reader.read_array(tensor).tobytes() == values[tensor.name].numpy().tobytes()


def exported_names(name: str, expected: list[str]) -> list[str]:
    """What an export, which has no structure, cannot tell: see bundle_names, rules 2 and 3."""
    if name == "nested":
        return [weight.replace("conv1#3", "tail/conv1") for weight in expected]
    return [weight.replace("/first_conv", "").replace("/norm", "") for weight in expected]


@pytest.mark.parametrize("name", ["plain", "sequential", "sequence", "shared", "nested"])
def test_weights_come_in_model_order(name: str, root: Path) -> None:
    _, folder = saved_model(name, root)
    for stored_by in ("both-1", "alone", "saved"):
        found = weights(open_contents(str(folder / stored_by)))
        assert [tensor.name for tensor in found] == MODELS[name][1]


@pytest.mark.parametrize("name", MODELS)
def test_every_slot_names_its_tensor(name: str, root: Path) -> None:
    model, folder = saved_model(name, root)
    contents = open_contents(str(folder / "both-1"))
    by_name = {tensor.name: tensor for tensor in contents.tensors}
    assert len(by_name) == len(contents.tensors)
    slots = [tensor for tensor in contents.tensors if tensor.slot_of is not None]
    assert len(slots) == 2 * len(model.trainable_variables)
    for slot in slots:
        assert slot.role in ("momentum", "velocity")
        assert slot.name == f"optimizer/{slot.slot_of}/{slot.role}"
        assert slot.scope == "optimizer"
        assert by_name[str(slot.slot_of)].shape == slot.shape
    assert {"optimizer/iteration", "optimizer/learning_rate"} <= by_name.keys()


def test_slot_values_are_those_of_its_tensor(root: Path) -> None:
    model, folder = saved_model("composite", root)
    contents = open_contents(str(folder / "both-1"))
    stored = {tensor.name: tensor for tensor in contents.tensors}
    (expected,) = (
        variable.numpy()
        for variable in model.optimizer.variables
        if variable.path.endswith("block2_norm_gamma_velocity")
    )
    with TensorReader() as reader:
        found = reader.read_array(stored["optimizer/block2/norm/gamma/velocity"])
    assert np.array_equal(found, expected)


def test_counters_seeds_and_the_graph_are_state(root: Path) -> None:
    _, folder = saved_model("plain", root)
    for stored_by, expected in (
        ("both-1", {"step", "save_counter", "_CHECKPOINTABLE_OBJECT_GRAPH"}),
        ("exported", {"seed_generator/seed_generator_state", "_CHECKPOINTABLE_OBJECT_GRAPH"}),
    ):
        contents = open_contents(str(folder / stored_by))
        names = {t.name for t in contents.tensors if t.scope == "state"}
        # Keras numbers seed generators over the life of the process.
        assert {re.sub(r"^(seed_generator)_\d+/", r"\1/", name) for name in names} == expected


def test_optimizer_iterations_are_preferred_as_step(root: Path) -> None:
    _, folder = saved_model("plain", root)
    position = open_contents(str(folder / "both-1")).position
    assert (position.step, position.step_source) == (0, "optimizer iterations")
    assert (position.epoch, position.epoch_source) == (1, "save_counter")


def test_plain_module_is_named_by_its_attributes(tmp_path: Path) -> None:
    class Linear(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = tf.Variable(tf.ones((2, 3)))
            self.b = tf.Variable(tf.zeros(3))

    class Net(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stack = [Linear(), Linear()]
            self.out = Linear()

    prefix = tf.train.Checkpoint(net=Net(), epoch=tf.Variable(7)).write(str(tmp_path / "ckpt"))
    contents = open_contents(prefix)
    assert {(t.layer, t.role) for t in weights(contents)} == {
        (f"net/{layer}", role) for layer in ("stack/0", "stack/1", "out") for role in "wb"
    }
    assert contents.position.epoch == 7


def test_tables_are_state_and_no_weights(tmp_path: Path) -> None:
    table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
    net = tf.Module()
    net.table, net.w = table, tf.Variable(tf.ones((2, 3)))
    contents = open_contents(tf.train.Checkpoint(net=net).write(str(tmp_path / "ckpt")))
    assert [tensor.name for tensor in weights(contents)] == ["net/w"]
    tables = {(t.name, t.layer, t.scope) for t in contents.tensors if "table" in t.key}
    assert tables == {
        ("net/table/table-keys", None, "state"),
        ("net/table/table-values", None, "state"),
    }


def test_two_models_of_one_checkpoint_keep_their_layers_apart(tmp_path: Path) -> None:
    import keras

    def net(units: int) -> Any:
        return keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, name="fc")])

    checkpoint = tf.train.Checkpoint(generator=net(2), discriminator=net(3))
    contents = open_contents(checkpoint.write(str(tmp_path / "ckpt")))
    shapes = {tensor.name: tensor.shape for tensor in weights(contents)}
    assert shapes == {
        "fc/kernel": (4, 3),
        "fc/bias": (3,),
        "fc#2/kernel": (4, 2),
        "fc#2/bias": (2,),
    }


def test_slot_variables_of_an_object_based_tf1_optimizer(tmp_path: Path) -> None:
    w = tf.Variable([1.0, 2.0], name="dense/kernel")
    optimizer = tf.compat.v1.train.MomentumOptimizer(0.1, 0.9)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(w * w)
    optimizer.apply_gradients([(tape.gradient(loss, w), w)])
    checkpoint = tf.train.Checkpoint(optimizer=optimizer, w=w)
    contents = open_contents(checkpoint.write(str(tmp_path / "ckpt")))
    by_name = {tensor.name: tensor for tensor in contents.tensors}
    assert by_name["dense/kernel"].layer == "dense"
    slot = by_name["optimizer/dense/kernel/momentum"]
    assert ".OPTIMIZER_SLOT" in slot.key
    assert (slot.slot_of, slot.role, slot.scope) == ("dense/kernel", "momentum", "optimizer")


def test_keys_of_tf_keras_2_without_an_object_graph(tmp_path: Path) -> None:
    value = "/.ATTRIBUTES/VARIABLE_VALUE"
    keys = {
        f"layer_with_weights-0/kernel{value}": ("layer_with_weights-0", "kernel", None),
        f"layer_with_weights-0/kernel/.OPTIMIZER_SLOT/optimizer/m{value}": (
            "layer_with_weights-0",
            "momentum",
            "layer_with_weights-0/kernel",
        ),
        f"optimizer/iter{value}": (None, "iteration", None),
        f"save_counter{value}": (None, "save_counter", None),
    }
    tf.raw_ops.SaveV2(
        prefix=str(tmp_path / "ckpt"),
        tensor_names=list(keys),
        shape_and_slices=[""] * len(keys),
        tensors=[tf.constant(1, tf.int64)] * len(keys),
    )
    contents = open_contents(str(tmp_path / "ckpt"))
    assert {t.key: (t.layer, t.role, t.slot_of) for t in contents.tensors} == keys
    assert contents.position.step_source == "optimizer iterations"


def test_users_own_string_is_listed_as_a_weight_that_is_not_numeric(tmp_path: Path) -> None:
    checkpoint = tf.train.Checkpoint(vocabulary=tf.Variable(["a", "b"]))
    contents = open_contents(checkpoint.write(str(tmp_path / "ckpt")))
    assert [(t.name, t.dtype, t.extents) for t in weights(contents)] == [
        ("vocabulary", "string", ())
    ]
