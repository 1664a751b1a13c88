"""The process that reads HDF5: where its libraries are, and what is said if it does not start."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tb_snapshot_compare.errors import ReaderUnavailableError
from tb_snapshot_compare.readers import child_process, open_contents
from tb_snapshot_compare.readers.child_process import CHILD
from tests.readers.keras_models import keras, layers


@pytest.fixture
def weights(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "m.weights.h5"
    keras.Sequential([keras.Input((2,)), layers.Dense(1)]).save_weights(path)
    CHILD.close()
    yield path
    CHILD.close()


def test_libraries_outside_site_packages_are_passed_on_but_not_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, here = tmp_path / "target", tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "path", [str(here), "", "relative", str(target), *sys.path])
    passed = child_process._library_paths()
    assert str(target) in passed
    assert not {str(here), "", "relative"} & set(passed)


def test_a_library_in_a_folder_of_its_own_is_found(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "only_here.py").write_text("")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "target")])
    start = child_process._BOOTSTRAP.replace("runpy.run", "import only_here; runpy.run", 1)
    monkeypatch.setattr(child_process, "_BOOTSTRAP", start)
    assert len(open_contents(str(weights)).tensors) == 2


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        ("import nowhere_h5py", "ModuleNotFoundError: No module named 'nowhere_h5py'"),
        ("import sys; sys.exit(7)", "it ended with 7"),
        ("import os; os.kill(os.getpid(), 9)", "signal 9"),
    ],
)
def test_a_reader_that_does_not_start_is_a_fault_of_the_installation(
    weights: Path, monkeypatch: pytest.MonkeyPatch, start: str, reason: str
) -> None:
    monkeypatch.setattr(child_process, "_BOOTSTRAP", start)
    with pytest.raises(ReaderUnavailableError) as caught:
        open_contents(str(weights))
    assert reason in str(caught.value)
    assert "damaged" not in str(caught.value)
    monkeypatch.undo()
    assert len(open_contents(str(weights)).tensors) == 2


def test_a_reader_that_does_not_start_leaves_no_descriptor(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_process, "_BOOTSTRAP", "import nowhere_h5py")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with pytest.raises(ReaderUnavailableError):
            open_contents(str(weights))
    assert len(os.listdir("/proc/self/fd")) <= before
