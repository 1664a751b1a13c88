"""What is fuzzed: for each parser, how bytes become a snapshot, seeds, and how damage is repaired.

A target reads whole files through the same functions as the program. Its mutator changes what
lies behind checksums and lengths and then writes these anew; without that, nearly every input
would end at the first of them.
"""

import io
import json
import os
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tb_snapshot_compare import architecture
from tb_snapshot_compare.errors import SnapshotCompareError
from tb_snapshot_compare.images.decoding import decode, read_size
from tb_snapshot_compare.readers import TensorReader, open_contents
from tb_snapshot_compare.readers.graph_file import read_graph
from tb_snapshot_compare.readers.object_graph import OBJECT_GRAPH_KEY
from tb_snapshot_compare.readers.sstable import TableError, table_entries
from tb_snapshot_compare.snapshot import SnapshotContents, TensorInfo
from tests.hostile.bundle_writer import OLD, BundleWriter, masked_crc, table_bytes
from tests.hostile.corpus import written
from tests.hostile.corpus_bundles import BUNDLES
from tests.hostile.corpus_code import safetensors_bytes
from tests.hostile.sound_snapshots import KERNEL, write_sound

Mutate = Callable[[bytes, int], bytes]
"""libFuzzer's own mutation of some bytes, up to a size."""
SEED_MAX_BYTES = 6_000
READ_MAX_BYTES = 1 << 20


@dataclass(frozen=True)
class Target:
    """A parser to fuzz.

    `run` reads one input; it raises what a user would meet as a crash. `seeds` are inputs to
    begin with, made in an empty folder. `mutate` changes an input and repairs it.
    """

    run: Callable[[bytes, Path], None]
    seeds: Callable[[Path], list[bytes]]
    mutate: Callable[[bytes, int, Random, Mutate], bytes]


def _read(path: Path) -> None:
    """Opens a snapshot and reads its small tensors; an error of ours is an answer."""
    os.utime(path, (OLD, OLD))
    with suppress(SnapshotCompareError):
        _read_values(open_contents(os.fspath(path)))


def _read_values(contents: SnapshotContents) -> None:
    architecture.from_names(contents.tensors)
    names = [tensor.name for tensor in contents.tensors]
    assert len(set(names)) == len(names)
    with TensorReader(contents.generation) as reader:
        for tensor in contents.tensors[:50]:
            assert all(size >= 0 for size in tensor.shape)
            try:
                reader.read_array(tensor, READ_MAX_BYTES)
            except SnapshotCompareError:
                continue


def _as_is(data: bytes, most: int, random: Random, mutate: Mutate) -> bytes:
    return mutate(data, most)


def _file(name: str) -> Callable[[bytes, Path], None]:
    def run(data: bytes, folder: Path) -> None:
        path = folder / name
        path.write_bytes(data)
        _read(path)

    return run


# --- TensorFlow checkpoints


def _bundle(data: bytes, folder: Path) -> None:
    content = folder / "ckpt.data-00000-of-00001"
    if not content.exists():
        content.write_bytes(KERNEL.tobytes() * 4)
        os.utime(content, (OLD, OLD))
    index = folder / "ckpt.index"
    index.write_bytes(data)
    os.utime(index, (OLD, OLD))
    _read(index)


def _bundle_seeds(folder: Path) -> list[bytes]:
    cases = [case for case in BUNDLES if "thousand" not in case.story]
    paths = [Path(f"{path}.index") for path in written(cases, folder).values()]
    return [path.read_bytes() for path in paths if path.exists()]


def _entries(data: bytes, most: int, random: Random, mutate: Mutate) -> bytes:
    """Changes keys and values of the table, and writes it anew with right checksums."""
    try:
        entries = list(table_entries(data))
    except TableError:
        return mutate(data, most)
    for _ in range(random.choice((1, 1, 2, 4))):
        if not entries:
            break
        at = random.randrange(len(entries))
        key, value = entries[at]
        way = random.randrange(8)
        if way == 0:
            entries[at] = (mutate(key, 64), value)
        elif way == 1:
            entries.append((mutate(key, 64), value))
        elif way == 2:
            del entries[at]
        elif way == 3:
            entries[at] = (key, entries[random.randrange(len(entries))][1])
        else:
            entries[at] = (key, mutate(value, 400))
    return table_bytes(sorted(dict(entries).items()), entries_per_block=random.choice((1, 4, 16)))


