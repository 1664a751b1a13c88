"""Damaged and crafted `.keras` and `.h5` files never harm the process that opens them."""

import json
import os
import pickle
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest

from tb_snapshot_compare import limits
from tb_snapshot_compare.errors import SnapshotCompareError, UnreadableSnapshotError
from tb_snapshot_compare.readers import TensorReader, open_contents
from tb_snapshot_compare.readers.child_process import CHILD
from tb_snapshot_compare.snapshot import SnapshotContents, TensorInfo

SECRET = "the content of another file"


def settle(path: Path) -> Path:
    old = time.time() - 60
    os.utime(path, (old, old))
    return path


def dense_file(path: Path, **attributes: str) -> Path:
    """A small valid weights file: Dense(3) and SGD, as Keras lays them out."""
    with h5py.File(path, "w") as file:
        group = file.create_group("layers/dense/vars")
        group.attrs["name"] = "dense"
        group["0"] = np.arange(12, dtype="float32").reshape(4, 3)
        group["1"] = np.arange(3, dtype="float32")
        file["optimizer/vars/0"] = np.int64(5)
        file["optimizer/vars/1"] = np.float32(0.1)
        for name, text in attributes.items():
            file.attrs[name] = text
    return settle(path)


def keras_file(path: Path, weights: bytes, **members: bytes) -> Path:
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": []}}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", weights)
        for name, content in members.items():
            archive.writestr(name, content)
    return settle(path)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dense_file(tmp_path_factory.mktemp("good") / "good.weights.h5")


@pytest.fixture(autouse=True)
def usable_afterwards(good: Path) -> Iterator[None]:
    yield
    assert len(open_contents(str(good)).tensors) == 4


def read_all(contents: SnapshotContents) -> None:
    with TensorReader(contents.generation) as reader:
        for tensor in contents.tensors:
            if tensor.problem is None and tensor.extents:
                for _ in reader.read_blocks(tensor):
                    pass


def attempt(path: Path) -> bool:
    """Whether the file opens; any failure must be one of ours."""
    try:
        read_all(open_contents(str(path)))
    except SnapshotCompareError:
        return False
    return True


