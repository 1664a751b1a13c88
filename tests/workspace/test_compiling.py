"""The kernels are compiled in processes of their own, once, and only loaded here."""

import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tb_snapshot_compare.http_api.contract import Job
from tb_snapshot_compare.http_api.jobs import WorkQueue
from tb_snapshot_compare.workspace import compiling
from tb_snapshot_compare.workspace.compiling import Compiling
from tests.conftest import SavedPair

KERNELS_OF_A_PAGE = """
import sys, time
from numba.core.dispatcher import Dispatcher
from tb_snapshot_compare.analysis.warming import warm_up
from tb_snapshot_compare.workspace import Workspace
from tb_snapshot_compare.workspace.kernel_maps import KernelMaps, KernelQuery
from tb_snapshot_compare.workspace.kernel_locating import CellsQuery

class NoEvents:
    def keras_configs(self, runs):
        return ()

def compiled():
    modules = [m for name, m in sys.modules.items() if name.startswith("tb_snapshot_compare.")]
    functions = {f for m in modules for f in vars(m).values() if isinstance(f, Dispatcher)}
    return {(f.__module__, f.__name__, str(s)) for f in functions for s in f.signatures}

warm_up()
warm = compiled()
workspace = Workspace.of_directories(sys.argv[1], "", "", "none", NoEvents())
while workspace.catalog().scanning or not workspace.catalog().version:
    time.sleep(0.05)
(run,) = workspace.catalog().runs
a, b = run.snapshots
layer = next(layer.name for layer in workspace.comparison(a, b).layers if layer.name == "conv2")
workspace.distribution(a, b, layer=layer, tensor=None, bins=20, levels=5)
maps = KernelMaps(workspace)
query = KernelQuery(layer, rows_by="difference", columns_by="similarity")
maps.view(a, b, query)
maps.tiles(a, b, query, "difference", "0.0.0")
maps.order(a, b, query)
maps.slice(a, b, query, 0, 0)
maps.located(a, b, query, CellsQuery(20, 5, "3.1", whole="layer"))
maps.area_distribution(a, b, query, "0-2", "0-2", 20, 5, "layer")
workspace.close()
print(len(warm), sorted(compiled() - warm))
"""


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The types for which processes, that do nothing, kept code in `tmp_path / "kept"`."""
    types: list[str] = []
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "kernels.add_rows-1.py311.nbi").touch()

    def run(command: Sequence[str], **options: Any) -> Any:
        types.append(" ".join(command[command.index("--") + 1 :]))
        return subprocess.CompletedProcess(command, 0, f"{tmp_path / 'kept'}\n", "")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr("tb_snapshot_compare.analysis.warming.warm_up", lambda: None)
    monkeypatch.setattr(compiling, "_NEAR", tmp_path / "near")
    return types


def made_ready(directory: Path | None) -> None:
    ready = Compiling(directory)
    ready.start()
    ready.begin()
    ready.wait()
    assert not ready.is_compiling
    ready.join()


FIRST, LATER = "float32", "float64 float16 bfloat16"


def test_nothing_waits_where_it_was_not_enabled(
    monkeypatch: pytest.MonkeyPatch, commands: list[str]
) -> None:
    monkeypatch.setattr(compiling, "_of_this_process", None)
    compiling.begin()
    compiling.wait()
    assert not compiling.is_compiling()
    assert commands == []


def test_processes_of_their_own_compile_until_it_is_noted_that_they_did(
    tmp_path: Path, commands: list[str]
) -> None:
    cache = tmp_path / "cache"
    made_ready(cache)
    assert commands == [FIRST, LATER]
    made_ready(cache)
    assert commands == [FIRST, LATER]
    (cache / "compiled-float64").write_text("by another version\n/")
    made_ready(cache)
    assert commands == [FIRST, LATER, LATER]
    (tmp_path / "kept" / "kernels.add_rows-1.py311.nbi").unlink()
    made_ready(cache)
    assert commands == [FIRST, LATER, LATER, FIRST, LATER]


def test_it_is_noted_beside_our_code_where_that_is_kept_there(
    monkeypatch: pytest.MonkeyPatch, commands: list[str], tmp_path: Path
) -> None:
    made_ready(None)
    made_ready(None)
    assert commands == [FIRST, LATER] * 2
    monkeypatch.setattr(compiling, "_NEAR", tmp_path / "kept")
    made_ready(tmp_path / "cache")
    made_ready(None)
    assert commands == [FIRST, LATER] * 3
    assert not (tmp_path / "cache").exists()


def test_code_in_the_working_directory_is_not_what_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("numba", "numpy", "tb_snapshot_compare"):
        (tmp_path / f"{name}.py").write_text("open('canary', 'w')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(compiling, "_fingerprint", lambda: "of this test")
    near = compiling._NEAR
    monkeypatch.setattr(compiling, "_NEAR", tmp_path / "near")
    made_ready(tmp_path / "cache")
    assert not (tmp_path / "canary").exists()
    for dtype in ("float32", "float64"):
        assert (tmp_path / "cache" / f"compiled-{dtype}").read_text() == f"of this test\n{near}"


@pytest.mark.parametrize(
    ("status", "words"), [(1, "a process of its own failed: no numba"), (3, ""), (None, "No such")]
)
def test_where_that_fails_this_process_compiles(
    status: int | None,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def failing(command: Sequence[str], **options: Any) -> Any:
        if status is None:
            raise FileNotFoundError("No such file")
        return subprocess.CompletedProcess(command, status, "", "no numba")

    monkeypatch.setattr(subprocess, "run", failing)
    monkeypatch.setattr(compiling, "_NEAR", tmp_path / "near")
    warmed: list[bool] = []
    ready = Compiling(tmp_path / "cache")

    def warm_up() -> None:
        warmed.append(ready.is_compiling)

    monkeypatch.setattr("tb_snapshot_compare.analysis.warming.warm_up", warm_up)
    ready.start()
    ready.wait()
    ready.join()
    assert warmed == [True]
    assert not (tmp_path / "cache").exists()
    assert words in caplog.text
    assert bool(words) == bool(caplog.text)


def test_a_wait_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "SECONDS_MAX", 0.05)
    ready = Compiling(None)  # never started, so never ready
    ready.wait()
    ready.wait()


def test_a_job_says_that_it_waits_for_code() -> None:
    gate = threading.Event()
    notices = ["Preparing", None]
    queue = WorkQueue(notice=lambda: notices[0])
    labels = []
    for _ in range(2):
        job = queue.result_or_job(("k",), "Comparing", lambda _progress: gate.wait(20), patience=0)
        assert isinstance(job, Job)
        labels.append(job.label)
        notices.pop(0)
    gate.set()
    assert labels == ["Preparing", "Comparing"]


def test_what_a_page_asks_for_needs_no_code_besides(saved: SavedPair, tmp_path: Path) -> None:
    for name in ("epoch-1.keras", "epoch-4.keras"):
        shutil.copy(saved.folder / name, tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", KERNELS_OF_A_PAGE, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    count, _, added = done.stdout.partition(" ")
    assert int(count) > 8
    assert added.strip() == "[]"
