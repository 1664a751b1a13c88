"""What a folder full of other programs' files shows in the list, and what it does not."""

import errno
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from tb_snapshot_compare.cli import main
from tb_snapshot_compare.errors import NotFoundError
from tb_snapshot_compare.snapshot import Format, SnapshotRef, State
from tb_snapshot_compare.sources import parse_roots
from tb_snapshot_compare.sources.scan import Scanner
from tb_snapshot_compare.workspace import list_snapshots, open_snapshot
from tb_snapshot_compare.workspace.opening import probe
from tests.readers.aging import age

WEIGHTS = {"conv/kernel": np.ones((3, 3, 1, 2), "f4"), "conv/bias": np.ones(2, "f4")}
STATE = {"conv.weight": torch.ones(2, 1, 3, 3), "conv.bias": torch.ones(2)}


def listed(folder: Path) -> dict[str, SnapshotRef]:
    """Snapshots by run and name."""
    age(folder)
    return {
        f"{run.name}/{ref.name}": ref
        for run in list_snapshots(folder).runs
        for ref in run.snapshots
    }


def test_other_programs_files_do_not_flood_the_list(tmp_path: Path) -> None:
    np.save(tmp_path / "embeddings.npy", np.ones((4, 4)))
    np.savez(tmp_path / "dataset.npz", x_train=np.ones((4, 4)), y_train=np.ones(4))
    np.savez(tmp_path / "split.npz", **{"train/images": np.ones((4, 4)), "test/images": np.ones(4)})
    np.savez(tmp_path / "positional.npz", np.ones(3), np.ones(3))
    np.savez(tmp_path / "objects.npz", a=np.array([{}], dtype=object))
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 cut off")
    (tmp_path / "random.bin").write_bytes(bytes(range(256)))
    (tmp_path / "empty.bin").write_bytes(b"")
    (tmp_path / "words.ckpt").write_text("not a checkpoint")
    torch.save({"images": torch.ones(3, 3), "labels": torch.ones(3)}, tmp_path / "data.pt")
    torch.save(torch.ones(3, 3), tmp_path / "one.pt")
    parameters = [torch.nn.Parameter(torch.ones(3, 3))]
    optimizer = torch.optim.Adam(parameters)
    parameters[0].grad = torch.ones(3, 3)
    optimizer.step()
    torch.save(optimizer.state_dict(), tmp_path / "optimizer.pt")
    (tmp_path / "model.index.json").write_text("{}")
    np.savez(tmp_path / "weights.npz", **WEIGHTS)
    assert list(listed(tmp_path)) == ["./weights"]


def test_what_is_not_listed_opens_by_its_path(tmp_path: Path) -> None:
    np.save(tmp_path / "embeddings.npy", np.ones((4, 4)))
    np.savez(tmp_path / "dataset.npz", x_train=np.ones((4, 4)))
    age(tmp_path)
    for name in ("embeddings.npy", "dataset.npz"):
        assert len(open_snapshot(tmp_path / name).contents.tensors) == 1


def test_formats_of_one_stem_are_one_snapshot(tmp_path: Path) -> None:
    np.savez(tmp_path / "epoch-3.npz", **WEIGHTS)
    save_file(WEIGHTS, tmp_path / "epoch-3.safetensors")
    torch.save(STATE, tmp_path / "epoch-3.pt")
    torch.save(STATE, tmp_path / "epoch-4.pt")
    found = listed(tmp_path)
    assert set(found) == {"./epoch-3", "./epoch-4"}
    formats = {files.format for files in found["./epoch-3"].file_sets}
    assert formats == {Format.NPZ, Format.SAFETENSORS, Format.TORCH}
    assert found["./epoch-3"].position.epoch == 3


def test_a_training_run_of_hugging_face_is_one_timeline(tmp_path: Path) -> None:
    for step in (500, 1000):
        folder = tmp_path / "run" / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        save_file(WEIGHTS, folder / "model.safetensors")
        torch.save({"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": []},
                   folder / "optimizer.pt")  # fmt: skip
        torch.save({"lr": 0.1}, folder / "training_args.bin")
        (folder / "trainer_state.json").write_text("{}")
    found = listed(tmp_path)
    assert set(found) == {"run/checkpoint-500", "run/checkpoint-1000"}
    assert found["run/checkpoint-1000"].position.step == 1000
    opened = open_snapshot(tmp_path / "run" / "checkpoint-500" / "model.safetensors")
    assert opened.contents.position.step == 500
    assert open_snapshot(tmp_path / "run" / "checkpoint-500").contents.position.step == 500


