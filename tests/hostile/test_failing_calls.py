"""Every call of the operating system may fail: a typed error, nothing half, and then it works."""

import errno
import os
from pathlib import Path

import pytest

from tb_snapshot_compare.errors import SnapshotCompareError
from tb_snapshot_compare.readers import generation
from tb_snapshot_compare.snapshot import State
from tb_snapshot_compare.workspace import list_snapshots
from tests.hostile.failing_calls import ERRORS, Failing, failing
from tests.hostile.sound_snapshots import write_sound
from tests.hostile.test_damage import Values, values_of

KINDS = (
    "tf_checkpoint", "saved_model", "keras", "keras_deflated", "weights_h5", "legacy_h5",
    "sharded_h5", "safetensors", "sharded_safetensors", "npy", "npz", "npz_deflated", "torch",
)  # fmt: skip
CALLS_MAX = 400


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_sound(tmp_path_factory.mktemp("failing"), apart=True)


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are a moment old only; nothing here depends on the clock."""
    monkeypatch.setattr(generation, "_tick", lambda: 0.0)


def assert_answered(shim: Failing, path: Path, whole: Values) -> None:
    """An error of ours, or right values and a problem for every tensor that lacks them."""
    try:
        values, problems = values_of(path)
    except SnapshotCompareError as error:
        message = str(error)
    except OSError as error:
        raise AssertionError(f"{shim.failed} number {shim.nth}: {error!r}") from error
    else:
        message = problems[0] if problems else "nothing was needed of what failed"
        assert values.items() <= whole.items()
        assert problems or len(values) == len(whole)
    assert len(message) > 20
    assert "Traceback" not in message


@pytest.mark.parametrize("error", ERRORS, ids=lambda number: errno.errorcode[number])
@pytest.mark.parametrize("kind", KINDS)
def test_each_call_in_turn_fails(kind: str, error: int, sound: dict[str, Path]) -> None:
    path = sound[kind]
    whole, _ = values_of(path)
    with failing(os.fspath(path.parent)) as shim:
        for nth in range(1, CALLS_MAX):
            shim.expect(nth, error)
            assert_answered(shim, path, whole)
            if shim.failed is None:
                break
            shim.expect(0, error)
            assert values_of(path) == (whole, []), shim.failed
        else:
            raise AssertionError("it never came to an end")
        assert nth > 4
    assert values_of(path) == (whole, [])


@pytest.mark.parametrize("error", ERRORS, ids=lambda number: errno.errorcode[number])
def test_each_call_of_a_scan_fails(error: int, sound: dict[str, Path]) -> None:
    folder = sound["keras"].parent.parent
    with failing(os.fspath(folder)) as shim:
        whole = list_snapshots(folder)
        total = sum(len(run.snapshots) for run in whole.runs)
        calls = shim.count
        assert total >= 8
        for nth in range(1, calls + 1, 3):
            shim.expect(nth, error)
            found = list_snapshots(folder)
            for run in found.runs:
                for ref in run.snapshots:
                    assert ref.state is State.READY or ref.reason
        shim.expect(0, error)
        again = list_snapshots(folder)
        assert sum(len(run.snapshots) for run in again.runs) == total
