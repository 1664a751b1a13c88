"""Checkpoints of TensorFlow's old V1 format are refused, with advice that works."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.readers import TensorReader, detect_format, open_contents
from tb_snapshot_compare.snapshot import Format, State
from tb_snapshot_compare.workspace import list_snapshots
from tests.readers.tf1_models import saved, session, v1

V1 = v1.train.SaverDef.V1


def v1_checkpoint(folder: Path, **options: object) -> str:
    with session() as opened:
        v1.get_variable("conv1/weights", (3, 3, 1, 4))
        v1.train.get_or_create_global_step()
        opened.run(v1.global_variables_initializer())
        return saved(opened, folder, write_version=V1, **options)


@pytest.mark.parametrize("place", ["", "model.ckpt-0"])
def test_v1_checkpoint_is_refused_by_path_and_by_directory(tmp_path: Path, place: str) -> None:
    v1_checkpoint(tmp_path)
    path = str(tmp_path / place)
    assert detect_format(path) is Format.TF_CHECKPOINT
    with pytest.raises(UnreadableSnapshotError, match="old V1 format") as caught:
        open_contents(path)
    assert f"{tmp_path}/model.ckpt-0" in str(caught.value)


def test_v1_checkpoint_in_several_files_is_refused(tmp_path: Path) -> None:
    v1_checkpoint(tmp_path, sharded=True)
    for path in (tmp_path, tmp_path / "model.ckpt-0-00000-of-00001"):
        with pytest.raises(UnreadableSnapshotError, match="old V1 format"):
            open_contents(str(path))


def test_the_advice_converts_it(tmp_path: Path) -> None:
    folder = tmp_path / "it's $(here)"
    prefix = v1_checkpoint(folder)
    with pytest.raises(UnreadableSnapshotError) as caught:
        open_contents(prefix)
    found = re.search(r"python -c (.*)\Z", str(caught.value))
    assert found is not None
    (code,) = shlex.split(found[1])
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, capture_output=True)
    contents = open_contents(f"{prefix}-v2")
    tensor = next(each for each in contents.tensors if each.name == "conv1/kernel")
    with TensorReader() as reader:
        expected = tf.train.load_checkpoint(prefix).get_tensor("conv1/weights")
        assert np.array_equal(reader.read_array(tensor), expected)


def test_v1_checkpoint_is_listed_as_broken_with_the_reason(tmp_path: Path) -> None:
    v1_checkpoint(tmp_path)
    (run,) = list_snapshots(tmp_path).runs
    (listed,) = run.snapshots
    assert (listed.name, listed.state) == ("model.ckpt-0", State.BROKEN)
    assert "old V1 format" in str(listed.reason)


def test_a_graph_without_its_checkpoint_is_not_listed(tmp_path: Path) -> None:
    with session() as opened:
        v1.get_variable("w", (2,))
        v1.train.get_or_create_global_step()
        opened.run(v1.global_variables_initializer())
        prefix = saved(opened, tmp_path)
    for file in tmp_path.glob("model.ckpt-0.[id]*"):
        file.unlink()
    assert Path(f"{prefix}.meta").exists()
    assert list_snapshots(tmp_path).runs == ()


def test_a_moved_v1_checkpoint_is_named_where_it_lies_now(tmp_path: Path) -> None:
    v1_checkpoint(tmp_path)
    state = tmp_path / "checkpoint"
    state.write_text('model_checkpoint_path: "/elsewhere/model.ckpt-0"\n')
    with pytest.raises(UnreadableSnapshotError, match="old V1 format"):
        open_contents(str(tmp_path))
