"""Small networks, and what their logs say."""

import sys
from pathlib import Path

import pytest

from tb_snapshot_compare.store.log_reader import Log
from tb_snapshot_compare.store.log_tables import DIRECTORY

sys.path.insert(0, str(Path(__file__).parent))


class ReadLog:
    """A log as the page reads it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = Log(folder / DIRECTORY)
        self.log.refresh()
        assert self.log.problems == ()

    def steps(self, table: str) -> list[int]:
        return [int(step) for step in self.log.steps(table)]

    def events(self, kind: str) -> list[tuple[int, str]]:
        return [(each.step, each.text) for each in self.log.events() if each.kind == kind]

    def snapshots(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("*.safetensors"))


@pytest.fixture
def read(tmp_path: Path) -> type[ReadLog]:
    return ReadLog
