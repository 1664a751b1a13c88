"""TensorBoard's ways of naming a logdir, with a real server and without a browser."""

import json
import os
import shutil
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SavedPair
from tests.e2e.server import TensorBoard, tensorboard

PLUGIN = "data/plugin/snapshot_compare/"


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory, saved: SavedPair) -> Path:
    """Two runs of one snapshot each."""
    folder = tmp_path_factory.mktemp("home")
    for run, name in (("one", "epoch-1.keras"), ("two", "epoch-4.keras")):
        (folder / "logs" / run).mkdir(parents=True)
        shutil.copy(saved.folder / name, folder / "logs" / run)
        os.utime(folder / "logs" / run / name, (1_700_000_000, 1_700_000_000))
    return folder


def listing(server: TensorBoard) -> Any:
    """The listing once the first scan has ended."""
    for _ in range(200):
        found = json.loads(server.get(PLUGIN + "snapshots"))
        if found["version"] and not found["scanning"]:
            return found
        time.sleep(0.05)
    raise AssertionError("the scan did not end")


def run_names(server: TensorBoard) -> list[str]:
    return [run["name"] for run in listing(server)["runs"]]


def test_a_relative_logdir(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(logs)
    with tensorboard("--logdir=logs", "--snapshot_compare_cache_dir=none") as server:
        assert run_names(server) == ["one", "two"]


def test_a_logdir_under_the_home_directory(logs: Path) -> None:
    flags = ["--logdir=~/logs", "--snapshot_compare_cache_dir=none"]
    with tensorboard(*flags, env={"HOME": str(logs)}) as server:
        assert run_names(server) == ["one", "two"]


def test_logdir_spec_names_and_unnamed_directories(logs: Path) -> None:
    spec = f"--logdir_spec=first:{logs}/logs/one,{logs}/logs/two"
    with tensorboard(spec, "--snapshot_compare_cache_dir=none") as server:
        found = listing(server)
        assert len(found["runs"]) == 2
        assert "first" in [run["name"] for run in found["runs"]]
        assert all(root["problem"] is None for root in found["roots"])


def test_further_directories(logs: Path, tmp_path: Path) -> None:
    flags = [
        f"--logdir={tmp_path}",
        f"--snapshot_compare_dirs=more:{logs}/logs",
        "--snapshot_compare_cache_dir=none",
    ]
    with tensorboard(*flags) as server:
        assert run_names(server) == ["more/one", "more/two"]


def test_a_missing_logdir_is_said_and_appears_when_it_is_made(tmp_path: Path, logs: Path) -> None:
    logdir = tmp_path / "later"
    with tensorboard(f"--logdir={logdir}", "--snapshot_compare_cache_dir=none") as server:
        assert "does not exist" in listing(server)["roots"][0]["problem"]
        shutil.copytree(logs / "logs", logdir)
        request = urllib.request.Request(
            server.address + PLUGIN + "scan",
            data=b"{}",
            headers={"Content-Type": "application/json", "X-TB-Snapshot-Compare": "1"},
        )
        urllib.request.urlopen(request, timeout=10).close()
        for _ in range(100):
            if run_names(server) == ["one", "two"]:
                return
            time.sleep(0.1)
        raise AssertionError("the new logdir was not found")


def test_foreign_names_are_refused_on_every_route_the_pages_files_included(logs: Path) -> None:
    with tensorboard(f"--logdir={logs}", "--snapshot_compare_cache_dir=none") as server:
        for path in ("snapshots", "changes", "static/index.js", "comparison"):
            request = urllib.request.Request(
                server.address + PLUGIN + path, headers={"Host": "evil.example"}
            )
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(request, timeout=10)
            assert refused.value.code == 403
            refused.value.close()


def test_tensorboard_never_warns_about_our_answers(logs: Path) -> None:
    with tensorboard(f"--logdir={logs}", "--snapshot_compare_cache_dir=none") as server:
        found = listing(server)
        server.get(PLUGIN + "static/index.js")
        server.get("data/plugin_entry.html?name=snapshot_compare")
        with pytest.raises(urllib.error.HTTPError) as missing:
            server.get(PLUGIN + "comparison?a=nothing")
        missing.value.close()
        assert found["runs"]
    assert not [line for line in server.log if "snapshot_compare" in line.lower()]
    assert not [line for line in server.log if "3.0" in line]
