"""The reader suite: what every format must do, for the same network in each of them."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from tb_snapshot_compare.errors import SnapshotChangedError, SnapshotCompareError
from tb_snapshot_compare.readers import TensorReader, check_generation, open_contents
from tb_snapshot_compare.readers.spool import spool_paths
from tb_snapshot_compare.snapshot import SnapshotContents, State, TensorInfo
from tb_snapshot_compare.workspace import compare, list_snapshots, open_ref, open_snapshot
from tests.readers.aging import age
from tests.readers.suite_formats import CASES, Case
from tests.readers.suite_network import VARIANTS, keras_network, keras_values, torch_network

EACH = pytest.mark.parametrize(
    ("case", "variant"),
    [
        pytest.param(case, variant, id=f"{case.name}-{variant}")
        for case in CASES
        for variant in case.variants
    ],
)
ONCE = pytest.mark.parametrize("case", CASES, ids=repr)

TORCH_NAMES = {
    "conv.weight": ("conv/kernel", "torch"),
    "conv.bias": ("conv/bias", "keras"),
    "depthwise.weight": ("depthwise/kernel", "torch"),
    "depthwise.bias": ("depthwise/bias", "keras"),
    "norm.weight": ("norm/gamma", "keras"),
    "norm.bias": ("norm/beta", "keras"),
    "norm.running_mean": ("norm/moving_mean", "keras"),
    "norm.running_var": ("norm/moving_variance", "keras"),
    "embed.weight": ("embed/embeddings", "keras"),
    "lstm.weight_ih_l0": ("lstm/kernel", "torch"),
    "lstm.weight_hh_l0": ("lstm/recurrent_kernel", "torch"),
    "lstm.bias_ih_l0": ("lstm/bias", "keras"),
    "lstm.bias_hh_l0": ("lstm/recurrent_bias", "keras"),
    "attention.in_proj_weight": ("attention/in_proj/kernel", "torch"),
    "attention.in_proj_bias": ("attention/in_proj/bias", "keras"),
    "attention.out_proj.weight": ("attention/out_proj/kernel", "torch"),
    "attention.out_proj.bias": ("attention/out_proj/bias", "keras"),
    "hidden.weight": ("hidden/kernel", "torch"),
    "hidden.bias": ("hidden/bias", "keras"),
    "out.weight": ("out/kernel", "torch"),
    "out.bias": ("out/bias", "keras"),
}


@dataclass(frozen=True)
class Saved:
    """A snapshot that its framework wrote, alone in `folder`."""

    folder: Path
    path: Path


Written = Callable[..., Saved]
"""Of a case and a variant."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Writes each snapshot once; nobody changes it there."""
    known: dict[tuple[str, str], Saved] = {}

    def write(case: Case, variant: str) -> Saved:
        if (case.name, variant) not in known:
            folder = tmp_path_factory.mktemp(f"{case.name}-{variant}")
            path = case.write(folder, variant)
            age(folder)
            known[case.name, variant] = Saved(folder, path)
        return known[case.name, variant]

    return write


@pytest.fixture
def copied(written: Written, tmp_path: Path) -> Written:
    """A copy that a test may damage, and that nobody has opened before."""

    def copy(case: Case, variant: str = "float32") -> Saved:
        saved = written(case, variant)
        folder = tmp_path / "copy"
        shutil.copytree(saved.folder, folder)
        age(folder)
        return Saved(folder, folder / saved.path.relative_to(saved.folder))

    return copy


def weights(contents: SnapshotContents) -> dict[str, TensorInfo]:
    return {tensor.name: tensor for tensor in contents.tensors if tensor.scope == "weights"}


def files_read(contents: SnapshotContents) -> set[str]:
    """The snapshot's own files in which values lie; others are decoded or transposed first."""
    paths = {extent.path for tensor in contents.tensors for extent in tensor.extents}
    return {path for path in paths if type(path) is str}


def test_the_port_computes_what_the_keras_network_computes() -> None:
    import torch

    random = np.random.default_rng(3)
    images = random.normal(size=(2, 8, 8, 3)).astype("float32")
    words = random.integers(0, 11, (2, 5))
    ours = keras_network("float32").predict([images, words], verbose=0)
    images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    with torch.no_grad():
        theirs = torch_network("float32")(torch.from_numpy(images), torch.from_numpy(words))
    np.testing.assert_allclose(theirs.numpy(), ours, rtol=1e-4, atol=1e-4)


@EACH
def test_values_are_those_of_the_frameworks_own_loader_bit_for_bit(
    case: Case, variant: str, written: Written
) -> None:
    saved = written(case, variant)
    wanted = case.load(saved.path, variant)
    contents = open_contents(str(saved.path))
    assert contents.format is case.format
    found = weights(contents)
    with TensorReader(contents.generation) as reader:
        for tensor in found.values():
            assert tensor.problem is None
            value = reader.read_array(tensor)
            expected = wanted[tensor.key if case.by == "key" else tensor.name]
            assert value.dtype == expected.dtype, tensor.name
            assert value.shape == expected.shape == tensor.shape, tensor.name
            assert value.tobytes() == expected.tobytes(), tensor.name
    if case.by == "name":
        assert found.keys() == wanted.keys()


@EACH
def test_layers_roles_and_names_are_canonical(case: Case, variant: str, written: Written) -> None:
    found = weights(open_contents(str(written(case, variant).path)))
    if case.names == "keras":
        expected = keras_values(keras_network(variant))
        assert found.keys() == expected.keys()
        assert {tensor.layout for tensor in found.values()} == {"keras"}
        for name, value in expected.items():
            assert (found[name].dtype, found[name].shape) == (value.dtype.name, value.shape)
    elif case.names == "torch":
        names = {tensor.key: (tensor.name, tensor.layout) for tensor in found.values()}
        assert names == TORCH_NAMES
    else:
        assert [(tensor.name, tensor.layer) for tensor in found.values()] == [("hidden", None)]
        return
    for name, tensor in found.items():
        assert f"{tensor.layer}/{tensor.role}" == name


