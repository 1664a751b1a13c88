"""Distributed checkpoints, written by PyTorch in one process and in three."""

import dataclasses
import os
import pickle
import shutil
import socket
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.state_dict import get_state_dict

from tb_snapshot_compare import limits
from tb_snapshot_compare.errors import BeingWrittenError, UnreadableSnapshotError
from tb_snapshot_compare.readers import detect_format, open_contents, torch_distributed
from tb_snapshot_compare.readers.torch_archive import read_archive
from tb_snapshot_compare.snapshot import Format
from tests.readers.torch_models import assert_same, by_key, flat, network, read, settle, trained


@pytest.fixture(scope="session")
def one_process(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, torch.Tensor]]:
    """A model with its optimizer, and what was saved by key."""
    path = tmp_path_factory.mktemp("dcp") / "one"
    model = network()
    optimizer = torch.optim.Adam(model.parameters())
    trained(model, optimizer)
    weights, slots = get_state_dict(model, optimizer)
    state = {"model": weights, "optimizer": slots, "step": torch.tensor(3), "epoch": 2}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dcp.save(state, checkpoint_id=path)
    settle(path)
    return path, flat(state)


@pytest.fixture(scope="session")
def three_processes(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, dict[str, torch.Tensor]]:
    """Tensors that are sharded along several axes over three processes on loopback."""
    path = tmp_path_factory.mktemp("dcp") / "three"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    writer = Path(__file__).with_name("torch_distributed_writer.py")
    group = [
        subprocess.Popen([sys.executable, str(writer), str(rank), "3", str(port), str(path)])
        for rank in range(3)
    ]
    assert [process.wait(timeout=180) for process in group] == [0, 0, 0]
    settle(path)
    return path, torch.load(f"{path}.pt", weights_only=True)


@pytest.fixture
def copied(one_process: tuple[Path, object], tmp_path: Path) -> Path:
    path = tmp_path / "copy"
    shutil.copytree(one_process[0], path)
    settle(path)
    return path


def test_one_process_reads_as_saved(one_process: tuple[Path, dict[str, torch.Tensor]]) -> None:
    path, expected = one_process
    contents, values = read(path)
    assert contents.format is Format.TORCH_DISTRIBUTED
    assert_same(values, expected)
    position = contents.position
    assert (position.step, position.epoch) == (3, 2)
    found = by_key(contents)
    assert found["model.conv1.weight"].name == "model/conv1/kernel"
    slot = found["optimizer.state.conv1.weight.exp_avg"]
    assert (slot.scope, slot.slot_of) == ("optimizer", "model/conv1/kernel")


def test_shards_along_the_first_axis_are_read_in_place(
    three_processes: tuple[Path, dict[str, torch.Tensor]],
) -> None:
    path, expected = three_processes
    contents, values = read(path)
    weights = {key: value for key, value in values.items() if key.startswith("model.")}
    assert_same(weights, {f"model.{key}": value for key, value in expected.items()})
    found = by_key(contents)
    assert len(found["model.fc.weight"].extents) == 3
    assert {os.path.dirname(e.path) for e in found["model.fc.weight"].extents} == {str(path)}
    assert len(found["model.column.weight"].extents) == 1
    assert contents.position.step == 12


def test_it_is_found_by_its_directory_and_by_its_metadata(copied: Path) -> None:
    assert detect_format(str(copied)) is Format.TORCH_DISTRIBUTED
    listed = open_contents(str(copied), decode=False)
    assert {t.key for t in listed.tensors} == {t.key for t in open_contents(str(copied)).tensors}
    assert listed.position.step == 3


def test_a_missing_file_concerns_its_tensors_only(
    three_processes: tuple[Path, dict[str, torch.Tensor]], tmp_path: Path
) -> None:
    path = tmp_path / "copy"
    shutil.copytree(three_processes[0], path)
    (path / "__1_0.distcp").unlink()
    settle(path)
    contents, values = read(path)
    assert 0 < len(values) < len(contents.tensors)
    problems = [tensor.problem for tensor in contents.tensors if tensor.problem]
    assert all("__1_0.distcp" in problem for problem in problems)


