"""Checks a Keras configuration before Keras sees it, and writes it anew from what is known.

Nothing of the given text reaches Keras but names, numbers and the wiring: classes, modules and
functions are those of `keras_allowed`, initializers are zeros, and regularizers, constraints,
compile and build information are left out. Reads what Keras 3 and tf.keras 2 write.
"""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from tb_snapshot_compare.errors import ModelUnavailableError
from tb_snapshot_compare.inference import keras_allowed as allowed
from tb_snapshot_compare.limits import (
    MODEL_CONFIG_MAX_CHARACTERS,
    RUN_CONFIG_DEPTH_MAX,
    RUN_CONSTANT_BYTES_MAX,
    RUN_LAYERS_MAX,
    RUN_TENSOR_BYTES_MAX,
)

CODE_REMEDY = (
    "Give the model in code: start TensorBoard with --snapshot_compare_model module:function."
)
Json = Any
_NAME_MAX_CHARACTERS = 1_000
_SIZE_MAX = 2**40
_SHAPE_MAX = RUN_TENSOR_BYTES_MAX // 2
_NUMBER_BYTES = 8
_DROPPED = frozenset(
    {"quantization_config", "batch_input_shape", "build_input_shape", "input_dtype"}
)
_LEGACY_DROPPED = {"DepthwiseConv2D": ("groups",), "LSTM": ("implementation", "time_major")}
_NESTED = frozenset({"layer", "forward_layer", "backward_layer", "cell"})
_ACTIVATION_KEYS = frozenset({"activation", "recurrent_activation"})
_ARRAYS = frozenset({"__tensor__", "__numpy__"})
_KERAS_2_DROPPED = frozenset({"implementation", "time_major"})


def safe_config(text: str) -> dict[str, Json]:
    """The configuration as Keras may have it.

    Args:
      text: JSON, of Keras 3 or tf.keras 2.

    Raises:
      ModelUnavailableError: it names a class, module or function that is not built in, is
        written in code, is malformed, or is larger than any network; says which layer.
    """
    if len(text) > MODEL_CONFIG_MAX_CHARACTERS:
        raise _unusable(
            f"it has {len(text):,} characters, more than the {MODEL_CONFIG_MAX_CHARACTERS:,} "
            "that are read"
        )
    try:
        value = json.loads(text, parse_constant=_constant)
        _check_depth(value)
        return _Rewriter().model(value, "the model")
    except RecursionError:
        raise _unusable("it is nested too deeply") from None
    except ValueError as error:  # malformed, or a number of thousands of digits
        words = error.msg if isinstance(error, json.JSONDecodeError) else "a number is too long"
        raise _unusable(f"it is not JSON ({words})") from None


