"""File systems that are really full or read-only: a training goes on, and its log is right."""

import pytest

from benchmarks.full_disk import WAYS, tables
from benchmarks.small_disk import may_mount


@pytest.mark.skipif(
    not may_mount(), reason="this user may not mount a file system, even in a namespace"
)
def test_trainings_on_full_disks_go_on_and_every_loss_is_counted() -> None:
    """`tables` raises an error where a training is disturbed or a log is wrong."""
    (table,) = tables(tiny=True)
    assert [row[0] for row in table.rows] == list(WAYS)
    for row in table.rows:
        cells = dict(zip(table.columns, row, strict=True))
        assert cells["wrong"] == "0"
        assert cells["warnings"] == cells["trainings"]
        assert "dumps" in cells["lost"]
