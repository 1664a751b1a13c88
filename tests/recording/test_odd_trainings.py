"""Trainings of Keras that are not the usual ones are recorded as they are, and never stopped."""

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tb_snapshot_compare import SnapshotCallback

Reader = Callable[[Path], Any]
IMAGES = np.random.default_rng(0).normal(size=(64, 4, 4, 1)).astype(np.float32)
LABELS = np.arange(64) % 4
LOSS = "sparse_categorical_crossentropy"


def network(*, is_built: bool = True, optimizer: Any = "sgd", **compiled: Any) -> Any:
    keras.utils.set_random_seed(3)
    given = [keras.Input((4, 4, 1))] if is_built else []
    model = keras.Sequential(
        [
            *given,
            layers.Rescaling(8.0),
            layers.Flatten(name="flatten"),
            layers.Dense(4, activation="softmax", name="head"),
        ]
    )
    model.compile(optimizer, **{"loss": LOSS, **compiled})
    return model


def overflowing() -> Any:
    """Scales losses so that the gradients of the first steps are infinite."""
    return keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(), initial_scale=2.0**127)


def fit(model: Any, callback: Any, labels: Any = LABELS, epochs: int = 1, **options: Any) -> None:
    model.fit(
        IMAGES, labels, batch_size=8, epochs=epochs, shuffle=False, verbose=0,
        callbacks=callback, **options,
    )  # fmt: skip


def norms(found: Any, kind: str, unit: str = "") -> Any:
    return found.log.layer_statistic(kind, "l2", [unit])[0]


class Stepping(keras.Model):
    """Trains in code of its own, and logs what `logged` makes of the batch's loss."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = layers.Dense(4, name="head")
        self.flat = layers.Flatten(name="flat")

    def call(self, x: Any) -> Any:
        return self.layer(self.flat(x))

    def train_step(self, data: Any) -> dict[str, Any]:
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True))
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        return {"loss": loss}


class TwoPlayers(keras.Model):
    """As adversarial networks are: two models, two optimizers, none of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.maker = keras.Sequential([keras.Input((3,)), layers.Dense(16, name="make")], name="m")
        self.judge = keras.Sequential([keras.Input((16,)), layers.Dense(1, name="tell")], name="j")

    def compile(self, made: Any, told: Any) -> None:
        super().compile()
        self.made, self.told = made, told

    def train_step(self, data: Any) -> dict[str, Any]:
        x = tf.reshape(data[0], (-1, 16))
        noise = tf.random.normal((tf.shape(x)[0], 3))
        for model, optimizer in ((self.judge, self.told), (self.maker, self.made)):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(self.judge(x) - self.judge(self.maker(noise)))
            gradients = tape.gradient(loss, model.trainable_weights)
            optimizer.apply_gradients(zip(gradients, model.trainable_weights, strict=True))
        return {"game": loss}


def test_a_model_whose_layers_come_with_the_first_batch_is_recorded_from_there(
    tmp_path: Path, read: Reader
) -> None:
    callback = SnapshotCallback(tmp_path, every=1)
    fit(network(is_built=False), callback)
    assert callback.recorder.lost == {}
    found = read(tmp_path)
    assert found.steps("layers") == list(range(1, 9))
    assert [unit.path for unit in found.log.units] == ["", "head"]
    assert np.isnan(norms(found, "gradient")).tolist() == [True] + [False] * 7


def test_a_score_of_every_class_is_no_number_and_does_no_harm(tmp_path: Path, read: Reader) -> None:
    model = network(loss="categorical_crossentropy", metrics=[keras.metrics.F1Score(), "accuracy"])
    fit(model, SnapshotCallback(tmp_path, every=4), keras.utils.to_categorical(LABELS))
    names = read(tmp_path).log.scalar_names()
    assert {"epoch_loss", "epoch_accuracy"} <= set(names)
    assert "epoch_f1_score" not in names


