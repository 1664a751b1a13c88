"""The plugin as TensorBoard loads it."""

import argparse
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tensorboard.plugins import base_plugin
from werkzeug.test import Client

from tb_snapshot_compare.http_api.openapi import ENDPOINTS
from tb_snapshot_compare.http_api.paths import PATHS
from tb_snapshot_compare.loader import SnapshotCompareLoader

FLAGS = [
    "snapshot_compare_dirs",
    "snapshot_compare_images",
    "snapshot_compare_model",
    "snapshot_compare_cache_dir",
    "snapshot_compare_allowed_hosts",
]


def load(logdir: str, **flags: Any) -> Any:
    settings = dict.fromkeys(FLAGS, "") | {
        "snapshot_compare_cache_dir": "none",
        "logdir": logdir,
        "logdir_spec": "",
        "reload_interval": 5,
    }
    context = base_plugin.TBContext(logdir=logdir, flags=SimpleNamespace(**(settings | flags)))
    return SnapshotCompareLoader().load(context)


def test_the_flags_are_declared_with_defaults() -> None:
    parser = argparse.ArgumentParser()
    SnapshotCompareLoader().define_flags(parser)
    assert vars(parser.parse_args([])) == dict.fromkeys(FLAGS, "")
    assert "snapshot compare plugin" in parser.format_help()


def test_a_second_copy_of_the_plugin_does_not_stop_tensorboard() -> None:
    parser = argparse.ArgumentParser()
    SnapshotCompareLoader().define_flags(parser)
    SnapshotCompareLoader().define_flags(parser)
    assert vars(parser.parse_args([])) == dict.fromkeys(FLAGS, "")


def test_the_tab_is_called_compare(tmp_path: Path) -> None:
    metadata = load(str(tmp_path)).frontend_metadata()
    assert metadata.tab_name == "Compare"
    assert metadata.es_module_path == "/static/index.js"
    assert metadata.es_module_path in load(str(tmp_path)).get_plugin_apps()


def test_every_route_is_behind_the_guard(tmp_path: Path) -> None:
    for path, application in load(str(tmp_path)).get_plugin_apps().items():
        target = path.replace("*", "index.js")
        for method in ("GET", "POST"):
            answer = Client(application).open(
                target, method=method, headers={"Host": "evil.example"}
            )
            assert answer.status_code in (400, 403), (path, method)
        answer = Client(application).get(
            target, headers={"Host": "localhost", "Sec-Fetch-Site": "cross-site"}
        )
        assert answer.status_code in (400, 403), path


def test_every_route_is_documented_and_every_documented_route_exists(tmp_path: Path) -> None:
    plugin = load(str(tmp_path))
    assert set(plugin.get_plugin_apps()) == set(PATHS)
    routes = {path for path in PATHS if "static" not in path}
    assert routes == {endpoint.path for endpoint in ENDPOINTS}
    assert set(plugin.service.applications) == set(PATHS)


def test_a_service_that_cannot_start_hides_the_tab_and_harms_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _arguments: None)
    plugin = load(str(tmp_path), snapshot_compare_cache_dir=7)
    with pytest.raises(TypeError):
        plugin.service  # noqa: B018
    assert plugin.is_active() is False
    assert plugin.get_plugin_apps()


@pytest.mark.parametrize(
    "name",
    [
        "../plugin.py",
        "..%2fplugin.py",
        "/etc/passwd",
        "static/../../plugin.py",
        "",
        "x.js",
        "..\\a.js",
    ],
)
def test_the_static_route_serves_no_other_file(tmp_path: Path, name: str) -> None:
    application = load(str(tmp_path)).get_plugin_apps()["/static/*"]
    answer = Client(application).get("/static/" + name, headers={"Host": "localhost"})
    assert answer.status_code == 404


def test_activity_is_answered_from_memory(tmp_path: Path) -> None:
    plugin = load(str(tmp_path))
    here = threading.get_ident()
    touched: list[str] = []

    def watch(event: str, _arguments: object) -> None:
        if event.startswith(("open", "os.", "shutil.")) and threading.get_ident() == here:
            touched.append(event)

    sys.addaudithook(watch)
    plugin.is_active()
    plugin.frontend_metadata()
    here = 0
    assert touched == []


def test_an_empty_logdir_becomes_inactive_and_is_listed_as_empty(tmp_path: Path) -> None:
    plugin = load(str(tmp_path))
    for _ in range(100):
        if not plugin.is_active():
            break
        time.sleep(0.05)
    assert not plugin.is_active()
    answer = Client(plugin.get_plugin_apps()["/snapshots"]).get("/", headers={"Host": "localhost"})
    listing = json.loads(answer.data)
    assert listing["runs"] == []
    assert listing["suggested"] is None
    assert listing["roots"][0]["path"] == str(tmp_path)


LOAD_ONLY = """
import json, sys, time
from types import SimpleNamespace
from tensorboard.plugins import base_plugin
import tb_snapshot_compare.loader
after_import = set(sys.modules)
flags = SimpleNamespace(logdir=sys.argv[1], snapshot_compare_cache_dir="none")
plugin = tb_snapshot_compare.loader.SnapshotCompareLoader().load(
    base_plugin.TBContext(logdir=sys.argv[1], flags=flags))
plugin.get_plugin_apps(), plugin.frontend_metadata(), plugin.is_active()
time.sleep(2)
assert plugin.is_active()
print(json.dumps([sorted(m for m in sys.modules if "." not in m),
                  sorted(m for m in after_import if m.startswith("tb_snapshot_compare"))]))
"""


def test_neither_import_nor_load_nor_scan_imports_a_framework(tmp_path: Path, saved: Any) -> None:
    output = subprocess.run(
        [sys.executable, "-c", LOAD_ONLY, str(saved.folder)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    loaded, at_import = json.loads(output)
    assert set(loaded).isdisjoint({"tensorflow", "keras", "numba", "h5py", "torch", "scipy"})
    assert set(loaded).isdisjoint({"pyarrow", "duckdb"})
    assert at_import == ["tb_snapshot_compare", "tb_snapshot_compare.loader"]
