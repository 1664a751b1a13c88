"""Real trainings of Keras, recorded by one line."""

import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tb_snapshot_compare import SnapshotCallback, open_snapshot
from tb_snapshot_compare.inference.client import Inference
from tb_snapshot_compare.recording.keras_arrays import model_variables, moments
from tb_snapshot_compare.workspace import list_snapshots
from tb_snapshot_compare.workspace.forward import networks_of, run_pair

Reader = Callable[[Path], Any]
IMAGES = np.random.default_rng(0).normal(size=(64, 8, 8, 3)).astype(np.float32)
LABELS = np.arange(64) % 4


def network(optimizer: Any = None, **compiled: Any) -> Any:
    keras.utils.set_random_seed(3)
    inner = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(5, 3, name="conv1"),
            layers.BatchNormalization(name="norm1"),
        ],
        name="encoder",
    )
    given = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, activation="relu", name="conv1")(inner(given))
    x = layers.Flatten(name="flatten")(x)
    model = keras.Model(given, layers.Dense(4, activation="softmax", name="head")(x), name="net")
    model.compile(
        optimizer or keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", **compiled
    )
    return model


def fit(model: Any, callback: Any, epochs: int = 2, **options: Any) -> None:
    model.fit(
        IMAGES, LABELS, batch_size=8, epochs=epochs, shuffle=False, verbose=0, callbacks=[callback],
        **options,
    )  # fmt: skip


def norms(found: Any, kind: str) -> np.ndarray[Any, Any]:
    return np.asarray(found.log.layer_statistic(kind, "l2", [""])[0])


@pytest.mark.parametrize("compiled", [
    {}, {"jit_compile": True}, {"run_eagerly": True},
])  # fmt: skip
def test_a_training_is_recorded_with_its_gradients(
    compiled: dict[str, Any], tmp_path: Path, read: Reader
) -> None:
    model = network(**compiled)
    callback = SnapshotCallback(tmp_path, run="k", every=1)
    fit(model, callback, epochs=1)
    assert callback.recorder.lost == {}
    found = read(tmp_path / "k")
    assert found.steps("layers") == list(range(9))
    assert [unit.path for unit in found.log.units] == [
        "", "encoder", "encoder/conv1", "encoder/norm1", "conv1", "head",
    ]  # fmt: skip
    assert [unit.kind for unit in found.log.units][1:4] == [
        "Sequential", "Conv2D", "BatchNormalization",
    ]  # fmt: skip
    units = ["encoder/conv1", "conv1", "head"]
    updates = found.log.layer_statistic("update", "l2", units)[:, 1:]
    gradients = found.log.layer_statistic("gradient", "l2", units)[:, 1:]
    np.testing.assert_allclose(updates, 0.1 * gradients, rtol=2e-3)
    last = np.concatenate([v.numpy().reshape(-1) for v in model.weights]).astype(float)
    assert norms(found, "weight")[8] == pytest.approx(np.linalg.norm(last), rel=1e-9)
    assert found.log.scalars(["learning_rate"])["learning_rate"].values[0] == pytest.approx(0.1)


