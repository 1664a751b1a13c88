"""What the hostile checkpoints of the tests do to this package, and to TensorFlow's own reader.

Ours are read one after the other in one process; TensorFlow gets a process for each, forked
after TensorFlow was imported. Shown are, for both, how many ended the process, were refused, were
read in part or as a whole; and the same for every other corpus of the tests, ours only.

    python -m benchmarks.hostile
"""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import Table, main
from tests.hostile.corpus import Case, age, written
from tests.hostile.corpus_bombs import BOMBS
from tests.hostile.corpus_bundles import BUNDLES
from tests.hostile.corpus_code import CODE
from tests.hostile.corpus_places import PLACES, write_outside
from tests.hostile.sound_snapshots import write_sound

ROOT = Path(__file__).resolve().parents[1]
SECONDS_MAX = 20
MEMORY_BYTES = 16 * 1024**3
CORPORA: dict[str, Sequence[Case]] = {
    "bundles": BUNDLES,
    "code": CODE,
    "bombs": BOMBS,
    "places": PLACES,
}


def ours(paths: dict[str, Path], folder: Path) -> dict[str, dict[str, Any]]:
    """The answers of `tests.hostile.measuring`, and `died` where it ended."""
    listing = folder / "listing.json"
    listing.write_text(json.dumps({story: str(path) for story, path in paths.items()}))
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile.measuring", str(listing), str(folder / "sound")],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    if done.returncode:
        raise SystemExit(f"our process ended with {done.returncode}: {done.stderr[-2000:]}")
    answers: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return answers


def tensorflow(paths: dict[str, Path]) -> tuple[Counter[str], list[str]]:
    """What TensorFlow's reader does with each, in a forked process of its own; and what ends it."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    import tensorflow as tf

    counts: Counter[str] = Counter()
    deaths: list[str] = []
    for story, path in paths.items():
        answer = _in_a_fork(tf, str(path))
        counts[answer] += 1
        if answer.startswith(("died", "no answer")):
            deaths.append(f"{answer}: {story}")
    return counts, deaths


def _in_a_fork(tf: Any, prefix: str) -> str:
    child = os.fork()
    if child == 0:
        _read_and_exit(tf, prefix)
    deadline = time.monotonic() + SECONDS_MAX
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            if os.WIFSIGNALED(status):
                return f"died of {signal.Signals(os.WTERMSIG(status)).name}"
            code = os.WEXITSTATUS(status)
            return {0: "whole", 1: "partly", 2: "refused"}.get(code, f"died with {code}")
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return f"no answer in {SECONDS_MAX} s"


def _read_and_exit(tf: Any, prefix: str) -> None:
    """Lists and reads every tensor, and ends this process with what came of it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    try:
        tf.train.list_variables(prefix)
        reader = tf.train.load_checkpoint(prefix)
        names = sorted(reader.get_variable_to_shape_map())
    except Exception:
        os._exit(2)
    failed = 0
    for name in names:
        try:
            reader.get_tensor(name)
        except Exception:
            failed += 1
    os._exit(1 if failed else 0)


def tables(tiny: bool = False) -> Iterator[Table]:
    """One table."""
    rows: list[tuple[str, ...]] = []
    notes: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_sound(folder / "sound")
        for corpus, cases in CORPORA.items():
            chosen = cases[:2] if tiny else cases
            root = folder / corpus
            root.mkdir()
            write_outside(root)
            paths = written(chosen, root)
            age(root)
            answers = ours(paths, folder)
            outcomes = Counter(answer["outcome"] for answer in answers.values())
            rows.append(
                (corpus, str(len(chosen)), "this package", _text(outcomes), *_cost(answers))
            )
            if cases is BUNDLES:
                counts, deaths = tensorflow(paths)
                rows.append((corpus, str(len(chosen)), "TensorFlow", _text(counts), *"----"))
                notes += (f"TensorFlow {death}." for death in deaths)
    heads = ("child died", "audit events", "memory, MiB", "slowest, s")
    columns = ("corpus", "files", "reader", "outcomes", *heads)
    yield Table("Hostile checkpoints", columns, tuple(rows), tuple(notes))


def _cost(answers: dict[str, dict[str, Any]]) -> tuple[str, ...]:
    every = answers.values()
    return (
        str(sum(answer["child_died"] for answer in every)),
        str(sum(len(answer["events"]) for answer in every)),
        f"+{max(answer['grew'] for answer in every) / 2**20:.0f}",
        f"{max(answer['seconds'] for answer in every):.2f}",
    )


def _text(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common())


if __name__ == "__main__":
    main(sys.modules[__name__], __doc__)