class _Rewriter:
    """Walks one configuration; counts layers and constants over all of it."""

    def __init__(self) -> None:
        self._layers = 0
        self._constant_bytes = 0

    def model(self, value: Json, where: str) -> dict[str, Json]:
        """A Functional or Sequential model, at the top or as a layer."""
        entry = _mapping(value, where)
        class_name = _text(entry.get("class_name"), f"the class of {where}")
        config = entry.get("config")
        if isinstance(config, list) and class_name == "Sequential":
            config = {"name": "sequential", "layers": config}
        config = _mapping(config, where)
        name = _text(config.get("name", class_name.lower()), f"the name of {where}")
        where = f"the model {name!r}"
        if class_name not in allowed.MODELS or not isinstance(config.get("layers"), list):
            raise ModelUnavailableError(
                f"{_capital(where)} is written in code (class {class_name}), so its configuration "
                "does not tell how it computes.",
                CODE_REMEDY,
            )
        self._check_identity(entry, where, allowed.MODEL_MODULES)
        if allowed.MODELS[class_name] == "Sequential":
            inner = self._sequential(config, name, where)
        else:
            inner = self._functional(config, name, where)
        kind = allowed.MODELS[class_name]
        module = "keras" if kind == "Sequential" else "keras.src.models.functional"
        return {"class_name": kind, "module": module, "registered_name": None, "config": inner}

    def _sequential(self, config: Mapping[str, Json], name: str, where: str) -> dict[str, Json]:
        entries = config["layers"]
        layers = [self.layer(entry, where) for entry in entries]
        rewritten: dict[str, Json] = {"name": name, "layers": layers}
        shape = config.get("build_input_shape")
        if not layers:
            raise _unusable(f"{where} has no layers")
        if layers[0]["class_name"] != "InputLayer":
            first = _mapping(entries[0], where)
            for source in (first.get("config"), first.get("build_config")):
                if shape is None and isinstance(source, dict):
                    shape = source.get("batch_input_shape") or source.get("input_shape")
            if shape is not None:
                rewritten["build_input_shape"] = _without_batch(self._shape(shape, where))
        return rewritten

    def _functional(self, config: Mapping[str, Json], name: str, where: str) -> dict[str, Json]:
        layers = []
        for value in config["layers"]:
            entry = _mapping(value, where)
            layer = self.layer(entry, where)
            nodes = entry.get("inbound_nodes", [])
            if not isinstance(nodes, list):
                raise _unusable(f"inbound_nodes of a layer of {where} is not a list")
            own_name = entry.get("name", layer["config"].get("name"))
            layer["name"] = _text(own_name, f"the name of a layer of {where}")
            layer["inbound_nodes"] = [self._node(node, layer["name"]) for node in nodes]
            layers.append(layer)
        return {
            "name": name,
            "trainable": False,
            "layers": layers,
            "input_layers": self._plain(config.get("input_layers"), where),
            "output_layers": self._plain(config.get("output_layers"), where),
        }

    def layer(self, value: Json, where: str) -> dict[str, Json]:
        """A layer, an operation or a nested model."""
        self._layers += 1
        if self._layers > RUN_LAYERS_MAX:
            raise _unusable(f"it has more than {RUN_LAYERS_MAX:,} layers")
        entry = _mapping(value, f"a layer of {where}")
        class_name = _text(entry.get("class_name"), f"the class of a layer of {where}")
        if class_name in allowed.MODELS or isinstance(_layers_of(entry), list):
            return self.model(entry, f"a model in {where}")
        config = _mapping(entry.get("config", {}), f"the layer {class_name} of {where}")
        name = config.get("name", entry.get("name", class_name))
        where = f"layer {_text(name, f'the name of a layer of {where}')!r}"
        module = entry.get("module")
        operations = allowed.OPERATIONS.get(module) if isinstance(module, str) else None
        if operations is not None:
            self._check_identity(entry, where, (str(module),))
            if class_name not in operations:
                raise _refused(class_name, where, module)
            rewritten = {key: self._plain(each, where) for key, each in config.items()}
        elif allowed.APPLICATION_LAYERS.get(class_name, ...) == module:
            self._check_identity(entry, where, (str(module),))
            rewritten = self._config(class_name, config, where)
        else:
            modules = (*allowed.LAYER_MODULES, *allowed.LEGACY_LAYER_MODULES)
            self._check_identity(entry, where, modules)
            if class_name not in allowed.LAYERS:
                raise _refused(class_name, where, module)
            module = "keras.layers"
            rewritten = self._config(class_name, config, where)
        return {
            "class_name": class_name,
            "module": module,
            "registered_name": None,
            "config": rewritten,
        }

    def _check_identity(
        self, entry: Mapping[str, Json], where: str, modules: tuple[str, ...]
    ) -> None:
        """Refuses foreign modules and names under which code was registered."""
        module, registered = entry.get("module"), entry.get("registered_name")
        class_name = entry.get("class_name")
        known = module is None or (
            isinstance(module, str)
            and any(module == each or module.startswith(each + ".") for each in modules)
        )
        if not known or registered not in (None, class_name):
            raise _refused(class_name, where, module if not known else registered)

    def _config(self, class_name: str, config: Mapping[str, Json], where: str) -> dict[str, Json]:
        rewritten: dict[str, Json] = {}
        for key, value in config.items():
            if key in _DROPPED or key in _KERAS_2_DROPPED:
                continue
            if key in _LEGACY_DROPPED.get(class_name, ()):
                continue
            rewritten[key] = self._entry(class_name, key, value, where)
        if class_name == "InputLayer":
            _free_batch(rewritten, self._shape_or_none(config.get("batch_input_shape"), where))
        if "stateful" in rewritten:
            rewritten["stateful"] = False
        axis = rewritten.get("axis")
        if class_name == "BatchNormalization" and isinstance(axis, list) and len(axis) == 1:
            rewritten["axis"] = axis[0]
        return rewritten

    def _entry(self, class_name: str, key: str, value: Json, where: str) -> Json:
        if key.endswith("_initializer") or key == "initializer":
            return None if value is None else "zeros"
        if key.endswith(("_regularizer", "_constraint")):
            return None
        if key in _ACTIVATION_KEYS:
            return self._activation(value, where)
        if key == "dtype":
            return self._dtype(value, where)
        if key == "batch_shape":
            return self._shape_or_none(value, where)
        if key in _NESTED and value is not None:
            if isinstance(value, list):
                return [self.layer(each, where) for each in value]
            return self.layer(value, where)
        if key == "cells":
            return [self.layer(each, where) for each in _list(value, where)]
        if key == "vocabulary" and isinstance(value, str):
            raise _unusable(f"{where} ({class_name}) names a vocabulary file")
        return self._plain(value, where)

    def _activation(self, value: Json, where: str) -> Json:
        if value is None:
            return None
        module: Json = None
        if isinstance(value, dict):
            class_name, module = value.get("class_name"), value.get("module")
            if class_name in allowed.LAYERS:
                return self.layer(value, where)
            if class_name != "function" or value.get("registered_name") not in (
                None,
                "function",
                value.get("config"),
            ):
                raise _refused(class_name, where, module)
            value = value.get("config")
        if not isinstance(value, str) or value not in allowed.ACTIVATIONS:
            raise _refused(value, where, module, "activation")
        if module not in allowed.ACTIVATION_MODULES:
            raise _refused(value, where, module, "activation")
        return value

    def _dtype(self, value: Json, where: str) -> Json:
        if value is None:
            return None
        if isinstance(value, dict):
            class_name, module = value.get("class_name"), value.get("module")
            if class_name not in ("DTypePolicy", "Policy") or not str(module or "keras").startswith(
                ("keras", "tensorflow.keras")
            ):
                raise _refused(class_name, where, module, "dtype policy")
            value = _mapping(value.get("config"), where).get("name")
        if not isinstance(value, str) or value not in allowed.POLICIES | allowed.VALUE_TYPES:
            raise _refused(value, where, None, "dtype policy")
        return value

    def _node(self, node: Json, where: str) -> Json:
        where = f"layer {where!r}"
        if not isinstance(node, dict):
            return self._plain(node, where)
        call = {
            "args": self._argument(node.get("args", []), where),
            "kwargs": self._argument(node.get("kwargs", {}), where),
        }
        if node and not _holds_tensor(call):
            raise _unusable(f"{where} is called on no tensor of another layer")
        return call

    def _argument(self, value: Json, where: str) -> Json:
        """What a layer is called with: tensors of other layers, slices, and plain values."""
        if isinstance(value, list):
            return [self._argument(each, where) for each in value]
        if not isinstance(value, dict):
            return self._plain(value, where)
        if "class_name" not in value:
            return {_text(key, where): self._argument(each, where) for key, each in value.items()}
        class_name = value["class_name"]
        inner = value.get("config")
        if class_name == "__keras_tensor__":
            tensor = _mapping(inner, where)
            return _object(
                class_name,
                {
                    "shape": self._shape(tensor.get("shape"), where),
                    "dtype": self._dtype(tensor.get("dtype"), where),
                    "keras_history": self._plain(tensor.get("keras_history"), where),
                },
            )
        if class_name == "__slice__":
            bounds = _mapping(inner, where)
            keys = ("start", "stop", "step")
            return _object(class_name, {k: self._argument(bounds.get(k), where) for k in keys})
        if class_name == "__ellipsis__":
            return _object(class_name, {})
        return self._plain(value, where)

    def _plain(self, value: Json, where: str) -> Json:
        """JSON without objects, except arrays of numbers."""
        if isinstance(value, list):
            return [self._plain(each, where) for each in value]
        if isinstance(value, dict):
            if "class_name" not in value:
                return {_text(key, where): self._plain(each, where) for key, each in value.items()}
            class_name, inner = value["class_name"], value.get("config")
            if class_name not in _ARRAYS or not isinstance(inner, dict):
                raise _refused(class_name, where, value.get("module"))
            return _object(
                class_name,
                {
                    "value": self._plain(inner.get("value"), where),
                    "dtype": self._dtype(inner.get("dtype"), where),
                },
            )
        if isinstance(value, str):
            return _text(value, where)
        if isinstance(value, int) and not -_SIZE_MAX < value < _SIZE_MAX:
            raise _unusable(f"{where} holds a number of {value.bit_length()} bits")
        self._constant_bytes += _NUMBER_BYTES
        if self._constant_bytes > RUN_CONSTANT_BYTES_MAX:
            raise _unusable("it holds more numbers than a network's configuration does")
        return value

    def _shape(self, value: Json, where: str) -> list[int | None]:
        shape = _list(value, f"a shape of {where}")
        known = [size for size in shape if size is not None]
        if not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in known):
            raise _unusable(f"{where} has the shape {shape!r:.100}")
        if math.prod(n for n in known if isinstance(n, int)) > _SHAPE_MAX:
            raise _unusable(f"{where} takes or gives more than {_SHAPE_MAX:,} values")
        return shape

    def _shape_or_none(self, value: Json, where: str) -> list[int | None] | None:
        return None if value is None else self._shape(value, where)


