"""Compares a pair of VGG-16-shaped TensorFlow checkpoints beside a plain NumPy script.

Writes two checkpoints of 553 MB (138.36 million float32 weights) once, then runs, alternating,

- `tb-snapshot-compare diff A B --json`, and
- a plain script: `tf.train.load_checkpoint`, and the same measures in float64 with NumPy,

each in a process of its own, and prints wall time and peak memory (of the process, and of its
largest descendant) and the largest relative disagreement of their numbers. Files are in the
page cache after the first run; that run is not counted.

    python benchmarks/pair_vgg16.py --repeats 5
"""

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONVOLUTIONS = (
    ("block1_conv1", 3, 64),
    ("block1_conv2", 64, 64),
    ("block2_conv1", 64, 128),
    ("block2_conv2", 128, 128),
    ("block3_conv1", 128, 256),
    ("block3_conv2", 256, 256),
    ("block3_conv3", 256, 256),
    ("block4_conv1", 256, 512),
    ("block4_conv2", 512, 512),
    ("block4_conv3", 512, 512),
    ("block5_conv1", 512, 512),
    ("block5_conv2", 512, 512),
    ("block5_conv3", 512, 512),
)
DENSE = (("fc1", 25088, 4096), ("fc2", 4096, 4096), ("predictions", 4096, 1000))
SHAPES: dict[str, tuple[int, ...]] = {}
for _name, _channels, _filters in CONVOLUTIONS:
    SHAPES[f"{_name}/kernel"] = (3, 3, _channels, _filters)
    SHAPES[f"{_name}/bias"] = (_filters,)
for _name, _inputs, _units in DENSE:
    SHAPES[f"{_name}/kernel"] = (_inputs, _units)
    SHAPES[f"{_name}/bias"] = (_units,)

MEASURES = (
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
)

WRITER = """
import json, sys
import numpy as np
import tensorflow as tf

folder, shapes = sys.argv[1], json.loads(sys.argv[2])
rng = np.random.default_rng(16)
values = {n: rng.standard_normal(s, np.float32) * np.float32(0.02) for n, s in shapes.items()}
for name in ("a", "b"):
    if name == "b":
        for value in values.values():
            value += rng.standard_normal(value.shape, np.float32) * np.float32(0.0005)
    tf.raw_ops.SaveV2(
        prefix=f"{folder}/{name}-1",
        tensor_names=list(values),
        shape_and_slices=[""] * len(values),
        tensors=[tf.constant(v) for v in values.values()],
    )
"""

PLAIN = """
import json, sys
import numpy as np
import tensorflow as tf

a, b = (tf.train.load_checkpoint(path) for path in sys.argv[1:3])
tensors = []
for name in sorted(a.get_variable_to_shape_map()):
    x, y = a.get_tensor(name), b.get_tensor(name)
    nan_a, nan_b = int(np.isnan(x).sum()), int(np.isnan(y).sum())
    inf_a, inf_b = int(np.isinf(x).sum()), int(np.isinf(y).sum())
    changed = float(np.mean((x != y) & ~(np.isnan(x) & np.isnan(y))))
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite].astype(np.float64), y[finite].astype(np.float64)
    d = y - x
    size = np.abs(d)
    both = np.abs(x) + np.abs(y)
    relative = np.divide(2 * size, both, out=np.zeros_like(both), where=both > 0)
    square, square_a, square_b = np.sum(d * d), np.sum(x * x), np.sum(y * y)
    tensors.append({
        "name": name,
        "l2": np.sqrt(square),
        "relative_l2": np.sqrt(square / square_a),
        "l1": np.sum(size),
        "max_abs": np.max(size),
        "mean_abs": np.mean(size),
        "mean_relative_percent": np.mean(relative),
        "cosine": np.sum(x * y) / np.sqrt(square_a * square_b),
        "sign_flips": int(np.sum(x * y < 0)),
        "changed": changed,
        "nan_a": nan_a, "nan_b": nan_b, "inf_a": inf_a, "inf_b": inf_b,
    })
print(json.dumps({"tensors": tensors}, default=float))
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One process: seconds on the clock, MiB at its peak, and what it printed."""

    seconds: float
    peak_mib: float
    output: str


