"""`make demo`: a finished run is kept, an interrupted one is redone, TensorBoard answers."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import asdict
from pathlib import Path

import pytest
from PIL import Image

from demo.run import (
    DRAWN,
    INCIDENT,
    INCIDENT_EPOCHS,
    MARKER,
    DemoError,
    Settings,
    finished_settings,
    is_kept,
    main,
)
from demo.server import TensorBoard

ROOT = Path(__file__).parents[2]
DONE = Settings(DRAWN, "alexnet", 45)
RECORDED = Settings(DRAWN, INCIDENT, INCIDENT_EPOCHS)


def _finish(logdir, settings=DONE):
    run = logdir / settings.run
    run.mkdir(parents=True)
    (run / MARKER).write_text(json.dumps(asdict(settings)))
    return run


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    for name, colour in (("sky", "blue"), ("grass", "green")):
        (folder / name).mkdir()
        for number in range(4):
            Image.new("RGB", (64, 64), colour).save(folder / name / f"{number}.png")
    return folder


def test_a_finished_run_is_kept_for_as_many_or_fewer_epochs(tmp_path):
    _finish(tmp_path)
    done = finished_settings(tmp_path / "alexnet")
    assert done == DONE
    assert is_kept(done, Settings(DRAWN, "alexnet", 40))
    assert not is_kept(done, Settings(DRAWN, "alexnet", 46))
    assert not is_kept(done, Settings("/photographs/alexnet", "alexnet", 40))
    assert not is_kept(None, DONE)


def test_a_directory_of_somebody_else_is_not_touched(tmp_path):
    theirs = tmp_path / "alexnet"
    theirs.mkdir()
    with pytest.raises(DemoError, match="was not finished by this program; move it away"):
        finished_settings(theirs)
    assert theirs.exists()


def test_the_kept_runs_need_no_framework(tmp_path):
    _finish(tmp_path)
    _finish(tmp_path, RECORDED)
    code = (
        "import sys; from demo.run import main; "
        f"status = main(['--logdir', {str(tmp_path)!r}, '--no-serve']); "
        "assert not {'tensorflow', 'keras'} & set(sys.modules); sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Using the training kept in" in done.stdout


def test_an_interrupted_training_is_done_again_from_the_start(tmp_path, photographs, capfd):
    left = tmp_path / f".unfinished-alexnet-{photographs.name}" / "epoch-07.keras"
    left.parent.mkdir()
    left.write_bytes(b"half a snapshot")
    arguments = ["--data", str(photographs), "--logdir", str(tmp_path), "--epochs", "1"]
    assert main([*arguments, "--no-serve"]) == 0
    assert "interrupted" in capfd.readouterr().out
    (run,) = tmp_path.iterdir()
    names = sorted(path.name for path in run.iterdir())
    assert names == [MARKER, "epoch-01.keras", "train", "validation"]
    assert main([*arguments, "--no-serve"]) == 0
    assert "Using the training kept" in capfd.readouterr().out


def test_a_folder_that_cannot_be_used_ends_with_one_line(tmp_path, capsys):
    status = main(["--data", str(tmp_path / "none"), "--logdir", str(tmp_path), "--no-serve"])
    assert status == 1
    assert "no such folder" in capsys.readouterr().out


def test_snapshots_that_do_not_fit_on_the_disk_are_refused(tmp_path, photographs, capsys):
    arguments = ["--data", str(photographs), "--logdir", str(tmp_path), "--full", "--no-serve"]
    assert main([*arguments, "--epochs", "999999999"]) == 1
    assert "take fewer --epochs" in " ".join(capsys.readouterr().out.split())


def test_a_taken_port_is_replaced_by_a_free_one(tmp_path):
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert TensorBoard(tmp_path, port).port != port


def test_tensorboard_answers_at_the_printed_address_and_stops_on_ctrl_c(tmp_path):
    _finish(tmp_path)
    _finish(tmp_path, RECORDED)
    command = [sys.executable, "-u", "-m", "demo.run", "--logdir", str(tmp_path), "--port", "0"]
    started = time.monotonic()
    demo = subprocess.Popen(
        [*command, "--no-browser"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "40"},
        # What starts these tests in the background has told its children to ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert demo.stdout is not None
    lines = [demo.stdout.readline() for _ in range(3)]
    while "TensorBoard is at" not in lines[-1]:
        lines.append(demo.stdout.readline())
        assert demo.poll() is None
    assert time.monotonic() - started < 60
    address = lines[-1].split()[3]
    assert address.endswith("/#snapshot_compare")
    with urllib.request.urlopen(address, timeout=10) as page:
        assert b"TensorBoard" in page.read()
    demo.send_signal(signal.SIGINT)
    rest = demo.communicate(timeout=20)[0]
    assert "Stopped." in rest
    assert demo.returncode == 0
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(("localhost", int(address.split(":")[2].split("/")[0])))