def _blocks(data: bytes, most: int, random: Random, mutate: Mutate) -> bytes:
    """Changes bytes anywhere, and writes every checksum of a block anew that can be found."""
    changed = bytearray(mutate(data, most))
    for start in range(len(changed)):
        for length in (24, 32, len(changed) - start - 53):
            end = start + length
            if length > 0 and end + 5 <= len(changed) and random.random() < 0.02:
                changed[end + 1 : end + 5] = masked_crc(bytes(changed[start : end + 1])).to_bytes(
                    4, "little"
                )
    return _signed(bytes(changed))


def _signed(data: bytes) -> bytes:
    """The table with right checksums for its index block and for the blocks which that names."""
    from tb_snapshot_compare.readers.sstable import _block_entries, _read_handle

    out = bytearray(data)

    def sign(offset: int, size: int) -> bytes:
        end = offset + size
        if end + 5 > len(out):
            raise TableError("outside")
        out[end] = 0
        out[end + 1 : end + 5] = masked_crc(bytes(out[offset : end + 1])).to_bytes(4, "little")
        return bytes(out[offset:end])

    try:
        footer = bytes(out[-48:-8])
        _, position = _read_handle(footer, 0)
        handle, _ = _read_handle(footer, position)
        for _, named in _block_entries(sign(*handle)):
            sign(*_read_handle(named, 0)[0])
        sign(*handle)
    except TableError:
        return bytes(out)
    return bytes(out)


def _object_graph(data: bytes, folder: Path) -> None:
    writer = BundleWriter()
    for key in ("a/.ATTRIBUTES/VARIABLE_VALUE", "b/.ATTRIBUTES/VARIABLE_VALUE"):
        writer.add(key, KERNEL)
    writer.add_string(OBJECT_GRAPH_KEY, data)
    prefix = writer.write(folder / "ckpt")
    _read(Path(f"{prefix}.index"))


def _graph_seeds(folder: Path) -> list[bytes]:
    """The graphs of the corpus, and one that names both variables and a slot."""
    from tb_snapshot_compare.readers import protos

    graph = protos.new("TrackableObjectGraph")
    for number, name in enumerate(("root", "a", "b")):
        node = graph.nodes.add()
        node.children.add(local_name="a", node_id=1)
        node.children.add(local_name="b", node_id=2)
        key = f"{name}/.ATTRIBUTES/VARIABLE_VALUE"
        node.attributes.add(name="VARIABLE_VALUE", full_name=f"m/{name}", checkpoint_key=key)
        node.slot_variables.add(
            original_variable_node_id=number, slot_name="m", slot_variable_node_id=2
        )
    return [graph.SerializeToString(), b"\x0a\x04\x0a\x02\x08\x63"]


# --- archives


def _members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _zipped(only: str) -> Callable[[bytes, int, Random, Mutate], bytes]:
    """Changes one member whose name contains `only`, and packs all with right checksums."""

    def change(data: bytes, most: int, random: Random, mutate: Mutate) -> bytes:
        try:
            members = _members(data)
            names = [name for name in members if only in name]
            name = random.choice(names)
        except Exception:  # zipfile raises anything over a damaged archive
            return mutate(data, most)
        if random.random() < 0.15:
            return mutate(data, most)
        members[name] = mutate(members[name], most)
        out = io.BytesIO()
        method = random.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
        with zipfile.ZipFile(out, "w", method) as archive:
            for each, content in members.items():
                archive.writestr(each, content)
        return out.getvalue()

    return change


def _sound(*kinds: str) -> Callable[[Path], list[bytes]]:
    return lambda folder: [
        path.read_bytes() for kind, path in write_sound(folder).items() if kind in kinds
    ]


def _arrays(data: bytes, folder: Path) -> None:
    _file("w.npz" if data.startswith(b"PK") else "w.npy")(data, folder)


