"""`--snapshot_compare_model module:function`: what the user's code gives, or why nothing."""

import sys
from collections.abc import Iterator
from pathlib import Path

import keras
import pytest

from tb_snapshot_compare.errors import ModelUnavailableError
from tb_snapshot_compare.inference.code_model import code_model, open_code_model
from tb_snapshot_compare.inference.values import ModelSource

SOURCE = """
import keras

class Scale(keras.layers.Layer):
    def build(self, shape):
        self.factor = self.add_weight(shape=(shape[-1],), name="factor")
    def call(self, x):
        return x * self.factor

def make():
    return keras.Sequential([keras.Input((4, 4, 3)), Scale(name="own"),
                             keras.layers.Flatten(), keras.layers.Dense(2, name="head")])

class Subclassed(keras.Model):
    pass

def with_argument(size):
    return make()

def raises():
    raise ValueError("no size is given\\n  File '/secret/path.py', line 1")

def leaves():
    raise SystemExit(3)

def text():
    return "a model"

class Holder:
    make = staticmethod(make)

number = 3
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "own_networks.py").write_text(SOURCE)
    (tmp_path / "broken_networks.py").write_text("import keras\nimport no_such_library\n")
    (tmp_path / "ending_networks.py").write_text("raise SystemExit('usage: train')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield "own_networks"
    for name in ("own_networks", "broken_networks", "ending_networks"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("function", ["make", "Holder.make"])
def test_a_function_of_the_start_directory_gives_the_model(module: str, function: str) -> None:
    model = code_model(f"{module}:{function}")
    assert isinstance(model, keras.Model)
    assert model.layers[0].name == "own"


def test_the_network_of_a_code_source_is_described(module: str) -> None:
    network = open_code_model(ModelSource("code", factory=f"{module}:make"))
    layers = {layer.name: layer for layer in network.description.layers}
    assert layers["own"].shape == (4, 4, 3)
    assert network.description.outputs[0].shape == (2,)


@pytest.mark.parametrize(
    ("factory", "reason"),
    [
        ("no_such_networks:make", "there is no module 'no_such_networks'"),
        ("no_such.networks:make", "there is no module 'no_such'"),
        ("own_networks:nothing", "the module 'own_networks' has no 'nothing'"),
        ("own_networks:number", "'number' is a int, not a function"),
        ("own_networks:text", r"returned a builtins\.str, not a Keras model"),
        ("own_networks:raises", "failed: ValueError: no size is given The function"),
        ("own_networks:leaves", "failed: SystemExit: 3 The function"),
        ("own_networks:with_argument", r"TypeError: with_argument\(\) missing 1 required"),
        ("broken_networks:make", "failed: ModuleNotFoundError: No module named 'no_such_library'"),
        ("ending_networks:make", "failed: SystemExit: usage: train"),
        ("own_networks", "not of the form module:function"),
        ("own_networks:make()", "not of the form module:function"),
        ("../own_networks:make", "not of the form module:function"),
    ],
)
def test_what_is_wrong_is_said_without_a_traceback(module: str, factory: str, reason: str) -> None:
    with pytest.raises(ModelUnavailableError, match=reason) as caught:
        code_model(factory)
    assert caught.value.remedy
    assert "secret" not in str(caught.value)


def test_a_model_without_known_inputs_is_refused(module: str) -> None:
    with pytest.raises(ModelUnavailableError, match="a Subclassed of unknown inputs"):
        open_code_model(ModelSource("code", factory=f"{module}:Subclassed"))
