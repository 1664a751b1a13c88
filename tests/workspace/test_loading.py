"""What is loaded, and when: a command that compares two files starts with little."""

import subprocess
import sys

import pytest

from tb_snapshot_compare import workspace


@pytest.mark.parametrize("name", workspace.__all__)
def test_every_name_of_the_workspace_is_found_where_its_stub_says(name: str) -> None:
    assert getattr(workspace, name) is not None


def test_a_name_that_the_workspace_does_not_have_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        workspace.nothing  # noqa: B018


def test_the_command_line_loads_nothing_that_draws_decodes_or_reads_logs() -> None:
    heavy = ("PIL", "duckdb", "numba", "pyarrow", "rich", "scipy", "tensorboard")
    code = (
        "import sys, tb_snapshot_compare.cli\n"
        f"assert [name for name in {heavy} if name in sys.modules] == []\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
