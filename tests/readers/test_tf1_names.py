"""Names in checkpoints of TensorFlow 1: roles in Keras's words, slots of every optimizer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tb_snapshot_compare.readers import TensorReader, open_contents
from tb_snapshot_compare.readers.named_slots import slots_by_name
from tb_snapshot_compare.snapshot import TensorInfo
from tests.readers.tf1_models import batch_norm, conv, dense, saved, session, trained, v1


def by_name(prefix: str) -> dict[str, TensorInfo]:
    tensors = open_contents(prefix).tensors
    assert len({tensor.name for tensor in tensors}) == len(tensors)
    return {tensor.name: tensor for tensor in tensors}


def assert_bit_exact(prefix: str) -> None:
    contents = open_contents(prefix)
    expected = tf.train.load_checkpoint(prefix)
    assert {tensor.key for tensor in contents.tensors} == set(expected.get_variable_to_shape_map())
    with TensorReader(contents.generation) as reader:
        for tensor in contents.tensors:
            stored = np.asarray(expected.get_tensor(tensor.key))
            assert (tensor.dtype, tensor.shape) == (stored.dtype.name, stored.shape)
            assert reader.read_array(tensor).tobytes() == stored.tobytes()


def test_layers_roles_and_the_step_come_from_the_keys(tmp_path: Path) -> None:
    with session() as opened:
        trained(opened)
        prefix = saved(opened, tmp_path)
    tensors = by_name(prefix)
    weights = {name: t.layer for name, t in tensors.items() if t.scope == "weights"}
    assert weights == {
        **{
            f"{layer}/{role}": layer
            for layer in ("stem", "block1/conv1", "block1/conv2")
            for role in ("kernel", "bias")
        },
        **{
            f"block1/bn/{role}": "block1/bn"
            for role in ("gamma", "beta", "moving_mean", "moving_variance")
        },
        **{f"sep/{role}": "sep" for role in ("depthwise_kernel", "pointwise_kernel")},
        **{f"{layer}/{role}": layer for layer in ("fc1", "logits") for role in ("kernel", "bias")},
    }
    assert tensors["global_step"].scope == "state"
    position = open_contents(prefix).position
    assert (position.step, position.step_source) == (1, "global_step")
    assert_bit_exact(prefix)


def test_old_words_for_roles_become_those_of_keras(tmp_path: Path) -> None:
    with session() as opened:
        x = v1.placeholder(tf.float32, (None, 8, 8, 3))
        words = ("weights", "biases")
        with v1.variable_scope("MobilenetV1"):
            y = batch_norm(conv(x, 4, "Conv2d_0", words), "Conv2d_0/BatchNorm")
            with v1.variable_scope("Conv2d_1_depthwise"):
                v1.get_variable("depthwise_weights", (3, 3, 4, 1))
            dense(tf.reshape(y, (-1, 256)), 3, "Logits", words)
        v1.get_variable("feature/embedding_weights", (10, 2))
        v1.get_variable("weights", (2,))
        v1.train.get_or_create_global_step()
        opened.run(v1.global_variables_initializer())
        prefix = saved(opened, tmp_path)
    names = {t.key: t.name for t in open_contents(prefix).tensors}
    assert names["MobilenetV1/Conv2d_0/weights"] == "MobilenetV1/Conv2d_0/kernel"
    assert names["MobilenetV1/Logits/biases"] == "MobilenetV1/Logits/bias"
    assert (
        names["MobilenetV1/Conv2d_1_depthwise/depthwise_weights"]
        == "MobilenetV1/Conv2d_1_depthwise/depthwise_kernel"
    )
    assert names["feature/embedding_weights"] == "feature/embeddings"
    assert names["weights"] == "weights"
    assert_bit_exact(prefix)


OPTIMIZERS: dict[str, tuple[Callable[[], Any], dict[str, str]]] = {
    "adam": (lambda: v1.train.AdamOptimizer(), {"m": "momentum", "v": "velocity"}),
    "own name": (lambda: v1.train.AdamOptimizer(name="mine"), {"m": "momentum", "v": "velocity"}),
    "momentum": (lambda: v1.train.MomentumOptimizer(0.1, 0.9), {"momentum": "momentum"}),
    "adagrad": (lambda: v1.train.AdagradOptimizer(0.1), {"accumulator": "accumulator"}),
    "adadelta": (
        lambda: v1.train.AdadeltaOptimizer(0.1),
        {"accum": "accumulated_grad", "accum_update": "accumulated_delta_var"},
    ),
    "ftrl": (lambda: v1.train.FtrlOptimizer(0.1), {"accum": "accumulator", "linear": "linear"}),
    "proximal adagrad": (
        lambda: v1.train.ProximalAdagradOptimizer(0.1),
        {"accumulator": "accumulator"},
    ),
    "adagrad da": (
        lambda: v1.train.AdagradDAOptimizer(0.1, v1.train.get_or_create_global_step()),
        {
            "gradient_accumulator": "gradient_accumulator",
            "gradient_squared_accumulator": "accumulator",
        },
    ),
    "rmsprop": (
        lambda: v1.train.RMSPropOptimizer(0.1, momentum=0.9),
        {"rms": "velocity", "momentum": "momentum"},
    ),
    "centered rmsprop": (
        lambda: v1.train.RMSPropOptimizer(0.1, momentum=0.9, centered=True),
        {"rms": "velocity", "mg": "average_gradient", "momentum": "momentum"},
    ),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizers_slots_belong_to_their_weights(tmp_path: Path, name: str) -> None:
    make, slots = OPTIMIZERS[name]
    with session() as opened:
        optimizer = make()
        trained(opened, lambda x: dense(tf.reshape(x, (-1, 192)), 3, "fc"), optimizer)
        variables = {v.op.name: v for v in v1.trainable_variables()}
        expected = {
            f"optimizer/{key}/{role}": opened.run(optimizer.get_slot(variable, word))
            for key, variable in variables.items()
            for word, role in slots.items()
        }
        prefix = saved(opened, tmp_path)
    tensors = by_name(prefix)
    found = {name: tensor for name, tensor in tensors.items() if tensor.slot_of is not None}
    assert found.keys() == expected.keys()
    with TensorReader() as reader:
        for slot, tensor in found.items():
            assert tensor.scope == "optimizer"
            assert tensor.layer == "fc"
            assert slot == f"optimizer/{tensor.slot_of}/{tensor.role}"
            assert np.array_equal(reader.read_array(tensor), expected[slot])
    assert {n for n, t in tensors.items() if t.scope == "weights"} == {"fc/kernel", "fc/bias"}


def test_slots_made_in_a_variable_scope_are_slots_too(tmp_path: Path) -> None:
    with session() as opened:
        with v1.variable_scope("training"):
            v1.train.get_or_create_global_step()
        loss = tf.reduce_sum(dense(tf.ones((2, 3)), 2, "fc", ("weights", "biases")))
        with v1.variable_scope("training"):
            train = v1.train.AdamOptimizer().minimize(loss, v1.train.get_global_step())
        opened.run(v1.global_variables_initializer())
        opened.run(train)
        prefix = saved(opened, tmp_path)
    slot = by_name(prefix)["optimizer/fc/kernel/velocity"]
    assert slot.key == "training/fc/weights/Adam_1"
    assert (slot.slot_of, slot.layer) == ("fc/kernel", "fc")
    assert by_name(prefix)["optimizer/beta1_power"].key == "training_1/beta1_power"
    position = open_contents(prefix).position
    assert (position.step, position.step_source) == (1, "global_step")


def test_moving_averages_are_shadows_of_their_weights(tmp_path: Path) -> None:
    with session() as opened:
        kernel = v1.get_variable("fc/kernel", (3, 2))
        v1.train.get_or_create_global_step()
        average = tf.train.ExponentialMovingAverage(0.9)
        update = average.apply([kernel])
        opened.run(v1.global_variables_initializer())
        opened.run(update)
        both = saved(opened, tmp_path / "both")
        alone = saved(opened, tmp_path / "alone", var_list=[average.average(kernel)])
    shadow = by_name(both)["optimizer/fc/kernel/average"]
    assert (shadow.slot_of, shadow.scope) == ("fc/kernel", "optimizer")
    assert by_name(both)["fc/kernel"].scope == "weights"
    (only,) = open_contents(alone).tensors
    assert (only.name, only.layer, only.role, only.scope) == (
        "fc/kernel",
        "fc",
        "kernel",
        "weights",
    )


def test_slots_of_bert_are_slots(tmp_path: Path) -> None:
    keys = ("dense/kernel", "dense/kernel/adam_m", "dense/kernel/adam_v")
    tf.raw_ops.SaveV2(
        prefix=str(tmp_path / "bert_model.ckpt"),
        tensor_names=keys,
        shape_and_slices=[""] * 3,
        tensors=[tf.ones((2, 2))] * 3,
    )
    assert {t.key: t.name for t in open_contents(str(tmp_path / "bert_model.ckpt")).tensors} == {
        "dense/kernel": "dense/kernel",
        "dense/kernel/adam_m": "optimizer/dense/kernel/momentum",
        "dense/kernel/adam_v": "optimizer/dense/kernel/velocity",
    }


def test_slots_of_tf_keras_2_are_told_by_name_and_by_order() -> None:
    weights = [("w0", "conv1/kernel"), ("w1", "bn/beta"), ("w2", "conv1/kernel")]
    variables = [
        ("s0", "iteration"),
        ("s1", "m/conv1/kernel"),
        ("s2", "Adam/v/bn/beta"),
        ("s3", "m/conv1/kernel"),
        ("s4", "v/conv1/kernel"),
        ("s5", "other/bn/beta"),
    ]
    assert slots_by_name(variables, weights) == {
        "s1": ("w0", "momentum"),
        "s2": ("w1", "velocity"),
        "s3": ("w2", "momentum"),
    }
