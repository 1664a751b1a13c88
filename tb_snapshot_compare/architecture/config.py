"""A Keras configuration as values: models, layers and which tensors each call of a layer takes.

Reads what Keras 3 writes (`model.to_json()`, `config.json`, the event file's tag `keras`) and
what tf.keras 2 wrote into `.h5` files. Nothing is imported or called by what it says.
"""

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tb_snapshot_compare.architecture.values import MalformedConfigError, Shape
from tb_snapshot_compare.limits import EDGES_MAX, MODEL_CONFIG_MAX_CHARACTERS, MODEL_NESTING_MAX

INPUT_LAYER = "InputLayer"


@dataclass(frozen=True, slots=True)
class Reference:
    """Tensor number `tensor` of the call number `call` of a layer of the same model."""

    layer: str
    call: int = 0
    tensor: int = 0
    shape: Shape | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """The tensors that one call of a layer takes, in Keras's order.

    Keywords follow the positional arguments, `query` first: attention has its shape. `by_key`
    holds the tensors again by key, where the first argument is a dict.
    """

    references: tuple[Reference, ...]
    by_key: Mapping[str, tuple[Reference, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LayerConfig:
    """One layer. `model` is set for a nested model.

    `inner_names` are the names of models that a wrapper holds, and of their layers. `implied` marks
    the input of a Sequential model that has no input layer.
    """

    name: str
    kind: str
    config: Mapping[str, Any]
    calls: tuple[Call, ...] = ()
    built_for: Shape | None = None
    model: "ModelConfig | None" = None
    inner_names: tuple[str, ...] = ()
    implied: bool = False

    @property
    def is_input(self) -> bool:
        """Whether this is where data enters its model."""
        return self.kind == INPUT_LAYER


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """A Functional or Sequential model; `inputs` are (key, layer), the key being a dict's."""

    kind: str
    layers: tuple[LayerConfig, ...]
    inputs: tuple[tuple[str | None, str], ...]
    outputs: tuple[Reference, ...]
    by_name: Mapping[str, LayerConfig]


def parse_model(text: str) -> ModelConfig | str:
    """Reads a model's configuration.

    Returns:
      The model, or the class name of a model that is written in code: its configuration holds
      no layers.

    Raises:
      MalformedConfigError: it is not a configuration, or contradicts itself.
    """
    if len(text) > MODEL_CONFIG_MAX_CHARACTERS:
        raise MalformedConfigError(
            f"it has {len(text):,} characters, more than the "
            f"{MODEL_CONFIG_MAX_CHARACTERS:,} that are read"
        )
    try:
        value = json.loads(text)
        if not isinstance(value, dict):
            raise MalformedConfigError(f"it is a JSON {type(value).__name__}, not an object")
        kind = _class_name(value)
        if _layer_list(value) is None:
            return kind
        return _model(value, depth=0)
    except RecursionError:
        raise MalformedConfigError("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise MalformedConfigError(f"it is not JSON ({error.msg}, line {error.lineno})") from None


def shape_of(value: object) -> Shape | None:
    """`value` as a shape, None if it is anything else."""
    if not isinstance(value, list):
        return None
    if all(size is None or _is_index(size) for size in value):
        return tuple(value)
    return None


def _model(value: Mapping[str, Any], depth: int) -> ModelConfig:
    kind = _class_name(value)
    if depth > MODEL_NESTING_MAX:
        raise MalformedConfigError(f"models are nested more than {MODEL_NESTING_MAX} deep")
    entries = _layer_list(value) or []
    config = value["config"]
    if isinstance(config, dict) and "output_layers" in config:
        return _functional(kind, config, entries, depth)
    return _sequential(kind, config, entries, depth)


def _layer_list(value: Mapping[str, Any]) -> list[Any] | None:
    """The layers of a model; a Keras 1 Sequential configuration is the list itself."""
    config = value.get("config")
    layers = config.get("layers") if isinstance(config, dict) else config
    if not isinstance(layers, list):
        return None
    return layers if all(isinstance(e, dict) and "class_name" in e for e in layers) else None


def _functional(
    kind: str, config: Mapping[str, Any], entries: Sequence[Mapping[str, Any]], depth: int
) -> ModelConfig:
    names = {_layer_name(entry) for entry in entries}
    layers = []
    connections = 0
    for entry in entries:
        nodes = entry.get("inbound_nodes", [])
        if not isinstance(nodes, list):
            raise MalformedConfigError(f"inbound_nodes of {_layer_name(entry)} is not a list")
        calls = tuple(_call(node, names) for node in nodes)
        connections += sum(len(call.references) for call in calls)
        if connections > EDGES_MAX:
            raise MalformedConfigError(f"it has more than {EDGES_MAX:,} connections")
        layers.append(_layer(entry, depth, calls))
    inputs = tuple(
        (key, reference.layer)
        for key, reference in _keyed_references(config.get("input_layers"), names)
    )
    outputs = tuple(r for _, r in _keyed_references(config.get("output_layers"), names))
    return _checked(kind, layers, inputs, outputs)


def _sequential(
    kind: str, config: object, entries: Sequence[Mapping[str, Any]], depth: int
) -> ModelConfig:
    parsed = [_layer(entry, depth, ()) for entry in entries]
    if not parsed or not parsed[0].is_input:
        shape = config.get("build_input_shape") if isinstance(config, dict) else None
        if shape is None and parsed:
            shape = parsed[0].config.get("batch_input_shape")
        implied = LayerConfig("", INPUT_LAYER, {"batch_shape": shape}, implied=True)
        parsed.insert(0, implied)
    layers = [parsed[0]]
    for layer in parsed[1:]:
        call = Call((Reference(layers[-1].name, shape=layer.built_for),))
        layers.append(dataclasses.replace(layer, calls=(call,)))
    return _checked(kind, layers, ((None, layers[0].name),), (Reference(layers[-1].name),))


def _checked(
    kind: str,
    layers: Sequence[LayerConfig],
    inputs: tuple[tuple[str | None, str], ...],
    outputs: tuple[Reference, ...],
) -> ModelConfig:
    for name, count in Counter(layer.name for layer in layers).items():
        if count > 1:
            raise MalformedConfigError(f"{count} layers of one model are called {name!r}")
    by_name = {layer.name: layer for layer in layers}
    return ModelConfig(kind, tuple(layers), inputs, outputs, by_name)


def _layer(entry: Mapping[str, Any], depth: int, calls: tuple[Call, ...]) -> LayerConfig:
    config = entry.get("config")
    config = config if isinstance(config, dict) else {}
    build = entry.get("build_config")
    kind = _class_name(entry)
    nested = None if _layer_list(entry) is None else _model(entry, depth + 1)
    return LayerConfig(
        name=_layer_name(entry),
        kind=kind,
        config=config,
        calls=calls,
        built_for=shape_of(build.get("input_shape")) if isinstance(build, dict) else None,
        model=nested,
        inner_names=() if nested else tuple(_inner_names(config)),
    )


def _class_name(value: Mapping[str, Any]) -> str:
    name = value.get("class_name")
    if not isinstance(name, str) or not name:
        raise MalformedConfigError("an object that should be a layer has no class_name")
    return name


def _layer_name(entry: Mapping[str, Any]) -> str:
    config = entry.get("config")
    for holder in (entry, config):
        name = holder.get("name") if isinstance(holder, dict) else None
        if isinstance(name, str) and name:
            return name
    kind = _class_name(entry)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind).lower()


def _inner_names(value: object) -> Iterator[str]:
    """Names of all models, and of their layers, anywhere inside a wrapper's configuration."""
    if isinstance(value, list):
        for item in value:
            yield from _inner_names(item)
    elif isinstance(value, dict):
        layers = _layer_list(value) if "class_name" in value else None
        if layers is not None:
            yield _layer_name(value)
        for entry in layers or ():
            yield _layer_name(entry)
            yield from _inner_names(entry.get("config"))
        if layers is None:
            for item in value.values():
                yield from _inner_names(item)


def _call(node: object, names: set[str]) -> Call:
    """One element of `inbound_nodes`: Keras 3's {args, kwargs}, or tf.keras 2's nested lists."""
    if isinstance(node, dict) and ("args" in node or "kwargs" in node):
        args, kwargs = node.get("args"), node.get("kwargs")
        arguments = args if isinstance(args, list) else []
        keywords = kwargs if isinstance(kwargs, dict) else {}
        first = arguments[0] if arguments else keywords.get("inputs")
        keys = sorted(keywords, key=lambda key: (key != "query", key))
        references = (
            *_references(arguments, names),
            *(each for key in keys for each in _references(keywords[key], names)),
        )
    else:
        first = node
        references = tuple(_references(node, names))
    by_key: dict[str, tuple[Reference, ...]] = {}
    if isinstance(first, dict) and not _is_tensor(first):
        by_key = {key: tuple(_references(value, names)) for key, value in first.items()}
    return Call(tuple(references), by_key)


def _references(value: object, names: set[str]) -> Iterator[Reference]:
    """All tensors in a nest of lists and dicts, dicts by sorted key as optree flattens them."""
    if isinstance(value, dict):
        if _is_tensor(value):
            yield _tensor(value, names)
            return
        for key in sorted(value, key=str):
            yield from _references(value[key], names)
    elif isinstance(value, list):
        if _is_triple(value):
            if value[0] in names:
                yield Reference(value[0], value[1], value[2])
            value = value[3:]
        for item in value:
            yield from _references(item, names)


def _is_tensor(value: Mapping[str, Any]) -> bool:
    return value.get("class_name") == "__keras_tensor__"


def _tensor(value: Mapping[str, Any], names: set[str]) -> Reference:
    config = value.get("config")
    history = config.get("keras_history") if isinstance(config, dict) else None
    if not (isinstance(config, dict) and isinstance(history, list) and _is_triple(history)):
        raise MalformedConfigError("a __keras_tensor__ has no keras_history")
    layer, call, tensor = history[:3]
    if layer not in names:
        raise MalformedConfigError(f"a layer takes the output of {layer!r}, which does not exist")
    return Reference(layer, call, tensor, shape_of(config.get("shape")))


def _keyed_references(
    value: object, names: set[str], key: str | None = None
) -> Iterable[tuple[str | None, Reference]]:
    """The tensors of `input_layers` or `output_layers`: a triple, a list, a dict, or nested."""
    if isinstance(value, dict):
        for each in sorted(value, key=str):
            yield from _keyed_references(value[each], names, key or str(each))
    elif isinstance(value, list):
        if _is_triple(value):
            if value[0] not in names:
                raise MalformedConfigError(f"{value[0]!r} is an input or output, but no layer")
            yield key, Reference(value[0], value[1], value[2])
            return
        for item in value:
            yield from _keyed_references(item, names, key)


def _is_triple(value: list[Any]) -> bool:
    return (
        len(value) in (3, 4)
        and isinstance(value[0], str)
        and _is_index(value[1])
        and _is_index(value[2])
    )


def _is_index(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -1 <= value < 2**53
