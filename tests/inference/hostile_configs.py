"""Keras configurations that try to run code, read files or exhaust memory."""

import base64
import json
import marshal
from collections.abc import Callable
from typing import Any

Config = dict[str, Any]
CANARY = "CANARY"
"""Stands for the path of a file that a payload would create."""
_DTYPE = {
    "module": "keras",
    "class_name": "DTypePolicy",
    "config": {"name": "float32"},
    "registered_name": None,
}


def layer(kind: str, name: str, module: str | None = "keras.layers", **config: Any) -> Config:
    return {
        "module": module,
        "class_name": kind,
        "config": {"name": name, **config},
        "registered_name": None,
        "name": name,
    }


def tensor(name: str, shape: tuple[int | None, ...] = (None, 8, 8, 3)) -> Config:
    return {
        "class_name": "__keras_tensor__",
        "config": {"shape": list(shape), "dtype": "float32", "keras_history": [name, 0, 0]},
    }


def called(on: str, *more: Any, **keywords: Any) -> list[Config]:
    return [{"args": [tensor(on), *more], "kwargs": keywords}]


def network(*layers: Config, shape: tuple[int | None, ...] = (8, 8, 3)) -> Config:
    """A chain of layers; those that have no `inbound_nodes` take the one before."""
    image = {**layer("InputLayer", "image", batch_shape=[None, *shape]), "inbound_nodes": []}
    chain = [image]
    for each in layers:
        chain.append({"inbound_nodes": called(chain[-1]["name"]), **each})
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "registered_name": "Functional",
        "config": {
            "name": "hostile",
            "trainable": True,
            "layers": chain,
            "input_layers": [["image", 0, 0]],
            "output_layers": [[chain[-1]["name"], 0, 0]],
        },
    }


def _dense(**config: Any) -> Config:
    return layer("Dense", "d", units=2, **config)


def _function(module: str, name: str) -> Config:
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def _write_canary(x: Any) -> Any:
    open("CANARY", "w").close()
    return x


def _code() -> str:
    return base64.b64encode(marshal.dumps(_write_canary.__code__)).decode()


def _lambda() -> Config:
    function = {
        "class_name": "__lambda__",
        "config": {"code": _code(), "defaults": None, "closure": None},
    }
    return layer("Lambda", "evil", function=function)


def _nested_models(depth: int) -> Config:
    model = network(_dense())
    for number in range(depth):
        model["name"] = model["config"]["name"] = f"model{number}"
        model = network(model)
    return model


def _cycle() -> Config:
    one = {**layer("Activation", "one", activation="relu"), "inbound_nodes": called("two")}
    two = {**layer("Activation", "two", activation="relu"), "inbound_nodes": called("one")}
    return network(one, two)


def _operation(module: str, name: str, *arguments: Any, **config: Any) -> Config:
    node = {**layer(name, name.lower(), module, **config), "registered_name": name}
    return {**node, "inbound_nodes": called("image", *arguments)}


def _constant(module: str, name: str, *arguments: Any) -> Config:
    node = {**layer(name, name.lower(), module), "registered_name": name}
    return {**node, "inbound_nodes": [{"args": list(arguments), "kwargs": {}}]}


