"""What a path means: formats by name, prefixes, state files."""

import os
from pathlib import Path

import numpy as np
import pytest

from tb_snapshot_compare.errors import NotFoundError, SnapshotGoneError, UnreadableSnapshotError
from tb_snapshot_compare.readers import detect_format, open_contents
from tb_snapshot_compare.snapshot import Format
from tests.hostile.bundle_writer import BundleWriter


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    writer = BundleWriter()
    writer.add("w", np.arange(3.0))
    for step in (1, 2):
        writer.write(tmp_path / f"ckpt-{step}")
    return tmp_path


def state_file(folder: Path, path: str) -> None:
    (folder / "checkpoint").write_text(
        f'model_checkpoint_path: "{path}"\nall_model_checkpoint_paths: "ckpt-1"\n'
    )


@pytest.mark.parametrize("ending", ["", ".index", ".data-00000-of-00001"])
def test_prefix_index_and_data_file_mean_the_same_checkpoint(folder: Path, ending: str) -> None:
    path = f"{folder}/ckpt-1{ending}"
    assert detect_format(path) is Format.TF_CHECKPOINT
    contents = open_contents(path)
    assert contents.path == f"{folder}/ckpt-1"
    assert contents.format is Format.TF_CHECKPOINT


@pytest.mark.parametrize("name", ["ckpt-2", "./ckpt-2", "/moved/from/here/ckpt-2"])
def test_directory_means_its_latest_checkpoint(folder: Path, name: str) -> None:
    state_file(folder, name)
    assert detect_format(str(folder)) is Format.TF_CHECKPOINT
    assert open_contents(str(folder)).path == f"{folder}/ckpt-2"


@pytest.mark.parametrize("name", ["../ckpt-2", "/etc/passwd", "a/../../x", "", ".", "/", "\\377"])
def test_state_file_never_leads_out_of_its_directory(folder: Path, name: str) -> None:
    inner = folder / "inner"
    inner.mkdir()
    state_file(inner, name)
    with pytest.raises((UnreadableSnapshotError, SnapshotGoneError)) as caught:
        open_contents(str(inner))
    assert "passwd.index" not in str(caught.value)


def test_linked_checkpoint_inside_an_outside_directory_is_refused(folder: Path) -> None:
    inner = folder / "inner"
    inner.mkdir()
    (inner / "out").symlink_to(folder)
    state_file(inner, "out/ckpt-1")
    with pytest.raises(UnreadableSnapshotError, match="outside"):
        open_contents(str(inner))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("m.keras", Format.KERAS),
        ("m.weights.h5", Format.WEIGHTS_H5),
        ("m.h5", Format.LEGACY_H5),
        ("m.hdf5", Format.LEGACY_H5),
        ("m.txt", None),
    ],
)
def test_formats_are_told_by_name(tmp_path: Path, name: str, expected: Format | None) -> None:
    (tmp_path / name).write_bytes(b"")
    assert detect_format(str(tmp_path / name)) is expected


@pytest.mark.parametrize("name", ["missing", "missing.keras", "missing.index", "a\0b", "x" * 300])
def test_nothing_there_is_not_found(tmp_path: Path, name: str) -> None:
    assert detect_format(str(tmp_path / name)) is None
    with pytest.raises(NotFoundError):
        open_contents(str(tmp_path / name))


def test_other_directory_is_not_a_snapshot(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="not a snapshot"):
        open_contents(str(tmp_path))


@pytest.mark.parametrize("make", ["fifo", "directory", "device"])
def test_index_that_is_no_regular_file_is_refused(tmp_path: Path, make: str) -> None:
    path = tmp_path / "ckpt.index"
    if make == "fifo":
        os.mkfifo(path)
    elif make == "directory":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(UnreadableSnapshotError, match="regular file"):
        open_contents(str(tmp_path / "ckpt"), Format.TF_CHECKPOINT)


def test_file_that_may_not_be_read_is_named_with_the_remedy(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = f"{folder}/ckpt-1.index"
    real = os.open

    def fake(path: str, *args: int) -> int:
        if path == refused:
            raise PermissionError(13, "Permission denied", path)
        return real(path, *args)

    monkeypatch.setattr(os, "open", fake)
    with pytest.raises(UnreadableSnapshotError) as caught:
        open_contents(f"{folder}/ckpt-1")
    assert f"chmod u+r {refused}" in str(caught.value)


def test_a_directory_that_may_not_be_listed_is_named_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = str(tmp_path)

    def fake(path: str) -> list[str]:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "listdir", fake)
    with pytest.raises(UnreadableSnapshotError) as caught:
        open_contents(refused)
    assert f"chmod u+rx {refused}" in str(caught.value)


@pytest.mark.parametrize("name", ["loop.keras", "loop"])
def test_a_link_to_itself_says_so(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to(tmp_path / name)
    with pytest.raises(UnreadableSnapshotError, match="link that leads back to itself"):
        open_contents(str(tmp_path / name))


@pytest.mark.parametrize("place", ["/moved/from/here/", ""])
def test_the_newest_checkpoint_that_is_left_stands_for_one_that_is_gone(
    folder: Path, place: str
) -> None:
    others = "".join(
        f'all_model_checkpoint_paths: "{place}{name}"\n' for name in ("ckpt-1", "ckpt-2", "ckpt-7")
    )
    (folder / "checkpoint").write_text(f'model_checkpoint_path: "{place}ckpt-7"\n{others}')
    assert open_contents(str(folder)).path == f"{folder}/ckpt-2"


def test_other_checkpoints_never_lead_out_of_the_directory_either(folder: Path) -> None:
    inner = folder / "inner"
    inner.mkdir()
    (inner / "checkpoint").write_text(
        'model_checkpoint_path: "gone"\n'
        'all_model_checkpoint_paths: "../ckpt-1"\n'
        f'all_model_checkpoint_paths: "{folder}/ckpt-1"\n'
    )
    with pytest.raises(SnapshotGoneError, match=r"gone\.index"):
        open_contents(str(inner))
