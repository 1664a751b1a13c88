"""The same model in every format has the same layers, roles, names and values."""

from pathlib import Path

import pytest

from tb_snapshot_compare.readers import open_contents
from tests.readers.keras_models import (
    BUILDERS,
    assert_same_values,
    canonical,
    keras,
    trained,
    values_of,
    weights_of,
)


@pytest.mark.parametrize("name", BUILDERS)
def test_every_format_gives_the_live_models_names_and_values(name: str, tmp_path: Path) -> None:
    import tensorflow as tf

    model = trained(BUILDERS[name], keras.optimizers.Adam())
    wanted = canonical(model)
    model.save(tmp_path / "m.keras")
    model.save_weights(tmp_path / "m.weights.h5")
    prefix = tf.train.Checkpoint(model=model, optimizer=model.optimizer).write(
        str(tmp_path / "ckpt-1")
    )
    paths = [str(tmp_path / "m.keras"), str(tmp_path / "m.weights.h5"), prefix]
    if name != "subclassed":
        model.save(tmp_path / "m.h5")
        paths.append(str(tmp_path / "m.h5"))
    tf.saved_model.save(model, str(tmp_path / "saved"))
    paths.append(str(tmp_path / "saved"))

    tables = {}
    for path in paths:
        contents = open_contents(path)
        assert_same_values(values_of(contents), wanted)
        tables[path] = {
            tensor.name: (tensor.layer, tensor.role, tensor.dtype, tensor.shape)
            for tensor in weights_of(contents).values()
        }
    first = tables.pop(paths[0])
    for path, table in tables.items():
        assert table == first, path


@pytest.mark.parametrize("name", [name for name in BUILDERS if name != "subclassed"])
def test_optimizer_slots_agree_between_formats(name: str, tmp_path: Path) -> None:
    import tensorflow as tf

    model = trained(BUILDERS[name], keras.optimizers.Adam())
    model.save(tmp_path / "m.keras")
    model.save_weights(tmp_path / "m.weights.h5")
    model.save(tmp_path / "m.h5")
    prefix = tf.train.Checkpoint(model=model, optimizer=model.optimizer).write(
        str(tmp_path / "ckpt-1")
    )
    wanted = open_contents(str(tmp_path / "m.keras"))
    for path in (tmp_path / "m.weights.h5", tmp_path / "m.h5", prefix):
        contents = open_contents(str(path))
        assert_same_values(values_of(contents, "optimizer"), values_of(wanted, "optimizer"))
        found = {t.name: (t.layer, t.role, t.slot_of) for t in contents.tensors}
        for tensor in wanted.tensors:
            if tensor.scope == "optimizer":
                assert found[tensor.name] == (tensor.layer, tensor.role, tensor.slot_of)
        assert contents.position.step == wanted.position.step == 2