_NUMPY = "keras.src.ops.numpy"
REFUSED: dict[str, Callable[[], Config]] = {
    "lambda": lambda: network(_lambda()),
    "lambda of keras 2": lambda: network(
        layer("Lambda", "evil", None, function=[_code(), None, None], function_type="lambda")
    ),
    "lambda in TimeDistributed": lambda: network(layer("TimeDistributed", "t", layer=_lambda())),
    "lambda in Bidirectional": lambda: network(
        layer(
            "Bidirectional",
            "b",
            layer=layer("LSTM", "l", units=2),
            backward_layer=_lambda(),
        )
    ),
    "lambda as cell": lambda: network(layer("RNN", "r", cell=_lambda())),
    "lambda among cells": lambda: network(
        layer("RNN", "r", cell=layer("StackedRNNCells", "s", cells=[_lambda()]))
    ),
    "lambda in a nested model": lambda: network(
        {**network(_lambda()), "name": "hostile", "inbound_nodes": called("image")}
    ),
    "lambda as an argument": lambda: network(
        {
            **_dense(),
            "inbound_nodes": called(
                "image",
                {"class_name": "__lambda__", "config": {"value": [_code(), None, None]}},
            ),
        }
    ),
    "type specification of a foreign module": lambda: network(
        {
            **_dense(),
            "inbound_nodes": called(
                "image",
                {
                    "class_name": "__typespec__",
                    "spec_name": "system",
                    "module": "os",
                    "registered_name": None,
                    "config": [f"touch {CANARY}"],
                },
            ),
        }
    ),
    "os.system as a layer": lambda: network(layer("system", "evil", "os", command="true")),
    "eval as a layer": lambda: network(layer("eval", "evil", "builtins")),
    "a class of another package": lambda: network(layer("Popen", "evil", "subprocess")),
    "load_model as a layer": lambda: network(layer("load_model", "evil", "keras.saving")),
    "get_file as a layer": lambda: network(
        layer("get_file", "evil", "keras.utils", origin="http://127.0.0.1:9/x")
    ),
    "an internal function of Keras as a layer": lambda: network(
        layer("func_load", "evil", "keras.src.utils.python_utils", code=_code())
    ),
    "a registered layer": lambda: network(
        {**_dense(), "registered_name": "Evil>Dense", "module": None}
    ),
    "a registered name on a known class": lambda: network(
        {**_dense(), "registered_name": "builtins>Dense"}
    ),
    "a known class of a foreign module": lambda: network({**_dense(), "module": "os"}),
    "a module that begins like Keras": lambda: network({**_dense(), "module": "keras.layersevil"}),
    "activation os.system": lambda: network(_dense(activation=_function("os", "system"))),
    "activation eval": lambda: network(_dense(activation=_function("builtins", "eval"))),
    "activation get_file": lambda: network(_dense(activation=_function("keras.utils", "get_file"))),
    "activation func_load": lambda: network(
        _dense(activation=_function("keras.src.utils.python_utils", "func_load"))
    ),
    "activation with a module path": lambda: network(_dense(activation="os.system")),
    "activation lambda": lambda: network(_dense(activation=_lambda())),
    "a quantized policy of a foreign class": lambda: network(
        _dense(dtype={"module": "os", "class_name": "system", "config": {"name": "float32"}})
    ),
    "a SavedModel as a layer": lambda: network(layer("TFSMLayer", "evil", filepath="/etc")),
    "a torch module as a layer": lambda: network(
        layer("TorchModuleWrapper", "evil", module_name="torch")
    ),
    "a JAX function as a layer": lambda: network(layer("JaxLayer", "evil", call_fn="x")),
    "vocabulary file of TextVectorization": lambda: network(
        layer("TextVectorization", "t", vocabulary="/etc/passwd")
    ),
    "vocabulary file of StringLookup": lambda: network(
        layer("StringLookup", "t", vocabulary="/etc/passwd")
    ),
    "vocabulary file on a known layer": lambda: network(_dense(vocabulary="/etc/passwd")),
    "an operation that takes a function": lambda: network(
        _operation("keras.src.ops.core", "Map", function=_function("os", "system"))
    ),
    "an operation of a module that is none": lambda: network(
        _operation("keras.src.ops.numpy.evil", "Add")
    ),
    "an array out of nothing": lambda: network(_constant(_NUMPY, "Arange", 0, 2**31)),
    "a constant repeated": lambda: network(_constant(_NUMPY, "Tile", [1.0], [2**35])),
    "a model written in code": lambda: {
        "module": "evil",
        "class_name": "MyModel",
        "config": {"path": "/etc/passwd"},
        "registered_name": "Evil>MyModel",
    },
    "a model of another module": lambda: {**network(_dense()), "module": "os.path"},
    "units of 2^31": lambda: network(layer("Dense", "d", units=2**31)),
    "units of 2^62": lambda: network(layer("Dense", "d", units=2**62)),
    "units of 10^4000": lambda: network(layer("Dense", "d", units=10**4000)),
    "negative units": lambda: network(layer("Dense", "d", units=-5)),
    "a huge convolution": lambda: network(
        layer("Conv2D", "c", filters=2**20, kernel_size=[1000, 1000], padding="same")
    ),
    "a huge input": lambda: network(_dense(), shape=(2**31, 2**31, 3)),
    "a huge normalization": lambda: network(layer("Normalization", "n"), shape=(8, 2**35)),
    "a huge repetition": lambda: network(
        layer("Flatten", "f"), layer("RepeatVector", "r", n=2**38)
    ),
    "a huge upsampling": lambda: network(layer("UpSampling2D", "u", size=[2**20, 2**20])),
    "a huge padding": lambda: network(
        layer("ZeroPadding2D", "z", padding=[[2**20, 2**20], [2**20, 2**20]])
    ),
    "a huge embedding": lambda: network(layer("Embedding", "e", input_dim=2**31, output_dim=2**20)),
    "a huge attention": lambda: network(
        layer("Reshape", "r", target_shape=[64, 3]),
        {
            **layer("MultiHeadAttention", "m", num_heads=2**20, key_dim=2**20),
            "inbound_nodes": called("r", tensor("r")),
        },
    ),
    "a huge tile": lambda: network(
        _operation(_NUMPY, "Tile", repeats=[1, 2**20, 2**20, 1]),
    ),
    "a huge one-hot": lambda: network(_operation("keras.src.ops.nn", "OneHot", num_classes=2**38)),
    "a cycle": _cycle,
    "models nested 150 deep": lambda: _nested_models(150),
    "6,000 layers": lambda: network(
        *(layer("Activation", f"a{number}", activation="relu") for number in range(6_000))
    ),
    "a tensor of a layer that does not exist": lambda: network(
        {**_dense(), "inbound_nodes": called("nothing")}
    ),
    "a device as a dtype": lambda: network(_dense(dtype="/device:GPU:0")),
    "a name of megabytes": lambda: network(layer("Dense", "d" * 2_000_000, units=1)),
}
"""Each must be refused with an error that names it, before anything is built or allocated."""

