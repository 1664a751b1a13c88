"""Orbax checkpoints: of Keras's callback, and of JAX programs with Flax and Optax."""

import importlib.util
import json
import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import google_crc32c
import numpy as np
import pytest

from tb_snapshot_compare import limits
from tb_snapshot_compare.errors import (
    BeingWrittenError,
    NotFoundError,
    ReaderUnavailableError,
    UnreadableSnapshotError,
)
from tb_snapshot_compare.readers import TensorReader, open_contents
from tb_snapshot_compare.readers.child_process import ChildEndedError
from tb_snapshot_compare.readers.extents import numpy_dtype
from tb_snapshot_compare.readers.orbax import TENSORSTORE_CHILD, read_orbax
from tb_snapshot_compare.snapshot import Format, SnapshotContents, TensorInfo
from tb_snapshot_compare.sources import Root, parse_roots, scan
from tests.readers.keras_models import weights_of

REPOSITORY = Path(__file__).parents[2]
OF_JAX = ("zarr2", "zarr3", "ocdbt", "ocdbt-zarr3", "standard", "manager/20", "large")
OF_KERAS = ("alexnet_like", "sequential", "attention_and_recurrence")


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("orbax")
    command = [sys.executable, "-W", "ignore", "-m", "tests.readers.orbax_writer", str(folder)]
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        env=os.environ | {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture
def copied(written: Path, tmp_path: Path) -> Path:
    """A checkpoint without OCDBT that a test may damage: each array has files of its own."""
    return Path(shutil.copytree(written / "zarr2", tmp_path / "damaged"))


def wanted(written: Path, name: str) -> dict[str, np.ndarray]:
    """What Orbax restored, by `a/b/c`, as bytes of the named type."""
    found = {}
    with np.load(written / f"{name}.npz") as archive:
        for key, raw in archive.items():
            dtype, _, path = key.partition("|")
            found[path] = raw.view(numpy_dtype(dtype))
    return found


def values(contents: SnapshotContents) -> dict[str, np.ndarray]:
    """Every array by key, in one dimension."""
    with TensorReader(contents.generation) as reader:
        return {t.key: reader.read_array(t).reshape(-1) for t in contents.tensors}


def assert_same_bits(found: np.ndarray, expected: np.ndarray, name: str) -> None:
    assert found.dtype == expected.dtype, name
    assert found.tobytes() == expected.tobytes(), name


def named(contents: SnapshotContents) -> dict[str, TensorInfo]:
    return {tensor.name: tensor for tensor in contents.tensors}


@pytest.mark.parametrize("name", OF_JAX)
def test_every_array_of_jax_has_the_bits_that_orbax_restores(written: Path, name: str) -> None:
    contents = open_contents(str(written / name))
    assert contents.format is Format.ORBAX
    expected = wanted(written, name.partition("/")[0])
    found = values(contents)
    assert {key.replace("/", ".") for key in expected} == found.keys()
    for key, array in expected.items():
        assert_same_bits(found[key.replace("/", ".")], array, key)


@pytest.mark.parametrize("name", OF_KERAS)
def test_every_weight_of_keras_has_its_name_and_value(written: Path, name: str) -> None:
    contents = open_contents(str(written / f"keras-{name}" / "0"))
    expected = wanted(written, f"keras-{name}")
    weights = weights_of(contents)
    seeds = {key for key in expected if key.endswith("seed_generator_state")}
    assert weights.keys() == expected.keys() - seeds
    found = values(contents)
    for key, tensor in weights.items():
        assert_same_bits(found[tensor.key], expected[key], key)


@pytest.mark.parametrize("name", OF_KERAS)
def test_a_checkpoint_of_keras_is_the_same_snapshot_as_its_archive(
    written: Path, name: str
) -> None:
    archive = open_contents(str(written / f"keras-{name}.keras"))
    contents = open_contents(str(written / f"keras-{name}" / "0"))
    assert contents.model_config is not None
    assert (
        json.loads(contents.model_config)["config"]
        == json.loads(archive.model_config or "")["config"]
    )
    assert contents.position.step == archive.position.step == 2
    assert (contents.position.epoch, contents.position.epoch_source) == (0, "directory name")
    described = {
        key: (t.layer, t.role, t.shape, t.dtype, t.slot_of)
        for key, t in named(archive).items()
        if t.scope == "weights" or t.slot_of is not None
    }
    found = {
        key: (t.layer, t.role, t.shape, t.dtype, t.slot_of)
        for key, t in named(contents).items()
        if t.scope == "weights" or t.slot_of is not None
    }
    assert found == described


def test_arrays_of_flax_and_optax_have_the_names_and_roles_of_keras(written: Path) -> None:
    found = named(open_contents(str(written / "standard")))
    weights = {name: t.role for name, t in found.items() if t.scope == "weights"}
    assert weights == {
        "Conv_0/kernel": "kernel",
        "Conv_0/bias": "bias",
        "BatchNorm_0/gamma": "gamma",
        "BatchNorm_0/beta": "beta",
        "BatchNorm_0/moving_mean": "moving_mean",
        "BatchNorm_0/moving_variance": "moving_variance",
        "Dense_0/kernel": "kernel",
        "Dense_0/bias": "bias",
        "Embed_0/embeddings": "embeddings",
        "counts/table": "table",
    }
    slot = found["optimizer/Conv_0/kernel/momentum"]
    assert (slot.layer, slot.role, slot.slot_of) == ("Conv_0", "momentum", "Conv_0/kernel")
    assert found["optimizer/BatchNorm_0/gamma/velocity"].slot_of == "BatchNorm_0/gamma"
    assert found["optimizer/iteration"].scope == "optimizer"
    assert found["step"].scope == "state"


def test_the_step_comes_from_the_directory_else_from_the_tree(written: Path) -> None:
    numbered = open_contents(str(written / "manager" / "10")).position
    assert (numbered.step, numbered.step_source) == (10, "directory name")
    inside = open_contents(str(written / "manager" / "10" / "default")).position
    assert inside.step == 10
    counted = open_contents(str(written / "standard")).position
    assert (counted.step, counted.step_source) == (11, "optimizer iterations")


def test_items_of_one_step_are_one_snapshot(written: Path) -> None:
    contents = open_contents(str(written / "items" / "5"))
    names = named(contents)
    assert names["Conv_0/kernel"].key == "params/Conv_0.kernel"
    assert names["optimizer/Conv_0/kernel/velocity"].slot_of == "Conv_0/kernel"
    found = values(contents)
    for key, array in wanted(written, "items").items():
        item, _, path = key.partition("/")
        assert_same_bits(found[f"{item}/{path.replace('/', '.')}"], array, key)


def test_values_are_decoded_once(written: Path) -> None:
    path = str(written / "ocdbt")
    assert open_contents(path) is open_contents(path)


def test_a_listing_decodes_no_more_than_the_step(written: Path, tmp_path: Path) -> None:
    path = shutil.copytree(written / "ocdbt", tmp_path / "listed")
    contents = open_contents(str(path), decode=False)
    assert contents.position.step == 11
    assert not any(tensor.extents for tensor in contents.tensors)
    assert all(tensor.problem is None for tensor in contents.tensors)


def test_large_arrays_are_decoded_in_several_requests(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ORBAX_REQUEST_BYTES", 1 << 20)
    path = shutil.copytree(written / "large", tmp_path / "large")
    (array,) = values(open_contents(str(path))).values()
    assert_same_bits(array, wanted(written, "large")["params/wide/kernel"], "kernel")


def test_directories_are_listed_as_snapshots_and_not_descended_into(
    written: Path, tmp_path: Path
) -> None:
    shutil.copytree(written / "manager", tmp_path / "run" / "manager")
    shutil.copytree(written / "zarr3", tmp_path / "run" / "alone")
    unfinished = tmp_path / "run" / "manager" / "30.orbax-checkpoint-tmp-17"
    shutil.copytree(written / "manager" / "10", unfinished)
    (unfinished / "default").rename(unfinished / "default.orbax-checkpoint-tmp")
    refs = [ref for run in scan(roots(tmp_path)).runs for ref in run.snapshots]
    assert {(ref.run, ref.name) for ref in refs} == {
        ("run/manager", "10"),
        ("run/manager", "20"),
        ("run/manager", "30"),
        ("run", "alone"),
    }
    for ref in refs:
        (files,) = ref.file_sets
        assert files.format is Format.ORBAX
        assert files.size == sum(stamp.size for stamp in ref.stamps) > 1000
    with pytest.raises(BeingWrittenError, match="30"):
        open_contents(str(unfinished), Format.ORBAX)


def roots(path: Path) -> tuple[Root, ...]:
    return parse_roots(str(path), None, None)


def test_the_directory_above_the_steps_is_no_snapshot(written: Path) -> None:
    with pytest.raises(NotFoundError, match="is not a snapshot"):
        open_contents(str(written / "manager"))


def test_without_tensorstore_the_remedy_is_given(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ReaderUnavailableError, match=r"pip install 'tb-snapshot-compare\[orbax\]'"):
        open_contents(str(written / "ocdbt"))


def test_tensorstore_runs_in_the_child_only(written: Path) -> None:
    open_contents(str(written / "zarr3"))
    assert TENSORSTORE_CHILD.pid not in (None, os.getpid())
    script = (
        "import sys; from tb_snapshot_compare.readers import open_contents; "
        f"open_contents({str(written / 'zarr3')!r}); "
        "print([m for m in ('tensorstore', 'jax', 'orbax') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


# --- damaged and hostile


def test_one_damaged_array_leaves_the_others(copied: Path) -> None:
    (copied / "params.Conv_0.kernel" / "0.0.0.0").write_bytes(b"\xff" * 40)
    (copied / "params.Dense_0.bias" / ".zarray").write_text('{"shape": [5')
    contents = open_contents(str(copied))
    problems = {t.key: t.problem for t in contents.tensors if t.problem is not None}
    assert problems.keys() == {"params.Conv_0.kernel", "params.Dense_0.bias"}
    assert all("it cannot be read" in (problem or "") for problem in problems.values())
    good = [t for t in contents.tensors if t.problem is None]
    with TensorReader(contents.generation) as reader:
        assert sum(reader.read_array(t).size for t in good) > 0


def test_a_missing_file_of_a_database_is_told_in_words(written: Path, tmp_path: Path) -> None:
    path = Path(shutil.copytree(written / "ocdbt", tmp_path / "damaged"))
    for file in path.rglob("d/*"):
        file.unlink()
    with pytest.raises(UnreadableSnapshotError) as refused:
        open_contents(str(path))
    assert "(a file with its data is missing)" in str(refused.value)


def test_a_missing_chunk_of_a_whole_array_reads_as_orbax_reads_it(copied: Path) -> None:
    (copied / "params.Dense_0.bias" / "0").unlink()
    bias = named(open_contents(str(copied)))["Dense_0/bias"]
    with TensorReader() as reader:
        np.testing.assert_array_equal(reader.read_array(bias), np.zeros(5))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"shape": [1 << 40], "chunks": [1 << 10]}, "far more than"),
        ({"shape": [1 << 40], "chunks": [1 << 40]}, "its chunks have"),
        ({"shape": [5] * 40, "chunks": [1] * 40}, "cannot be read"),
        ({"shape": [-3]}, "cannot be read"),
        ({"dtype": "|V3"}, "not a number type"),
        ({"dtype": "|O"}, "cannot be read"),
        ({"compressor": {"id": "bz9"}}, "cannot be read"),
        ({"zarr_format": 7}, "cannot be read"),
    ],
)
def test_absurd_metadata_costs_only_its_array(
    copied: Path, change: dict[str, object], reason: str
) -> None:
    place = copied / "params.Dense_0.bias" / ".zarray"
    place.write_text(json.dumps(json.loads(place.read_text()) | change))
    contents = open_contents(str(copied))
    problems = {t.key: t.problem or "" for t in contents.tensors if t.problem is not None}
    assert problems.keys() == {"params.Dense_0.bias"}
    assert reason in problems["params.Dense_0.bias"]


