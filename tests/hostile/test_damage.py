"""Six thousand damaged copies of sound snapshots: right values, or an error that names the file.

A copy has one byte changed or is cut off somewhere. Where a format has checksums no value may be
wrong; where it has none, other numbers are what the file then says, and are counted and shown.
"""

import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tb_snapshot_compare.errors import SnapshotCompareError
from tb_snapshot_compare.readers import TensorReader, open_contents
from tests.hostile.corpus import OLD
from tests.hostile.sound_snapshots import write_sound

MEMORY = Path("/dev/shm")
Values = dict[str, tuple[str, tuple[int, ...], bytes]]


@dataclass(frozen=True)
class Kind:
    """How many copies of a format are damaged, and whether checksums cover all of its bytes."""

    copies: int
    checked: bool


KINDS = {
    "tf_checkpoint": Kind(1_300, checked=True),
    "saved_model": Kind(400, checked=True),
    "npz": Kind(500, checked=True),
    "npz_deflated": Kind(500, checked=True),
    "keras_deflated": Kind(300, checked=True),
    "keras": Kind(500, checked=False),
    "weights_h5": Kind(500, checked=False),
    "legacy_h5": Kind(400, checked=False),
    "sharded_h5": Kind(300, checked=False),
    "safetensors": Kind(500, checked=False),
    "sharded_safetensors": Kind(300, checked=False),
    "npy": Kind(200, checked=False),
    "torch": Kind(500, checked=False),
}
ANSWERS = ("right", "partly", "refused", "other")


def values_of(path: Path) -> tuple[Values, list[str]]:
    """What can be read of a snapshot, by key, and why the rest cannot be."""
    contents = open_contents(os.fspath(path))
    found: Values = {}
    problems = []
    with TensorReader(contents.generation) as reader:
        for tensor in contents.tensors:
            try:
                array: np.ndarray[Any, Any] = reader.read_array(tensor)
            except SnapshotCompareError as error:
                problems.append(str(error))
                continue
            found[tensor.key] = (tensor.dtype, tensor.shape, array.tobytes())
    return found, problems


def files_of(path: Path) -> list[Path]:
    """The files of a snapshot that lies alone in its folder; the last one is written last."""
    folder = path if path.is_dir() else path.parent
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return sorted(files, key=lambda file: file.suffix in (".index", ".json"))


def damaged(files: list[Path], copies: int, seed: int) -> Iterator[tuple[int, bytes]]:
    """Pairs of (which file, its content after the damage); every fifth is cut off."""
    random = np.random.default_rng(seed)
    contents = [file.read_bytes() for file in files]
    for number in range(copies):
        which = number % len(files)
        content = contents[which]
        position = int(random.integers(max(len(content), 1)))
        if number % 5 == 4 or not content:
            yield which, content[:position]
        else:
            changed = bytearray(content)
            changed[position] ^= int(random.integers(1, 256))
            yield which, bytes(changed)


def answer_of(path: Path, folder: Path, original: Values) -> str:
    """One of ANSWERS; every failure must be one of ours and name the snapshot."""
    try:
        found, problems = values_of(path)
    except SnapshotCompareError as error:
        return "refused" if str(folder) in str(error) else f"unnamed: {error}"
    if any(original.get(key) != value for key, value in found.items()):
        return "other"
    if len(found) == len(original):
        return "right"
    return "partly" if problems else "other"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One snapshot of every format, each alone in a folder."""
    return write_sound(tmp_path_factory.mktemp("sound"), apart=True)


@pytest.fixture
def fast_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: nothing but the time differs."""
    if not MEMORY.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        yield Path(name)


@pytest.mark.parametrize("kind", KINDS)
def test_damage_gives_the_right_values_or_an_error_that_names_the_file(
    kind: str, sound: dict[str, Path], fast_folder: Path, record_property: Any
) -> None:
    path = sound[kind]
    original, problems = values_of(path)
    assert original
    assert not problems
    base = path if path.is_dir() else path.parent
    files = files_of(path)
    copies = []
    for number, (which, content) in enumerate(damaged(files, KINDS[kind].copies, seed=4)):
        folder = fast_folder / str(number)
        for file in files:
            copy = folder / file.relative_to(base)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(content if file is files[which] else file.read_bytes())
            os.utime(copy, (OLD, OLD))
        copies.append(folder)
    counts = Counter(
        answer_of(folder / path.relative_to(base), folder, original) for folder in copies
    )
    record_property("damaged", dict(counts))
    print(f"{kind}: {', '.join(f'{counts[answer]} {answer}' for answer in ANSWERS)}")
    assert counts.total() == KINDS[kind].copies
    assert counts["refused"] + counts["partly"]
    if KINDS[kind].checked:
        assert counts["other"] == 0


def test_six_thousand_copies_are_damaged() -> None:
    assert sum(kind.copies for kind in KINDS.values()) >= 6_000
