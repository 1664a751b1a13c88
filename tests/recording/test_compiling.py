"""Kernels are compiled beside the training, once."""

import logging
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tb_snapshot_compare.recording import compiling


def test_kernels_that_lie_on_disk_are_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*args: Any, **options: Any) -> None:
        raise AssertionError("there is nothing to compile")

    monkeypatch.setattr(compiling, "_is_kept", lambda folder: True)
    monkeypatch.setattr(subprocess, "run", refused)
    compiling.compile_kernels("float32")


def test_others_are_compiled_in_a_process_of_its_own(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(compiling, "_is_kept", lambda folder: False)
    with caplog.at_level(logging.INFO):
        compiling.compile_kernels("bfloat16")
    assert caplog.records == []


def test_code_is_kept_if_it_is_newer_than_its_sources(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").mkdir()
    for name in ("statistics_kernels", "kernels", "half_kernels"):
        (tmp_path / f"{name}.py").touch()
    assert not compiling._is_kept(tmp_path)
    version = f"py{compiling.sys.version_info.major}{compiling.sys.version_info.minor}"
    for name in ("statistics_kernels.count_bands", "kernels.add_runs"):
        (tmp_path / "__pycache__" / f"{name}-12.{version}.nbi").touch()
    assert compiling._is_kept(tmp_path)


@pytest.mark.parametrize("failing", ["missing", "raising"])
def test_a_failure_is_no_more_than_a_note(
    failing: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(compiling, "_is_kept", lambda folder: False)
    if failing == "missing":
        monkeypatch.setattr(compiling.sys, "executable", "/nowhere/python")
    else:
        monkeypatch.setattr(compiling, "_CODE", "raise SystemExit(3)")
    with caplog.at_level(logging.INFO):
        compiling.compile_kernels("float32")
    (record,) = caplog.records
    assert record.levelno == logging.INFO
    assert record.message.startswith("Compiling in a process of its own failed: ")