@pytest.mark.parametrize("text", ["", "[]", '{"tree_metadata": 7}', '{"tree_metadata": {"a": 1}}'])
def test_a_damaged_tree_is_named(copied: Path, text: str) -> None:
    (copied / "_METADATA").write_text(text)
    with pytest.raises(UnreadableSnapshotError, match="_METADATA is not the tree"):
        open_contents(str(copied))


def test_without_the_tree_the_keys_give_the_names(copied: Path) -> None:
    whole = set(named(open_contents(str(copied))))
    (copied / "_METADATA").write_text("{}")
    assert set(named(open_contents(str(copied)))) == whole


def test_a_checkpoint_without_arrays_is_refused(tmp_path: Path) -> None:
    (tmp_path / "_CHECKPOINT_METADATA").write_text("{}")
    with pytest.raises(UnreadableSnapshotError, match="holds no arrays that Orbax saved"):
        open_contents(str(tmp_path))
    (tmp_path / "_METADATA").write_text("{}")
    with pytest.raises(UnreadableSnapshotError, match="holds no arrays"):
        open_contents(str(tmp_path))


@pytest.mark.parametrize("content", [b"", b"no manifest", b"\x0c\xdb\x3a\x2a" + b"\xff" * 60])
def test_a_damaged_manifest_is_refused(written: Path, tmp_path: Path, content: bytes) -> None:
    path = Path(shutil.copytree(written / "ocdbt", tmp_path / "damaged"))
    (path / "manifest.ocdbt").write_bytes(content)
    with pytest.raises(UnreadableSnapshotError, match="is not a readable Orbax checkpoint"):
        open_contents(str(path))


