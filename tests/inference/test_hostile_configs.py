"""Hostile configurations run nothing and exhaust nothing."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers

from tb_snapshot_compare.errors import ModelUnavailableError
from tb_snapshot_compare.inference.client import Inference
from tb_snapshot_compare.inference.values import ModelSource
from tb_snapshot_compare.readers import open_contents
from tests.inference.hostile_configs import CANARY, DROPPED, REFUSED, all_refused
from tests.inference.keras_helpers import images_like, request, save

GROWTH_MAX_MIB = 64
SECONDS_MAX = 10.0


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What happened while each configuration was built, in a process of its own."""
    folder = tmp_path_factory.mktemp("hostile")
    texts = all_refused() | {name: json.dumps(make()) for name, make in DROPPED.items()}
    done = subprocess.run(
        [sys.executable, "-m", "tests.inference.hostile_recorder"],
        input=json.dumps(texts).encode(),
        stdout=subprocess.PIPE,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path]),
            "TF_NUM_INTRAOP_THREADS": "2",
        },
        check=True,
        timeout=240,
    )
    assert not (folder / CANARY).exists()
    results: dict[str, list[Any]] = json.loads(done.stdout.splitlines()[-1])
    return results


@pytest.mark.parametrize("name", all_refused())
def test_it_is_refused_with_a_remedy_and_runs_nothing(
    name: str, records: dict[str, list[Any]]
) -> None:
    error, words, events, grown, seconds = records[name]
    assert error == "ModelUnavailableError"
    assert "--snapshot_compare_model module:function" in words or "Compare its weights" in words
    assert events == []
    assert grown <= GROWTH_MAX_MIB
    assert seconds <= SECONDS_MAX


@pytest.mark.parametrize("name", DROPPED)
def test_what_is_left_out_runs_nothing(name: str, records: dict[str, list[Any]]) -> None:
    error, _, events, grown, _ = records[name]
    assert error in ("", "ModelUnavailableError")
    assert events == []
    assert grown <= GROWTH_MAX_MIB


def test_the_class_and_the_layer_are_named(records: dict[str, list[Any]]) -> None:
    assert "Layer 'evil': the class 'Lambda'" in records["lambda"][1]
    assert "Layer 'd': the activation 'system' of 'os'" in records["activation os.system"][1]
    assert "class MyModel" in records["a model written in code"][1]


def test_archives_run_nothing_in_the_child(tmp_path: Path, inference: Inference) -> None:
    model = keras.Sequential([layers.Input((8, 8, 3)), layers.Flatten(), layers.Dense(2)])
    good = save(model, tmp_path)
    inference.describe(ModelSource("keras", config=good.model_config))
    pid = inference.pid
    canary = tmp_path / "canary"
    for number, make in enumerate(list(REFUSED.values())[::3]):
        text = json.dumps(make()).replace(CANARY, str(canary))
        path = tmp_path / f"hostile{number}.keras"
        with zipfile.ZipFile(good.path) as source, zipfile.ZipFile(path, "w") as target:
            for member in source.namelist():
                data = text.encode() if member == "config.json" else source.read(member)
                target.writestr(member, data)
        contents = open_contents(str(path))
        if contents.model_config is None:
            continue
        with pytest.raises(ModelUnavailableError):
            inference.run(request(contents, contents, images_like(model)))
        assert inference.blocked == ()
    assert not canary.exists()
    assert inference.pid == pid


ATTEMPTS = {
    "a program": "import subprocess; subprocess.run(['true'])",
    "a shell": "import os; os.system('true')",
    "a process": "import os; os.fork()",
    "a connection": "import socket; socket.create_connection(('127.0.0.1', 9))",
    "a name": "import socket; socket.getaddrinfo('localhost', 9)",
    "writing": "open('/tmp/canary', 'w')",
    "appending": "open('/tmp/canary', 'a')",
    "creating": "import os; os.open('/tmp/canary', os.O_CREAT | os.O_WRONLY)",
    "reading a foreign file": "open('/etc/passwd')",
    "climbing out of a library": (
        "import os; open(os.path.dirname(os.__file__) + '/../' * 9 + 'etc/passwd')"
    ),
    "another process": "import os; open(f'/proc/{os.getppid()}/environ', 'rb')",
    "removing": "import os; os.remove('/tmp/canary')",
    "renaming": "import os; os.rename('/tmp/canary', '/tmp/other')",
    "a directory": "import os; os.mkdir('/tmp/canary')",
    "unpickling": "import pickle; pickle.loads(b'cos\\nsystem\\n.')",
    "unmarshalling": "import marshal; marshal.loads(marshal.dumps(1))",
    "compiling": "compile('1', '<config>', 'eval')",
    "evaluating": "eval('1 + 1')",
    "executing": "exec('x = 1')",
    "a library": "import ctypes; ctypes.CDLL('/tmp/evil.so')",
    "another package": "import antigravity",
    "a URL": "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9/')",
}
_CONFINED = """
import sys, types
import pickle, subprocess, socket, urllib.request, ctypes, marshal, os
from tb_snapshot_compare.inference.confinement import Confinement, ConfinementError
attempts = {name: compile(text, "attempt", "exec") for name, text in %r.items()}
functions = {name: types.FunctionType(code, {}) for name, code in attempts.items()}
confinement = Confinement()
confinement.install()
refused = []
for name, function in functions.items():
    try:
        function()
    except ConfinementError:
        refused.append(name)
with confinement.reading(["/etc/hostname"]):
    open("/etc/hostname").close()
assert len(confinement.take_blocked()) >= len(refused)
print(*refused, sep="\\n")
"""


def test_the_confinement_refuses_what_no_network_needs() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _CONFINED % ATTEMPTS], stdout=subprocess.PIPE, check=True, text=True
    )
    assert done.stdout.splitlines() == list(ATTEMPTS)
    assert not Path("/tmp/canary").exists()


def test_every_class_on_the_list_exists_in_keras() -> None:
    from tb_snapshot_compare.inference import keras_allowed

    missing = [name for name in keras_allowed.LAYERS if not hasattr(keras.layers, name)]
    assert missing == []
    for module, names in keras_allowed.OPERATIONS.items():
        known = vars(__import__(module, fromlist=["x"]))
        assert [name for name in names if name not in known] == []