def run(command: list[str]) -> Run:
    """Runs a command to its end.

    The peak is the greatest resident set among the process and the descendants it waited for.
    """
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"exit status {process.returncode}: {' '.join(command[:4])} ...")
        output.seek(0)
        return Run(seconds, usage.ru_maxrss / 1024, output.read().decode())


def write_pair(folder: Path) -> tuple[str, str]:
    """Writes the checkpoints, unless they are there."""
    paths = str(folder / "a-1"), str(folder / "b-1")
    if not all(Path(f"{path}.index").exists() for path in paths):
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-c", WRITER, str(folder), json.dumps(SHAPES)]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return paths


def tensors_of(output: str) -> dict[str, dict[str, Any]]:
    """The measures of each tensor by its name, wherever the program puts them."""
    tensors = json.loads(output)["tensors"]
    return {t["name"]: t.get("measures") or t for t in tensors}


def disagreement(ours: str, plain: str) -> tuple[float, str]:
    """The largest relative difference of any measure of any tensor, and where it is."""
    found, wanted = tensors_of(ours), tensors_of(plain)
    if found.keys() != wanted.keys():
        raise SystemExit(f"other tensors: {sorted(found.keys() ^ wanted.keys())}")
    worst = (0.0, "nowhere")
    for name, want in wanted.items():
        for measure in MEASURES:
            got, expected = found[name][measure], want[measure]
            gap = abs(got - expected) / max(abs(expected), sys.float_info.min)
            worst = max(worst, (gap, f"{name} {measure}"))
    return worst


def line(label: str, runs: list[Run]) -> str:
    seconds = [r.seconds for r in runs]
    peak = max(r.peak_mib for r in runs)
    return (
        f"{label:<28}{statistics.median(seconds):8.2f} s"
        f"  ({min(seconds):.2f} to {max(seconds):.2f}){peak:10.0f} MiB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    folder = Path(tempfile.gettempdir()) / "tb_snapshot_compare_vgg16"
    parser.add_argument("--dir", type=Path, default=folder, help="where the pair is kept")
    parser.add_argument("--repeats", type=int, default=5, help="counted runs of each")
    options = parser.parse_args()

    weights = sum(map(math.prod, SHAPES.values()))
    a, b = write_pair(options.dir)
    print(f"{weights / 1e6:.2f} million weights, {weights * 4 / 1e6:.0f} MB in each checkpoint")
    commands = {
        "tb-snapshot-compare diff": [
            *(sys.executable, "-m", "tb_snapshot_compare.cli", "diff", a, b, "--json"),
        ],
        "load_checkpoint and NumPy": [sys.executable, "-c", PLAIN, a, b],
    }
    runs: dict[str, list[Run]] = {label: [] for label in commands}
    for repeat in range(options.repeats + 1):
        for label, command in commands.items():
            done = run(command)
            if repeat:
                runs[label].append(done)
    for label, done_runs in runs.items():
        print(line(label, done_runs))
    ours, plain = runs.values()
    pairs = [p.seconds / o.seconds for o, p in zip(ours, plain, strict=True)]
    gap, where = disagreement(ours[-1].output, plain[-1].output)
    print(
        f"times faster: {statistics.median(pairs):.1f} (median of pairs;"
        f" {min(pairs):.1f} to {max(pairs):.1f})"
    )
    print(f"largest relative disagreement: {gap:.1e} ({where})")
    page = resource.getpagesize()
    print(f"{os.cpu_count()} processors, pages of {page} bytes, Python {sys.version.split()[0]}")


if __name__ == "__main__":
    main()
