"""How Keras and TensorFlow save the suite's network, and load it again."""

import warnings
from pathlib import Path

import tensorflow as tf

from tests.readers.suite_network import (
    Values,
    keras,
    keras_network,
    keras_values,
    new_keras_network,
    np,
)

# --- Keras


def write_keras(folder: Path, variant: str) -> Path:
    keras_network(variant).save(folder / "model.keras")
    return folder / "model.keras"


def write_weights(folder: Path, variant: str) -> Path:
    keras_network(variant).save_weights(folder / "model.weights.h5")
    return folder / "model.weights.h5"


def write_sharded_weights(folder: Path, variant: str) -> Path:
    path = folder / "model.weights.json"
    keras_network(variant).save_weights(path, max_shard_size=1e-6)
    assert len(list(folder.glob("*.weights.h5"))) > 1
    return path


def write_legacy(folder: Path, variant: str) -> Path:
    with warnings.catch_warnings(action="ignore"):
        keras_network(variant).save(folder / "model.h5")
    return folder / "model.h5"


def write_backup(folder: Path, variant: str) -> Path:
    callback = keras.callbacks.BackupAndRestore(folder / "backup", delete_checkpoint=False)
    callback.set_model(keras_network(variant))
    callback.on_train_begin()
    callback.on_epoch_end(0)
    return folder / "backup" / "latest.weights.h5"


def load_model(path: Path, variant: str) -> Values:
    return keras_values(keras.saving.load_model(path, compile=False))


def load_weights(path: Path, variant: str) -> Values:
    model = new_keras_network(variant)
    for variable in model.weights:
        variable.assign(np.zeros(variable.shape))
    model.load_weights(path)
    return keras_values(model)


# --- TensorFlow


def write_checkpoint(folder: Path, variant: str) -> Path:
    return Path(tf.train.Checkpoint(model=keras_network(variant)).write(str(folder / "ckpt-3")))


def write_sharded_checkpoint(folder: Path, variant: str) -> Path:
    policy = tf.train.experimental.MaxShardSizePolicy(max_shard_size=1000)
    options = tf.train.CheckpointOptions(experimental_sharding_callback=policy)
    checkpoint = tf.train.Checkpoint(model=keras_network(variant))
    path = Path(checkpoint.write(str(folder / "ckpt-3"), options=options))
    assert len(list(folder.glob("*.data-*"))) > 1
    return path


def write_saver(folder: Path, variant: str) -> Path:
    values = keras_values(keras_network(variant))
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for name, value in values.items():
            tf.compat.v1.get_variable(name, initializer=value)
        session.run(tf.compat.v1.global_variables_initializer())
        saver = tf.compat.v1.train.Saver()
        return Path(saver.save(session, str(folder / "model.ckpt"), global_step=3))


def write_saved_model(folder: Path, variant: str) -> Path:
    tf.saved_model.save(keras_network(variant), str(folder / "saved"))
    return folder / "saved"


def write_export(folder: Path, variant: str) -> Path:
    keras_network(variant).export(folder / "saved", verbose=False)
    return folder / "saved"


def load_checkpoint(path: Path, variant: str) -> Values:
    reader = tf.train.load_checkpoint(str(path))
    return {
        key: np.asarray(reader.get_tensor(key))
        for key, dtype in reader.get_variable_to_dtype_map().items()
        if dtype != tf.string
    }


def load_saved_model(path: Path, variant: str) -> Values:
    return load_checkpoint(path / "variables" / "variables", variant)
