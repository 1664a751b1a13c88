import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tb_snapshot_compare import cli
from tb_snapshot_compare.errors import SnapshotChangedError
from tests.conftest import FORMATS, SavedPair
from tests.hostile.bundle_writer import BundleWriter
from tests.workspace.reading_counts import counted
from tests.workspace.reference import measures

MEASURES = {
    "l2",
    "relative_l2",
    "l1",
    "max_abs",
    "mean_abs",
    "mean_relative_percent",
    "cosine",
    "sign_flips",
    "changed",
    "nan_a",
    "nan_b",
    "inf_a",
    "inf_b",
}


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.main(arguments)
    output = capsys.readouterr()
    return code, output.out, output.err


def diff(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    code, out, _ = run(capsys, "diff", *arguments, "--json")
    assert code == 0
    return json.loads(out, parse_constant=lambda name: pytest.fail(f"bare {name}"))


def test_diff_believes_checksums_unless_it_is_to_verify(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for step, damaged in ((0, False), (1, True)):
        writer = BundleWriter()
        writer.add("one/kernel", np.ones(30_000, np.float32))
        writer.add("two/kernel", np.full(4, step, np.float32))
        if damaged:
            writer.data[5] ^= 1
        writer.write(tmp_path / f"ckpt-{step}")
    pair = (str(tmp_path / "ckpt-0"), str(tmp_path / "ckpt-1"))
    with counted(".data-00000-of-00001") as reads:
        assert {t["status"] for t in diff(capsys, *pair)["tensors"]} == {"compared"}
    assert reads.bytes == 120_000 + 2 * 16
    found = {t["name"]: t["status"] for t in diff(capsys, *pair, "--verify")["tensors"]}
    assert found == {"one/kernel": "unreadable", "two/kernel": "compared"}


def test_diff_prints_one_object_of_the_documented_shape(
    capsys: pytest.CaptureFixture[str], saved: SavedPair
) -> None:
    value = diff(capsys, saved.a["keras"], saved.b["keras"])
    assert {"a", "b", "coverage", "model", "layers", "tensors"} <= set(value)
    assert set(value["model"]) == MEASURES
    assert set(value["layers"][0]) == {"name", "kind", "count"} | MEASURES
    assert {
        "name",
        "layer",
        "role",
        "dtype_a",
        "dtype_b",
        "shape_a",
        "shape_b",
        "status",
        "count",
    } | MEASURES <= set(value["tensors"][0])
    assert value["coverage"] == {
        "tensors_compared": 10,
        "tensors_total": 10,
        "elements_compared": value["coverage"]["elements_total"],
        "elements_total": sum(array.size for array in saved.weights_a.values()),
    }


def test_diff_gives_identical_numbers_in_four_formats(
    capsys: pytest.CaptureFixture[str], saved: SavedPair
) -> None:
    values = [diff(capsys, saved.a[form], saved.b[form]) for form in FORMATS]
    for value in values[1:]:
        assert value["model"] == values[0]["model"]
        assert value["coverage"] == values[0]["coverage"]
        assert {t["name"]: t for t in value["tensors"]} == {
            t["name"]: t for t in values[0]["tensors"]
        }
        without_kind = [{**layer, "kind": ""} for layer in value["layers"]]
        assert without_kind == [{**layer, "kind": ""} for layer in values[0]["layers"]]
    for tensor in values[0]["tensors"]:
        expected = measures(saved.weights_a[tensor["name"]], saved.weights_b[tensor["name"]])
        for name, number in expected.items():
            assert tensor[name] == pytest.approx(number, rel=1e-9), (tensor["name"], name)


def test_diff_prints_a_table_for_people(
    capsys: pytest.CaptureFixture[str], saved: SavedPair
) -> None:
    code, out, _ = run(capsys, "diff", saved.a["keras"], saved.b["weights_h5"])
    assert code == 0
    for words in ("epoch 1, step 1, keras", "BatchNormalization", "10 of 10 tensors", "‖b-a‖₂"):
        assert words in out


def test_list_shows_every_snapshot(capsys: pytest.CaptureFixture[str], saved: SavedPair) -> None:
    code, out, _ = run(capsys, "list", str(saved.folder))
    assert code == 0
    assert "keras, weights_h5" in out
    code, out, _ = run(capsys, "list", str(saved.folder), "--json")
    (found,) = json.loads(out)["runs"]
    assert [snapshot["epoch"] for snapshot in found["snapshots"]] == [1, 1, 1, 4, 4, 4]


def test_exit_code_1_is_for_what_cannot_be_read(
    capsys: pytest.CaptureFixture[str], saved: SavedPair, tmp_path: Path
) -> None:
    (tmp_path / "broken.keras").write_bytes(b"nothing")
    for arguments in (
        ("diff", saved.a["keras"], str(tmp_path / "missing.keras")),
        ("diff", saved.a["keras"], str(tmp_path / "broken.keras")),
        ("diff", saved.a["keras"], f"{tmp_path}@.:7"),
        ("list", str(tmp_path / "missing")),
    ):
        code, out, err = run(capsys, *arguments)
        assert (code, out) == (1, ""), arguments
        assert err.startswith("tb-snapshot-compare: ")
        assert "Traceback" not in err


def test_exit_code_2_is_for_wrong_usage(
    capsys: pytest.CaptureFixture[str], saved: SavedPair
) -> None:
    code, _, err = run(capsys, "diff", saved.a["keras"], saved.b["keras"], "--layer", "conv9")
    assert code == 2
    assert "conv1, norm1" in err
    with pytest.raises(SystemExit) as stopped:
        cli.main(["diff", saved.a["keras"]])
    assert stopped.value.code == 2


def test_a_snapshot_that_is_overwritten_meanwhile_is_read_once_more(
    capsys: pytest.CaptureFixture[str], saved: SavedPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = []
    real = cli.compare

    def compare(*arguments: Any, **options: Any) -> Any:
        attempts.append(1)
        if len(attempts) == 1:
            raise SnapshotChangedError("rewritten")
        return real(*arguments, **options)

    monkeypatch.setattr(cli, "compare", compare)
    assert diff(capsys, saved.a["keras"], saved.b["keras"])["model"]["l2"] > 0
    assert len(attempts) == 2


def test_the_installed_command_needs_no_tensorflow(saved: SavedPair, tmp_path: Path) -> None:
    blocked = tmp_path / "sitecustomize.py"
    blocked.write_text(
        "import sys\nfor name in ('tensorflow', 'keras', 'torch'):\n    sys.modules[name] = None\n"
    )
    command = shutil.which("tb-snapshot-compare", path=str(Path(sys.executable).parent))
    assert command is not None
    result = subprocess.run(
        [command, "diff", saved.a["saved_model"], saved.b["keras"], "--json"],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"},
        check=True,
    )
    assert json.loads(result.stdout)["coverage"]["tensors_compared"] == 10


@pytest.mark.parametrize("name", ["x[/b]", "run[bold red]x", "e[lr=0.1]-epoch-1"])
def test_names_are_shown_as_they_are(
    name: str, capsys: pytest.CaptureFixture[str], saved: SavedPair, tmp_path: Path
) -> None:
    (tmp_path / name).mkdir(parents=True)
    shutil.copy(saved.a["keras"], tmp_path / name / f"{name.replace('/', '-')}.keras")
    code, out, _ = run(capsys, "list", str(tmp_path))
    assert code == 0
    assert out.count(name.replace("/", "-")) >= 1
    assert name in out


def test_names_that_are_not_utf8_are_escaped(saved: SavedPair, tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/bad\xff.keras"
    shutil.copy(saved.a["keras"], odd)
    command = [sys.executable, "-m", "tb_snapshot_compare", "diff", odd, saved.b["keras"]]
    for options in ([], ["--json"]):
        done = subprocess.run([*command, *options], capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"udcff" in done.stdout


@pytest.mark.parametrize("module", ["tb_snapshot_compare", "tb_snapshot_compare.cli"])
def test_either_module_is_the_command(module: str) -> None:
    command = [sys.executable, "-m", module, "list", "/no/such/place"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == cli.UNREADABLE
    assert "/no/such/place" in done.stderr


def test_who_stops_it_while_it_loads_sees_one_line() -> None:
    code = (
        "import sys\n"
        "class Stopping:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'tb_snapshot_compare.cli':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Stopping())\n"
        "from tb_snapshot_compare.__main__ import main\n"
        "sys.exit(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "tb-snapshot-compare: stopped\n")


def test_what_was_not_compared_has_every_measure_as_null(
    capsys: pytest.CaptureFixture[str], saved: SavedPair, tmp_path: Path
) -> None:
    import keras

    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="other")])
    other.save(tmp_path / "other.keras")
    value = diff(capsys, saved.a["keras"], str(tmp_path / "other.keras"))
    entry = value["tensors"][0]
    assert entry["status"] != "compared"
    assert "measures" not in entry
    assert {entry[name] for name in MEASURES} == {None}
