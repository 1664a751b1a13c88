"""SavedModels that try to write, read, call, print, dump or exhaust do none of it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from tb_snapshot_compare.errors import ModelUnavailableError
from tb_snapshot_compare.inference.graph_check import check_saved_model
from tests.hostile import hostile_saved_models as hostile

ROOT = Path(__file__).resolve().parents[2]
MEMORY_BYTES = 3 * 1024**3


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What became of every attack, by its name, tried in one process of its own."""
    folder = tmp_path_factory.mktemp("hostile")
    bodies = [*hostile.REFUSED, *hostile.BOMBS, hostile.in_a_gradient]
    good = hostile.save(hostile.harmless, folder / "harmless", folder / "never")
    paths = [
        hostile.save(body, folder / body.__name__, folder / f"{body.__name__}-canary")
        for body in bodies
    ]
    tried = subprocess.run(
        [sys.executable, "-m", "tests.hostile.saved_model_attempts", good, *paths],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=180,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""},
    )
    assert tried.returncode == 0, tried.stderr[-3000:]
    assert not list(folder.glob("*-canary*"))
    results = json.loads(tried.stdout.splitlines()[-1])
    return {body.__name__: result for body, result in zip(bodies, results, strict=True)}


@pytest.mark.parametrize("body", hostile.REFUSED, ids=lambda body: body.__name__)
def test_an_operation_that_is_not_pure_is_refused_by_name(
    outcomes: dict[str, dict[str, Any]], body: hostile.Body
) -> None:
    outcome = outcomes[body.__name__]
    assert outcome["kind"] == "ModelUnavailableError"
    assert re.search(
        rf"uses the operation '({hostile.REFUSED[body]})', which is not allowed", outcome["error"]
    ), outcome["error"]
    assert "in the function '" in outcome["error"]
    assert outcome["events"] == []
    assert outcome["seconds"] < 1.0


@pytest.mark.parametrize("body", hostile.BOMBS, ids=lambda body: body.__name__)
def test_a_bomb_ends_within_its_limits(
    outcomes: dict[str, dict[str, Any]], body: hostile.Body
) -> None:
    outcome = outcomes[body.__name__]
    assert outcome["kind"] == "ModelUnavailableError"
    assert re.search(hostile.BOMBS[body], outcome["error"]), outcome["error"]
    assert outcome["events"] == []
    assert outcome["seconds"] < 20.0
    assert outcome["resident"] < MEMORY_BYTES


def test_a_table_of_an_asset_is_refused(tmp_path: Path) -> None:
    vocabulary = tmp_path / "words.txt"
    vocabulary.write_text("first\nsecond\n")
    module = hostile.Labelled(str(vocabulary))
    saved = str(tmp_path / "saved")
    tf.saved_model.save(module, saved, signatures={"serving_default": module.serve})
    with pytest.raises(ModelUnavailableError, match=r"uses the operation '\w+'"):
        check_saved_model(saved)


def test_a_gradient_of_the_program_s_own_is_never_reached(
    outcomes: dict[str, dict[str, Any]],
) -> None:
    outcome = outcomes["in_a_gradient"]
    assert outcome["ran"], outcome["error"]
    assert outcome["events"] == []
