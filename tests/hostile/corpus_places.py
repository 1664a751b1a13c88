"""Names that lead elsewhere: paths in files, links, pipes and devices called like snapshots.

Beside the folder of every case lies `OUTSIDE`, a sound snapshot in several formats that no
case may reach by a path that stands in a file.
"""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from tests.hostile.bundle_writer import BundleWriter
from tests.hostile.corpus import Case, Outcome, age
from tests.hostile.corpus_code import archive, safetensors_bytes, sequential, weights_bytes

OUTSIDE = "OUTSIDE"
SECRET = np.full(6, 13.0, np.float32)


def write_outside(root: Path) -> Path:
    """Writes the snapshot that must not be reached; `root` holds the folders of the cases."""
    folder = root / OUTSIDE
    folder.mkdir()
    writer = BundleWriter()
    writer.add("secret", SECRET)
    writer.write(folder / "ckpt")
    writer.write(folder / "variables")
    (folder / "x.weights.h5").write_bytes(weights_bytes())
    (folder / "raw").write_bytes(SECRET.tobytes())
    header = {"secret": {"dtype": "F32", "shape": [6], "data_offsets": [0, 24]}}
    (folder / "x.safetensors").write_bytes(safetensors_bytes(header, SECRET.tobytes()))
    with h5py.File(folder / "x.h5", "w") as file:
        file["secret"] = SECRET
    archive(folder, sequential())
    age(folder)
    return folder


# --- paths in state files

_STATES: tuple[tuple[str, str], ...] = (
    ("climbs to the password file", '"../../../../../../etc/passwd"'),
    ("climbs to a sound checkpoint", f'"../{OUTSIDE}/ckpt"'),
    ("is absolute", '"/etc/passwd"'),
    ("is absolute and sound", f'"@/{OUTSIDE}/ckpt"'),
    ("climbs in octal", f'"\\056\\056/{OUTSIDE}/ckpt"'),
    ("climbs in hexadecimal", f'"\\x2e\\x2e\\x2f{OUTSIDE}/ckpt"'),
    ("goes in and climbs out", f'"here/../../{OUTSIDE}/ckpt"'),
    ("has a zero byte", f'"../{OUTSIDE}/ckpt\\000"'),
    ("is a folder", '"."'),
    ("is the folder above", '".."'),
    ("is empty", '""'),
    ("is a web address", '"http://127.0.0.1:9/ckpt"'),
    ("is a file address", f'"file://@/{OUTSIDE}/ckpt"'),
    ("is a bucket", '"gs://bucket/ckpt"'),
    ("is a home", '"~root/ckpt"'),
    ("is a drive", '"C:\\\\Windows\\\\ckpt"'),
    ("is a share", '"\\\\\\\\server\\\\share\\\\ckpt"'),
    ("is a process", '"/proc/self/mem"'),
    ("is a descriptor", '"/dev/fd/0"'),
    ("has twenty thousand steps up", '"' + "../" * 20_000 + 'etc/passwd"'),
    ("is not UTF-8", '"\\377\\376"'),
    ("has a line break", f'"a\\n../{OUTSIDE}/ckpt"'),
    ("chains two addresses", f'"simplecache::file://@/{OUTSIDE}/ckpt"'),
)