@pytest.mark.parametrize("jit", [False, True])
def test_large_weights_are_those_of_their_step(jit: bool, tmp_path: Path, read: Reader) -> None:
    """TensorFlow shows large arrays without a copy, and trains on while they are looked at."""
    model = keras.Sequential([keras.Input((700,)), layers.Dense(300, use_bias=False, name="fc")])
    model.compile(keras.optimizers.SGD(0.5, momentum=0.9), "mse", jit_compile=jit)
    wanted = [model.get_weights()[0].astype(float)]

    class Keep(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            wanted.append(np.array(model.get_weights()[0], float))

    x = np.random.default_rng(0).normal(size=(48, 700)).astype(np.float32)
    recorded = SnapshotCallback(tmp_path, every=1)
    model.fit(x, x[:, :300], batch_size=8, verbose=0, callbacks=[recorded, Keep()])
    assert recorded.recorder.lost == {}
    found = read(tmp_path)
    norms_of = {kind: norms(found, kind) for kind in ("weight", "update")}
    np.testing.assert_allclose(norms_of["weight"], [np.linalg.norm(w) for w in wanted], rtol=1e-9)
    steps = [np.linalg.norm(b - a) for a, b in itertools.pairwise(wanted)]
    np.testing.assert_allclose(norms_of["update"][1:], steps, rtol=1e-9)


def test_losses_are_those_of_single_batches(tmp_path: Path, read: Reader) -> None:
    model = network(keras.optimizers.SGD(0.0))
    for layer in model.layers[1].layers:
        layer.momentum = 1.0  # the statistics stay as well
    model.layers[1].get_layer("norm1").trainable = False
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    fit(model, SnapshotCallback(tmp_path))
    found = read(tmp_path)
    losses = found.log.scalars(["loss"])["loss"]
    want = [
        model.evaluate(IMAGES[k : k + 8], LABELS[k : k + 8], verbose=0) for k in range(0, 64, 8)
    ]
    assert losses.steps.tolist() == list(range(1, 17))
    np.testing.assert_allclose(losses.values, want * 2, rtol=1e-4)
    assert found.log.scalars(["epoch_loss"])["epoch_loss"].steps.tolist() == [8, 16]
    assert (found.log.scalars(["seconds/step"])["seconds/step"].values > 0).all()


def test_moments_of_the_optimizer_are_recorded(tmp_path: Path, read: Reader) -> None:
    fit(network("adam"), SnapshotCallback(tmp_path, every=4))
    found = read(tmp_path)
    assert found.steps("layers") == [0, 4, 8, 12, 16]
    for kind in ("moment1", "moment2"):
        assert (norms(found, kind)[1:] > 0).all()
        by_unit = found.log.layer_statistic(kind, "count", ["encoder/conv1", "encoder/norm1"])
        assert by_unit[:, -1].tolist() == [3 * 3 * 3 * 5 + 5, 10]


def test_a_schedule_and_a_scaled_loss_are_followed(tmp_path: Path, read: Reader) -> None:
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 4, 0.5, staircase=True)
    inner = keras.optimizers.SGD(schedule)
    model = network(keras.optimizers.LossScaleOptimizer(inner, initial_scale=1024.0))
    fit(model, SnapshotCallback(tmp_path, every=1), epochs=1)
    found = read(tmp_path)
    rates = found.log.scalars(["learning_rate"])["learning_rate"]
    np.testing.assert_allclose(rates.values, 0.1 * 0.5 ** (rates.steps // 4), rtol=1e-6)
    updates, gradients = (
        found.log.layer_statistic(kind, "l2", ["head"])[0, 1:] for kind in ("update", "gradient")
    )
    applied = 0.1 * 0.5 ** (np.arange(8) // 4)
    np.testing.assert_allclose(updates, applied * gradients, rtol=2e-3)


def test_several_steps_at_once_are_counted(tmp_path: Path, read: Reader) -> None:
    fit(network(steps_per_execution=4), SnapshotCallback(tmp_path, every=8))
    found = read(tmp_path)
    assert found.steps("layers") == [0, 8, 16]
    assert found.log.scalars(["loss"])["loss"].steps.tolist() == [4, 8, 12, 16]
    assert (norms(found, "gradient")[1:] > 0).all()


def test_gradients_can_be_left_out(tmp_path: Path, read: Reader) -> None:
    model = network()
    fit(model, SnapshotCallback(tmp_path, every=4, gradients=False), epochs=1)
    found = read(tmp_path)
    assert np.isnan(norms(found, "gradient")).all()
    assert (norms(found, "update")[1:] > 0).all()


def test_the_model_is_afterwards_as_it_was(tmp_path: Path) -> None:
    model, plain = network(), network()
    fit(model, SnapshotCallback(tmp_path, every=3))
    assert "apply" not in vars(model.optimizer)
    for each in (model, plain):
        fit(each, keras.callbacks.Callback(), epochs=2 if each is plain else 1)
    fit(plain, keras.callbacks.Callback(), epochs=1)
    for one, other in zip(model.weights, plain.weights, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-4, atol=1e-6)
    model.save(tmp_path / "model.keras")
    keras.models.load_model(tmp_path / "model.keras")


def test_a_training_that_breaks_off_leaves_a_callback_that_works(
    tmp_path: Path, read: Reader
) -> None:
    class Breaks(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 5:
                raise RuntimeError("broken off")

    model, callback = network(), SnapshotCallback(tmp_path, every=2)
    with pytest.raises(RuntimeError, match="broken off"):
        model.fit(IMAGES, LABELS, batch_size=8, verbose=0, callbacks=[callback, Breaks()])
    fit(model, callback, epochs=1)
    assert "apply" not in vars(model.optimizer)
    found = read(tmp_path)
    assert found.steps("layers") == [0, 2, 4, 6, 8, 10, 12, 14]
    assert np.isnan(norms(found, "gradient")).tolist() == [k == 0 for k in range(8)]


def probe_of(kind: str) -> Any:
    if kind == "arrays":
        return IMAGES[:40], LABELS[:40]
    data = tf.data.Dataset.from_tensor_slices(
        (IMAGES[:40], keras.utils.to_categorical(LABELS[:40]))
    )
    return data.batch(16)


@pytest.mark.parametrize("kind", ["arrays", "tf.data"])
def test_the_probe_is_asked_at_dumps(kind: str, tmp_path: Path, read: Reader) -> None:
    model = network()
    callback = SnapshotCallback(
        tmp_path, probe_data=probe_of(kind), class_names="abcd", every=4, probe_every=8
    )
    fit(model, callback)
    found = read(tmp_path)
    assert found.steps("images") == [0, 8, 16]
    predicted, probability = found.log.images()
    outputs = model.predict(IMAGES[:40], verbose=0)
    np.testing.assert_array_equal(predicted[:, 2], outputs.argmax(axis=1))
    np.testing.assert_allclose(probability[:, 2], outputs[np.arange(40), LABELS[:40]], rtol=5e-4)
    probe = found.log.probe
    assert probe.labels == tuple(LABELS[:40].tolist())
    assert probe.classes == ("a", "b", "c", "d")
    assert found.log.thumbnail(39).png.startswith(b"\x89PNG")


def test_single_images_are_a_probe_of_a_network_that_is_built_by_its_first_batch(
    tmp_path: Path, read: Reader
) -> None:
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(4, "softmax")])
    model.compile(keras.optimizers.SGD(0.05), "categorical_crossentropy")
    labels = keras.utils.to_categorical(LABELS[:40], 4)
    single = tf.data.Dataset.from_tensor_slices((IMAGES[:40], labels))
    callback = SnapshotCallback(tmp_path, probe_data=single, every=4)
    model.fit(IMAGES[:40], labels, batch_size=8, epochs=1, verbose=0, callbacks=[callback])
    found = read(tmp_path)
    assert found.log.probe.labels == tuple(LABELS[:40].tolist())
    assert found.steps("images")


def test_snapshots_hold_the_configuration_and_run(tmp_path: Path) -> None:
    model = network()
    fit(model, SnapshotCallback(tmp_path, every=8, snapshot_every=8))
    (run,) = list_snapshots(tmp_path).runs
    assert [ref.position.step for ref in run.snapshots] == [0, 8, 16]
    a, b = (open_snapshot(tmp_path / f"step-{step}.safetensors") for step in (0, 16))
    assert b.config == model.to_json()
    runner = Inference()
    try:
        pair = networks_of(a, b, None, runner)
        images = IMAGES[:2]
        _, outputs = run_pair(runner, pair, (images, images))
    finally:
        runner.close()
    np.testing.assert_allclose(outputs.predictions, model.predict(images, verbose=0), rtol=1e-3)


def test_one_line_leaves_two_snapshots_with_their_configuration(tmp_path: Path) -> None:
    model = network()
    fit(model, SnapshotCallback(tmp_path))
    (run,) = list_snapshots(tmp_path).runs
    assert [ref.position.step for ref in run.snapshots] == [0, 16]
    last = open_snapshot(tmp_path / "step-16.safetensors")
    assert last.config == model.to_json()


def test_a_resumed_training_goes_on_counting(tmp_path: Path, read: Reader) -> None:
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup", delete_checkpoint=False)
    for epochs in (2, 3):
        model = network("adam")
        callback = SnapshotCallback(tmp_path / "log", every=4)
        model.fit(
            IMAGES, LABELS, batch_size=8, epochs=epochs, verbose=0, callbacks=[callback, backup]
        )
    found = read(tmp_path / "log")
    assert found.steps("layers") == [0, 4, 8, 12, 16, 20, 24]
    assert [session.first_step for session in found.log.sessions] == [0, 17]
    assert found.log.scalars(["loss"])["loss"].steps.tolist() == list(range(1, 25))


KILLED = """
import os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
sys.path[:0] = sys.argv[2:]
import keras
from test_callback import IMAGES, LABELS, network
from tb_snapshot_compare import SnapshotCallback
class Tell(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        print(epoch, flush=True)
model = network("adam")
model.fit(IMAGES, LABELS, batch_size=8, epochs=100_000, verbose=0, callbacks=[
    keras.callbacks.BackupAndRestore(sys.argv[1] + "/backup"),
    SnapshotCallback(sys.argv[1], every=4),
    Tell(),
])
"""


def test_a_killed_training_goes_on_where_it_was_saved(tmp_path: Path, read: Reader) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path), str(Path(__file__).parent)]
    for _ in range(2):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for count, _ in enumerate(process.stdout):
                if count == 12:
                    process.kill()
    found = read(tmp_path)
    first, second = (session.first_step for session in found.log.sessions)
    assert first == 0
    assert second > 8
    steps = found.steps("layers")
    before, after = ([s for s in steps if (s < second - 1) == early] for early in (True, False))
    assert before == list(range(0, before[-1] + 1, 4))  # the last ones may have waited
    assert after == list(range(after[0], after[-1] + 1, 4))
    assert second - 1 <= after[0] < after[-1]
    assert found.events("resumed")[0][0] == second


