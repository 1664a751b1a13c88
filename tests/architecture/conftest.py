"""Models of every construction that Keras allows, with what they really are."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tb_snapshot_compare.snapshot import TensorInfo

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def _keras() -> Any:
    import keras

    return keras


def sequential() -> Any:
    k = _keras()
    return k.Sequential(
        [
            k.layers.Input((32, 32, 3)),
            k.layers.Conv2D(8, 5, strides=2, padding="same", name="conv1"),
            k.layers.BatchNormalization(name="norm"),
            k.layers.ReLU(name="relu"),
            k.layers.MaxPooling2D(3, 2, name="pool"),
            k.layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise"),
            k.layers.Conv2DTranspose(4, 3, strides=2, name="up"),
            k.layers.ZeroPadding2D(((1, 0), (2, 1)), name="pad"),
            k.layers.Cropping2D(1, name="crop"),
            k.layers.SeparableConv2D(6, 3, dilation_rate=2, name="separable"),
            k.layers.UpSampling2D(2, name="larger"),
            k.layers.Flatten(name="flat"),
            k.layers.Dense(20, name="dense1"),
            k.layers.Reshape((-1, 5), name="shape"),
            k.layers.Permute((2, 1), name="turn"),
            k.layers.Conv1D(3, 2, padding="causal", name="conv1d"),
            k.layers.GlobalMaxPooling1D(name="global"),
            k.layers.Dropout(0.5, name="drop"),
            k.layers.RepeatVector(3, name="repeat"),
            k.layers.LSTM(7, name="lstm"),
            k.layers.Dense(10, activation="softmax", name="classes"),
        ],
        name="alexnet",
    )


def residual() -> Any:
    k = _keras()
    x = inputs = k.Input((16, 16, 3), name="image")
    x = k.layers.Conv2D(8, 3, padding="same", name="stem")(x)
    for block in range(3):
        y = k.layers.Conv2D(8, 3, padding="same", name=f"b{block}_conv1")(x)
        y = k.layers.BatchNormalization(name=f"b{block}_bn")(y)
        y = k.layers.Conv2D(8, 3, padding="same", name=f"b{block}_conv2")(y)
        x = k.layers.Add(name=f"b{block}_add")([x, y])
    x = k.layers.GlobalAveragePooling2D(name="pool")(x)
    return k.Model(inputs, k.layers.Dense(10, name="head")(x))


def inception() -> Any:
    k = _keras()
    x = inputs = k.Input((None, None, 3), name="image")
    towers = [
        k.layers.Conv2D(4, 1, padding="same", name="one")(x),
        k.layers.Conv2D(4, 3, padding="same", name="three")(x),
        k.layers.Conv2D(2, 1, name="five")(k.layers.MaxPooling2D(3, 1, "same", name="pool")(x)),
    ]
    x = k.layers.Concatenate(name="concat")(towers)
    return k.Model(inputs, x)


def nested() -> Any:
    """Functional in Sequential in Functional, with one leaf name in three models."""
    k = _keras()
    a = k.Input((6,))
    h = k.layers.Dense(6, name="dense")(a)
    inner = k.Model(a, k.layers.Add(name="sum")([h, a]), name="inner")
    middle = k.Sequential([k.Input((6,)), k.layers.Dense(6, name="dense"), inner], name="middle")
    x = k.Input((6,), name="in")
    y = k.layers.Dense(6, name="first")(x)
    y = middle(y)
    return k.Model(x, k.layers.Dense(2, name="dense")(k.layers.Add(name="skip")([x, y])))


def siamese() -> Any:
    """A model that is called twice, and a layer that is."""
    k = _keras()
    i = k.Input((4,))
    tower = k.Sequential([k.Input((4,)), k.layers.Dense(3, name="embed")], name="tower")
    del i
    left, right = k.Input((4,), name="left"), k.Input((4,), name="right")
    shared = k.layers.Dense(4, name="shared")
    difference = k.layers.Subtract(name="difference")([tower(shared(left)), tower(shared(right))])
    return k.Model([left, right], k.layers.Dense(1, name="same")(difference))


def attention() -> Any:
    k = _keras()
    x = k.Input((5, 8), name="query_in")
    m = k.Input((7, 8), name="memory")
    y = k.layers.MultiHeadAttention(2, 4, name="mha")(query=x, value=m, key=m)
    y = k.layers.LayerNormalization(name="norm")(y)
    return k.Model(inputs=[x, m], outputs=k.layers.Dense(3, name="out")(y))


def operators() -> Any:
    k = _keras()
    x = k.Input((4,), name="x")
    d = k.layers.Dense(4, name="d")(x)
    y = d * 2 + k.ops.sin(d)
    parts = k.ops.split(k.ops.concatenate([y, x], axis=-1), 2, axis=-1)
    return k.Model(x, k.ops.matmul(parts[1], k.ops.transpose(parts[0])) - y[:, :1])


def dicts() -> Any:
    """Inputs, outputs and calls with dicts, in an order other than the alphabetical."""
    k = _keras()
    p, q = k.Input((3,), name="zeta"), k.Input((5,), name="alpha")
    inner = k.Model(
        {"zeta": p, "alpha": q},
        {"z": k.layers.Dense(2, name="of_zeta")(p), "a": k.layers.Dense(2, name="of_alpha")(q)},
        name="inner",
    )
    three, five = k.Input((3,), name="three"), k.Input((5,), name="five")
    out = inner({"zeta": three, "alpha": five})
    return k.Model(
        {"three": three, "five": five},
        {"first": k.layers.Dense(1, name="on_z")(out["z"]),
         "second": [k.layers.ReLU(name="on_a")(out["a"])]},
    )  # fmt: skip


def several_outputs() -> Any:
    k = _keras()
    a = k.Input((4,))
    inner = k.Model(
        a, [k.layers.Dense(2, name="one")(a), k.layers.Dense(3, name="two")(a), a], name="inner"
    )
    x = k.Input((4,), name="x")
    one, two, through = inner(x)
    return k.Model(x, [k.layers.ReLU(name="r1")(one), two, k.layers.Dense(1, name="t")(through)])


def recurrent() -> Any:
    k = _keras()
    x = k.Input((9,), name="words", dtype="int32")
    y = k.layers.Embedding(50, 6, name="embedding")(x)
    y = k.layers.Bidirectional(k.layers.GRU(4, return_sequences=True), name="both_ways")(y)
    inner = k.Sequential([k.Input((8,)), k.layers.Dense(5, name="per_step")], name="steps")
    y = k.layers.TimeDistributed(inner, name="each")(y)
    y, state = k.layers.GRU(3, return_state=True, name="gru")(y)
    return k.Model(x, k.layers.Dense(2, name="out")(k.layers.Multiply(name="m")([y, state])))


def own_output() -> Any:
    """A layer that is called on what came of it: a cycle of layers."""
    k = _keras()
    x = k.Input((4,), name="x")
    d = k.layers.Dense(4, name="again")
    y = k.layers.ReLU(name="relu")(d(x))
    return k.Model(x, k.layers.Dense(1, name="end")(d(d(y))))


def resnet50() -> Any:
    return _keras().applications.ResNet50(weights=None, input_shape=(64, 64, 3), classes=10)


def mobilenet() -> Any:
    return _keras().applications.MobileNetV2(weights=None, input_shape=(64, 64, 3), classes=10)


BUILDERS: tuple[Callable[[], Any], ...] = (
    sequential, residual, inception, nested, siamese, attention, operators, dicts,
    several_outputs, recurrent, own_output, resnet50, mobilenet,
)  # fmt: skip


@dataclass(frozen=True)
class Specimen:
    """A model's configuration and tensors, and the truth about it."""

    name: str
    config: str
    tensors: tuple[TensorInfo, ...]
    count_params: int
    edges: frozenset[tuple[str, str]]
    shapes: dict[str, tuple[int | None, ...]]


