"""Fuzzes one target: `python -m tests.hostile.fuzz.run TARGET FOLDER [options of libFuzzer]`.

What it finds is written into FOLDER, and it then ends with a status other than 0.
"""

import sys
import tempfile
import time
from pathlib import Path
from random import Random

import atheris

SECONDS_MAX = 2.0
"""Of this process's own work."""
WAITING_SECONDS_MAX = 15.0
"""With that of the HDF5 child, which may have to start anew."""


def main() -> None:
    """Runs until libFuzzer's own limits end it."""
    name, home, *options = sys.argv[1:]
    with atheris.instrument_imports(include=["tb_snapshot_compare"]):
        from tb_snapshot_compare.readers import generation
        from tests.hostile.fuzz.targets import SEED_MAX_BYTES, TARGETS
    generation._COARSE_TICK_SECONDS = 0.0
    generation._tick = lambda: 0.0
    target = TARGETS[name]
    seeds, corpus, work = (Path(home) / part for part in ("seeds", "corpus", "work"))
    for folder in (seeds, corpus, work):
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for number, seed in enumerate(target.seeds(Path(scratch))):
            if len(seed) <= SEED_MAX_BYTES:
                (seeds / str(number)).write_bytes(seed)
    for seed in seeds.iterdir():
        target.run(seed.read_bytes(), work)

    def test_one(data: bytes) -> None:
        started, worked = time.perf_counter(), time.process_time()
        target.run(data, work)
        seconds, worked = time.perf_counter() - started, time.process_time() - worked
        assert worked < SECONDS_MAX, f"one input took {worked:.1f} s of work"
        assert seconds < WAITING_SECONDS_MAX, f"one input took {seconds:.1f} s"

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        return target.mutate(data, most, Random(seed), atheris.Mutate)[:most]

    limits = ["-rss_limit_mb=1200", "-timeout=20", f"-max_len={SEED_MAX_BYTES}"]
    prefix = f"-artifact_prefix={home}/found-"
    arguments = [sys.argv[0], *limits, prefix, *options, str(corpus), str(seeds)]
    atheris.Setup(arguments, test_one, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
