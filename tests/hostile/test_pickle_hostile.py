"""Pickles that try to run code, or to take all memory or time, in every file of PyTorch.

Each is opened, and every value read, in a child under an audit hook: nothing may happen, and
where the file holds a tensor beside the attempt, the tensor is read.
"""

import json
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile.corpus import age

CANARY = "canary"
SECONDS_MAX = 20.0
MEMORY_MAX = 64 * 1024 * 1024
_MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps({}, 2)
_VALUES = bytes(12)

CHILD = """
import json, resource, sys, time
from tb_snapshot_compare.errors import SnapshotCompareError
from tb_snapshot_compare.readers import TensorReader, open_contents, torch_distributed

def read(path):
    try:
        contents = open_contents(path)
        with TensorReader(contents.generation) as reader:
            good = [t.key for t in contents.tensors if t.problem is None and len(t.key) < 99]
            for tensor in contents.tensors:
                if tensor.problem is None:
                    reader.read_array(tensor)
        return good
    except SnapshotCompareError as error:
        return str(error)[:300]

listing, *warm = sys.argv[1:]
for path in warm:
    assert read(path) == ["w"], read(path)
events = []
FORBIDDEN = ("compile", "ctypes", "exec", "import", "marshal", "os.exec", "os.fork", "os.posix",
             "os.remove", "os.rename", "os.spawn", "os.system", "pickle.", "socket", "subprocess",
             "sys._getframe", "webbrowser", "urllib")
def hook(event, arguments):
    if event.startswith(FORBIDDEN):
        events.append(f"{event} {arguments!r:.200}")
    elif event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        events.append(f"{event} {arguments!r:.200}")
answers = {}
paths = json.load(open(listing))
sys.addaudithook(hook)
for story, path in paths.items():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    start = time.perf_counter()
    found = read(path)
    answers[story] = {
        "found": found, "seconds": time.perf_counter() - start, "events": list(events),
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before,
    }
    events.clear()
print(json.dumps(answers))
"""


def named(module: str, name: str) -> bytes:
    return b"c" + f"{module}\n{name}\n".encode()


def text(content: str) -> bytes:
    data = content.encode()
    return b"X" + len(data).to_bytes(4, "little") + data


_FUNCTION = named("torch._utils", "_rebuild_tensor_v2")
_ARGUMENTS = (
    b"((" + text("storage") + named("torch", "FloatStorage") + text("0") + text("cpu")
    + b"K\x03tQK\x00K\x03\x85K\x01\x85\x89" + named("collections", "OrderedDict") + b")Rt"
)  # fmt: skip
TENSOR = _FUNCTION + _ARGUMENTS + b"R"


def called(module: str, name: str, *arguments: bytes) -> bytes:
    """The call of a global with some arguments."""
    return named(module, name) + b"(" + b"".join(arguments) + b"tR"