def test_another_framework_below_keras_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(
        ValueError, match=r"this Keras runs on jax: use tb_snapshot_compare\.Recorder"
    ):
        SnapshotCallback(tmp_path)


@pytest.mark.parametrize(
    "options",
    [
        {"every": 0},
        {"keep_snapshots": -1},
        {"run": "/x"},
        {"probe_every": 0},
        {"every": 2.5},
    ],
)
def test_options_are_checked_before_the_training(options: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="want"):
        SnapshotCallback(tmp_path, **options)


class Block(layers.Layer):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.first, self.second = layers.Conv2D(4, 3, name="c1"), layers.Dense(3)

    def call(self, x: Any) -> Any:
        return self.second(self.first(x))


class Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__(name="own")
        self.block = Block(name="block")
        self.head = layers.Dense(2, name="head")
        self.scale = self.add_weight(shape=(2,), name="scale")

    def call(self, x: Any) -> Any:
        return self.head(self.block(x)) * self.scale


def test_variables_of_any_model_have_the_names_of_their_places() -> None:
    own = Subclassed()
    own(IMAGES)
    assert [name.replace("dense", "d") for name in model_variables(own)] == [
        "block/c1/kernel", "block/c1/bias", *(f"block/{own.block.second.name}/{role}".replace(
            "dense", "d") for role in ("kernel", "bias")),
        "head/kernel", "head/bias", "scale",
    ]  # fmt: skip
    late = keras.Sequential([layers.Dense(2, name="a"), layers.Dense(2, name="b")], name="late")
    late(np.zeros((1, 3)))
    assert list(model_variables(late)) == ["a/kernel", "a/bias", "b/kernel", "b/bias"]
    assert list(model_variables(network()))[:3] == [
        "encoder/conv1/kernel", "encoder/conv1/bias", "encoder/norm1/gamma",
    ]  # fmt: skip


