"""A network made by the user's own code. Runs in the child only.

`module:function` is a flag of whoever starts TensorBoard, so it is trusted like any program of
theirs; the module is found as `python -m` finds it, in the directory that TensorBoard was
started in or among the installed packages.
"""

import importlib
import os
import re
import sys
from collections.abc import Callable
from typing import Any

import keras

from tb_snapshot_compare.architecture import from_keras_config
from tb_snapshot_compare.errors import ModelUnavailableError
from tb_snapshot_compare.inference.keras_network import KerasNetwork
from tb_snapshot_compare.inference.values import ModelSource

FLAG = "--snapshot_compare_model"
_FACTORY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_TEXT_CHARACTERS = 300
_CORRECT = "Correct it and start TensorBoard again."


def open_code_model(source: ModelSource) -> KerasNetwork:
    """Makes the network of a `code` source.

    Raises:
      ModelUnavailableError: the function cannot be called, or gives no network of layers.
    """
    assert source.factory is not None
    model = code_model(source.factory)
    if not getattr(model, "inputs", None):
        raise ModelUnavailableError(
            f"{FLAG} {source.factory} returned a {type(model).__name__} of unknown inputs.",
            "Return a Functional model, keras.Model(inputs, outputs), or a Sequential model that "
            "begins with keras.Input.",
        )
    try:
        text = str(model.to_json())
    except Exception as error:  # what a custom layer's get_config raises
        raise ModelUnavailableError(
            f"{FLAG} {source.factory} returned a model that cannot describe itself: "
            f"{_words(error)}",
            "Give its own layers a get_config() method.",
        ) from error
    return KerasNetwork(model, lambda tensors: from_keras_config(text, tensors, "keras_config"))


def code_model(factory: str) -> Any:
    """Imports the module of `module:function` and calls the function, which returns a Keras model.

    Raises:
      ModelUnavailableError: the module or function does not exist, raises, or returns something
        else. The message has the error's own first line and no traceback.
    """
    if not _FACTORY.fullmatch(factory):
        raise ModelUnavailableError(
            f"{FLAG} {factory!r:.100} is not of the form module:function.", _CORRECT
        )
    module, _, function = factory.partition(":")
    value = _function(factory, _module(factory, module), function)
    try:
        model = value()
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        raise ModelUnavailableError(
            f"{FLAG} {factory} failed: {_words(error)}",
            "The function is called without arguments and returns a Keras model. Correct it and "
            "start TensorBoard again.",
        ) from error
    if not isinstance(model, keras.Model):
        raise ModelUnavailableError(
            f"{FLAG} {factory} returned a {type(model).__module__}.{type(model).__qualname__}, "
            "not a Keras model.",
            "Return a keras.Model.",
        )
    return model


def _module(factory: str, name: str) -> Any:
    directory = os.getcwd()
    if directory not in sys.path:
        sys.path.insert(0, directory)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing and f"{name}.".startswith(f"{missing}."):
            raise ModelUnavailableError(
                f"{FLAG} {factory}: there is no module {missing!r}, neither in the directory that "
                "TensorBoard was started in nor among the installed packages.",
                "Start TensorBoard in the directory that holds it, or install it.",
            ) from error
        raise ModelUnavailableError(
            f"{FLAG} {factory}: importing the module {name!r} failed: {_words(error)}", _CORRECT
        ) from error


def _function(factory: str, module: Any, name: str) -> Callable[[], Any]:
    value = module
    for part in name.split("."):
        value = getattr(value, part, None)
    if value is None:
        raise ModelUnavailableError(
            f"{FLAG} {factory}: the module {module.__name__!r} has no {name!r}.", _CORRECT
        )
    if not callable(value):
        raise ModelUnavailableError(
            f"{FLAG} {factory}: {name!r} is a {type(value).__name__}, not a function.", _CORRECT
        )
    found: Callable[[], Any] = value
    return found


def _words(error: BaseException) -> str:
    line = str(error).strip().partition("\n")[0][:_TEXT_CHARACTERS]
    return f"{type(error).__name__}: {line}" if line else type(error).__name__
