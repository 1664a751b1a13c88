"""Optimizer variables: which slot of which tensor, compared with Keras's own names."""

import re
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from tb_snapshot_compare.readers import open_contents
from tb_snapshot_compare.readers.hdf5 import read_hdf5
from tb_snapshot_compare.readers.keras_archive import read_keras_archive
from tb_snapshot_compare.readers.optimizer_slots import Slot, assign_slots
from tb_snapshot_compare.snapshot import Format, TensorInfo
from tests.readers.keras_models import (
    attention_and_recurrence,
    keras,
    nested,
    sequential,
    subclassed,
    trained,
)

optimizers = keras.optimizers
SCHEDULE = optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
OPTIMIZERS: dict[str, Any] = {
    "sgd": lambda: optimizers.SGD(),
    "sgd_momentum": lambda: optimizers.SGD(momentum=0.9),
    "adam": lambda: optimizers.Adam(),
    "adam_amsgrad": lambda: optimizers.Adam(amsgrad=True),
    "adam_schedule": lambda: optimizers.Adam(SCHEDULE),
    "adam_average": lambda: optimizers.Adam(use_ema=True),
    "adam_accumulating": lambda: optimizers.Adam(gradient_accumulation_steps=2),
    "adamw": lambda: optimizers.AdamW(),
    "adamax": lambda: optimizers.Adamax(),
    "nadam": lambda: optimizers.Nadam(),
    "adagrad": lambda: optimizers.Adagrad(),
    "adadelta": lambda: optimizers.Adadelta(),
    "adafactor": lambda: optimizers.Adafactor(),
    "ftrl": lambda: optimizers.Ftrl(),
    "lamb": lambda: optimizers.Lamb(),
    "lion": lambda: optimizers.Lion(),
    "rmsprop": lambda: optimizers.RMSprop(),
    "rmsprop_all": lambda: optimizers.RMSprop(momentum=0.9, centered=True),
    "loss_scale": lambda: optimizers.LossScaleOptimizer(optimizers.Adam()),
}


def keras_word(tensor: TensorInfo) -> str:
    """What Keras would call our tensor, without the optimizer's own name."""
    if tensor.slot_of is None:
        return tensor.role
    return f"{tensor.slot_of.replace('/', '_')}_{tensor.role}"


def check(tensors: tuple[TensorInfo, ...], optimizer: Any) -> None:
    found = {tensor.key: tensor for tensor in tensors if tensor.scope == "optimizer"}
    variables = optimizer.variables
    assert len(found) == len(variables)
    for index, variable in enumerate(variables):
        tensor = found[f"optimizer/vars/{index}"]
        last = variable.path.rpartition("/")[2]
        if isinstance(optimizer, optimizers.Adafactor) and tensor.role in ("row", "column"):
            assert (tensor.slot_of or "").endswith(f"/{last}")
        elif last == "variable":
            assert tensor.role == "u_product"
        elif tensor.role.startswith("loss_scale_"):
            assert tensor.role.removeprefix("loss_scale_") == last
        else:
            assert re.sub("^(stack|custom)_", "", last) == keras_word(tensor)
    names = [tensor.name for tensor in tensors]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_slots_of_an_archive_are_those_of_keras(name: str, tmp_path: Path) -> None:
    model = trained(sequential, OPTIMIZERS[name]())
    model.save(tmp_path / "m.keras")
    contents = read_keras_archive(str(tmp_path / "m.keras"))
    check(contents.tensors, model.optimizer)
    assert contents.position.step == 2
    assert contents.position.step_source == "optimizer iterations"


@pytest.mark.parametrize("stored_by", ["m.keras", "m.h5", "m-1", "saved"])
def test_a_scaler_of_the_loss_counts_no_steps(stored_by: str, tmp_path: Path) -> None:
    model = trained(sequential, OPTIMIZERS["loss_scale"]())
    model.save(tmp_path / "m.keras")
    model.save(tmp_path / "m.h5")
    tf.train.Checkpoint(model=model, optimizer=model.optimizer).save(tmp_path / "m")
    tf.saved_model.save(model, str(tmp_path / "saved"))
    contents = open_contents(str(tmp_path / stored_by))
    position = contents.position
    assert (position.step, position.step_source) == (2, "optimizer iterations")
    scalars = {t.role for t in contents.tensors if t.scope == "optimizer" and not t.shape}
    assert scalars == {
        "loss_scale_iteration",
        "loss_scale_learning_rate",
        "step_counter",
        "dynamic_scale",
        "iteration",
        "learning_rate",
    }


@pytest.mark.parametrize("build", [nested, attention_and_recurrence])
@pytest.mark.parametrize("name", ["adam", "adam_amsgrad", "sgd_momentum", "lion", "adamw"])
def test_slots_without_configuration_are_told_by_the_optimizers_name(
    build: Any, name: str, tmp_path: Path
) -> None:
    model = trained(build, OPTIMIZERS[name]())
    model.save_weights(tmp_path / "m.weights.h5")
    model.save(tmp_path / "m.keras")
    alone = read_hdf5(str(tmp_path / "m.weights.h5"), Format.WEIGHTS_H5)
    archive = read_keras_archive(str(tmp_path / "m.keras"))
    assert [tensor.name for tensor in alone.tensors] == [t.name for t in archive.tensors]
    slots = [tensor for tensor in alone.tensors if tensor.slot_of is not None]
    assert slots
    assert all(t.name == f"optimizer/{t.slot_of}/{t.role}" for t in slots)


def test_a_frozen_layer_has_no_slots(tmp_path: Path) -> None:
    def build() -> keras.Model:
        model = sequential()
        model.get_layer("hidden").trainable = False
        return model

    model = trained(build, optimizers.Adam())
    model.save(tmp_path / "m.keras")
    contents = read_keras_archive(str(tmp_path / "m.keras"))
    check(contents.tensors, model.optimizer)
    assert "hidden/kernel" not in {tensor.slot_of for tensor in contents.tensors}


def test_slots_of_a_subclassed_model_are_placed_by_unique_shapes_only(tmp_path: Path) -> None:
    model = trained(subclassed, optimizers.SGD(momentum=0.9))
    model.save(tmp_path / "m.keras")
    contents = read_keras_archive(str(tmp_path / "m.keras"))
    check(contents.tensors, model.optimizer)


def test_ambiguous_layouts_stay_numbered() -> None:
    stored = [(), (), *[(3,), (2,)] * 2]
    slots = assign_slots("rm_sprop", None, stored, [(3,), (2,)], ordered=True)
    assert slots == [Slot("iteration"), Slot("learning_rate"), None, None, None, None]


def test_a_layout_that_contradicts_the_shapes_is_not_used() -> None:
    stored = [(), (), (4,), (4,)]
    slots = assign_slots("adam", {"learning_rate": 0.1}, stored, [(3,)], ordered=True)
    assert slots[2:] == [None, None]


def test_equal_shapes_are_not_guessed_when_the_order_is_unknown() -> None:
    stored = [(), (), (3,), (2,), (3,)]
    config = {"learning_rate": 0.1, "momentum": 0.9}
    slots = assign_slots("sgd", config, stored, [(3,), (3,), (2,)], ordered=False)
    assert slots[2:] == [None, Slot("momentum", 2), None]
