"""Single and split safetensors files: what is read, and what is said of those that are wrong."""

import json
import os
import struct
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from tb_snapshot_compare import limits
from tb_snapshot_compare.errors import (
    BeingWrittenError,
    SnapshotCompareError,
    UnreadableSnapshotError,
)
from tb_snapshot_compare.readers import TensorReader, open_contents
from tb_snapshot_compare.readers.safetensors_header import HeaderError, parse_header
from tb_snapshot_compare.snapshot import SnapshotContents, TensorInfo
from tests.readers.aging import age

Header = dict[str, Any]
A = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
B = {"dtype": "F32", "shape": [3], "data_offsets": [8, 20]}


def written(path: Path, header: Header | bytes, values: bytes = bytes(range(20))) -> Path:
    """A file of this header, old enough to be complete."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + values)
    age(path.parent)
    return path


def opened(path: Path) -> dict[str, TensorInfo]:
    return {tensor.key: tensor for tensor in open_contents(str(path)).tensors}


def values_of(contents: SnapshotContents) -> dict[str, Any]:
    with TensorReader(contents.generation) as reader:
        return {tensor.key: reader.read_array(tensor) for tensor in contents.tensors}


def test_every_dtype_of_the_format_is_read(tmp_path: Path) -> None:
    types = {
        "F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": ml_dtypes.bfloat16,
        "F8_E4M3": ml_dtypes.float8_e4m3fn, "F8_E5M2": ml_dtypes.float8_e5m2,
        "F8_E8M0": ml_dtypes.float8_e8m0fnu, "I64": np.int64, "I32": np.int32, "I16": np.int16,
        "I8": np.int8, "U64": np.uint64, "U32": np.uint32, "U16": np.uint16, "U8": np.uint8,
        "BOOL": np.bool_, "C64": np.complex64,
    }  # fmt: skip
    random = np.random.default_rng(1)
    header, values, wanted = {}, b"", {}
    for word, dtype in types.items():
        array = np.abs(random.normal(size=(2, 3)) * 3).astype(dtype)
        header[word] = {
            "dtype": word,
            "shape": [2, 3],
            "data_offsets": [len(values), len(values) + array.nbytes],
        }
        wanted[word] = array
        values += array.tobytes()
    contents = open_contents(str(written(tmp_path / "all.safetensors", header, values)))
    found = values_of(contents)
    for word, array in wanted.items():
        assert found[word].dtype == array.dtype
        assert found[word].tobytes() == array.tobytes()


def test_packed_elements_are_listed_and_not_read(tmp_path: Path) -> None:
    header = {"x": {"dtype": "F4", "shape": [4, 10], "data_offsets": [0, 20]}}
    tensor = opened(written(tmp_path / "packed.safetensors", header))["x"]
    assert (tensor.dtype, tensor.shape, tensor.extents) == ("f4", (4, 10), ())
    assert tensor.problem is not None
    assert "save the unpacked weights" in tensor.problem


def test_scalars_and_empty_tensors(tmp_path: Path) -> None:
    arrays = {"one": np.float32(3), "none": np.zeros((0, 4), "float32")}
    save_file({name: np.array(value) for name, value in arrays.items()}, tmp_path / "x.safetensors")
    age(tmp_path)
    found = values_of(open_contents(str(tmp_path / "x.safetensors")))
    assert found["one"] == 3
    assert found["one"].shape == ()
    assert found["none"].shape == (0, 4)


def test_a_trainers_step_and_epoch_in_the_metadata_are_the_position(tmp_path: Path) -> None:
    weights = {"w": np.zeros(3, "float32")}
    save_file(weights, tmp_path / "x.safetensors", {"step": "1200", "ss_epoch": "3"})
    age(tmp_path)
    position = open_contents(str(tmp_path / "x.safetensors")).position
    assert (position.step, position.epoch) == (1200, 3)
    assert position.step_source == position.epoch_source == "safetensors metadata"


@pytest.mark.parametrize(
    ("keys", "framework", "names", "layouts"),
    [
        (
            ["encoder.layers.0.q_proj.weight", "encoder.norm.weight", "encoder.norm.bias"],
            "pt",
            {"encoder/layers/0/q_proj/kernel", "encoder/norm/gamma", "encoder/norm/beta"},
            {"torch", "keras"},
        ),
        (
            ["conv1/kernel", "conv1/bias"],
            None,
            {"conv1/kernel", "conv1/bias"},
            {"keras"},
        ),
        (
            ["net/bert/query/kernel:0", "net/bert/norm/gamma:0"],
            "tf",
            {"net/bert/query/kernel", "net/bert/norm/gamma"},
            {"keras"},
        ),
        (
            ["params/BatchNorm_0/scale", "params/BatchNorm_0/bias", "batch_stats/BatchNorm_0/mean"],
            "flax",
            {"BatchNorm_0/gamma", "BatchNorm_0/beta", "BatchNorm_0/moving_mean"},
            {"keras"},
        ),
    ],
)
def test_names_follow_the_framework_that_wrote_them(
    keys: list[str],
    framework: str | None,
    names: set[str],
    layouts: set[str],
    tmp_path: Path,
) -> None:
    arrays = {key: np.zeros((3, 2) if "q" in key else (3,), "float32") for key in keys}
    metadata = {} if framework is None else {"format": framework}
    save_file(arrays, tmp_path / "x.safetensors", metadata)
    age(tmp_path)
    tensors = opened(tmp_path / "x.safetensors").values()
    assert {tensor.name for tensor in tensors} == names
    assert {tensor.layout for tensor in tensors} == layouts


@pytest.mark.parametrize(
    ("name", "entry", "says"),
    [
        ("unknown dtype", {**B, "dtype": "F31"}, "its dtype 'F31' is not known"),
        ("shape of text", {**B, "shape": ["3"]}, "its shape is no list of sizes"),
        ("negative shape", {**B, "shape": [-3]}, "its shape is no list of sizes"),
        ("shape of fractions", {**B, "shape": [3.0]}, "its shape is no list of sizes"),
        ("a boolean in a shape", {**B, "shape": [True]}, "its shape is no list of sizes"),
        ("300 axes", {**B, "shape": [1] * 300}, "its shape is no list of sizes"),
        ("overflowing shape", {**B, "shape": [2**62, 2**62]}, "needs 85,0"),
        ("wrong length", {**B, "shape": [4]}, "stored 12 bytes, shape (4,) of F32 needs 16"),
        ("offsets turned round", {**B, "data_offsets": [20, 8]}, "not the begin and end"),
        ("one offset", {**B, "data_offsets": [8]}, "not the begin and end"),
        ("beyond the end", {**B, "data_offsets": [12, 24]}, "its file is truncated"),
        ("far beyond", {**B, "data_offsets": [2**40, 2**40 + 12]}, "its file is truncated"),
        ("no dtype", {"shape": [3], "data_offsets": [8, 20]}, "lacks dtype, shape or"),
        ("a list", [1, 2], "lacks dtype, shape or data_offsets"),
        ("nothing", None, "lacks dtype, shape or data_offsets"),
        ("packed, odd", {**B, "dtype": "F4"}, "needs 1"),
    ],
)
def test_a_faulty_entry_concerns_its_tensor_only(
    name: str, entry: object, says: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "x.safetensors", {"a": A, "b": entry})
    tensors = opened(path)
    assert tensors["a"].problem is None
    problem = tensors["b"].problem
    assert problem is not None
    assert says in problem
    assert str(path) in problem
    assert tensors["b"].extents == ()


def test_tensors_that_overlap_are_both_in_doubt(tmp_path: Path) -> None:
    header = {"a": A, "b": {**B, "data_offsets": [4, 16]}, "c": {**A, "data_offsets": [16, 24]}}
    tensors = opened(written(tmp_path / "x.safetensors", header, bytes(24)))
    assert "overlap those of 'b'" in (tensors["a"].problem or "")
    assert "overlap those of 'a'" in (tensors["b"].problem or "")
    assert tensors["c"].problem is None


@pytest.mark.parametrize(
    ("name", "header", "says"),
    [
        ("hole at the start", {"b": B}, "the bytes 0 to 8 of its values belong to no tensor"),
        ("surplus at the end", {"a": A}, "the bytes 8 to 20 of its values belong to no tensor"),
        ("a name twice", b'{"a": {}, "a": {}}', "has 'a' twice"),
        ("a field twice", b'{"a": {"dtype": 1, "dtype": 2}}', "has 'dtype' twice"),
        ("a list", b"[1, 2]", 'does not begin with "{"'),
        ("spaces before", b'  {"a": 1}', 'does not begin with "{"'),
        ("no JSON", b'{"a": ', "is not JSON"),
        ("not a number", b'{"a": NaN}', "NaN is no number of JSON"),
        ("not UTF-8", b'{"\xff": 1}', "is not UTF-8"),
        ("deeply nested", b'{"a": ' + b"[" * 100_000, "is not JSON"),
        ("a long number", b'{"a": ' + b"9" * 10_000 + b"}", "is not JSON"),
    ],
)
def test_a_faulty_header_is_an_error_that_names_the_file(
    name: str, header: Header | bytes, says: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "x.safetensors", header)
    with pytest.raises(UnreadableSnapshotError) as raised:
        open_contents(str(path))
    assert says in str(raised.value)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("length", [limits.SAFETENSORS_HEADER_MAX_BYTES + 1, 2**63, 2**64 - 1])
def test_a_header_that_claims_too_much_is_not_read(length: int, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(struct.pack("<Q", length) + b"{}")
    age(tmp_path)
    with pytest.raises(UnreadableSnapshotError, match=f"claims {length:,} bytes"):
        open_contents(str(path))


def test_spaces_after_the_header_are_part_of_the_format(tmp_path: Path) -> None:
    text = json.dumps({"a": A, "b": B}).encode() + b"   "
    assert len(opened(written(tmp_path / "x.safetensors", text))) == 2


def test_half_a_surrogate_pair_in_a_name_is_shown_escaped(tmp_path: Path) -> None:
    text = json.dumps({"\ud800": A, "b": B}).encode()
    (name, _) = opened(written(tmp_path / "x.safetensors", text))
    assert name == "\\ud800"


def test_a_short_file_that_is_new_is_being_written(tmp_path: Path) -> None:
    path = written(tmp_path / "x.safetensors", {"a": A, "b": B})
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(BeingWrittenError, match=r"x\.safetensors"):
        open_contents(str(path))
    age(tmp_path)
    tensors = opened(path)
    assert tensors["a"].problem is None
    assert "truncated" in (tensors["b"].problem or "")


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_flipped_byte_in_the_header_gives_an_error_or_tensors_within_the_values(
    data: st.DataObject,
) -> None:
    text = bytearray(json.dumps({"a": A, "b": B, "__metadata__": {"format": "pt"}}).encode())
    position = data.draw(st.integers(0, len(text) - 1))
    text[position] ^= data.draw(st.integers(1, 255))
    try:
        header = parse_header(bytes(text), 20)
    except HeaderError:
        return
    for array in header.arrays:
        if array.problem is None:
            assert 0 <= array.offset <= array.offset + array.length <= 20


# --- sets of files


def shards(folder: Path, index: Header | None = None) -> Path:
    """Two files with one tensor each; `index` is the weight_map, by default the true one."""
    save_file({"a.weight": np.arange(6, dtype="f4").reshape(2, 3)}, folder / name(1))
    save_file({"b.weight": np.ones((3, 3), "f4")}, folder / name(2))
    places = {"a.weight": name(1), "b.weight": name(2)} if index is None else index
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"metadata": {"total_size": 60}, "weight_map": places}))
    age(folder)
    return path


def name(number: int) -> str:
    return f"model-{number:05d}-of-00002.safetensors"


@pytest.mark.parametrize("given_path", ["model.safetensors.index.json", name(1), name(2), "."])
def test_any_file_of_a_set_and_its_directory_open_the_whole_set(
    given_path: str, tmp_path: Path
) -> None:
    index = shards(tmp_path)
    contents = open_contents(str(tmp_path / given_path))
    assert Path(contents.path) == index
    assert {tensor.name for tensor in contents.tensors} == {"a/kernel", "b/kernel"}
    assert {Path(stamp.path).name for stamp in contents.generation.stamps} == {
        index.name,
        name(1),
        name(2),
    }


def test_a_missing_file_concerns_its_tensors_only(tmp_path: Path) -> None:
    index = shards(tmp_path)
    (tmp_path / name(2)).unlink()
    tensors = opened(index)
    assert tensors["a.weight"].problem is None
    problem = tensors["b.weight"].problem or ""
    assert f"{tmp_path / name(2)} is missing" in problem


def test_a_damaged_file_concerns_its_tensors_only(tmp_path: Path) -> None:
    index = shards(tmp_path)
    (tmp_path / name(2)).write_bytes(b"damaged")
    age(tmp_path)
    tensors = opened(index)
    assert tensors["a.weight"].problem is None
    assert name(2) in (tensors["b.weight"].problem or "")


def test_without_an_index_every_file_must_be_there(tmp_path: Path) -> None:
    shards(tmp_path).unlink()
    assert len(opened(tmp_path / name(2))) == 2
    (tmp_path / name(1)).unlink()
    with pytest.raises(UnreadableSnapshotError, match=f"{name(1)} is missing"):
        open_contents(str(tmp_path / name(2)))


@pytest.mark.parametrize(
    "place", ["../secret.safetensors", "/etc/passwd", "sub/x.safetensors", "..", "", "a\0b"]
)
def test_an_index_never_leads_out_of_its_directory(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    save_file({"b.weight": np.ones(3, "f4")}, tmp_path / "secret.safetensors")
    index = shards(folder, {"a.weight": name(1), "b.weight": place})
    touched: list[str] = []
    real = os.open

    def watched(path: Any, *arguments: Any, **options: Any) -> int:
        touched.append(os.fspath(path))
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "open", watched)
    tensors = opened(index)
    assert "outside its directory" in (tensors["b.weight"].problem or "")
    assert tensors["a.weight"].problem is None
    assert all(Path(path).parent == folder for path in touched)


def test_an_index_may_promise_what_no_file_has(tmp_path: Path) -> None:
    index = shards(tmp_path, {"a.weight": name(1), "b.weight": name(2), "c.weight": name(1)})
    assert "does not have it" in (opened(index)["c.weight"].problem or "")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"weight_map": {}}', '{"weight_map": {"a": 1}}'])
def test_a_faulty_index_is_an_error_that_names_it(text: str, tmp_path: Path) -> None:
    index = shards(tmp_path)
    index.write_text(text)
    age(tmp_path)
    with pytest.raises(SnapshotCompareError, match=r"model\.safetensors\.index\.json"):
        open_contents(str(index))


def test_layers_that_are_split_over_files_are_named_as_one(tmp_path: Path) -> None:
    """A batch norm's `weight` is known for one by what lies beside it, in another file too."""
    save_file({"n.weight": np.ones(3, "f4")}, tmp_path / name(1))
    save_file({"n.running_mean": np.ones(3, "f4"), "n.bias": np.ones(3, "f4")}, tmp_path / name(2))
    age(tmp_path)
    names = {tensor.name for tensor in opened(tmp_path / name(1)).values()}
    assert names == {"n/gamma", "n/beta", "n/moving_mean"}