@pytest.mark.parametrize("name", ["ocdbt", "ocdbt-zarr3", "zarr3"])
def test_every_flipped_byte_gives_tensors_or_a_reason(
    written: Path, tmp_path: Path, name: str
) -> None:
    generator = np.random.default_rng(17)
    path = Path(shutil.copytree(written / name, tmp_path / "flipped"))
    files = sorted(file for file in path.rglob("*") if file.is_file() and file.stat().st_size)
    for _ in range(20):
        file = files[generator.integers(len(files))]
        content = file.read_bytes()
        changed = bytearray(content)
        changed[generator.integers(len(content))] ^= int(generator.integers(1, 256))
        file.write_bytes(changed)
        what_is_wrong_with(path)
        file.write_bytes(content)
    assert not what_is_wrong_with(path).strip()


def test_a_link_that_leads_out_is_not_followed(copied: Path) -> None:
    secret = copied.parent / "secret"
    secret.write_bytes(b"secret")
    chunk = copied / "params.Dense_0.bias" / "0"
    chunk.unlink()
    chunk.symlink_to(secret)
    with pytest.raises(UnreadableSnapshotError, match="a link that leads out"):
        open_contents(str(copied))
    chunk.unlink()
    shutil.move(str(copied / "params.Conv_0.bias"), copied.parent / "elsewhere")
    (copied / "params.Conv_0.bias").symlink_to(copied.parent / "elsewhere")
    with pytest.raises(UnreadableSnapshotError, match="a link that leads out"):
        open_contents(str(copied))


