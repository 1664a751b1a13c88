"""The kernels are compiled in a process of their own, once, and only loaded here."""

import logging
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

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
while workspace.catalog().scanning or not workspace.catalog().runs:
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
def processes(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """The commands that were run."""
    commands: list[Sequence[str]] = []
    run = subprocess.run

    def remembered(command: Sequence[str], **options: Any) -> Any:
        commands.append(command)
        return run(command, **options)

    monkeypatch.setattr(subprocess, "run", remembered)
    return commands


def test_nothing_waits_where_it_was_not_enabled(
    monkeypatch: pytest.MonkeyPatch, processes: list[Sequence[str]]
) -> None:
    monkeypatch.setattr(compiling, "_of_this_process", None)
    compiling.begin()
    compiling.wait()
    assert not compiling.is_compiling()
    assert processes == []


def test_a_process_of_its_own_compiles_until_it_is_noted_that_it_did(
    tmp_path: Path, processes: list[Sequence[str]]
) -> None:
    for _ in range(2):
        ready = Compiling(tmp_path / "cache")
        ready.begin()
        ready.wait()
        ready.wait()
    assert len(processes) == 1
    (tmp_path / "cache" / "compiled").write_text("by another version")
    Compiling(tmp_path / "cache").wait()
    assert len(processes) == 2


def test_without_a_cache_directory_the_process_looks_every_time(
    processes: list[Sequence[str]],
) -> None:
    for _ in range(2):
        Compiling(None).wait()
    assert len(processes) == 2


def test_a_file_in_the_working_directory_is_not_what_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("numba", "numpy", "tb_snapshot_compare"):
        (tmp_path / f"{name}.py").write_text("open('canary', 'w')")
    monkeypatch.chdir(tmp_path)
    Compiling(tmp_path / "cache").wait()
    assert not (tmp_path / "canary").exists()
    assert (tmp_path / "cache" / "compiled").exists()


@pytest.mark.parametrize("command", [(sys.executable, "-c", "raise SystemExit(3)"), ("/nowhere",)])
def test_where_that_fails_this_process_compiles(
    command: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(compiling, "_COMMAND", command)
    warmed: list[bool] = []
    monkeypatch.setattr("tb_snapshot_compare.analysis.warming.warm_up", lambda: warmed.append(True))
    with caplog.at_level(logging.INFO):
        Compiling(tmp_path).wait()
    assert warmed == [True]
    assert not (tmp_path / "compiled").exists()
    assert "compil" in caplog.text.lower()


def test_a_job_says_why_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    from tb_snapshot_compare.http_api import jobs

    ready = Compiling(None)
    ready.is_compiling = True
    monkeypatch.setattr(compiling, "_of_this_process", ready)
    work = jobs._Work("id", "Comparing a with b", lambda _progress: None, "")
    assert work.wire().label == jobs.COMPILING
    ready.is_compiling = False
    assert work.wire().label == "Comparing a with b"


def test_what_a_page_asks_for_needs_no_code_besides(saved: SavedPair, tmp_path: Path) -> None:
    for name in ("epoch-1.keras", "epoch-4.keras"):
        shutil.copy(saved.folder / name, tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", KERNELS_OF_A_PAGE, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    count, _, added = done.stdout.partition(" ")
    assert int(count) > 8
    assert added.strip() == "[]"
