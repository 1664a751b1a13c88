"""Every hostile file through list, open, read and compare in one process: nothing happens.

What must come of each is said where it is written: `corpus_bundles.py`, `corpus_code.py`,
`corpus_bombs.py`, `corpus_places.py`.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tb_snapshot_compare.limits import MIB
from tests.hostile import hostile_saved_models
from tests.hostile.corpus import Case, age, written
from tests.hostile.corpus_bombs import BOMBS
from tests.hostile.corpus_bundles import BUNDLES
from tests.hostile.corpus_code import CANARY, CODE
from tests.hostile.corpus_places import OUTSIDE, PLACES, write_outside
from tests.hostile.sound_snapshots import write_sound

ROOT = Path(__file__).resolve().parents[2]
MEMORY_MAX = 64 * MIB
WORK_SECONDS_MAX = 5.0
"""Of the processor, for opening, comparing and two looks of a scan; the worst takes 1.5 s."""
SECONDS_MAX = 60.0
"""By the clock, with the HDF5 child's work, on a machine that does other things too."""
THROUGH_A_LINK = "a state file whose folder is a link out"
"""Whoever may write into a logdir may link into it: links are followed, paths in files are not."""

Answers = Mapping[str, dict[str, Any]]


def saved_model(folder: Path) -> Path:
    """A SavedModel whose graph writes a file, calls Python and reads the password file."""

    def evil(x: Any, canary: str) -> Any:
        x = hostile_saved_models.write_file(x, canary)
        x = hostile_saved_models.py_function(x, canary)
        return hostile_saved_models.read_file(x, canary)

    hostile_saved_models.save(evil, folder / "saved", folder / CANARY)
    return folder / "saved"


GRAPHS = (Case("a SavedModel that writes, reads and calls Python", saved_model, "whole"),)
ALL = (*BUNDLES, *CODE, *BOMBS, *PLACES, *GRAPHS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("corpus")


@pytest.fixture(scope="module")
def paths(folder: Path) -> dict[str, Path]:
    cases = folder / "cases"
    cases.mkdir()
    write_outside(cases)
    made = written(ALL, cases)
    age(cases)
    return made


@pytest.fixture(scope="module")
def answers(folder: Path, paths: dict[str, Path]) -> Answers:
    """What became of every case, in one process that met them one after the other."""
    listing = folder / "cases.json"
    listing.write_text(json.dumps({story: str(path) for story, path in paths.items()}))
    write_sound(folder / "sound")
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile.measuring", str(listing), str(folder / "sound")],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=300,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: Answers = json.loads(done.stdout.splitlines()[-1])
    return found


def those(answers: Answers, what: str, wrong: Any) -> dict[str, Any]:
    """The offenders: `answers[story][what]` of the stories for which `wrong` holds."""
    return {story: answer[what] for story, answer in answers.items() if wrong(answer)}


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(BUNDLES) >= 60
    assert len(CODE) >= 25
    assert len({case.folder for case in ALL}) == len(ALL)


def test_nothing_that_a_file_says_is_done(folder: Path, answers: Answers) -> None:
    assert those(answers, "events", lambda answer: answer["events"]) == {}
    assert list(folder.rglob(f"{CANARY}*")) == []


def test_no_file_ends_a_process(answers: Answers) -> None:
    assert len(answers) == len(ALL)
    assert those(answers, "reason", lambda answer: answer["child_died"]) == {}


def test_every_failure_is_one_of_ours(answers: Answers) -> None:
    assert those(answers, "reason", lambda answer: answer["outcome"] == "UNEXPECTED") == {}


def test_each_comes_to_what_its_writer_meant(answers: Answers) -> None:
    wrong = {
        case.story: (answers[case.story]["outcome"], answers[case.story]["reason"][:300])
        for case in ALL
        if case.outcome not in (None, answers[case.story]["outcome"])
        or not re.search(case.reason, answers[case.story]["reason"])
    }
    assert wrong == {}


def test_a_refusal_names_the_file_and_says_why(paths: dict[str, Path], answers: Answers) -> None:
    for story, answer in answers.items():
        if answer["outcome"] == "refused":
            path = paths[story]
            named = path.parent if path.name == "saved_model.pb" else path
            assert str(named) in answer["reason"]
            assert len(answer["reason"]) > len(str(paths[story])) + 20
            assert len(answer["reason"]) < 5_000, story


def test_memory_follows_what_is_on_disk_and_not_what_is_claimed(answers: Answers) -> None:
    def above(answer: dict[str, Any]) -> int:
        own, helper = answer["grew"], answer["child_grew"] - answer["stored"]
        return int(max(own, helper))

    grown = {story: above(a) // MIB for story, a in answers.items() if above(a) > MEMORY_MAX}
    assert grown == {}


def test_no_file_takes_long(answers: Answers) -> None:
    assert those(answers, "worked", lambda answer: answer["worked"] > WORK_SECONDS_MAX) == {}
    assert those(answers, "seconds", lambda answer: answer["seconds"] > SECONDS_MAX) == {}


def test_no_file_leaves_a_descriptor_open(answers: Answers) -> None:
    assert those(answers, "descriptors", lambda answer: answer["descriptors"] > 0) == {}


def test_what_cannot_be_opened_is_not_listed_as_ready(answers: Answers) -> None:
    def ready(answer: dict[str, Any]) -> bool:
        states = [state for _, state, _ in answer["states"]]
        return answer["outcome"] == "refused" and "ready" in states

    assert set(those(answers, "states", ready)) <= {THROUGH_A_LINK}


def test_what_is_listed_as_broken_says_why(answers: Answers) -> None:
    for story, answer in answers.items():
        for _, state, reason in answer["states"]:
            assert state == "ready" or (reason and len(reason) > 20), story


def test_what_lies_outside_is_sound_and_would_be_read(folder: Path, answers: Answers) -> None:
    from tb_snapshot_compare.readers import open_contents

    (tensor,) = open_contents(os.fspath(folder / "cases" / OUTSIDE / "ckpt")).tensors
    assert tensor.name == "secret"
    assert those(answers, "compared", lambda answer: "secret" in answer["compared"]) == {}