def test_a_link_within_the_checkpoint_is_followed(copied: Path) -> None:
    whole = values(open_contents(str(copied)))
    chunk = copied / "params.Dense_0.bias" / "0"
    chunk.rename(copied / "moved")
    chunk.symlink_to(copied / "moved")
    found = values(open_contents(str(copied)))
    assert all(found[key].tobytes() == whole[key].tobytes() for key in whole)


def test_a_fifo_in_a_files_place_is_not_waited_for(copied: Path) -> None:
    chunk = copied / "params.Dense_0.bias" / "0"
    chunk.unlink()
    os.mkfifo(chunk)
    with pytest.raises(UnreadableSnapshotError, match="not a regular file"):
        open_contents(str(copied))


def test_a_loop_of_links_ends(copied: Path) -> None:
    (copied / "loop").symlink_to(copied)
    with pytest.raises(UnreadableSnapshotError, match="directories deep"):
        open_contents(str(copied))


def test_a_database_cannot_name_a_file_outside_of_it(tmp_path: Path) -> None:
    """OCDBT's manifest names data files; one that leads out is refused by tensorstore."""
    inside, outside = tmp_path / "inside", tmp_path / "out"
    script = (
        "import sys, tensorstore as ts\n"
        "kvstore = {'driver': 'ocdbt', 'base': {'driver': 'file', 'path': sys.argv[1] + '/'},\n"
        "           'config': {'compression': None, 'max_inline_value_bytes': 0}}\n"
        "for name in 'abcdefgh':\n"
        "    spec = {'driver': 'zarr', 'kvstore': {**kvstore, 'path': name + '/'}, 'metadata':\n"
        "            {'shape': [50], 'dtype': '<f4', 'chunks': [50], 'compressor': None}}\n"
        "    ts.open(spec, create=True).result()[...] = 3\n"
    )
    subprocess.run([sys.executable, "-c", script, str(inside)], check=True)
    assert len(open_contents(str(inside)).tensors) == 8
    manifest = inside / "manifest.ocdbt"
    content = manifest.read_bytes()
    named_first = re.findall(rb"d/[0-9a-f]{32}", content)[0]
    leading_out = b"d/../../out/".ljust(len(named_first), b"a")
    outside.mkdir()
    (inside / named_first.decode()).rename(inside / os.fsdecode(leading_out))
    changed = content.replace(named_first, leading_out)[:-4]
    manifest.write_bytes(changed + struct.pack("<I", google_crc32c.value(changed)))
    assert list(outside.iterdir())
    assert "Invalid key" in what_is_wrong_with(inside)


