"""What the hostile checkpoints of the tests do to this package, and to TensorFlow's own reader.

Ours are read one after the other in one process; TensorFlow gets a process for each, forked
after TensorFlow was imported. Prints, for both, how many ended the process, were refused, were
read in part or as a whole; and the same for every other corpus of the tests, ours only.
"""

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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


def tensorflow(paths: dict[str, Path], shown: bool) -> Counter[str]:
    """What TensorFlow's reader does with each, in a forked process of its own."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    import tensorflow as tf

    counts: Counter[str] = Counter()
    for story, path in paths.items():
        answer = _in_a_fork(tf, str(path))
        counts[answer] += 1
        if shown and answer.startswith(("died", "no answer")):
            print(f"    TensorFlow {answer}: {story}")
    return counts


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


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stories", action="store_true", help="name what ends TensorFlow")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_sound(folder / "sound")
        print(f"{'corpus':<10}{'files':>6}  {'reader':<12}outcome")
        for corpus, cases in CORPORA.items():
            root = folder / corpus
            root.mkdir()
            write_outside(root)
            paths = written(cases, root)
            age(root)
            answers = ours(paths, folder)
            row(corpus, len(cases), "this package", Counter(a["outcome"] for a in answers.values()))
            events = sum(len(answer["events"]) for answer in answers.values())
            grew = max(answer["grew"] for answer in answers.values()) / 2**20
            slow = max(answer["seconds"] for answer in answers.values())
            died = sum(answer["child_died"] for answer in answers.values())
            print(
                f"{'':<18}0 deaths, {died} of the HDF5 child, {events} audit events, "
                f"memory +{grew:.0f} MiB at most, slowest {slow:.2f} s"
            )
            if cases is BUNDLES:
                counts = tensorflow(paths, options.stories)
                row(corpus, len(cases), "TensorFlow", counts)
                deaths = sum(count for answer, count in counts.items() if "died" in answer)
                print(f"{'':<18}{deaths} deaths")


def row(corpus: str, files: int, reader: str, counts: Counter[str]) -> None:
    """One line of the table."""
    text = ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common())
    print(f"{corpus:<10}{files:>6}  {reader:<12}  {text}")


if __name__ == "__main__":
    main()