def _state(value: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        text = value.replace("@", str(folder.parent))
        (folder / "checkpoint").write_text(f"model_checkpoint_path: {text}\n")
        return folder

    return make


def _state_bytes(content: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / "checkpoint").write_bytes(content)
        return folder

    return make


def _state_through_a_link(folder: Path) -> Path:
    """The state file names a folder inside that is a link out."""
    (folder / "in").symlink_to(folder.parent / OUTSIDE)
    (folder / "checkpoint").write_text('model_checkpoint_path: "in/ckpt"\n')
    return folder


# --- paths in indexes of shards

_SHARDS: tuple[tuple[str, str], ...] = (
    ("that climbs", f"../{OUTSIDE}/x"),
    ("that climbs to the password file", "../../../../../../etc/passwd"),
    ("that is absolute", f"@/{OUTSIDE}/x"),
    ("that is a web address", "http://127.0.0.1:9/x"),
    ("that is a file address", f"file://@/{OUTSIDE}/x"),
    ("that is empty", ""),
    ("with a zero byte", f"../{OUTSIDE}/x\0"),
    ("that is a list", ""),
)
_INDEXES: tuple[tuple[str, str, str], ...] = (
    ("keras", "model.weights.json", ".weights.h5"),
    ("safetensors", "model.safetensors.index.json", ".safetensors"),
    ("torch", "pytorch_model.bin.index.json", ".bin"),
)


def _shards(index: str, suffix: str, shard: str, listed: bool) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        name = shard.replace("@", str(folder.parent)) + suffix if shard else ""
        value: object = [name] if listed else name
        weights = {"/layers/dense/vars": value, "secret": value}
        (folder / index).write_text(json.dumps({"metadata": {}, "weight_map": weights}))
        return folder / index

    return make


# --- links, pipes, devices

_NAMES = (
    "model.keras", "ckpt.index", "model.h5", "model.weights.h5", "model.safetensors", "model.pt",
    "weights.npz", "weights.npy", "model.weights.json", "model.safetensors.index.json",
)  # fmt: skip


def _link(name: str, target: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).symlink_to(target)
        return folder / name

    return make


def _pipe(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        os.mkfifo(folder / name)
        return folder / name

    return make


def _socket(folder: Path) -> Path:
    """A socket; bound by a relative name, since an absolute one may be too long."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("model.keras")
    finally:
        os.chdir(before)
    return folder / "model.keras"


def _folder(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).mkdir()
        return folder / name

    return make


def _ring_of_links(folder: Path) -> Path:
    (folder / "model.keras").symlink_to("other.keras")
    (folder / "other.keras").symlink_to("model.keras")
    return folder / "model.keras"


def _pipe_as_data(folder: Path) -> Path:
    writer = BundleWriter()
    writer.add("w", SECRET)
    prefix = Path(writer.write(folder / "ckpt"))
    data = Path(f"{prefix}.data-00000-of-00001")
    data.unlink()
    os.mkfifo(data)
    return prefix


def _device_as_data(folder: Path) -> Path:
    writer = BundleWriter()
    writer.add("w", SECRET)
    prefix = Path(writer.write(folder / "ckpt"))
    data = Path(f"{prefix}.data-00000-of-00001")
    data.unlink()
    data.symlink_to("/dev/zero")
    return prefix


def _metadata_pipe(folder: Path) -> Path:
    """BackupAndRestore's note of the epoch is a pipe that nobody writes to."""
    path = folder / "latest.weights.h5"
    path.write_bytes(weights_bytes())
    os.mkfifo(folder / "training_metadata.json")
    return path


# --- links within HDF5


def _external_link(folder: Path) -> Path:
    path = folder / "model.weights.h5"
    with h5py.File(path, "w") as file:
        target = str(folder.parent / OUTSIDE / "x.h5")
        file["layers/dense/vars/0"] = h5py.ExternalLink(target, "/secret")
        file["layers/dense/vars/1"] = SECRET[:3]
    return path


def _external_storage(folder: Path) -> Path:
    path = folder / "model.weights.h5"
    with h5py.File(path, "w") as file:
        raw = [(str(folder.parent / OUTSIDE / "raw"), 0, 24)]
        file.create_dataset("layers/dense/vars/0", (6,), "float32", external=raw)
        file["layers/dense/vars/1"] = SECRET[:3]
    return path


def _external_password_file(folder: Path) -> Path:
    path = folder / "model.h5"
    with h5py.File(path, "w") as file:
        raw = [("/etc/passwd", 0, 24)]
        file.create_dataset("model_weights/dense/kernel:0", (6,), "float32", external=raw)
        file["model_weights/dense/bias:0"] = SECRET[:3]
    return path


def _virtual(folder: Path) -> Path:
    path = folder / "model.weights.h5"
    with h5py.File(path, "w") as file:
        layout = h5py.VirtualLayout((6,), "f4")
        layout[:] = h5py.VirtualSource(str(folder.parent / OUTSIDE / "x.h5"), "secret", (6,))
        file.create_virtual_dataset("layers/dense/vars/0", layout)
        file["layers/dense/vars/1"] = SECRET[:3]
    return path


_TARGETS: tuple[tuple[str, str, Outcome | None], ...] = (
    ("a link to endless zeros", "/dev/zero", "refused"),
    ("a link to endless noise", "/dev/urandom", "refused"),
    ("a link to the terminal", "/dev/tty", "refused"),
    ("a link to the password file", "/etc/passwd", "refused"),
    ("a link to this process's memory", "/proc/self/mem", "refused"),
    ("a link to this process's secrets", "/proc/self/environ", "refused"),
    ("a link to standard input", "/dev/stdin", None),
    ("a link to nothing", "/nowhere/at/all", "refused"),
    ("a link to a folder", "/etc", "refused"),
)
_OTHERS: tuple[tuple[str, Callable[[Path], Path], Outcome | None, str], ...] = (
    ("a state file whose folder is a link out", _state_through_a_link, "refused", "outside"),
    ("a state file of two megabytes", _state_bytes(b"a" * 2_000_000), "refused", "bytes"),
    ("a state file of garbage", _state_bytes(b"\xff\xfe\0\x80" * 50), "refused", "names no"),
    ("an empty state file", _state_bytes(b""), "refused", "names no"),
    ("a state file of a million backslashes",
     _state_bytes(b'model_checkpoint_path: "' + b"\\" * 1_000_000), "refused", "names no"),
    ("a socket called model.keras", _socket, "refused", "regular"),
    ("a ring of links", _ring_of_links, "refused", ""),
    ("a pipe as the data of a checkpoint", _pipe_as_data, None, ""),
    ("a device as the data of a checkpoint", _device_as_data, None, ""),
    ("a pipe as the note of the epoch", _metadata_pipe, "whole", ""),
    ("an HDF5 link into another file", _external_link, "partly", "another file"),
    ("an HDF5 dataset stored in another file", _external_storage, "partly", "another file"),
    ("an HDF5 dataset stored in the password file", _external_password_file, "partly", ""),
    ("an HDF5 dataset that is a view of another file", _virtual, "partly", "virtual"),
)  # fmt: skip

PLACES: tuple[Case, ...] = (
    *(Case(f"a state file that {story}", _state(value), "refused") for story, value in _STATES),
    *(
        Case(
            f"a {kind} index with a shard {story}",
            _shards(index, suffix, shard, "list" in story),
            None,
        )
        for kind, index, suffix in _INDEXES
        for story, shard in _SHARDS
    ),
    *(Case(f"{story} called model.keras", _link("model.keras", target), outcome)
      for story, target, outcome in _TARGETS),
    *(Case(f"a link to endless zeros called {name}", _link(name, "/dev/zero"), "refused")
      for name in _NAMES[1:]),
    *(Case(f"a pipe called {name}", _pipe(name), "refused") for name in _NAMES),
    Case("a pipe called saved_model.pb", _pipe("saved_model.pb"), "refused"),
    *(Case(f"a folder called {name}", _folder(name), "refused") for name in _NAMES),
    *(Case(story, make, outcome, reason) for story, make, outcome, reason in _OTHERS),
)  # fmt: skip