def what_is_wrong_with(path: Path) -> str:
    """The message where all of the checkpoint is refused, else the problems of its tensors."""
    try:
        return " ".join(t.problem or "" for t in open_contents(str(path)).tensors)
    except UnreadableSnapshotError as error:
        return str(error)


def test_a_checkpoint_that_changes_while_it_is_read_is_being_written(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = TENSORSTORE_CHILD.ask

    def interrupted(*arguments: object) -> object:
        (copied / "params.Dense_0.bias" / "0").write_bytes(b"\0")
        return ask(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(TENSORSTORE_CHILD, "ask", interrupted)
    with pytest.raises(BeingWrittenError):
        read_orbax(str(copied))


def test_a_checkpoint_that_was_rewritten_is_decoded_again(copied: Path) -> None:
    before = open_contents(str(copied))
    (copied / "params.Dense_0.bias" / "0").write_bytes(b"\0" * 9)
    after = open_contents(str(copied))
    assert after.generation != before.generation
    assert named(after)["Dense_0/bias"].problem is not None


def test_the_childs_death_costs_only_the_array_that_killed_it(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = TENSORSTORE_CHILD.ask

    def dying(request: object, *others: object) -> object:
        if "params.Dense_0.bias" in getattr(request, "keys", ()):
            raise ChildEndedError("it was ended by signal 6")
        return ask(request, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(TENSORSTORE_CHILD, "ask", dying)
    contents = open_contents(str(copied))
    (bad,) = [tensor for tensor in contents.tensors if tensor.problem is not None]
    assert bad.key == "params.Dense_0.bias"
    assert "signal 6" in (bad.problem or "")
