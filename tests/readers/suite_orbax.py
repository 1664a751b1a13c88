"""Saves the suite's network as Keras does with Orbax, and beside it what Keras loads again.

Run as `python -m tests.readers.suite_orbax FOLDER`: Orbax and JAX stay out of the tests' process.
"""

import sys
from pathlib import Path

import safetensors.numpy

from tests.readers.suite_network import VARIANTS, keras, keras_values, new_keras_network, np


def main() -> None:
    """Writes `VARIANT/run/0` and `VARIANT/loaded.safetensors` into the folder."""
    for variant in VARIANTS:
        folder = Path(sys.argv[1]).absolute() / variant
        model = new_keras_network(variant)
        model.compile("sgd", "mse")
        callback = keras.callbacks.OrbaxCheckpoint(
            str(folder / "run"), max_to_keep=None, save_on_background=False
        )
        callback.set_model(model)
        callback.on_epoch_end(0)
        callback.on_train_end()
        again = new_keras_network(variant)
        again.compile("sgd", "mse")
        for variable in again.weights:
            variable.assign(np.zeros(variable.shape))
        again.load_weights(folder / "run")
        safetensors.numpy.save_file(keras_values(again), folder / "loaded.safetensors")


if __name__ == "__main__":
    main()