def peak_memory(pid: int | None) -> int:
    """Largest resident set of a process so far, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def only(path: Path) -> TensorInfo:
    (tensor,) = open_contents(str(path)).tensors
    return tensor


@pytest.mark.parametrize("suffix", [".weights.h5", ".h5", ".keras"])
def test_truncations_are_reported(good: Path, tmp_path: Path, suffix: str) -> None:
    whole = good.read_bytes()
    if suffix == ".keras":
        whole = keras_file(tmp_path / "whole.keras", whole).read_bytes()
    path = tmp_path / f"cut{suffix}"
    for length in range(0, len(whole), max(len(whole) // 40, 1)):
        path.write_bytes(whole[:length])
        assert not attempt(settle(path)), length


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
def test_flipped_bytes_never_harm(good: Path, tmp_path: Path, suffix: str) -> None:
    whole = good.read_bytes()
    if suffix == ".keras":
        whole = keras_file(tmp_path / "whole.keras", whole).read_bytes()
    generator = random.Random(20261121)
    path = tmp_path / f"flip{suffix}"
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(generator.choice((1, 1, 4, 32))):
            damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        path.write_bytes(damaged)
        attempt(settle(path))


def test_a_dataset_of_2_to_the_50_elements_is_refused_alone(good: Path, tmp_path: Path) -> None:
    open_contents(str(good))
    path = tmp_path / "bomb.weights.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("layers/dense/vars")
        group.create_dataset("0", (2**50,), "float32")
        group.create_dataset("1", (3,), "float32")
        file.create_dataset("layers/dense_1/vars/0", (2**50,), "f8", chunks=(2**20,))
        file.create_dataset("layers/dense_1/vars/1", (3,), "f8")
    pid = CHILD.pid
    before = peak_memory(pid)
    started = time.monotonic()
    problems = {t.name: t.problem for t in open_contents(str(settle(path))).tensors}
    assert time.monotonic() - started < 10
    assert CHILD.pid == pid
    assert peak_memory(pid) - before <= 64 * limits.MIB
    assert [bool(problem) for problem in problems.values()] == [True, False, True, False]
    assert "declares" in str(next(iter(problems.values())))


def test_compressed_zeros_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "DECODED_FLOOR_BYTES", 1 << 16)
    monkeypatch.setattr(limits, "DECODED_EXPANSION_MAX", 10)
    path = tmp_path / "bomb.weights.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset(
            "layers/dense/vars/0", data=np.zeros((1000, 1000), "f4"), compression="gzip"
        )
    assert "declares 4000000 bytes" in str(only(settle(path)).problem)


def test_a_zip_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "DECODED_FLOOR_BYTES", 1 << 16)
    monkeypatch.setattr(limits, "DECODED_EXPANSION_MAX", 10)
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", bytes(4_000_000))
    with pytest.raises(UnreadableSnapshotError, match="declares 4000000 bytes"):
        open_contents(str(settle(path)))


def test_a_member_that_inflates_to_more_than_it_declares_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", bytes(4_000_000))
    size = (4_000_000).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(size, (4_000).to_bytes(4, "little")))
    with pytest.raises(UnreadableSnapshotError, match="more than the archive declares"):
        open_contents(str(settle(path)))


def test_a_configuration_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CONFIG_MAX_BYTES", 1 << 16)
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b" " * 1_000_000 + b"{}")
        archive.writestr("model.weights.h5", b"")
    with pytest.raises(UnreadableSnapshotError, match=r"config\.json declares"):
        open_contents(str(settle(path)))


def test_a_deeply_nested_configuration_is_refused(good: Path, tmp_path: Path) -> None:
    path = tmp_path / "deep.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", b'{"a":' * 200_000 + b"1" + b"}" * 200_000)
        archive.writestr("model.weights.h5", good.read_bytes())
    with pytest.raises(UnreadableSnapshotError, match="not valid JSON"):
        open_contents(str(settle(path)))


def test_a_damaged_attribute_leaves_the_weights_readable(tmp_path: Path) -> None:
    path = dense_file(tmp_path / "m.h5", model_config="{not json")
    contents = open_contents(str(path))
    assert contents.model_config is None
    assert len(contents.tensors) == 4


def test_a_configuration_of_wrong_types_is_ignored(good: Path, tmp_path: Path) -> None:
    config = {
        "class_name": 7,
        "config": {"layers": [3, None, {"class_name": [], "config": {"name": {}}}, []]},
        "compile_config": {"optimizer": {"class_name": {}, "config": []}},
    }
    path = tmp_path / "odd.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", good.read_bytes())
    assert [t.name for t in open_contents(str(settle(path))).tensors][:2] == [
        "dense/kernel",
        "dense/bias",
    ]


def test_a_directory_of_a_million_members_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "many.keras"
    with zipfile.ZipFile(path, "w") as archive:
        for index in range(40_000):
            archive.writestr(f"{index:080d}", b"")
    with pytest.raises(UnreadableSnapshotError, match="directory is longer"):
        open_contents(str(settle(path)))


def test_links_out_of_the_file_are_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["secret"] = np.arange(3.0)
    (tmp_path / "raw").write_bytes(SECRET.encode())
    path = tmp_path / "links.weights.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("layers/dense/vars")
        group["0"] = h5py.ExternalLink(str(other), "/secret")
        group["1"] = h5py.SoftLink("/nowhere")
        raw = [(str(tmp_path / "raw"), 0, 24)]
        group.create_dataset("2", (6,), "float32", external=raw)
        layout = h5py.VirtualLayout((3,), "f8")
        layout[:] = h5py.VirtualSource(str(other), "secret", (3,))
        group.create_virtual_dataset("3", layout)
        group["4"] = np.float32(1)
    tensors = open_contents(str(settle(path))).tensors
    problems = [str(tensor.problem) for tensor in tensors]
    assert "another file" in problems[0]
    assert "soft link" in problems[1]
    assert "another file" in problems[2]
    assert "virtual" in problems[3]
    assert problems[4] == "None"
    assert [bool(tensor.extents) for tensor in tensors] == [False] * 4 + [True]


def test_groups_that_contain_themselves_end(tmp_path: Path) -> None:
    path = tmp_path / "loop.weights.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("layers/dense")
        group["again"] = file["layers"]
        group["vars/0"] = np.zeros((2, 2))
    assert len(open_contents(str(settle(path))).tensors) == 1


def test_endless_depth_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "deep.weights.h5"
    with h5py.File(path, "w") as file:
        file.create_group("/".join(["a"] * 500))
    with pytest.raises(UnreadableSnapshotError, match="nested deeper"):
        open_contents(str(settle(path)))


def test_odd_names_are_kept_as_text(tmp_path: Path) -> None:
    path = tmp_path / "odd.weights.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("layers/<img src=x onerror=alert(1)>/vars")
        group.attrs["name"] = "../../etc\x1b[31m"
        group["0"] = np.zeros((2, 2))
        group["x" * 5000] = np.zeros(2)
    names = [tensor.layer for tensor in open_contents(str(settle(path))).tensors]
    assert names == ["../../etc\x1b[31m"] * 2


def test_names_stay_unique_whatever_a_file_holds(tmp_path: Path) -> None:
    path = dense_file(tmp_path / "m.weights.h5")
    with h5py.File(path, "a") as file:
        for name in ("dense/kernel", "dense/kernel#2", "optimizer/iteration", "dense/bias"):
            file[name] = np.zeros(2)
    names = [tensor.name for tensor in open_contents(str(settle(path))).tensors]
    assert len(names) == 8
    assert len(set(names)) == 8


def test_fifo_in_a_files_place_does_not_block(tmp_path: Path) -> None:
    path = tmp_path / "pipe.keras"
    os.mkfifo(path)
    with pytest.raises(UnreadableSnapshotError, match="not a regular file"):
        open_contents(str(path))


def test_nothing_in_a_file_runs(good: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"

    class Payload:
        def __reduce__(self) -> tuple[object, ...]:
            return os.system, (f"touch {canary}",)

    lambda_config = json.dumps(
        {
            "class_name": "Lambda",
            "module": "os",
            "config": {"function": f"__import__('os').system('touch {canary}')"},
        }
    ).encode()
    weights = good.read_bytes()
    warm = keras_file(tmp_path / "warm.keras", weights)
    keras_file(tmp_path / "a.keras", weights, **{"model.weights.npz": pickle.dumps(Payload())})
    with zipfile.ZipFile(tmp_path / "b.keras", "w") as archive:
        archive.writestr("config.json", lambda_config)
        archive.writestr("model.weights.h5", weights)
    with zipfile.ZipFile(tmp_path / "c.keras", "w") as archive:
        archive.writestr("config.json", lambda_config)
        archive.writestr("model.weights.npz", pickle.dumps(Payload()))
    dense_file(tmp_path / "d.h5", model_config=lambda_config.decode())
    code = textwrap.dedent(
        f"""
        import os, sys
        from tb_snapshot_compare.errors import SnapshotCompareError
        from tb_snapshot_compare.readers import open_contents
        folder = {str(tmp_path)!r}
        open_contents({str(good)!r})
        open_contents({str(warm)!r})
        seen = []
        forbidden = ("pickle.", "marshal.", "exec", "subprocess.", "os.system", "os.exec",
                     "os.posix_spawn", "socket.connect", "ctypes.", "import")
        sys.addaudithook(lambda event, args: seen.append((event, args))
                         if event.startswith(forbidden) else None)
        for name in sorted(os.listdir(folder)):
            try:
                open_contents(os.path.join(folder, name))
            except SnapshotCompareError:
                pass
        print(seen)
        """
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert not canary.exists()


def test_the_child_runs_nothing_and_opens_nothing(good: Path, tmp_path: Path) -> None:
    bad = dense_file(tmp_path / "d.h5", model_config="__import__('os').system('false')")
    with h5py.File(bad, "a") as file:
        file["layers/dense/vars/2"] = h5py.ExternalLink(str(good), "/layers")
    code = textwrap.dedent(
        f"""
        import os, sys
        from tb_snapshot_compare.readers.hdf5_walk import Spool, Window, describe
        def run(path):
            fd = os.open(path, os.O_RDONLY)
            size = os.fstat(fd).st_size
            return describe(Window(fd, 0, size), size, Spool(-1, 0))
        run({str(good)!r})
        fd = os.open({str(bad)!r}, os.O_RDONLY)
        size = os.fstat(fd).st_size
        seen = []
        sys.addaudithook(lambda event, args: seen.append((event, args)))
        describe(Window(fd, 0, size), size, Spool(-1, 0))
        print([event for event, _ in seen if event.startswith((
            "open", "pickle.", "marshal.", "exec", "subprocess.", "os.", "socket.",
            "ctypes.", "import"))])
        """
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_child_that_dies_costs_only_its_file(good: Path) -> None:
    open_contents(str(good))
    pid = CHILD.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    timer = threading.Timer(0.3, os.kill, (pid, signal.SIGKILL))
    timer.start()
    with pytest.raises(UnreadableSnapshotError, match=r"HDF5 reader ended.*signal 9"):
        open_contents(str(good))
    timer.join()
    assert len(open_contents(str(good)).tensors) == 4
    assert CHILD.pid != pid


def test_a_child_that_hangs_is_ended(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_contents(str(good))
    pid = CHILD.pid
    assert pid is not None
    monkeypatch.setattr(limits, "CHILD_REPLY_SECONDS", 0.5)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(UnreadableSnapshotError, match="took longer"):
        open_contents(str(good))
    monkeypatch.undo()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_an_idle_child_ends(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CHILD_IDLE_SECONDS", 0.1)
    open_contents(str(good))
    deadline = time.monotonic() + 10
    while CHILD.pid is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert CHILD.pid is None


def test_the_child_is_limited(good: Path) -> None:
    open_contents(str(good))
    text = Path(f"/proc/{CHILD.pid}/limits").read_text()
    found = {line[:25].strip(): line[26:].split()[0] for line in text.splitlines()[1:]}
    assert found["Max address space"] == str(limits.CHILD_ADDRESS_SPACE_BYTES)
    assert found["Max open files"] == str(limits.CHILD_OPEN_FILES)
    assert found["Max core file size"] == "0"
    assert (
        int(found["Max cpu time"]) <= limits.CHILD_CPU_SECONDS + limits.CHILD_LIFETIME_CPU_SECONDS
    )


def test_many_threads_share_one_child(good: Path, tmp_path: Path) -> None:
    paths = [good, *(dense_file(tmp_path / f"{index}.weights.h5") for index in range(7))]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda path: open_contents(str(path)), paths * 3))
    assert {len(contents.tensors) for contents in found} == {4}
    assert [contents.path for contents in found] == [str(path) for path in paths * 3]


def test_opening_leaks_no_descriptor(good: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.weights.h5"
    broken.write_bytes(good.read_bytes()[:600])
    settle(broken)
    attempt(broken)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(30):
        attempt(good)
        attempt(broken)
    assert len(os.listdir("/proc/self/fd")) <= before


def test_child_and_spool_end_with_the_process(good: Path, tmp_path: Path) -> None:
    path = tmp_path / "packed.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", good.read_bytes())
    code = textwrap.dedent(
        f"""
        import os
        from tb_snapshot_compare.readers import open_contents
        from tb_snapshot_compare.readers.child_process import CHILD
        spool = open_contents({str(settle(path))!r}).tensors[0].extents[0].path
        assert os.path.exists(spool)
        print(spool, CHILD.pid)
        """
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    spool, pid = done.stdout.split()
    assert not os.path.exists(os.path.dirname(spool))
    assert not os.path.exists(f"/proc/{pid}")