def test_shared_layers_are_named_once_and_equal_names_are_numbered() -> None:
    shared = layers.Dense(3, name="shared")
    given = keras.Input((3,))
    model = keras.Model(given, shared(shared(given)))
    assert list(model_variables(model)) == ["shared/kernel", "shared/bias"]
    first, second = layers.Dense(3, name="a"), layers.Dense(3, name="b")
    twice = keras.Model(given, second(first(given)))
    second.name = "a"
    for variable in second.weights:
        variable._path = variable.path.replace("b/", "a/")
    assert list(model_variables(twice)) == ["a/kernel", "a/bias", "a/kernel#2", "a/bias#2"]


def test_moments_of_equal_names_follow_the_variables() -> None:
    model = network()
    variables = model_variables(model)
    for optimizer, kinds in (
        (keras.optimizers.Adam(), {"moment1", "moment2"}),
        (keras.optimizers.SGD(momentum=0.9), {"moment1"}),
        (keras.optimizers.SGD(), set()),
        (keras.optimizers.RMSprop(), {"moment2"}),
        (keras.optimizers.LossScaleOptimizer(keras.optimizers.Lion()), {"moment1"}),
    ):
        optimizer.build(model.trainable_variables)
        found = moments(optimizer, variables)
        assert found.keys() == kinds
        for named in found.values():
            assert set(named) == {name for name, each in variables.items() if each.trainable}
            for name, slot in named.items():
                assert slot.shape == variables[name].shape