class Reduced:
    """An object that pickles as a call, the way real exploits are made."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self._call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self._call


def reduced(function: Callable[..., object], *arguments: object) -> bytes:
    """The pickle of such an object, without its first and last instruction."""
    return pickle.dumps(Reduced(function, *arguments), 2)[2:-1]


def attempts(canary: str) -> dict[str, bytes]:
    """Instructions that push one value each, which some interpreter would have to act for."""
    touch = f"touch {canary}"
    code = f"open({canary!r}, 'w')"
    command, expression = text(touch), text(code)
    inner = pickle.dumps(Reduced(os.system, touch))
    as_bytes = b"B" + len(inner).to_bytes(4, "little") + inner
    importing = called("importlib", "import_module", text("os"))
    system = called("builtins", "getattr", importing, text("system"))
    return {
        "os.system": reduced(os.system, touch),
        "posix.system": called("posix", "system", command),
        "eval": reduced(eval, code),
        "exec": called("builtins", "exec", expression),
        "exec under its old name": called("__builtin__", "execfile", text(canary)),
        "compile": called("builtins", "compile", expression, text("x"), text("exec")),
        "subprocess.Popen": reduced(subprocess.Popen, touch),
        "subprocess.getoutput": called("subprocess", "getoutput", command),
        "import_module and getattr": system + b"(" + command + b"tR",
        "__import__": called("builtins", "__import__", text("this")),
        "a chain of partial": called(
            "functools", "reduce", named("os", "system"), b"](" + command + b"e"
        ),
        "map of os.system": called(
            "builtins", "list",
            called("builtins", "map", named("os", "system"), b"](" + command + b"e"),
        ),
        "operator.methodcaller": called("operator", "methodcaller", text("system"), command)
        + b"(" + importing + b"tR",
        "an instance by INST": b"(S'" + touch.encode() + b"'\nios\nsystem\n",
        "an instance by OBJ": b"(" + named("os", "system") + command + b"o",
        "a new object by NEWOBJ": named("subprocess", "Popen") + command + b"\x85\x81",
        "a new object by NEWOBJ_EX": named("subprocess", "Popen") + command + b"\x85}\x92",
        "names from the stack": text("os") + text("system") + b"\x93" + command + b"\x85R",
        "a dotted name of something known": text("torch._utils")
        + text("_rebuild_tensor_v2.__globals__") + b"\x93" + command + b"\x85R",
        "a dotted name of an own function": text("collections")
        + text("OrderedDict.__init__.__globals__") + b"\x93",
        "a name from the memo": named("os", "system") + b"q\x7b0h\x7b" + command + b"\x85R",
        "a memo that is overwritten": named("collections", "OrderedDict") + b"q\x7b0"
        + named("os", "system") + b"q\x7b0h\x7b" + command + b"\x85R",
        "extension codes": b"\x82\x01" + command + b"\x85R0\x83\x01\x01" + command
        + b"\x85R0\x84\x01\x01\x01\x01" + command + b"\x85R",
        "a state for __setstate__": named("collections", "OrderedDict") + b")R}"
        + text("__setstate__") + named("os", "system") + b"sb" + command + b"b",
        "a state for __dict__": named("os", "path") + b"}" + text("__class__")
        + named("os", "system") + b"sb",
        "a state for the table itself": named("collections", "OrderedDict") + b"}" + text("make")
        + named("os", "system") + b"sb0" + named("collections", "OrderedDict") + command + b"\x85R",
        "an item of an unknown object": named("os", "environ") + text("PATH") + text("/") + b"s",
        "a factory of defaultdict": called("collections", "defaultdict", named("os", "system")),
        "torch.load": called("torch", "load", text(canary)),
        "torch.hub.load": called("torch.hub", "load", text("a/b"), text("c")),
        "bytes that torch loads": called("torch.storage", "_load_from_bytes", as_bytes),
        "pickle.loads": called("pickle", "loads", as_bytes),
        "pickle.loads within NumPy": called(
            "numpy.core.multiarray", "_reconstruct", named("pickle", "loads"), as_bytes
        ),
        "a subclass of a tensor made by os.system": called(
            "torch._tensor", "_rebuild_from_type_v2", named("os", "system"), named("os", "system"),
            command + b"\x85", b"}",
        ),
        "a parameter of a call": called(
            "torch._utils", "_rebuild_parameter", called("os", "system", command), b"\x88", b"}"
        ),
        "a function of code": called(
            "types", "FunctionType", called("marshal", "loads", as_bytes), b"}"
        ),
        "a library": called("ctypes", "CDLL", text(canary)),
        "a connection": called("socket", "create_connection", text("127.0.0.1"), b"K\x09"),
        "a module of TorchScript": called("__torch__", "Evil", command),
        "a Keras layer": called("keras.layers", "Lambda", expression),
        "an object with an old constructor": called(
            "copy_reg", "_reconstructor", named("os", "system"), named("builtins", "object"), b"N"
        ),
    }  # fmt: skip


_MANY = {
    "list": b"(" + b"N" * 100_000 + b"l",
    "dict": b"}(" + b"".join(b"J" + n.to_bytes(4, "little") + b"N" for n in range(100_000)) + b"u",
    "text": text("a" * 1_000_000),
    "ints": b"(" + b"K\x00" * 100_000 + b"l",
}

SENSELESS = {
    "a persistent id that is a call": text("storage") + named("os", "system") + b"\x86Q",
    "a persistent id of persistent ids": b"((((" + text("a") + b"tQtQtQtQ",
    "a persistent id in text": b"Pstorage\n",
    "a storage whose class is a call": b"(" + text("storage")
    + called("os", "system", text("true")) + text("0") + text("cpu") + b"K\x03tQ",
    "a tensor of wrong arguments": called("torch._utils", "_rebuild_tensor_v2", b"K\x01"),
    "a tensor of a negative shape": TENSOR.replace(b"K\x03\x85", b"J\xff\xff\xff\xff\x85"),
    "a tensor of a shape of text": TENSOR.replace(b"K\x03\x85", text("3") + b"\x85"),
    "a tensor of a thousand axes": TENSOR.replace(b"K\x03\x85", b"(" + b"K\x01" * 1_000 + b"t"),
}  # fmt: skip
"""Tensors and storages that are none, each in the place of a value."""

HARMLESS = {
    "lists of lists of lists, each twice": b"]q\x01" + b"0]h\x01ah\x01aq\x01" * 60,
    "tuples of tuples, each twice": b")" + b"2\x86" * 5_000,
    "a tuple of tuples as a key": b"})" + b"2\x86" * 5_000 + b"K\x01s",
    "a list in itself": b"]q\x01h\x01a",
    "a dict in itself": b"}q\x01" + text("a") + b"h\x01s",
    "an unknown object in itself": named("a", "b") + b")\x81q\x01h\x01b",
    "a hundred thousand lists in each other": b"]" * 100_000 + b"a" * 99_999,
    "objects in objects in objects": (named("a", "b") + b")\x81}" + text("x")) * 20_000
    + b"N" + b"sb" * 20_000,
    "modules in modules": (named("torch.nn", "M") + b")\x81}" + text("_parameters") + b"}s"
    + text("_buffers") + b"}s" + text("_modules") + b"}" + text("m")) * 500 + b"N" + b"ssb" * 500,
    "an optimizer of one group a hundred thousand times": b"}(" + text("state") + b"}"
    + text("param_groups") + b"](}" + text("params") + _MANY["ints"] + b"sq\x01"
    + b"h\x01" * 100_000 + b"eu",
    "slots that all parameters share": b"}(" + text("param_groups") + b"]" + text("state")
    + b"}(K\x00" + _MANY["dict"] + b"q\x01"
    + b"".join(b"J" + n.to_bytes(4, "little") + b"h\x01" for n in range(1, 100_000)) + b"uu",
    "objects that all have one state": b"](" + named("a", "b") + b"q\x02)\x81" + _MANY["dict"]
    + b"q\x01b" + b"h\x02)\x81h\x01b" * 100_000 + b"e",
    "integers that collide as keys": b"}("
    + b"".join(
        b"\x8a\x10" + (n * (2**61 - 1)).to_bytes(16, "little") + b"N" for n in range(1, 20_000)
    )
    + b"u",
    "an integer of sixty kilobytes": b"\x8b" + (60_000).to_bytes(4, "little") + b"\x7f" * 60_000,
    "an integer of sixty kilobytes as a key": b"}\x8b" + (60_000).to_bytes(4, "little")
    + b"\x7f" * 60_000 + b"Ns",
    "a thousand copies as a subclass of a tensor": _MANY["list"] + b"\x85q\x010](" + 1_000 * called(
        "torch._tensor", "_rebuild_from_type_v2", named("builtins", "list"), b"N", b"h\x01"
    ) + b"e",
    "an epoch of infinity": b"}" + text("epoch") + b"G\x7f\xf0\0\0\0\0\0\0s",
    "half a surrogate as a key": b"}X\x03\0\0\0\xed\xa0\x80Ns",
}  # fmt: skip

BOMBS = {
    "the same tensor a million times": b"]" + TENSOR + b"q\x01a" + b"h\x01a" * 1_000_000,
    "nothing but dicts": b"}" * 3_000_000,
    "nothing but marks": b"(" * 3_000_000,
    "nothing but sets": b"\x8f" * 3_000_000,
    "a memo of three million": b"N" + b"\x94" * 3_000_000,
    **{
        f"a thousand copies by {module}.{name}": _MANY[kind] + b"q\x010](" + 1_000 * (
            called(module, name, b"h\x01")
        ) + b"e"
        for module, name, kind in (
            ("builtins", "list", "list"),
            ("builtins", "frozenset", "list"),
            ("collections", "OrderedDict", "dict"),
                        ("torch", "Size", "list"),
            ("_codecs", "encode", "text"),
        )
    },
    "tensors of nothing but memo": _FUNCTION + b"q\x020" + _ARGUMENTS + b"q\x030]("
    + b"h\x02h\x03R" * 500_000 + b"e",
}  # fmt: skip


def whole(value: bytes) -> bytes:
    """The pickle of `{"w": a tensor, "evil": value}`."""
    return b"\x80\x02}" + text("w") + TENSOR + b"s" + text("evil") + value + b"s."


def archive(path: Path, pickled: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("model/data.pkl", pickled)
        file.writestr("model/byteorder", "little")
        file.writestr("model/data/0", _VALUES)
    return path


def legacy(path: Path, pickled: bytes) -> Path:
    count = (3).to_bytes(8, "little")
    path.write_bytes(_MAGIC + pickled + pickle.dumps(["0"], 2) + count + _VALUES)
    return path


def distributed(folder: Path, pickled: bytes) -> Path:
    folder.mkdir()
    (folder / ".metadata").write_bytes(pickled)
    (folder / "__0_0.distcp").write_bytes(_VALUES)
    return folder


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outside") / CANARY


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory, canary: Path) -> dict[str, dict[str, object]]:
    """What became of every file, by its story."""
    folder = tmp_path_factory.mktemp("pickles")
    values = {**attempts(str(canary)), **SENSELESS, **HARMLESS, **BOMBS}
    paths: dict[str, Path] = {}
    for number, (story, value) in enumerate(values.items()):
        pickled = whole(value)
        paths[f"archive: {story}"] = archive(folder / f"{number}.pt", pickled)
        paths[f"legacy: {story}"] = legacy(folder / f"{number}.pth", pickled)
        paths[f"distributed: {story}"] = distributed(folder / f"{number}", pickled)
        bare = folder / f"{number}.bin"
        bare.write_bytes(pickled)
        paths[f"bare: {story}"] = bare
    sound = b"\x80\x02}" + text("w") + TENSOR + b"s."
    warm = [archive(folder / "sound.pt", sound), legacy(folder / "sound.pth", sound)]
    for path in (*paths.values(), *warm):
        age(path)
    listing = folder / "listing.json"
    listing.write_text(json.dumps({story: str(path) for story, path in paths.items()}))
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(listing), *map(str, warm)],
        capture_output=True,
        check=False,
        text=True,
        timeout=300,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    found: dict[str, dict[str, object]] = json.loads(done.stdout)
    return found


def test_there_are_enough_of_them(canary: Path) -> None:
    assert len(attempts(str(canary))) >= 40


def test_python_itself_would_run_them(canary: Path) -> None:
    """The attempts are real: Python's own loader acts on one."""
    pickle.loads(b"\x80\x02" + attempts(str(canary))["os.system"] + b".")
    assert canary.exists()
    canary.unlink()


