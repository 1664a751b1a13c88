"""A training process that saves when it is told to: `python -m tests.e2e.live_writer FOLDER`.

Commands on standard input, one a line; each is answered by the time at which its last byte was
written, in seconds since the epoch. `save NAME` trains a step and saves as Keras does, `slowly
NAME SECONDS` saves in pieces, as to a slow disk.
"""

import os
import sys
import time
from pathlib import Path

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")

import keras
import numpy as np

PIECES = 10


def main(folder: Path) -> None:
    """Serves until its input ends."""
    keras.utils.set_random_seed(3)
    layers = [keras.layers.Dense(size, name=f"dense{size}") for size in (32, 24, 8)]
    model = keras.Sequential([keras.Input((16,)), *layers])
    model.compile("sgd", "mse")
    random = np.random.default_rng(3)
    folder.mkdir(exist_ok=True)
    aside = folder.parent / "aside.keras"
    print(time.time(), flush=True)
    for line in sys.stdin:
        command, name, *more = line.split()
        model.fit(random.normal(size=(32, 16)), random.normal(size=(32, 8)), verbose=0)
        if command == "save":
            model.save(folder / name)
        else:
            model.save(aside)
            content = aside.read_bytes()
            aside.unlink()
            size = -(-len(content) // PIECES)
            with (folder / name).open("wb") as file:
                for start in range(0, len(content), size):
                    file.write(content[start : start + size])
                    file.flush()
                    time.sleep(float(more[0]) / PIECES if start + size < len(content) else 0)
        print(time.time(), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
