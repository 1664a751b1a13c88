"""Networks whose layers have names that formats, processes and copies disagree about."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers


def automatic(units: int = 3) -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3),
            layers.Conv2D(4, 3),
            layers.Flatten(),
            layers.Dense(units),
        ]
    )


def nested() -> keras.Model:
    def part(name: str) -> keras.Model:
        given = keras.Input((6,))
        x = layers.Dense(6, name="fc")(given)
        return keras.Model(given, layers.Dense(6, name="dense")(x), name=name)

    given = keras.Input((6,))
    x = part("dec")(part("enc")(given))
    return keras.Model(given, layers.Dense(2, name="dense")(x), name="outer")


def in_sequence() -> keras.Model:
    first = keras.Sequential([layers.Conv2D(4, 3, name="conv"), layers.Conv2D(5, 3)], name="one")
    second = keras.Sequential([layers.Conv2D(4, 3, name="conv")], name="two")
    parts = [keras.Input((8, 8, 3)), first, second, layers.Flatten(), layers.Dense(3, name="out")]
    return keras.Sequential(parts, name="whole")


@keras.saving.register_keras_serializable("tests")
class Scaled(layers.Layer):
    """A layer of somebody's own: one weight, and two layers inside."""

    def __init__(self, units: int = 4, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.inner = layers.Dense(units, name="inner")
        self.outer = layers.Dense(units, name="outer")

    def build(self, shape: Any) -> None:
        self.factor = self.add_weight(shape=(self.units,), name="factor")
        super().build(shape)

    def call(self, x: Any) -> Any:
        return self.outer(self.inner(x)) * self.factor

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


def custom() -> keras.Model:
    given = keras.Input((4,))
    x = Scaled(name="s2")(Scaled(name="s1")(given))
    return keras.Model(given, layers.Dense(2, name="out")(x), name="own")


@keras.saving.register_keras_serializable("tests")
class InCode(keras.Model):
    """A model that is written in code, with a model inside."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.first = layers.Conv2D(4, 3)
        self.flat = layers.Flatten()
        self.middle = layers.Dense(3)
        self.block = keras.Sequential([layers.Dense(4), layers.Dense(5, name="named")])

    def call(self, x: Any) -> Any:
        return self.block(self.middle(self.flat(self.first(x))))


def in_code() -> keras.Model:
    model = InCode(name="in_code")
    model(np.zeros((1, 6, 6, 3), "float32"))
    return model


def saved_twice(build: Callable[[], keras.Model], folder: Path) -> dict[str, tuple[str, str]]:
    """Paths of two snapshots of one model by format, each format in a folder of its own."""
    import tensorflow as tf

    model = build()
    model.compile(keras.optimizers.Adam(), "mse")
    model.optimizer.build(model.trainable_variables)
    forms = ("m.keras", "m.weights.h5", "m.h5", "checkpoint", "export")
    paths: dict[str, tuple[str, str]] = {}
    for number in (1, 2):
        generator = np.random.default_rng(number)
        for variable in model.weights:
            variable.assign(generator.normal(size=variable.shape))
        for form in forms:
            place = folder / form.replace(".", "_") / str(number)
            place.mkdir(parents=True)
        where = [str(folder / form.replace(".", "_") / str(number) / form) for form in forms]
        model.save(where[0])
        model.save_weights(where[1])
        model.save(where[2], include_optimizer=False)
        tf.train.Checkpoint(model=model, optimizer=model.optimizer).write(where[3])
        model.export(where[4], verbose=False)
        for form, path in zip(forms, where, strict=True):
            paths[form] = (*paths.get(form, ()), path)  # type: ignore[assignment]
    return paths
