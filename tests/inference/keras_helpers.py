"""Random networks saved by Keras itself, and what Keras makes of images."""

from pathlib import Path
from typing import Any

import keras
import numpy as np

from tb_snapshot_compare.inference.values import (
    A,
    B,
    Mixture,
    MixtureResult,
    ModelSource,
    RunRequest,
    Wanted,
)
from tb_snapshot_compare.readers import open_contents
from tb_snapshot_compare.snapshot import SnapshotContents

BOTH = (A, B)


def randomize(model: Any, seed: int) -> None:
    """Weights of which every layer's output keeps a scale of about one."""
    random = np.random.default_rng(seed)
    for variable in model.weights:
        shape = tuple(variable.shape)
        if str(variable.dtype).startswith(("int", "uint")):
            continue
        if variable.path.endswith(("variance", "gamma")):
            values = random.uniform(0.5, 1.5, shape)
        elif len(shape) < 2:
            values = random.normal(0, 0.05, shape)
        else:
            inputs = (
                np.prod(shape[:-1]) if "depthwise" not in variable.path else shape[0] * shape[1]
            )
            values = random.normal(0, 1, shape) * np.sqrt(1.0 / max(1, inputs))
        variable.assign(values.astype("float32"))
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()


def images_like(model: Any, count: int = 2, seed: int = 3) -> np.ndarray[Any, Any]:
    shape = [size or 32 for size in model.inputs[0].shape[1:]]
    random = np.random.default_rng(seed)
    return random.uniform(0, 1, (count, *shape)).astype("float32")


def save(model: Any, folder: Path) -> SnapshotContents:
    """One snapshot of a network with random weights."""
    randomize(model, 1)
    path = str(folder / f"{model.name}.keras")
    model.save(path)
    return open_contents(path)


def save_pair(model: Any, folder: Path) -> tuple[SnapshotContents, SnapshotContents]:
    """Two snapshots of a network; the model is left with the weights of b."""
    paths = [str(folder / f"{model.name}-{side}.keras") for side in "ab"]
    for seed, path in enumerate(paths):
        randomize(model, seed)
        model.save(path)
    a, b = (open_contents(path) for path in paths)
    return a, b


def source_of(contents: SnapshotContents) -> ModelSource:
    return ModelSource("keras", config=contents.model_config)


def request(
    a: SnapshotContents,
    b: SnapshotContents,
    images: np.ndarray[Any, Any],
    wanted: tuple[Wanted, ...] = (),
    mixtures: tuple[Mixture, ...] = BOTH,
    predictions: bool = True,
    source: ModelSource | None = None,
) -> RunRequest:
    return RunRequest(source or source_of(a), a, b, mixtures, images, wanted, predictions)


def keras_outputs(
    model: Any, layers: list[str], images: np.ndarray[Any, Any]
) -> list[np.ndarray[Any, Any]]:
    """The prediction, then each layer's output, by Keras's own forward pass."""
    outputs = [model.outputs[0], *(model.get_layer(name).output for name in layers)]
    values = keras.Model(model.inputs[0], outputs)(images, training=False)
    values = values if isinstance(values, list) else [values]
    return [np.asarray(keras.ops.convert_to_numpy(value), "float32") for value in values]


def check_equal(
    result: MixtureResult, expected: list[np.ndarray[Any, Any]], tolerance: float = 1e-5
) -> None:
    """Equal to `tolerance` of the largest value, at least 1."""
    assert result.predictions is not None
    for given, wanted in zip((result.predictions, *result.layers), expected, strict=True):
        assert given.shape == wanted.shape
        scale = max(1.0, float(np.abs(wanted).max()))
        difference = float(np.abs(given - wanted).max())
        assert difference <= tolerance * scale
