"""What `page_speed` and `beside` show: three logdirs, and the same weights as histograms.

- `series`: a ResNet-18 (102 tensors, 11.7 million weights) at 20 steps, saved by Keras,
- `many`: a mixture of experts of 12,345 small tensors, one pair, in safetensors files,
- `large`: a transformer of 146 tensors, 259.3 million weights (1.04 GB), one pair.

Weights change a little from step to step. Histograms are written with TensorBoard's own summary
code, 30 buckets each as it does by default.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from numpy.typing import NDArray

from benchmarks import inputs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

Weights = dict[str, NDArray[np.float32]]
NAMES = ("series", "many", "large")
TITLES = {
    "series": "102 tensors x 20 snapshots",
    "many": "12,345 tensors x 1 pair",
    "large": "A pair of 1.04 GB",
}
_BYTES = {"series": 1_000_000_000, "many": 100_000_000, "large": 2_200_000_000}
RUN = "run"
SERIES_STEPS = 20
BUCKETS = 30
_SEED = 7


def folders(name: str) -> tuple[Path, Path]:
    """The logdir of snapshots and the logdir of histograms, made once."""
    folder = inputs.kept(f"page-{name}", lambda path: _make(name, path), lambda _: _BYTES[name])
    return folder / "snapshots", folder / "histograms"


def _make(name: str, folder: Path) -> None:
    _write(_MAKERS[name](folder / "snapshots" / RUN), folder / "histograms" / RUN)


def _write(steps: Iterator[Weights], run: Path) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.plugins.histogram.summary_v2 import histogram_pb
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    run.mkdir(parents=True, exist_ok=True)
    writer = EventFileWriter(str(run), max_queue_size=1000)
    for step, weights in enumerate(steps):
        for name, values in weights.items():
            # TensorBoard groups tags by slashes; of names with dots each is a group of its own.
            summary = histogram_pb(name.replace(".", "/"), values, buckets=BUCKETS)
            writer.add_event(Event(wall_time=1e9 + step, step=step, summary=summary))
    writer.close()


def series(run: Path) -> Iterator[Weights]:
    """Twenty steps of a ResNet-18."""
    model = resnet18()
    rng = np.random.default_rng(_SEED)
    run.mkdir(parents=True, exist_ok=True)
    for step in range(SERIES_STEPS):
        for variable in model.weights:
            values = np.asarray(variable)
            variable.assign(values + 0.002 * rng.standard_normal(values.shape, np.float32))
        model.save(run / f"epoch-{step + 1:03}.keras")
        yield {variable.path: np.asarray(variable) for variable in model.weights}


def resnet18() -> Any:
    """The network of He et al. 2016 (https://arxiv.org/abs/1512.03385) for 1000 classes."""
    import keras

    layers = keras.layers
    inputs = x = keras.Input((224, 224, 3))

    def convolution(x: Any, name: str, filters: int, size: int, stride: int) -> Any:
        x = layers.Conv2D(
            filters, size, strides=stride, padding="same", use_bias=False, name=f"{name}_conv"
        )(x)
        return layers.BatchNormalization(name=f"{name}_bn")(x)

    x = layers.ReLU(name="stem_relu")(convolution(x, "stem", 64, 7, 2))
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="stem_pool")(x)
    for stage, filters in enumerate((64, 128, 256, 512), 1):
        for block in (1, 2):
            name = f"stage{stage}_block{block}"
            stride = 2 if stage > 1 and block == 1 else 1
            shortcut = convolution(x, f"{name}_0", filters, 1, stride) if stride == 2 else x
            y = layers.ReLU(name=f"{name}_1_relu")(convolution(x, f"{name}_1", filters, 3, stride))
            y = layers.Add(name=f"{name}_add")(
                [shortcut, convolution(y, f"{name}_2", filters, 3, 1)]
            )
            x = layers.ReLU(name=f"{name}_out")(y)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, layers.Dense(1000, name="predictions")(x))


def many(run: Path) -> Iterator[Weights]:
    """Two steps of 32 layers with 128 experts each: 12,345 tensors."""
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (64, 16)}
    for layer in range(32):
        start = f"model.layers.{layer}"
        for expert in range(128):
            for part in ("gate_proj", "up_proj", "down_proj"):
                shapes[f"{start}.mlp.experts.{expert}.{part}.weight"] = (16, 16)
        shapes[f"{start}.mlp.gate.weight"] = (128, 16)
    for layer in range(24):
        shapes[f"model.layers.{layer}.self_attn.o_proj.weight"] = (16, 16)
    return _pair(run, shapes)


def large(run: Path) -> Iterator[Weights]:
    """Two steps of 18 layers of width 1024, with embeddings: 259.3 million weights."""
    width = 1024
    shapes: dict[str, tuple[int, ...]] = {"wte.weight": (31_912, width)}
    for layer in range(18):
        start = f"h.{layer}"
        shapes[f"{start}.ln_1.weight"] = (width,)
        shapes[f"{start}.attn.c_attn.weight"] = (3 * width, width)
        shapes[f"{start}.attn.c_proj.weight"] = (width, width)
        shapes[f"{start}.ln_2.weight"] = (width,)
        shapes[f"{start}.mlp.c_fc.weight"] = (4 * width, width)
        shapes[f"{start}.mlp.c_fc.bias"] = (4 * width,)
        shapes[f"{start}.mlp.c_proj.weight"] = (width, 4 * width)
        shapes[f"{start}.mlp.c_proj.bias"] = (width,)
    shapes["ln_f.weight"] = (width,)
    return _pair(run, shapes)


def _pair(run: Path, shapes: Mapping[str, tuple[int, ...]]) -> Iterator[Weights]:
    rng = np.random.default_rng(_SEED)
    run.mkdir(parents=True, exist_ok=True)
    weights = {
        name: 0.02 * rng.standard_normal(shape, np.float32) for name, shape in shapes.items()
    }
    for step in (100, 200):
        write_safetensors(run / f"model-{step}.safetensors", weights)
        yield weights
        for values in weights.values():
            values += 0.0005 * rng.standard_normal(values.shape, np.float32)


def write_safetensors(path: Path, weights: Weights) -> None:
    """One file in the safetensors layout, tensor after tensor."""
    header: dict[str, object] = {}
    offset = 0
    for name, values in weights.items():
        end = offset + values.nbytes
        header[name] = {"dtype": "F32", "shape": values.shape, "data_offsets": (offset, end)}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for values in weights.values():
            file.write(values.tobytes())


_MAKERS: dict[str, Callable[[Path], Iterator[Weights]]] = {
    "series": series,
    "many": many,
    "large": large,
}