def test_a_split_snapshot_with_a_missing_file_says_which_weights_are_lost(tmp_path: Path) -> None:
    save_file({"a.weight": WEIGHTS["conv/bias"]}, tmp_path / "m-00001-of-00002.safetensors")
    places = {
        "a.weight": "m-00001-of-00002.safetensors",
        "b.weight": "m-00002-of-00002.safetensors",
    }
    (tmp_path / "m.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    (ref,) = listed(tmp_path).values()
    assert ref.state is State.READY
    assert ref.reason is not None
    assert "1 of its 2 weights cannot be read" in ref.reason
    assert "1 of 2 files is missing: m-00002-of-00002.safetensors." in ref.reason


@pytest.mark.parametrize("name", ["weights.npz", "model.pt"])
def test_a_damaged_snapshot_is_shown_with_its_reason(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if path.suffix == ".npz":
        np.savez(path, **WEIGHTS)
    else:
        torch.save(STATE, path)
    path.write_bytes(path.read_bytes()[:-30])
    (ref,) = listed(tmp_path).values()
    assert ref.state is State.BROKEN
    assert ref.reason is not None
    assert name in ref.reason


def test_the_command_line_says_what_it_looked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    for word in (".keras", ".safetensors", ".pt", ".npz", "SavedModel", "Orbax"):
        assert word in said
    (tmp_path / "x.txt").write_text("")
    assert main(["diff", str(tmp_path / "x.txt"), str(tmp_path / "x.txt")]) == 1
    assert ".npy file" in capsys.readouterr().err


def test_a_file_called_tar_is_a_snapshot_of_its_stem(tmp_path: Path) -> None:
    for name in ("epoch-3.pth.tar", "epoch-4.tar"):
        torch.save(STATE, tmp_path / name)
    assert {name: ref.position.epoch for name, ref in listed(tmp_path).items()} == {
        "./epoch-3": 3,
        "./epoch-4": 4,
    }
    assert open_snapshot(tmp_path / "epoch-3.pth.tar").summary.epoch == 3
    assert open_snapshot(tmp_path / "epoch-4.tar").summary.epoch == 4


def test_the_list_tells_which_file_of_a_set_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"model-{number:05d}-of-00003.safetensors" for number in (1, 2, 3)]
    keys = ["a/kernel", "b/kernel", "c/kernel"]
    for name, key in zip(names[:2], keys, strict=False):
        save_file({key: np.ones((2, 3), "f4")}, tmp_path / name)
    index = {"weight_map": dict(zip(keys, names, strict=True))}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    (ref,) = listed(tmp_path).values()
    assert ref.state is State.READY
    assert ref.reason == (
        "1 of its 3 weights cannot be read. "
        "1 of 3 files is missing: model-00003-of-00003.safetensors."
    )
    assert main(["list", str(tmp_path)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "ready, but 1 of its 3 weights cannot be read. 1 of 3 files is missing" in shown


def test_a_text_in_a_checkpoints_name_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "words.ckpt").write_text("not a checkpoint")
    with pytest.raises(NotFoundError, match="its content is neither") as refused:
        open_snapshot(tmp_path / "words.ckpt")
    assert "Give a .keras" not in str(refused.value)


def test_what_was_left_out_of_a_comparison_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kernel = torch.ones(2, 4)
    kernel[0, 0], kernel[1, 1] = torch.nan, torch.inf
    rotation = torch.ones(2, 4, dtype=torch.complex64)
    paths = [str(tmp_path / name) for name in ("a.pt", "b.pt")]
    torch.save({"fc.weight": torch.ones(2, 4), "rope.weight": rotation}, paths[0])
    torch.save({"fc.weight": kernel, "rope.weight": rotation}, paths[1])
    age(tmp_path)
    assert main(["diff", *paths]) == 0
    text = capsys.readouterr().out
    assert "2 elements left out: they are NaN or infinite in a or b" in text
    assert "rope/kernel: complex numbers are not compared" in text
    assert "Dense" in text


def test_a_format_is_named_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("epoch-1.pt", "epoch-1.pth"):
        torch.save(STATE, tmp_path / name)
    age(tmp_path)
    assert main(["list", str(tmp_path)]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "epoch-1" in line]
    assert line.split().count("torch") == 1
    assert "torch," not in line


@pytest.mark.parametrize("name", ["net.npz", "net.safetensors", "net.pt"])
@pytest.mark.parametrize("fault", [errno.EMFILE, errno.EIO, errno.ESTALE, errno.EACCES])
def test_a_file_that_a_disk_fails_to_give_is_listed_once_it_does(
    name: str, fault: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    if path.suffix == ".npz":
        np.savez(path, **WEIGHTS)
    elif path.suffix == ".pt":
        torch.save(STATE, path)
    else:
        save_file(WEIGHTS, path)
    past = time.time() - 100
    os.utime(path, (past, past))
    scanner = Scanner(parse_roots(str(tmp_path), None, None), probe)

    def found() -> list[State]:
        scanner.look()
        while scanner.examine():
            pass
        return [ref.state for run in scanner.result().runs for ref in run.snapshots]

    real = os.open

    def failing(opened: Any, *arguments: Any, **options: Any) -> int:
        if str(opened).endswith(name):
            raise OSError(fault, os.strerror(fault))
        return real(opened, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", failing)
        assert State.READY not in found()
    assert State.READY not in found()
    later = time.monotonic() + 3
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert found() == [State.READY]


def test_a_damaged_file_is_not_read_again_and_again(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    np.savez(path, **WEIGHTS)
    path.write_bytes(path.read_bytes()[:-30])
    (files,) = next(iter(listed(tmp_path).values())).file_sets
    assert not probe(files).passing
