"""Files of `torch.save`, bit by bit as `torch.load(weights_only=True)` reads them."""

import argparse
import io
import json
import os
import pickle
import re
import struct
import tarfile
import warnings
import zipfile
from contextlib import suppress
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import torch
from torch import nn

from tb_snapshot_compare.errors import (
    BeingWrittenError,
    NotFoundError,
    SnapshotCompareError,
    UnreadableSnapshotError,
)
from tb_snapshot_compare.readers import detect_format, open_contents
from tb_snapshot_compare.readers.torch_detection import is_torch_file
from tb_snapshot_compare.snapshot import Format
from tests.readers.torch_models import (
    Network,
    assert_same,
    bits,
    by_key,
    flat,
    network,
    read,
    save,
    settle,
    trained,
)

FORMATS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])


def checkpoint(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, object]:
    return {
        "epoch": 3,
        "global_step": 1200,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "rng_state": torch.get_rng_state(),
        "best_acc1": torch.tensor(0.5),
        "note": "hello",
    }


@FORMATS
def test_a_state_dict_reads_as_torch_loads_it(tmp_path: Path, zipped: bool) -> None:
    path = save(tmp_path / "m.pt", network().state_dict(), _use_new_zipfile_serialization=zipped)
    contents, values = read(path)
    assert contents.format is Format.TORCH
    assert_same(values, torch.load(path, weights_only=True))
    assert all(len(tensor.extents) == 1 for tensor in contents.tensors)
    assert all(tensor.extents[0].path == str(path) for tensor in contents.tensors)


@FORMATS
def test_a_checkpoint_tells_model_optimizer_and_position(tmp_path: Path, zipped: bool) -> None:
    model = network()
    optimizer = torch.optim.Adam(model.parameters())
    trained(model, optimizer)
    saved = checkpoint(model, optimizer)
    path = save(tmp_path / "ck.pth", saved, _use_new_zipfile_serialization=zipped)
    contents, values = read(path)
    assert_same(values, flat(torch.load(path, weights_only=True)))
    position = contents.position
    assert (position.step, position.step_source) == (1200, "global_step")
    assert (position.epoch, position.epoch_source) == (3, "epoch")
    found = by_key(contents)
    assert found["model.conv1.weight"].name == "model/conv1/kernel"
    assert found["model.conv1.weight"].layout == "torch"
    assert found["rng_state"].scope == found["best_acc1"].scope == "state"
    slot = found["optimizer.state.0.exp_avg"]
    assert slot.name == "optimizer/model/conv1/kernel/exp_avg"
    assert (slot.scope, slot.slot_of, slot.role) == ("optimizer", "model/conv1/kernel", "exp_avg")
    assert slot.layout == "torch"


