"""What is loaded, and when: a command that compares two files starts with little."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tb_snapshot_compare import workspace


@pytest.mark.parametrize("name", workspace.__all__)
def test_every_name_of_the_workspace_is_found_where_its_stub_says(name: str) -> None:
    assert getattr(workspace, name) is not None


def test_a_name_that_the_workspace_does_not_have_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        workspace.nothing  # noqa: B018


def test_the_command_line_loads_nothing_that_draws_decodes_or_reads_logs() -> None:
    heavy = ("PIL", "asyncio", "duckdb", "numba", "pyarrow", "rich", "scipy", "tensorboard")
    assert loaded("import tb_snapshot_compare.cli") & {*heavy} == set()


def test_comparing_loads_what_it_computes_with_and_no_more(tmp_path: Path) -> None:
    files = [str(tmp_path / name) for name in ("a.npz", "b.npz")]
    for value, file in enumerate(files):
        np.savez(file, **{"dense/kernel": np.full((2, 3), value, np.float32)})
    found = loaded(
        "from tb_snapshot_compare import cli\n"
        "import contextlib, io\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        f"    assert cli.main(['diff', '--json', *{files}]) == 0"
    )
    assert "numba" in found
    heavy = ("PIL", "duckdb", "pyarrow", "rich", "scipy.linalg", "ssl", "tensorboard", "tensorflow")
    assert found & {*heavy} == set()


def loaded(code: str) -> set[str]:
    """The modules that a process has after some code."""
    code += "\nimport sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(done.stdout.split())