def test_losses_that_are_logged_of_single_batches_are_taken_as_they_are(
    tmp_path: Path, read: Reader
) -> None:
    model, logged = Stepping(), []
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))

    class Keeping(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            logged.append(float(logs["loss"]))

    callbacks = [SnapshotCallback(tmp_path, every=4), Keeping()]
    model.fit(IMAGES, LABELS, batch_size=8, epochs=2, verbose=0, callbacks=callbacks)
    np.testing.assert_allclose(read(tmp_path).log.scalars(["loss"])["loss"].values, logged)


def test_losses_stay_those_of_batches_where_the_model_is_evaluated_in_between(
    tmp_path: Path, read: Reader
) -> None:
    class Evaluating(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 3:
                self.model.evaluate(IMAGES[:16], LABELS[:16], verbose=0)

    model = network(optimizer=keras.optimizers.SGD(0.0))
    fit(model, [SnapshotCallback(tmp_path, every=4), Evaluating()], epochs=2)
    want = [
        model.evaluate(IMAGES[k : k + 8], LABELS[k : k + 8], verbose=0) for k in range(0, 64, 8)
    ]
    found = read(tmp_path).log.scalars(["loss"])["loss"].values
    np.testing.assert_allclose(found, want * 2, rtol=1e-4)


@pytest.mark.parametrize("kind", ["accumulated", "compiled anew", "two optimizers", "overflown"])
def test_a_second_training_hides_nothing_of_the_first(
    kind: str, tmp_path: Path, read: Reader
) -> None:
    if kind == "two optimizers":
        model: Any = TwoPlayers()
        model.compile(keras.optimizers.Adam(), keras.optimizers.Adam())
    elif kind == "accumulated":
        model = network(optimizer=keras.optimizers.SGD(gradient_accumulation_steps=4))
    elif kind == "overflown":
        model = network(optimizer=overflowing())
    else:
        model = network()
    fit(model, SnapshotCallback(tmp_path, every=4), epochs=2)
    if kind == "compiled anew":
        model.compile("adam", LOSS)
    fit(model, SnapshotCallback(tmp_path, every=4))
    found = read(tmp_path)
    assert found.steps("layers") == [0, 4, 8, 12, 16, 20, 24]
    assert found.steps("scalars") == list(range(1, 25))


class Traced(keras.Model):
    """Counts how often its training step is traced."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = keras.Sequential([keras.Input((4, 4, 1)), layers.Flatten(), layers.Dense(4)])
        self.traces = 0

    def call(self, x: Any) -> Any:
        return self.layer(x)

    def train_step(self, data: Any) -> Any:
        self.traces += 1
        return super().train_step(data)


def test_trainings_one_after_the_other_are_traced_once(tmp_path: Path, read: Reader) -> None:
    model = Traced()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    callback = SnapshotCallback(tmp_path, every=4)
    fit(model, callback)
    traces = model.traces
    fit(model, callback)
    fit(model, callback)
    assert model.traces == traces
    assert np.isnan(norms(read(tmp_path), "gradient")).tolist() == [k == 0 for k in range(7)]


def test_a_model_that_was_compiled_after_a_break_trains_with_its_new_optimizer(
    tmp_path: Path,
) -> None:
    class Breaks(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            raise KeyboardInterrupt

    model, callback = network(), SnapshotCallback(tmp_path, every=2)
    with pytest.raises(KeyboardInterrupt):
        model.fit(IMAGES, LABELS, batch_size=8, verbose=0, callbacks=[callback, Breaks()])
    model.compile("adam", LOSS)
    fit(model, callback)
    fit(model, keras.callbacks.Callback())
    assert int(model.optimizer.iterations) == 16


def test_a_training_that_was_broken_off_leaves_no_thread_to_the_next(tmp_path: Path) -> None:
    class Breaks(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            raise KeyboardInterrupt

    model = network()
    before = set(threading.enumerate())
    for _ in range(2):
        callbacks = [SnapshotCallback(tmp_path, every=2), Breaks()]
        with pytest.raises(KeyboardInterrupt):
            model.fit(IMAGES, LABELS, batch_size=8, verbose=0, callbacks=callbacks)
    fit(model, SnapshotCallback(tmp_path, every=2))
    left = set(threading.enumerate()) - before
    assert [each for each in left if each.name == "snapshot-compare-recording"] == []


def test_gradients_that_were_not_applied_are_not_known(tmp_path: Path, read: Reader) -> None:
    scaled = overflowing()
    model = network(optimizer=scaled)
    applied = []

    class Counting(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            applied.append(int(scaled.inner_optimizer.iterations.numpy()))

    model.fit(
        IMAGES, LABELS, batch_size=8, epochs=1, verbose=0,
        callbacks=[SnapshotCallback(tmp_path, every=1), Counting()],
    )  # fmt: skip
    found = read(tmp_path)
    was_applied = np.diff([0, *applied]) == 1
    assert not was_applied.all()
    assert was_applied.any()
    assert (~np.isnan(norms(found, "gradient")[1:])).tolist() == was_applied.tolist()


def test_a_model_with_optimizers_of_its_own_has_no_gradients_and_no_rate(
    tmp_path: Path, read: Reader
) -> None:
    model = TwoPlayers()
    model.compile(keras.optimizers.Adam(), keras.optimizers.Adam())
    fit(model, SnapshotCallback(tmp_path, every=2))
    found = read(tmp_path)
    assert found.steps("layers") == [0, 2, 4, 6, 8]
    assert (norms(found, "update", "m/make")[1:] > 0).all()
    assert np.isnan(norms(found, "gradient")).all()
    assert "learning_rate" not in found.log.scalar_names()


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_what_the_loss_does_not_depend_on_has_a_gradient_of_0(tmp_path: Path, read: Reader) -> None:
    class Forgetful(Traced):
        def __init__(self) -> None:
            super().__init__()
            self.forgotten = keras.Sequential([keras.Input((4,)), layers.Dense(4)])

    model = Forgetful()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    fit(model, SnapshotCallback(tmp_path, every=4))
    found = read(tmp_path)
    paths = [unit.path for unit in found.log.units if unit.parent]
    assert [norms(found, "gradient", path)[1] > 0 for path in paths] == [True, False]
    assert norms(found, "gradient", paths[1])[1] == 0


def test_a_layer_without_a_configuration_does_no_harm(tmp_path: Path, read: Reader) -> None:
    class Odd(layers.Layer):
        def call(self, x: Any) -> Any:
            return x

        def get_config(self) -> dict[str, Any]:
            raise RuntimeError("no configuration")

    model = keras.Sequential([keras.Input((4, 4, 1)), Odd(), layers.Flatten(), layers.Dense(4)])
    model.compile("sgd", "mse")
    fit(model, SnapshotCallback(tmp_path, every=4), np.zeros((64, 4)))
    assert read(tmp_path).steps("layers") == [0, 4, 8]


def test_what_fails_beside_a_training_ends_the_recording_with_a_warning(
    tmp_path: Path, read: Reader, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    callback = SnapshotCallback(tmp_path, every=1)
    model = network()
    moments = "tb_snapshot_compare.recording.callback.moments"
    calls = []

    def fails(*given: Any) -> Any:
        calls.append(given)
        if len(calls) == 4:
            raise RuntimeError("an optimizer of another kind")
        return {}

    monkeypatch.setattr(moments, fails)
    fit(model, callback)
    assert int(model.optimizer.iterations) == 8
    assert "apply" not in vars(model.optimizer)
    warnings = [each.message for each in caplog.records if each.levelno == logging.WARNING]
    assert warnings == [
        "The training is not recorded any more, and goes on: RuntimeError: an optimizer of another "
        "kind"
    ]
    callback.recorder.close()
    assert read(tmp_path).steps("layers") == [0, 1, 2]
    fit(model, callback)
    assert read(tmp_path).steps("layers") == [0, 1, 2, *range(8, 17)]


def test_a_probe_that_never_ends_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)).batch(8).repeat()
    with pytest.raises(ValueError, match=r"more than 100,000 images: want fewer, and without repe"):
        SnapshotCallback(tmp_path / "a", probe_data=endless, every=4)

    class Endless:
        def __iter__(self) -> Any:
            while True:
                yield IMAGES, LABELS

    monkeypatch.setattr("tb_snapshot_compare.recording.probe_data.RECORDING_PROBE_IMAGES_MAX", 200)
    fit(network(), SnapshotCallback(tmp_path / "b", probe_data=Endless(), every=4))
    refused = [each.message for each in caplog.records if "The probe is not" in each.message]
    assert len(refused) == 1
    assert "without repeat()" in refused[0]


def test_probe_images_of_several_sizes_are_recorded_without_pictures(
    tmp_path: Path, read: Reader
) -> None:
    model = keras.Sequential(
        [
            keras.Input((None, None, 1)),
            layers.Conv2D(3, 3),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile("sgd", LOSS)
    sizes = [np.zeros((4, edge, edge, 1), np.float32) for edge in (4, 6, 6)]
    probe = [(images, np.zeros(4, int)) for images in sizes]
    fit(model, SnapshotCallback(tmp_path, probe_data=probe, every=4))
    found = read(tmp_path)
    assert found.steps("images")
    assert len(found.log.probe.images) == 12
    assert found.log.pictured().tolist() == []


def test_a_model_with_a_state_is_not_asked_anything(
    tmp_path: Path, read: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    model = keras.Sequential(
        [
            keras.Input((4, 4), batch_size=8),
            layers.SimpleRNN(3, stateful=True),
            layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile("sgd", LOSS)
    probe = (IMAGES[:8, :, :, 0], LABELS[:8])
    callback = SnapshotCallback(tmp_path, probe_data=probe, every=4)
    model.fit(IMAGES[:, :, :, 0], LABELS, batch_size=8, verbose=0, callbacks=[callback])
    found = read(tmp_path)
    assert found.steps("images") == []
    assert "a layer keeps a state from batch to batch" in caplog.text
    ((_, text),) = found.events("probe")
    assert text == "The probe is not recorded: a layer keeps a state from batch to batch"