def _free_batch(config: dict[str, Json], legacy_shape: list[int | None] | None) -> None:
    """An input of any number of images; TensorFlow 2 wrote `batch_input_shape`."""
    shape = config.get("batch_shape") or legacy_shape
    config.pop("sparse", None)
    config.pop("ragged", None)
    if isinstance(shape, list):
        config["batch_shape"] = _without_batch(shape)


def _without_batch(shape: list[int | None]) -> list[int | None]:
    return [None, *shape[1:]]


def _check_depth(value: Json) -> None:
    """Refuses nests that a recursive walk could not survive."""
    level = [value]
    for _ in range(RUN_CONFIG_DEPTH_MAX):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return
    raise _unusable(f"it is nested more than {RUN_CONFIG_DEPTH_MAX} deep")


def _holds_tensor(value: Json) -> bool:
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            return True
        value = list(value.values())
    return isinstance(value, list) and any(_holds_tensor(each) for each in value)


def _layers_of(entry: Mapping[str, Json]) -> Json:
    config = entry.get("config")
    return config.get("layers") if isinstance(config, dict) else None


def _constant(word: str) -> float:
    constants: dict[str, Callable[[], float]] = {
        "NaN": lambda: math.nan,
        "Infinity": lambda: math.inf,
        "-Infinity": lambda: -math.inf,
    }
    return constants[word]()


def _object(class_name: str, config: dict[str, Json]) -> dict[str, Json]:
    return {"class_name": class_name, "config": config}


def _mapping(value: Json, where: str) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise _unusable(f"{where} is not an object")
    return value


def _list(value: Json, where: str) -> list[Json]:
    if not isinstance(value, list):
        raise _unusable(f"{where} is not a list")
    return value


def _text(value: Json, what: str) -> str:
    if not isinstance(value, str) or len(value) > _NAME_MAX_CHARACTERS:
        raise _unusable(f"{what} is {value!r:.60}, not a short text")
    return value


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _unusable(reason: str) -> ModelUnavailableError:
    return ModelUnavailableError(
        f"The Keras configuration cannot be used: {reason}.",
        f"Save the model again with Keras 3, or {CODE_REMEDY[0].lower()}{CODE_REMEDY[1:]}",
    )


def _refused(name: Json, where: str, module: Json, what: str = "class") -> ModelUnavailableError:
    of = f" of {module!r:.100}" if module is not None else ""
    return ModelUnavailableError(
        f"{_capital(where)}: the {what} {name!r:.100}{of} is not one of Keras's own that are "
        "known to be safe, so the network is not rebuilt from its configuration.",
        CODE_REMEDY,
    )