def test_a_truncated_file_is_named(copied: Path) -> None:
    file = copied / "__0_0.distcp"
    file.write_bytes(file.read_bytes()[:-2_000])
    settle(copied)
    contents, values = read(copied)
    assert len(values) >= len(contents.tensors) - 3
    assert any("truncated" in (tensor.problem or "") for tensor in contents.tensors)


def test_damaged_metadata_is_refused(copied: Path) -> None:
    metadata = copied / ".metadata"
    whole = metadata.read_bytes()
    metadata.write_bytes(whole[: len(whole) // 2])
    settle(copied)
    with pytest.raises(UnreadableSnapshotError, match="not the metadata of a distributed"):
        open_contents(str(copied))
    metadata.write_bytes(pickle.dumps({"a": 1}))
    settle(copied)
    with pytest.raises(UnreadableSnapshotError, match="does not tell of any tensors"):
        open_contents(str(copied))


def test_few_files_are_open_at_a_time(
    three_processes: tuple[Path, dict[str, torch.Tensor]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, expected = three_processes
    monkeypatch.setattr(torch_distributed, "_FILES_OPEN_MAX", 1)
    before = len(os.listdir("/proc/self/fd"))
    most = 0

    def counted(*args: Any) -> Any:
        nonlocal most
        most = max(most, len(os.listdir("/proc/self/fd")) - before)
        return read_archive(*args)

    monkeypatch.setattr(torch_distributed, "read_archive", counted)
    _, values = read(path)
    weights = {key: value for key, value in values.items() if key.startswith("model.")}
    assert_same(weights, {f"model.{key}": value for key, value in expected.items()})
    assert most == 1


def test_chunks_that_all_tensors_share_are_refused(copied: Path) -> None:
    file = copied / ".metadata"
    metadata = pickle.loads(file.read_bytes())
    entries = metadata.state_dict_metadata
    entry = entries["model.conv1.weight"]
    entry.chunks = entry.chunks * 20_000
    entries.update({f"copy{number}": entry for number in range(5_000)})
    file.write_bytes(pickle.dumps(metadata))
    settle(copied)
    with pytest.raises(UnreadableSnapshotError, match="too many chunks"):
        open_contents(str(copied))


def test_keys_that_share_their_bytes_are_refused(copied: Path) -> None:
    file = copied / ".metadata"
    metadata = pickle.loads(file.read_bytes())
    entry = metadata.state_dict_metadata["model.conv1.weight"]
    index, place = next(
        (index, place)
        for index, place in metadata.storage_data.items()
        if index.fqn == "model.conv1.weight"
    )
    for number in range(300):
        metadata.state_dict_metadata[f"copy{number}"] = entry
        metadata.storage_data[dataclasses.replace(index, fqn=f"copy{number}")] = place
    file.write_bytes(pickle.dumps(metadata))
    settle(copied)
    problems = [tensor.problem or "" for tensor in open_contents(str(copied)).tensors]
    assert sum("share their bytes" in problem for problem in problems) > 200


def test_a_chunk_with_a_long_pickle_is_refused(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "DISTRIBUTED_PICKLE_MAX_BYTES", 100)
    problems = [tensor.problem or "" for tensor in open_contents(str(copied)).tensors]
    assert any("more than the 100 of one tensor" in problem for problem in problems)


def test_metadata_whose_files_are_gone_name_them(copied: Path) -> None:
    for file in copied.glob("*.distcp"):
        file.unlink()
    settle(copied)
    for path in (copied, copied / ".metadata"):
        with pytest.raises(UnreadableSnapshotError, match=r"__0_0\.distcp is missing"):
            open_contents(str(path))


def test_a_file_outside_the_directory_is_never_opened(copied: Path) -> None:
    metadata = copied / ".metadata"
    outside = copied.parent / "0_0.distc"
    shutil.copy(copied / "__0_0.distcp", outside)
    metadata.write_bytes(metadata.read_bytes().replace(b"__0_0.distcp", b"../0_0.distc"))
    settle(copied)
    contents = open_contents(str(copied))
    assert all("outside its directory" in (tensor.problem or "") for tensor in contents.tensors)


def test_values_that_are_newer_than_their_metadata_are_being_written(copied: Path) -> None:
    (copied / "__0_0.distcp").touch()
    with pytest.raises(BeingWrittenError, match="newer than"):
        open_contents(str(copied))
