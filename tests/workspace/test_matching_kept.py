"""Every view of a pair asks for its matching; it is made once."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from tb_snapshot_compare.workspace import matching
from tb_snapshot_compare.workspace.match_files import Match
from tb_snapshot_compare.workspace.opening import OpenedSnapshot, list_snapshots, open_ref


@pytest.fixture
def pair(tmp_path: Path) -> list[OpenedSnapshot]:
    for step in (1, 2):
        values = {f"h.{layer}.weight": np.full((2, 2), step, np.float32) for layer in range(3)}
        save_file(values, tmp_path / f"model-{step}.safetensors")
    (run,) = list_snapshots(tmp_path).runs
    return [open_ref(ref) for ref in run.snapshots]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    calls: list[int] = []
    make = matching._matched

    def counted(*arguments: object) -> matching.Matching:
        calls.append(1)
        return make(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(matching, "_matched", counted)
    monkeypatch.setattr(matching, "_KEPT", matching._Kept(pairs=2, tensors=1_000))
    return calls


def test_equal_pairs_are_matched_once(pair: list[OpenedSnapshot], made: list[int]) -> None:
    a, b = pair
    assert matching.match(a, b) is matching.match(a, b)
    assert len(made) == 1


def test_sides_and_corrections_tell_pairs_apart(
    pair: list[OpenedSnapshot], made: list[int]
) -> None:
    a, b = pair
    name = a.contents.tensors[0].name
    for arguments in ((a, b), (b, a), (a, b, (Match(name, None),))):
        matching.match(*arguments)
    assert len(made) == 3


def test_the_oldest_pair_goes_first(pair: list[OpenedSnapshot], made: list[int]) -> None:
    a, b = pair
    for arguments in ((a, b), (b, a), (a, a), (b, a), (a, b)):
        matching.match(*arguments)
    assert len(made) == 4


def test_rules_end_once_every_tensor_has_its_partner(
    pair: list[OpenedSnapshot], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def never(*_: object) -> None:
        asked.append("order")

    monkeypatch.setattr(matching, "_RULES", (*matching._RULES[:1], never))
    a, b = pair
    assert len(matching._matched(a, b, ()).pairs) == 3
    assert asked == []