DROPPED: dict[str, Callable[[], Config]] = {
    "initializer os.system": lambda: network(
        _dense(kernel_initializer={"module": "os", "class_name": "system", "config": {}})
    ),
    "initializer lambda": lambda: network(_dense(kernel_initializer=_lambda())),
    "regularizer eval": lambda: network(_dense(kernel_regularizer=_function("builtins", "eval"))),
    "constraint get_file": lambda: network(
        _dense(bias_constraint=_function("keras.utils", "get_file"))
    ),
    "compile information": lambda: {
        **network(_dense()),
        "compile_config": {"optimizer": {"module": "os", "class_name": "system", "config": {}}},
    },
    "build information": lambda: network({**_dense(), "build_config": {"input_shape": _lambda()}}),
    "a device in a name": lambda: network(layer("Dense", "/device:GPU:0", units=2)),
}
"""What is wrong in these is left out or harmless: the network may be built, and nothing runs."""

TEXTS = {
    "nested lists": "[" * 100_000 + "]" * 100_000,
    "nested objects": '{"config":' * 50_000 + "1" + "}" * 50_000,
    "a number of a million digits": '{"class_name": "Functional", "config": '
    + "1" * 1_000_000
    + "}",
    "no JSON": "import os; os.system('true')",
    "a list": "[1, 2]",
    "an empty model": '{"class_name": "Sequential", "config": {"name": "x", "layers": []}}',
}


def all_refused() -> dict[str, str]:
    return {name: _text(make()) for name, make in REFUSED.items()} | TEXTS


def _text(config: Config) -> str:
    return json.dumps(config).replace(str(10**4000), "1" + "0" * 4000)