@pytest.fixture(scope="session")
def specimens() -> dict[str, Specimen]:
    """Every model of `BUILDERS`."""
    made = {}
    for builder in BUILDERS:
        _keras().backend.clear_session()
        model = builder()
        tracing = _Tracing()
        tracing.run(model, None, None)
        made[builder.__name__] = Specimen(
            builder.__name__,
            model.to_json(),
            tuple(tensors_of(model)),
            model.count_params(),
            frozenset(tracing.edges),
            tracing.shapes,
        )
    return made


@pytest.fixture(params=[builder.__name__ for builder in BUILDERS])
def specimen(request: pytest.FixtureRequest, specimens: dict[str, Specimen]) -> Specimen:
    """One model after the other."""
    return specimens[request.param]


def tensors_of(model: Any) -> Iterator[TensorInfo]:
    """The tensors of a model, named as readers name them."""
    owners: dict[str, dict[int, str]] = {}
    for layer in _leaves(model):
        for variable in layer.weights:
            parts = variable.path.split("/")
            name = "/".join(parts[_inner_start(layer, parts) : -1])
            numbered = owners.setdefault(name, {})
            number = len(numbered) + 1
            own = numbered.setdefault(id(layer), name if number == 1 else f"{name}#{number}")
            yield TensorInfo(
                key=variable.path, name=f"{own}/{parts[-1]}", dtype="float32",
                shape=tuple(variable.shape), extents=(), layer=own, role=parts[-1],
            )  # fmt: skip


def _inner_start(layer: Any, parts: list[str]) -> int:
    """Readers leave out the names of models, also of one inside a wrapper."""
    wrapped = getattr(layer, "layer", None)
    if hasattr(wrapped, "layers"):
        return parts.index(wrapped.name) + 1
    return parts.index(layer.name)


def _leaves(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _leaves(layer)
        else:
            yield layer


class _Tracing:
    """Sends sets of layer names through the model's real nodes, nested models included."""

    def __init__(self) -> None:
        self.edges: set[tuple[str, str]] = set()
        self.shapes: dict[str, tuple[int | None, ...]] = {}

    def run(self, model: Any, given: list[set[str]] | None, prefix: str | None) -> list[set[str]]:
        functional = getattr(model, "_functional", None) or model
        values: dict[int, set[str]] = {}
        for number, tensor in enumerate(functional.inputs):
            name = tensor._keras_history.operation.name
            values[id(tensor)] = {name} if given is None else given[number]
            if given is None:
                self.shapes[name] = tuple(tensor.shape)
        for depth in sorted(functional._nodes_by_depth, reverse=True):
            for node in functional._nodes_by_depth[depth]:
                if not node.is_input:
                    self._call(node, values, prefix)
        return [values[id(tensor)] for tensor in functional.outputs]

    def _call(self, node: Any, values: dict[int, set[str]], prefix: str | None) -> None:
        operation = node.operation
        path = operation.name if prefix is None else f"{prefix}/{operation.name}"
        taken = [values[id(tensor)] for tensor in node.arguments.keras_tensors]
        if hasattr(operation, "layers"):
            given = self.run(operation, taken, path)
        else:
            self.edges |= {(source, path) for sources in taken for source in sources}
            self.shapes.setdefault(path, tuple(node.outputs[0].shape))
            given = [{path}] * len(node.outputs)
        for tensor, value in zip(node.outputs, given, strict=True):
            values[id(tensor)] = value