@ONCE
def test_counters_are_no_weights(case: Case, written: Written) -> None:
    contents = open_contents(str(written(case, "float32").path))
    others = [tensor for tensor in contents.tensors if tensor.scope != "weights"]
    if case.names == "torch":
        assert [tensor.name for tensor in others] == ["norm/num_batches_tracked"]
    assert all(tensor.shape in ((), (2,)) for tensor in others)


@ONCE
def test_every_file_is_part_of_the_generation(case: Case, copied: Written) -> None:
    saved = copied(case)
    contents = open_contents(str(saved.path))
    read = files_read(contents)
    stamped = [stamp.path for stamp in contents.generation.stamps]
    assert read <= set(stamped)
    for path in map(Path, stamped):
        generation = open_contents(str(saved.path)).generation
        check_generation(generation)
        path.write_bytes(path.read_bytes())
        with pytest.raises(SnapshotChangedError, match=path.name):
            check_generation(generation)
        age(saved.folder)


@ONCE
def test_another_content_has_another_generation(case: Case, copied: Written) -> None:
    saved = copied(case)
    before = open_contents(str(saved.path)).generation
    shutil.rmtree(saved.folder)
    saved.folder.mkdir()
    case.write(saved.folder, "float16")
    age(saved.folder)
    assert open_contents(str(saved.path)).generation != before


@EACH
def test_the_listing_shows_one_ready_snapshot(case: Case, variant: str, written: Written) -> None:
    saved = written(case, variant)
    found = [ref for run in list_snapshots(saved.folder).runs for ref in run.snapshots]
    if not case.listed:
        assert not found
        return
    (ref,) = found
    assert (ref.state, ref.reason) == (State.READY, None)
    assert [files.format for files in ref.file_sets] == [case.format]
    files = {path for path in saved.folder.rglob("*") if path.is_file()}
    contents = open_ref(ref).contents
    assert {Path(stamp.path) for stamp in contents.generation.stamps} <= files
    assert files_read(contents) <= {stamp.path for stamp in ref.stamps}
    assert weights(contents).keys() == weights(open_contents(str(saved.path))).keys()


@EACH
def test_opening_for_a_listing_decodes_nothing(case: Case, variant: str, copied: Written) -> None:
    path = str(copied(case, variant).path)
    listed = open_contents(path, decode=False)
    assert not spool_paths(listed)
    whole = open_contents(path)
    assert [(t.name, t.dtype, t.shape) for t in listed.tensors] == [
        (t.name, t.dtype, t.shape) for t in whole.tensors
    ]
    assert listed.position == whole.position


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_two_formats_compare_as_equal(variant: str, written: Written) -> None:
    """A Keras model and its PyTorch port too: their axes differ, and how they join weights.

    Equality is passed on, so that for all but float32 each is compared with the first of all.
    """
    saved = [
        (case, open_snapshot(written(case, variant).path))
        for case in CASES
        if variant in case.variants and case.names != "none"
    ]
    count = len(keras_network(variant).weights)
    for (one, a), (other, b) in combinations(saved, 2):
        if variant == "int8" and one.names != other.names:
            continue  # Keras and PyTorch round to integers each in its own way
        if variant != "float32" and one.name not in ("keras", "torch"):
            continue
        comparison = compare(a, b)
        expected = len(weights(a.contents)) if one.names == other.names else count
        assert comparison.coverage.tensors_compared == expected, (one, other)
        assert comparison.coverage.tensors_total == expected, (one, other)
        assert comparison.coverage.elements_compared == comparison.coverage.elements_total
        assert comparison.model.max_abs == 0, (one, other)


@pytest.mark.parametrize("case", [case for case in CASES if case.damage], ids=repr)
def test_damage_stays_with_its_tensors(case: Case, copied: Written) -> None:
    saved = copied(case)
    count = len(weights(open_contents(str(saved.path))))
    wanted = case.load(saved.path, "float32")
    assert case.damage is not None
    case.damage(saved.path)
    age(saved.folder)
    contents = open_contents(str(saved.path))
    damaged = sound = 0
    with TensorReader(contents.generation) as reader:
        for tensor in weights(contents).values():
            try:
                value = reader.read_array(tensor)
            except SnapshotCompareError:
                damaged += 1
                continue
            key = tensor.key if case.by == "key" else tensor.name
            if key in wanted:
                assert value.tobytes() == wanted[key].tobytes()
                sound += 1
    assert damaged
    assert 0 < sound < count


@ONCE
def test_a_truncated_file_is_an_error_that_names_it(case: Case, copied: Written) -> None:
    saved = copied(case)
    contents = open_contents(str(saved.path))
    paths = saved.path.glob(case.values) if case.values else map(Path, files_read(contents))
    stamps = [Path(stamp.path) for stamp in contents.generation.stamps]
    largest = max(list(paths) or stamps, key=lambda path: path.stat().st_size)
    content = largest.read_bytes()
    for kept in (0, 10, len(content) // 2, len(content) - 1):
        largest.write_bytes(content[:kept])
        age(saved.folder)
        problems = problems_of(str(saved.path))
        assert problems, kept
        assert all(largest.name in problem for problem in problems), kept


def problems_of(path: str) -> list[str]:
    """Why a snapshot cannot be opened, or why some of its tensors cannot be read."""
    try:
        tensors = open_contents(path).tensors
    except SnapshotCompareError as error:
        return [str(error)]
    return [tensor.problem for tensor in tensors if tensor.problem is not None]
