"""A small garden and a small network trained on it, for the case study's test.

`python -m tests.demo.garden FOLDER SEED` draws it into FOLDER/flowers, keeps what is held out in
FOLDER/validation, and leaves the run in FOLDER/logs/alexnet. Its own process, so that what makes
TensorFlow repeatable holds for this training only.
"""

import os
import sys
from dataclasses import replace
from pathlib import Path

IMAGES_PER_CATEGORY = 60
IMAGE_SIZE = 96
EPOCHS = 30
EARLY = 7
"""As far into the training as epoch 10 of 45."""
THREADS = 2
REPEATABLE = {
    "TF_DETERMINISTIC_OPS": "1",
    "TF_NUM_INTRAOP_THREADS": str(THREADS),
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


def grow(folder: Path, seed: int) -> None:
    """Draws the garden and trains a network on it."""
    from demo.dataset import load
    from demo.flowers import generate
    from demo.layout import SMALL
    from demo.train import train
    from demo.validation import validation_folder

    flowers = folder / "flowers"
    generate(flowers, IMAGES_PER_CATEGORY, IMAGE_SIZE, seed)
    validation_folder(flowers, folder / "validation")
    layout = replace(SMALL, size=48, filters=(16, 40, 56, 56, 40), units=160, learning_rate=0.02)
    train(load(flowers, layout.size), folder / "logs" / "alexnet", layout, EPOCHS)


if __name__ == "__main__":
    os.environ.update(REPEATABLE)
    grow(Path(sys.argv[1]), int(sys.argv[2]))