# --- headers with lengths


def _header(data: bytes, most: int, random: Random, mutate: Mutate) -> bytes:
    """Changes the JSON of a safetensors file, and writes its length anew."""
    length = int.from_bytes(data[:8], "little")
    header, values = data[8 : 8 + length], data[8 + length :]
    if random.random() < 0.1:
        return mutate(data, most)
    if random.random() < 0.3:
        return safetensors_bytes(header, mutate(values, most))
    return safetensors_bytes(mutate(header, most), values)


# --- texts

_TENSORS = tuple(
    TensorInfo(f"{layer}/{role}", f"{layer}/{role}", "float32", shape, (), layer, role)
    for layer in ("dense", "conv1", "norm1")
    for role, shape in (("kernel", (4, 3)), ("bias", (3,)))
)
_TEXTS = (
    "model.weights.json", "model.safetensors.index.json", "pytorch_model.bin.index.json",
    "checkpoint", "_METADATA",
)  # fmt: skip


def _texts(data: bytes, folder: Path) -> None:
    """The first byte chooses what the rest is: a configuration, an index or a state file."""
    kind, content = data[:1], data[1:]
    if kind and kind[0] % 2:
        text = content.decode("utf-8", "replace")
        architecture.fits(text, _TENSORS)
        architecture.from_keras_config(text, _TENSORS, "keras_config")
        return
    name = _TEXTS[(kind[0] if kind else 0) // 2 % len(_TEXTS)]
    home = folder / name.strip(".")
    home.mkdir(exist_ok=True)
    (home / name).write_bytes(content)
    os.utime(home / name, (OLD, OLD))
    _read(home if name in ("checkpoint", "_METADATA") else home / name)


def _text_seeds(folder: Path) -> list[bytes]:
    dense = {
        "module": "keras.layers",
        "class_name": "Dense",
        "config": {"name": "d", "units": 3},
        "registered_name": None,
        "build_config": {"input_shape": [None, 4]},
    }
    call = [
        {
            "args": [
                {
                    "class_name": "__keras_tensor__",
                    "config": {
                        "shape": [None, 4],
                        "dtype": "float32",
                        "keras_history": ["in", 0, 0],
                    },
                }
            ],
            "kwargs": {},
        }
    ]
    functional = {"name": "m", "trainable": True, "layers": [
        {"class_name": "InputLayer", "config": {"name": "in", "batch_shape": [None, 4]},
         "name": "in", "inbound_nodes": []},
        {**dense, "name": "d", "inbound_nodes": call},
        {**dense, "name": "e", "inbound_nodes": [[["d", 0, 0, {}]]]}],
        "input_layers": [["in", 0, 0]], "output_layers": [["d", 0, 0]]}  # fmt: skip
    sequential = {"name": "s", "layers": [dense, {"class_name": "Sequential", "config": {
        "name": "t", "layers": [dense]}}]}  # fmt: skip
    configs = [
        {"class_name": "Functional", "config": functional},
        {"class_name": "Sequential", "config": sequential},
    ]
    index = {"metadata": {"total_size": 12}, "weight_map": {"a": "x.safetensors"}}
    sharded = {"weight_map": {"/layers/dense/vars": ["m_00000.weights.h5"]}}
    tree = {
        "use_ocdbt": False,
        "tree_metadata": {
            "('a',)": {
                "key_metadata": [{"key": "a", "key_type": 2}],
                "value_metadata": {"value_type": "jax.Array"},
            }
        },
    }
    texts = [
        *((b"\1", config) for config in configs),
        (b"\2", index),
        (b"\4", index),
        (b"\0", sharded),
        (b"\x08", tree),
    ]
    made = [kind + json.dumps(value).encode() for kind, value in texts]
    return [*made, b'\x06model_checkpoint_path: "../\\x2e/ckpt"\nall_model_checkpoint_paths: "a"\n']


def _graph(data: bytes, folder: Path) -> None:
    """As text where it begins as one, else as a MetaGraphDef and as a SavedModel."""
    names = ("graph.pbtxt",) if data[:4] in (b"node", b"vers") else ("m.meta", "saved_model.pb")
    for name in names:
        path = folder / name
        path.write_bytes(data)
        os.utime(path, (OLD, OLD))
        try:
            graph = read_graph(os.fspath(path), {1: "a", 2: "b"})
            architecture.from_operations(graph, {"d/kernel": "dense/kernel"}, _TENSORS)
        except SnapshotCompareError:
            continue


def _operation_seeds(folder: Path) -> list[bytes]:
    """A graph of a placeholder, a variable, a product and a call, in both forms."""

    def field(number: int, content: bytes) -> bytes:
        assert len(content) < 128
        return bytes([number << 3 | 2, len(content)]) + content

    def node(name: str, operation: str, *inputs: str) -> bytes:
        made = field(1, name.encode()) + field(2, operation.encode())
        return made + b"".join(field(3, text.encode()) for text in inputs)

    nodes = [
        node("x", "Placeholder"),
        node("d/kernel", "VarHandleOp"),
        node("d/read", "ReadVariableOp", "d/kernel"),
        node("d/MatMul", "MatMul", "x", "d/read"),
        node("y", "Identity", "d/MatMul:0", "^x"),
    ]
    graph = b"".join(field(1, each) for each in nodes)
    long = bytes([len(graph) & 0x7F | 0x80, len(graph) >> 7])
    meta = b"\x12" + long + graph
    size = bytes([len(meta) & 0x7F | 0x80, len(meta) >> 7])
    text = b'node {\n  name: "x"\n  op: "Placeholder"\n}\nnode {\n  name: "d/MatMul"\n  op: ' \
        b'"MatMul"\n  input: "x"\n  attr { key: "T" value { type: DT_FLOAT } }\n}\n' \
        b"versions { producer: 1 }\n"  # fmt: skip
    return [meta, b"\x12" + size + meta, text]


# --- pictures


def _picture(data: bytes, folder: Path) -> None:
    for look in (lambda: read_size(io.BytesIO(data), "image"), lambda: decode(data, "image")):
        try:
            look()
        except SnapshotCompareError:
            continue


def _picture_seeds(folder: Path) -> list[bytes]:
    from PIL import Image

    made = []
    for mode in ("RGB", "L", "P"):
        image = Image.new(mode, (9, 7))
        for kind in ("PNG", "JPEG", "GIF", "BMP"):
            if mode == "RGB" or kind != "JPEG":
                buffer = io.BytesIO()
                image.save(buffer, kind)
                made.append(buffer.getvalue())
    return made


def _png_checksums(data: bytes, most: int, random: Random, mutate: Mutate) -> bytes:
    """Changes bytes, and writes the checksums of a PNG's chunks anew."""
    changed = bytearray(mutate(data, most))
    position = 8
    while changed.startswith(b"\x89PNG") and position + 12 <= len(changed):
        length = int.from_bytes(changed[position : position + 4], "big")
        end = position + 8 + length
        if end + 4 > len(changed):
            break
        changed[end : end + 4] = zlib.crc32(changed[position + 4 : end]).to_bytes(4, "big")
        position = end + 4
    return bytes(changed)


TARGETS: dict[str, Target] = {
    "bundle": Target(_bundle, _bundle_seeds, _entries),
    "sstable": Target(_bundle, _bundle_seeds, _blocks),
    "object_graph": Target(_object_graph, _graph_seeds, _as_is),
    "safetensors": Target(_file("w.safetensors"), _sound("safetensors"), _header),
    "arrays": Target(_arrays, _sound("npy", "npz"), _zipped(".npy")),
    "torch": Target(_file("w.pt"), _sound("torch"), _zipped("data.pkl")),
    "archive": Target(_file("w.keras"), _sound("keras"), _zipped("config.json")),
    "graph": Target(_graph, _operation_seeds, _as_is),
    "texts": Target(_texts, _text_seeds, _as_is),
    "picture": Target(_picture, _picture_seeds, _png_checksums),
    "hdf5": Target(_file("w.weights.h5"), _sound("weights_h5"), _as_is),
}
