"""Benchmarks at a tiny size: they work, and what they say about correctness is right.

Nothing here depends on how long anything takes. These are the groups that compare without any other
framework, to stay quick; `make bench ARGS=--tiny` runs all of them.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import GROUPS
from benchmarks.report import markdown, measured

Tables = Callable[[str], list[dict[str, Any]]]
ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(900)
TINY = ("kernel", "unchanged", "phases")
EXACT = 1e-12
ERRORS = ("largest relative errors", "largest relative error", "of filters")


@pytest.fixture(scope="module")
def tables_of(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """Runs a group when it is first asked for; the groups share their inputs."""
    folder = tmp_path_factory.mktemp("benchmarks")
    return lru_cache(maxsize=None)(lambda group: run_tiny(group, folder))


def run_tiny(group: str, cache: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", group, "--tiny"],
        cwd=ROOT,
        env={**os.environ, "BENCHMARKS_CACHE": str(cache), "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    section = json.loads((cache / "sections-tiny" / f"{group}.json").read_text())
    results = (cache / "sections-tiny" / "RESULTS.md").read_text()
    assert section["machine"] in results
    for table in section["tables"]:
        assert table["title"] in results
    return section["tables"]


@pytest.mark.parametrize("group", TINY)
def test_a_group_gives_full_tables_and_our_numbers_are_exact(group: str, tables_of: Tables) -> None:
    tables = tables_of(group)
    assert tables
    for table in tables:
        assert table["rows"]
        for row in table["rows"]:
            assert len(row) == len(table["columns"])
            assert all(row)
            if row[0].startswith(("tb-snapshot-compare", "ours")) or group == "kernel":
                assert largest_error(table["columns"], row) <= EXACT


def largest_error(columns: list[str], row: list[str]) -> float:
    cells = [cell for column, cell in zip(columns, row, strict=True) if column in ERRORS]
    numbers = re.findall(r"\d+e[-+]\d+|inf", " ".join(cells))
    return max(map(float, numbers), default=0.0)


def test_every_group_can_be_named() -> None:
    assert {
        *TINY,
        "training_log",
        "pair",
        "phases",
        "trend",
        "pair_vgg16",
        "many_tensors",
        "hostile",
        "races",
    } <= set(GROUPS)
    assert {"recording", "log_kills", "full_disk", "planted_truth"} <= set(GROUPS)


def test_the_one_tensor_that_changed_is_found(tables_of: Tables) -> None:
    table, profile = tables_of("unchanged")
    assert table["notes"][0].endswith("found changed: block07/up/kernel.")
    assert {"`measure`", "`recognise`"} <= {row[0] for row in profile["rows"]}


def test_the_distribution_is_that_of_numpy_for_every_layout_and_dtype(tables_of: Tables) -> None:
    for table in tables_of("kernel"):
        assert len(table["rows"]) == 24
        assert {row[-1] for row in table["rows"]} == {"as NumPy"}


def test_a_cell_with_a_bar_stays_one_cell_of_the_results() -> None:
    from benchmarks.report import Table

    section = measured("some_group", [Table("Norms", ("norm", "s"), (("|x|", "1"),))])
    assert r"| \|x\| | 1 |" in markdown(section)
    assert markdown(section).startswith("## some group\n")
