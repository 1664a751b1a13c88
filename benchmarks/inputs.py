"""The files that are compared: made once, from seeds, and kept below the cache folder.

What is kept stays under `KEPT_BYTES`: what was used least recently goes when more is wanted.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import models
from benchmarks.measuring import ROOT, quiet

if TYPE_CHECKING:
    from benchmarks.models import Model

KEPT_BYTES = 8 * 10**9
_PAST_SECONDS = 3600
"""Files are dated back, so that nobody takes them for being written."""
Build = Callable[[bool], "Model"]


@dataclass(frozen=True, slots=True)
class Inputs:
    """Some snapshots of a model in one format; `first` is the number of the first one."""

    model: Build
    format: str
    snapshots: int = 2
    first: int = 0


def _bfloat16(tiny: bool) -> Model:
    return models.transformer(tiny, "bfloat16")


def _one_changed(tiny: bool) -> Model:
    return models.transformer(tiny, changing=ONE_CHANGED)


ONE_CHANGED = "block07.up.weight"
SETS = {
    "pair-torch": Inputs(models.transformer, "torch"),
    "pair-bundle": Inputs(models.transformer, "bundle"),
    "pair-safetensors": Inputs(models.transformer, "safetensors"),
    "bfloat16": Inputs(_bfloat16, "safetensors"),
    "one-changed": Inputs(_one_changed, "bundle", snapshots=1, first=1),
    "series": Inputs(models.resnet18, "safetensors", snapshots=20),
    "many-bundle": Inputs(models.many, "bundle"),
    "many-safetensors": Inputs(models.many, "safetensors"),
    "vgg16": Inputs(models.vgg16, "bundle"),
}


def cache() -> Path:
    """The folder of everything that is kept: `BENCHMARKS_CACHE`, or one beside this file."""
    return Path(os.environ.get("BENCHMARKS_CACHE") or ROOT / "benchmarks" / "cache")


def folder(name: str, tiny: bool) -> Path:
    """Where the snapshots of a set lie, made if they are not there."""
    return kept(f"{name}{'-tiny' if tiny else ''}", lambda path: _make(name, tiny, path), _size)


def _size(name: str) -> int:
    inputs = SETS[name.removesuffix("-tiny")]
    return inputs.snapshots * inputs.model(name.endswith("-tiny")).nbytes


def kept(name: str, make: Callable[[Path], None], size: Callable[[str], int]) -> Path:
    """A folder of the cache; `make` fills it where it is not there, with about `size` bytes."""
    path = cache() / "inputs" / name
    if not path.exists():
        _make_room(path.parent, size(name))
        unfinished = path.with_name(f"{name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        make(unfinished)
        unfinished.rename(path)
    os.utime(path)
    return path


def _make_room(inputs: Path, wanted: int) -> None:
    """Deletes the sets that were used least recently until `wanted` bytes more are allowed."""
    there = (
        sorted(inputs.iterdir(), key=lambda each: each.stat().st_mtime) if inputs.exists() else []
    )
    sizes = {each: _bytes_in(each) for each in there}
    for each in there:
        if sum(sizes.values()) + wanted <= KEPT_BYTES:
            return
        shutil.rmtree(each)
        del sizes[each]


def _bytes_in(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def _make(name: str, tiny: bool, path: Path) -> None:
    """In a process of its own: frameworks and values of gigabytes leave with it."""
    command = [sys.executable, "-m", "benchmarks.inputs", name, str(path)]
    subprocess.run(
        [*command, *(["--tiny"] if tiny else [])],
        check=True,
        cwd=ROOT,
        env={**os.environ, **quiet()},
        stderr=subprocess.DEVNULL,
    )


def snapshot_path(path: Path, number: int, form: str) -> Path:
    """What is given to programs that open snapshot `number` (1, 2, ...) of a set's folder."""
    base = path / f"checkpoint-{number}"
    return base / {"torch": "model.pt", "safetensors": "model.safetensors", "bundle": "ckpt"}[form]


def files_of(path: Path) -> list[Path]:
    """The files below a set's folder."""
    return sorted(file for file in path.rglob("*") if file.is_file())


def write(inputs: Inputs, tiny: bool, path: Path) -> None:
    """Writes the snapshots."""
    model = inputs.model(tiny)
    save = {"torch": _save_torch, "safetensors": _save_safetensors, "bundle": _save_bundle}
    total = inputs.first + inputs.snapshots
    past = time.time() - _PAST_SECONDS
    for number, values in enumerate(islice(model.snapshots(total), inputs.first, None)):
        target = snapshot_path(path, number + 1, inputs.format)
        target.parent.mkdir()
        save[inputs.format](values, target)
        for file in files_of(target.parent):
            os.utime(file, (past + number, past + number))


def _save_torch(values: dict[str, Any], path: Path) -> None:
    import torch

    torch.save({name: torch.from_numpy(value) for name, value in values.items()}, path)


def _save_safetensors(values: dict[str, Any], path: Path) -> None:
    from safetensors.numpy import save_file

    save_file(values, path)


def _save_bundle(values: dict[str, Any], path: Path) -> None:
    import tensorflow as tf

    tf.raw_ops.SaveV2(
        prefix=str(path),
        tensor_names=[models.canonical(name) for name in values],
        shape_and_slices=[""] * len(values),
        tensors=[tf.constant(value) for value in values.values()],
    )


def main() -> None:
    """Writes one set."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("name", choices=SETS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    write(SETS[options.name], options.tiny, options.folder)


if __name__ == "__main__":
    main()