def test_nothing_happens(answers: dict[str, dict[str, object]], canary: Path) -> None:
    assert {story: answer["events"] for story, answer in answers.items() if answer["events"]} == {}
    assert not canary.exists()


def test_tensors_beside_an_attempt_are_read(
    answers: dict[str, dict[str, object]], canary: Path
) -> None:
    expected = {*attempts(str(canary)), *HARMLESS, *SENSELESS}
    lost = {
        story: answer["found"]
        for story, answer in answers.items()
        if story.partition(": ")[0] in ("archive", "legacy")
        and story.partition(": ")[2] in expected
        and (isinstance(answer["found"], str) or "w" not in answer["found"])  # type: ignore[operator]
    }
    assert lost == {}


def test_bombs_are_refused_by_name(answers: dict[str, dict[str, object]]) -> None:
    for kind in ("archive", "legacy"):
        for story in BOMBS:
            found = answers[f"{kind}: {story}"]["found"]
            assert isinstance(found, str), story
            assert found.endswith("."), story


def test_distributed_and_bare_pickles_are_refused(answers: dict[str, dict[str, object]]) -> None:
    for story, answer in answers.items():
        if story.startswith(("distributed", "bare")):
            assert isinstance(answer["found"], str), story


def test_no_file_takes_long_or_much_memory(answers: dict[str, dict[str, object]]) -> None:
    slow = {s: a["seconds"] for s, a in answers.items() if a["seconds"] > SECONDS_MAX}  # type: ignore[operator]
    large = {s: a["memory"] for s, a in answers.items() if a["memory"] > MEMORY_MAX}  # type: ignore[operator]
    assert (slow, large) == ({}, {})