def test_every_slot_belongs_to_its_parameter(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.Adam(model.parameters())
    trained(model, optimizer)
    contents, values = read(save(tmp_path / "ck.pt", checkpoint(model, optimizer)))
    keys = {tensor.name: tensor.key for tensor in contents.tensors}
    parameters = {id(parameter): name for name, parameter in reversed([*model.named_parameters()])}
    slots = [tensor for tensor in contents.tensors if tensor.role == "exp_avg"]
    assert len(slots) == len(list(model.parameters()))
    for slot, (parameter, state) in zip(slots, optimizer.state.items(), strict=True):
        assert keys[slot.slot_of] == f"model.{parameters[id(parameter)]}"
        assert values[slot.key].tobytes() == bits(state["exp_avg"])


def test_slots_whose_parameters_cannot_be_told_belong_to_none(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.Adam(list(model.parameters())[::-1])
    trained(model, optimizer)
    contents, _ = read(save(tmp_path / "ck.pt", checkpoint(model, optimizer)))
    slots = [tensor for tensor in contents.tensors if tensor.scope == "optimizer"]
    assert slots
    assert {slot.slot_of for slot in slots} == {None}
    assert slots[1].name == "optimizer/0/exp_avg"


def test_slots_of_named_parameters_are_told_in_any_order(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.Adam(list(model.named_parameters())[::-1])
    trained(model, optimizer)
    contents, _ = read(save(tmp_path / "ck.pt", checkpoint(model, optimizer)))
    found = by_key(contents)
    assert found["optimizer.state.0.exp_avg"].slot_of == "model/norm/beta"


def test_a_flattened_state_of_an_optimizer_is_no_weight(tmp_path: Path) -> None:
    value = {
        "model": {"fc.weight": torch.ones(2, 3)},
        "optimizer": {
            "state.fc.weight.exp_avg": torch.zeros(2, 3),
            "state.fc.weight.step": torch.tensor(8.0),
            "param_groups.fc.weight.lr": 0.1,
        },
    }
    contents, _ = read(save(tmp_path / "ck.pt", value))
    slot = by_key(contents)["optimizer.state.fc.weight.exp_avg"]
    assert (slot.scope, slot.slot_of, slot.role) == ("optimizer", "model/fc/kernel", "exp_avg")
    assert slot.name == "optimizer/model/fc/kernel/exp_avg"
    assert contents.position.step == 8


def test_the_step_is_the_optimizers_where_nothing_else_tells(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.Adam(model.parameters())
    trained(model, optimizer, steps=7)
    value = {"net": model.state_dict(), "optim": optimizer.state_dict()}
    position = read(save(tmp_path / "ck.pt", value))[0].position
    assert (position.step, position.step_source) == (7, "optimizer step")
    value = {"net": model.state_dict(), "step": torch.tensor(9), "epoch": np.int64(2)}
    position = read(save(tmp_path / "numbers.pt", value))[0].position
    assert (position.step, position.epoch) == (9, 2)


def test_a_lightning_checkpoint(tmp_path: Path) -> None:
    value = {
        "epoch": 4,
        "global_step": 500,
        "pytorch-lightning_version": "2.4.0",
        "state_dict": {f"model.{k}": v for k, v in network().state_dict().items()},
        "loops": {"fit_loop": {"state_dict": {}}},
        "callbacks": {"ModelCheckpoint": {"best_model_score": torch.tensor(0.25)}},
        "optimizer_states": [{"state": {}, "param_groups": [{"params": [0, 1]}]}],
        "hyper_parameters": argparse.Namespace(rate=0.1, scale=torch.ones(2)),
    }
    contents, values = read(save(tmp_path / "epoch=4.ckpt", value))
    found = by_key(contents)
    assert contents.position.step == 500
    assert found["state_dict.model.conv1.weight"].name == "state_dict/model/conv1/kernel"
    weights = {tensor.key for tensor in contents.tensors if tensor.scope == "weights"}
    assert all(key.startswith("state_dict.") for key in weights)
    assert found["hyper_parameters.scale"].scope == "state"
    assert values["hyper_parameters.scale"].tolist() == [1, 1]


@FORMATS
def test_a_pickled_module_has_the_tensors_of_its_state_dict(tmp_path: Path, zipped: bool) -> None:
    model = network()
    path = save(tmp_path / "whole.pt", model, _use_new_zipfile_serialization=zipped)
    contents, values = read(path)
    assert_same(values, model.state_dict())
    reference, _ = read(save(tmp_path / "sd.pt", model.state_dict()))
    names = {tensor.key: tensor.name for tensor in reference.tensors}
    assert {tensor.key: tensor.name for tensor in contents.tensors} == names


def test_a_torchscript_archive(tmp_path: Path) -> None:
    class Small(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(nn.Conv1d(1, 2, 3), nn.BatchNorm1d(2))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.layers(x)

    model = Small().eval()
    path = tmp_path / "script.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(model, torch.zeros(1, 1, 5)).save(str(path))
    settle(path)
    contents, values = read(path)
    assert_same(values, model.state_dict())
    assert by_key(contents)["layers.0.weight"].name == "layers/0/kernel"


GRID = torch.arange(120.0).reshape(4, 5, 6)
WIDE = torch.arange(60_000.0).reshape(6_000, 10)
VIEWS = {
    "whole": GRID,
    "offset": GRID[1:],
    "transposed": GRID[0].t(),
    "permuted": GRID.permute(2, 0, 1),
    "channels_last": GRID[None].to(memory_format=torch.channels_last),
    "rows": GRID[:, 1:3],
    "every other": GRID[..., ::2],
    "expanded": GRID[:1, :1].expand(7, 3, 6),
    "diagonal": torch.diagonal(GRID[0]),
    "windows": GRID.reshape(-1).unfold(0, 10, 3),
    "many runs": WIDE[:, ::3],
    "many runs, transposed": WIDE[:, :7].t(),
    "scalar": GRID[1, 2, 3],
    "empty": GRID[:0],
    "one": GRID[1:2, :1, 3:4],
}


@FORMATS
def test_views_share_their_storage_and_read_as_torch_loads_them(
    tmp_path: Path, zipped: bool
) -> None:
    path = save(tmp_path / "v.pt", VIEWS, _use_new_zipfile_serialization=zipped)
    assert path.stat().st_size < 300_000
    contents, values = read(path)
    assert_same(values, torch.load(path, weights_only=True))
    extents = {tensor.key: tensor.extents for tensor in contents.tensors}
    assert [len(extents[key]) for key in ("whole", "offset", "scalar", "one")] == [1, 1, 1, 1]
    assert len(extents["rows"]) == 4
    assert extents["offset"][0].offset - extents["whole"][0].offset == 120


DTYPES = [
    "float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2",
    "float8_e4m3fnuz", "float8_e5m2fnuz", "complex64", "complex128", "int64", "int32", "int16",
    "int8", "uint8", "uint16", "uint32", "uint64", "bool",
]  # fmt: skip


@pytest.mark.parametrize("name", DTYPES)
def test_every_dtype_reads_bit_by_bit(tmp_path: Path, name: str) -> None:
    raw = torch.arange(96, dtype=torch.uint8)
    tensor = raw % 3 == 0 if name == "bool" else raw.view(getattr(torch, name)).reshape(2, -1)
    path = save(tmp_path / "d.pt", {"x": tensor})
    contents, values = read(path)
    assert contents.tensors[0].dtype == name
    assert values["x"].dtype == np.dtype(getattr(ml_dtypes, name, name))
    assert values["x"].tobytes() == bits(torch.load(path, weights_only=True)["x"])


def test_what_has_no_dense_numbers_is_listed_with_its_reason(tmp_path: Path) -> None:
    x = torch.ones(2, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantized = torch.quantize_per_tensor(x, 0.1, 0, torch.qint8)
    value = {
        "good": x,
        "quantized": quantized,
        "sparse": x.to_sparse(),
        "conjugate": torch.complex(x, x).conj(),
        "meta": x.to("meta"),
        "packed": torch.empty(4, dtype=torch.uint8).view(torch.float4_e2m1fn_x2)
        if hasattr(torch, "float4_e2m1fn_x2")
        else x.to_sparse(),
    }
    found = by_key(read(save(tmp_path / "p.pt", value))[0])
    assert found["good"].problem is None
    problems = {key: tensor.problem or "" for key, tensor in found.items()}
    assert "dequantize()" in problems["quantized"]
    assert "to_dense()" in problems["sparse"]
    assert "resolve_conj()" in problems["conjugate"]
    assert "no values" in problems["meta"]
    assert problems["packed"]
    assert found["quantized"].shape == (2, 3)


def test_a_tensor_or_a_list_of_tensors_alone(tmp_path: Path) -> None:
    x = torch.arange(6.0)
    assert read(save(tmp_path / "a.pt", x))[1]["tensor"].tolist() == x.tolist()
    values = read(save(tmp_path / "b.pt", [x, (x[:2], {"c": x[1:]})]))[1]
    assert {key: value.size for key, value in values.items()} == {"0": 6, "1.0": 2, "1.1.c": 5}


def test_a_bigendian_archive_is_swapped(tmp_path: Path) -> None:
    path = save(tmp_path / "m.pt", {"x": torch.arange(4.0)})
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    root = next(iter(members)).partition("/")[0]
    members[f"{root}/byteorder"] = b"big"
    members[f"{root}/data/0"] = struct.pack(">4f", 0, 1, 2, 3)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    settle(path)
    assert read(path)[1]["x"].tolist() == [0, 1, 2, 3]
    assert torch.load(path, weights_only=True)["x"].tolist() == [0, 1, 2, 3]


def test_an_archive_of_an_older_pytorch_says_nothing_of_byte_order(tmp_path: Path) -> None:
    path = save(tmp_path / "m.pt", {"x": torch.arange(4.0)})
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            if name.partition("/")[2] in ("data.pkl", "version", "data/0"):
                archive.writestr(name, content)
    settle(path)
    assert read(path)[1]["x"].tolist() == [0, 1, 2, 3]


def test_a_recompressed_archive_is_inflated_when_it_is_read(tmp_path: Path) -> None:
    path = save(tmp_path / "m.pt", network().state_dict())
    expected = torch.load(path, weights_only=True)
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    settle(path)
    assert_same(read(path)[1], expected)


@pytest.mark.parametrize("index", [True, False], ids=["with an index", "numbered"])
def test_a_set_of_files_is_one_snapshot(tmp_path: Path, index: bool) -> None:
    state = network().state_dict()
    keys = list(state)
    parts = {1: keys[:9], 2: keys[9:]}
    names = {number: f"pytorch_model-{number:05d}-of-00002.bin" for number in parts}
    for number, own in parts.items():
        save(tmp_path / names[number], {key: state[key].clone() for key in own})
    if index:
        places = {key: names[number] for number, own in parts.items() for key in own}
        file = tmp_path / "pytorch_model.bin.index.json"
        file.write_text(json.dumps({"metadata": {}, "weight_map": places}))
        settle(file)
    contents, values = read(tmp_path / names[2])
    assert contents.format is Format.TORCH
    assert_same(values, state)
    if index:
        assert detect_format(str(file)) is Format.TORCH
        assert read(file)[0].tensors == contents.tensors


def test_refused_with_advice(tmp_path: Path) -> None:
    bare = tmp_path / "bare.pth"
    bare.write_bytes(pickle.dumps({"w": [1.0]}))
    old = tmp_path / "old.pt"
    with tarfile.open(old, "w") as archive:
        for name in ("sys_info", "pickle", "tensors", "storages"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    text = tmp_path / "text.pt"
    text.write_text("hello" * 200)
    numbers = save(tmp_path / "numbers.pt", {"epoch": 1})
    for path, said in (
        (bare, "bare pickle.* save model.state_dict"),
        (old, "tar file, as PyTorch wrote before.* save model.state_dict"),
        (text, "no file of torch.save"),
        (numbers, "holds no tensors"),
    ):
        settle(path)
        with pytest.raises(UnreadableSnapshotError, match=said):
            open_contents(str(path))


def test_names_that_others_use_too_are_told_by_content(tmp_path: Path) -> None:
    other = tmp_path / "firmware.bin"
    other.write_bytes(bytes(range(256)) * 8)
    archive = tmp_path / "other.ckpt"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("readme.txt", "hello")
    weights = save(tmp_path / "pytorch_model.bin", {"w": torch.ones(2)})
    example = save(tmp_path / "model_best.pth.tar", {"w": torch.ones(2)})
    assert detect_format(str(example)) is Format.TORCH
    legacy = save(tmp_path / "old.ckpt", {"w": torch.ones(2)}, _use_new_zipfile_serialization=False)
    assert [detect_format(str(path)) for path in (other, archive)] == [None, None]
    assert [is_torch_file(str(path)) for path in (other, archive)] == [False, False]
    for path in (weights, legacy):
        assert detect_format(str(path)) is Format.TORCH
        assert is_torch_file(str(path))
    with pytest.raises(NotFoundError, match="not a snapshot"):
        open_contents(str(other))


def test_an_unfinished_file_is_being_written(tmp_path: Path) -> None:
    path = save(tmp_path / "m.pt", network().state_dict())
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert is_torch_file(str(path))
    with pytest.raises(BeingWrittenError):
        open_contents(str(path))
    settle(path)
    with pytest.raises(UnreadableSnapshotError, match="not a complete zip archive") as error:
        open_contents(str(path))
    assert not isinstance(error.value, BeingWrittenError)


def test_a_missing_storage_concerns_its_tensor_only(tmp_path: Path) -> None:
    path = save(tmp_path / "m.pt", {f"t{n}": torch.full((3,), float(n)) for n in range(5)})
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            if not name.endswith("data/2"):
                archive.writestr(name, content if not name.endswith("data/3") else content[:4])
    settle(path)
    contents, values = read(path)
    assert values.keys() == {"t0", "t1", "t4"}
    problems = {tensor.key: tensor.problem or "" for tensor in contents.tensors}
    assert re.search(r"storage 2 is missing in .*m\.pt", problems["t2"])
    assert "has 4 bytes, of which 12 are needed" in problems["t3"]


def test_a_truncated_legacy_file_keeps_what_is_there(tmp_path: Path) -> None:
    value = {f"t{n}": torch.full((50,), float(n)) for n in range(4)}
    path = save(tmp_path / "m.pt", value, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[:-20])
    settle(path)
    contents, values = read(path)
    assert len(values) == 3
    assert sum("truncated" in (tensor.problem or "") for tensor in contents.tensors) == 1


def test_a_changed_pickle_is_told_by_its_checksum(tmp_path: Path) -> None:
    path = save(tmp_path / "m.pt", {"conv1.weight": torch.ones(3)})
    damaged = path.read_bytes().replace(b"conv1.weight", b"conv2.weight", 1)
    path.write_bytes(damaged)
    settle(path)
    with pytest.raises(UnreadableSnapshotError, match="checksum"):
        open_contents(str(path))


def test_listing_decodes_nothing(tmp_path: Path) -> None:
    path = save(tmp_path / "v.pt", VIEWS)
    listed = open_contents(str(path), decode=False)
    assert len(listed.tensors) == len(VIEWS)


@FORMATS
def test_no_damage_gives_anything_but_our_errors(tmp_path: Path, zipped: bool) -> None:
    value = {"model": {"a.weight": torch.ones(3, 2), "a.bias": torch.ones(3)}, "epoch": 1}
    path = save(tmp_path / "m.pt", value, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    random = np.random.default_rng(5)
    for _ in range(400):
        damaged = bytearray(whole)
        if random.random() < 0.3:
            del damaged[int(random.integers(len(whole))) :]
        else:
            damaged[int(random.integers(len(whole)))] ^= 1 << int(random.integers(8))
        path.write_bytes(damaged)
        settle(path)
        with suppress(SnapshotCompareError):
            read(path)


def test_a_wide_view_of_few_bytes_is_refused(tmp_path: Path) -> None:
    value = {"bomb": torch.zeros(1).expand(1 << 20, 1 << 20), "good": torch.ones(2)}
    contents, values = read(save(tmp_path / "b.pt", value))
    assert values.keys() == {"good"}
    assert "far more than is read" in (by_key(contents)["bomb"].problem or "")


def test_the_network_of_these_tests_is_read_whole(tmp_path: Path) -> None:
    contents, _ = read(save(tmp_path / "m.pt", Network().state_dict()))
    assert os.path.basename(contents.path) == "m.pt"
    assert {tensor.problem for tensor in contents.tensors} == {None}
