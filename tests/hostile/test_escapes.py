"""No path comes from a client: hostile words in every parameter of every route open nothing."""

import itertools
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tensorboard.plugins import base_plugin
from werkzeug.test import Client

import tb_snapshot_compare
from tb_snapshot_compare.errors import SnapshotCompareError
from tb_snapshot_compare.http_api.openapi import ENDPOINTS
from tb_snapshot_compare.loader import SnapshotCompareLoader
from tb_snapshot_compare.readers import open_contents
from tests.hostile.corpus import age
from tests.hostile.corpus_code import archive, sequential
from tests.hostile.corpus_places import OUTSIDE, write_outside
from tests.http_api.test_routes import Flags, Site

_STEPS = ("../", "..\\", "%2e%2e/", "..%2f", "..%5c", "%252e%252e/", "....//", "..;/", ".%00./",
          "..%c0%af", "\u2025/", "\uff0e\uff0e/")  # fmt: skip
_STARTS = ("", "/", "//", "/./", "\\\\server\\share\\", "C:\\", "file:///", "file://localhost/",
           "http://127.0.0.1:9/", "gs://bucket/", "memory://", "simplecache::file:///",
           "~/", "~root/", "$HOME/", "/proc/self/root/", "/dev/fd/", "\0", "./\n")  # fmt: skip
_TARGETS = ("etc/passwd", f"{OUTSIDE}/ckpt")
WORDS = tuple(
    dict.fromkeys(
        [step * times + _TARGETS[times % 2] for step in _STEPS for times in (1, 6)]
        + [start + target for start in _STARTS for target in _TARGETS[:2]]
        + ["..", ".", "/", "%00", "-", "CON", "a" * 1024, "../" * 340, "x.keras\0.png"]
    )
)
_DEFAULTS = {"row": "0", "column": "0", "rows": "0-1", "columns": "0-1", "tiles": "0.0.0",
             "quantity": "signed", "layer": "dense", "cells": "0.0", "run": ".", "way": "crop",
             "channel": "0"}  # fmt: skip


class Opened:
    """An audit hook that notes every file that this process opens while it is on."""

    def __init__(self) -> None:
        self.paths: set[str] = set()
        self.on = False
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.on and event == "open" and isinstance(arguments[0], str | bytes):
            self.paths.add(os.path.abspath(os.fsdecode(arguments[0])))
        elif self.on and event == "socket.connect":
            self.paths.add(f"socket {arguments[1:]}")

    def outside(self, *allowed: Path) -> set[str]:
        """What was opened that lies neither in `allowed` nor among this program's own files."""
        own = (
            sys.prefix, sys.base_prefix, str(Path(tb_snapshot_compare.__file__).parents[1]),
            os.devnull, "/proc/", "/sys/devices/system/cpu", "/etc/localtime",
            f"{tempfile.gettempdir()}/tb_snapshot_compare_",
        )  # fmt: skip
        inside = (*map(str, allowed), *own)
        wanted = ("passwd", OUTSIDE)
        return {
            path
            for path in self.paths
            if not path.startswith(inside) or any(word in path for word in wanted)
        }


@pytest.fixture(scope="module")
def opened() -> Opened:
    return Opened()


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two snapshots of one run, and a sound one outside."""
    root = tmp_path_factory.mktemp("escapes")
    write_outside(root)
    folder = root / "logs"
    folder.mkdir()
    for name in ("epoch-1.keras", "epoch-2.keras"):
        archive(folder, sequential(), name)
    age(folder)
    return folder


@pytest.fixture(scope="module")
def site(logdir: Path) -> Site:
    return Site(logdir)


def queries(pair: dict[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Every parameter of every GET route with every word, the others as they should be."""
    for endpoint in ENDPOINTS:
        if endpoint.body is not None:
            continue
        usual = {name: pair.get(name, _DEFAULTS.get(name, "x")) for name in endpoint.required}
        for name, word in itertools.product({**endpoint.required, **endpoint.optional}, WORDS):
            yield endpoint.path, usual | {name: word}


def bodies() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every text of every POST body with every word."""
    for endpoint in ENDPOINTS:
        if endpoint.body is None:
            continue
        fields = [field.encode_name for field in msgspec.structs.fields(endpoint.body)]
        for name, word in itertools.product(fields, WORDS):
            yield endpoint.path, dict.fromkeys(fields, "x") | {name: word}


def test_there_are_enough_words() -> None:
    assert len(WORDS) >= 60


def test_no_word_in_any_parameter_opens_a_file_outside(
    opened: Opened, site: Site, logdir: Path
) -> None:
    pair = site.pair("epoch-1", "epoch-2")
    opened.paths.clear()
    opened.on = True
    try:
        answers = {200: 0}
        for path, query in queries(pair):
            answer = site.ask_once(path, **query)
            answers[answer.status_code] = answers.get(answer.status_code, 0) + 1
            assert b"root:" not in answer.data
        for path, body in bodies():
            assert site.post(path, body).status_code in (200, 400, 404, 409)
    finally:
        opened.on = False
    assert set(answers) <= {200, 202, 400, 404, 409, 410, 422, 503}
    assert answers[404] + answers[400] > 1_000
    assert opened.outside(logdir) == set()


def test_no_word_in_the_path_of_a_static_file_opens_one(opened: Opened, logdir: Path) -> None:
    context = base_plugin.TBContext(logdir=str(logdir), flags=Flags(logdir))
    application = SnapshotCompareLoader().load(context).get_plugin_apps()["/static/*"]
    opened.paths.clear()
    opened.on = True
    try:
        for word in WORDS:
            answer = Client(application).get("/static/" + word, headers={"Host": "localhost"})
            assert answer.status_code in (400, 404)
    finally:
        opened.on = False
    assert opened.outside(logdir) == set()


def test_a_path_swapped_for_a_pipe_or_a_device_never_blocks(tmp_path: Path) -> None:
    """Between looking at the file and opening it, something else takes its place."""
    sound = archive(tmp_path, sequential(), "sound.keras")
    path, spare = tmp_path / "model.keras", tmp_path / "spare"
    path.write_bytes(sound.read_bytes())
    done = threading.Event()

    def swap() -> None:
        makers = (
            lambda: os.mkfifo(spare),
            lambda: spare.symlink_to("/dev/zero"),
            lambda: spare.symlink_to("/dev/full"),
            lambda: spare.mkdir(),
            lambda: spare.write_bytes(sound.read_bytes()),
        )
        for make in itertools.cycle(makers):
            if done.is_set():
                return
            make()
            if spare.is_dir() and not spare.is_symlink():
                spare.rmdir()
            else:
                os.replace(spare, path)

    trainer = threading.Thread(target=swap)
    trainer.start()
    answers: dict[str, int] = {}
    slowest = 0.0
    try:
        end = time.monotonic() + 4.0
        while time.monotonic() < end:
            started = time.monotonic()
            try:
                answer = f"{len(open_contents(os.fspath(path)).tensors)} tensors"
            except SnapshotCompareError as error:
                answer = type(error).__name__
            answers[answer] = answers.get(answer, 0) + 1
            slowest = max(slowest, time.monotonic() - started)
    finally:
        done.set()
        trainer.join()
    assert sum(answers.values()) > 50
    assert set(answers) > {"2 tensors"} or "2 tensors" not in answers
    assert slowest < 3.0
