"""Which file sets the names of PyTorch, safetensors and NumPy make."""

import pytest

from tb_snapshot_compare.snapshot import Format
from tb_snapshot_compare.sources.candidate import Candidate
from tb_snapshot_compare.sources.entries import candidates, is_candidate_name


def found(directory: str, *names: str) -> dict[str, Candidate]:
    """The candidates of a directory by path."""
    assert all(is_candidate_name(name) for name in names)
    return {candidate.path: candidate for candidate in candidates(directory, names)}


@pytest.mark.parametrize(
    ("name", "kind", "doubtful"),
    [
        ("epoch-3.safetensors", Format.SAFETENSORS, False),
        ("epoch-3.pt", Format.TORCH, True),
        ("epoch-3.pth", Format.TORCH, True),
        ("epoch-3.ckpt", Format.TORCH, True),
        ("epoch-3.pth.tar", Format.TORCH, True),
        ("epoch-3.tar", Format.TORCH, True),
        ("epoch-3.bin", Format.TORCH, True),
        ("epoch-3.npz", Format.NPZ, True),
    ],
)
def test_a_file_is_a_snapshot_of_its_stem(name: str, kind: Format, doubtful: bool) -> None:
    (candidate,) = found("run", name).values()
    assert (candidate.path, candidate.key, candidate.format) == (name, "epoch-3", kind)
    assert candidate.files == (name,)
    assert candidate.doubtful is doubtful


def test_one_array_alone_is_never_a_snapshot() -> None:
    assert not is_candidate_name("embeddings.npy")


def test_numbered_files_are_one_snapshot() -> None:
    names = [f"model-{number:05d}-of-00003.safetensors" for number in (1, 2, 3)]
    (candidate,) = found("run", *names).values()
    assert (candidate.path, candidate.key, candidate.problem) == (names[0], "model", None)
    assert candidate.files == tuple(names)


def test_with_an_index_it_is_the_path_and_tells_what_is_missing() -> None:
    names = ["model-00002-of-00003.safetensors", "model.safetensors.index.json"]
    (candidate,) = found("run", *names).values()
    assert (candidate.path, candidate.key, candidate.problem) == (names[1], "model", None)
    assert set(candidate.files) == set(names)


def test_without_an_index_a_missing_file_is_named() -> None:
    (candidate,) = found("run", "x-00001-of-00003.bin", "x-00003-of-00003.bin").values()
    assert candidate.problem is not None
    assert candidate.problem.startswith("x-00002-of-00003.bin is missing")
    assert candidate.doubtful


def test_an_index_without_files_is_a_save_in_progress() -> None:
    assert not found("run", "model.safetensors.index.json")


def test_several_sets_in_a_directory_stay_apart() -> None:
    names = [f"{stem}-{n:05d}-of-00002.safetensors" for stem in ("a", "b") for n in (1, 2)]
    assert {candidate.key for candidate in found("run", *names).values()} == {"a", "b"}


@pytest.mark.parametrize(
    ("directory", "name", "key"),
    [
        ("checkpoint-500", "model.safetensors", "checkpoint-500"),
        ("checkpoint-500", "pytorch_model.bin", "checkpoint-500"),
        ("step_1000", "model.safetensors", "step_1000"),
        ("epoch=3", "model.safetensors", "epoch=3"),
        ("run_2", "model.safetensors", "model"),
        ("fold-1", "model.safetensors", "model"),
        ("checkpoint-500", "vgg.safetensors", "vgg"),
    ],
)
def test_the_directory_of_a_step_names_a_file_of_a_general_name(
    directory: str, name: str, key: str
) -> None:
    (candidate,) = found(directory, name).values()
    assert candidate.key == key
    assert candidate.of_directory is (key == directory)


def test_a_distributed_checkpoint_is_its_directory() -> None:
    (candidate,) = found("step-7", ".metadata", "__0_0.distcp", "__1_0.distcp").values()
    assert (candidate.path, candidate.key) == (".", "step-7")
    assert candidate.format is Format.TORCH_DISTRIBUTED
    assert candidate.files == (".metadata", "__0_0.distcp", "__1_0.distcp")
    assert candidate.of_directory


@pytest.mark.parametrize("names", [(".metadata",), ("__0_0.distcp",)])
def test_half_a_distributed_checkpoint_is_a_save_in_progress(names: tuple[str, ...]) -> None:
    assert not found("step-7", *names)
