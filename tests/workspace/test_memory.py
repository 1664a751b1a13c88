"""Comparing takes no more memory for large tensors, and for many snapshots, than for small ones.

The files are holes with stretches of values between: they take no room, and are read in full.
"""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

MIB = 1 << 20
LIMIT = 128 * MIB
"""Above the imported libraries, for tensors of any size and any number of snapshots."""
FILTER_BYTES = 13 * 8
"""Of a filter in the result."""
STRETCH = 1 << 16
"""Values that differ, then a hole; the last ones end the tensor."""
EVERY = 1 << 23
CHANGE = 0.5


def stretches(elements: int) -> list[tuple[int, int]]:
    """Where values lie in a tensor: start and number."""
    size = min(STRETCH, elements)
    return [(start, min(size, elements - start)) for start in range(0, elements, EVERY)] + (
        [(elements - size, size)] if elements > EVERY and elements % EVERY else []
    )


def values(number: int, seed: int, step: int) -> bytes:
    random = np.random.default_rng(seed)
    return (random.integers(1, 64, number) / 8 + CHANGE * step).astype("<f4").tobytes()


def fill(descriptor: int, offset: int, elements: int, step: int) -> int:
    """Writes a tensor of float32; the values differ by CHANGE from each step to the next."""
    os.ftruncate(descriptor, max(os.fstat(descriptor).st_size, offset + 4 * elements))
    for start, number in stretches(elements):
        os.pwrite(descriptor, values(number, start, step), offset + 4 * start)
    return 4 * elements


def differing(shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Elements that differ between two steps."""
    return sum(number for shape in shapes.values() for _, number in stretches(math.prod(shape)))


def write_npy(path: Path, shape: tuple[int, ...], step: int) -> str:
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f4", "fortran_order": False, "shape": shape}
        )
        file.flush()
        fill(file.fileno(), file.tell(), math.prod(shape), step)
    return str(path)


def write_safetensors(path: Path, shapes: Mapping[str, tuple[int, ...]], step: int) -> str:
    offsets, end = {}, 0
    for name, shape in shapes.items():
        offsets[name] = (end, end + 4 * math.prod(shape))
        end = offsets[name][1]
    header = json.dumps(
        {
            name: {"dtype": "F32", "shape": shape, "data_offsets": offsets[name]}
            for name, shape in shapes.items()
        }
    ).encode()
    header += b" " * (-len(header) % 8)
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.flush()
        for name, shape in shapes.items():
            fill(file.fileno(), 8 + len(header) + offsets[name][0], math.prod(shape), step)
    return str(path)


NETWORK: dict[str, tuple[int, ...]] = {
    "tokens.weight": (50_257, 1024),
    **{f"block{k}.conv.weight": (512, 512, 3, 3) for k in range(100)},
    **{f"block{k}.norm.weight": (512,) for k in range(100)},
    "fc1.weight": (4096, 25_088),
    "fc1.bias": (4096,),
    "fc2.weight": (4096, 4096),
    "head.weight": (32_000, 4096),
}
BLOCK = {
    "attention.weight": (3072, 16),
    "attention.bias": (3072,),
    "up.weight": (4096, 16),
    "up.bias": (4096,),
    "down.weight": (1024, 64),
    "norm.weight": (1024,),
    "norm.bias": (1024,),
}
MANY_FILTERS = {f"block{k}.{name}": shape for k in range(30) for name, shape in BLOCK.items()} | {
    "head.weight": (131_072, 16),
    "tokens.weight": (131_072, 16),
}
SMALL = {
    "tokens.weight": (100, 8),
    "conv.weight": (8, 4, 3, 3),
    "conv.bias": (8,),
    "head.weight": (10, 200),
}


def job(tmp_path: Path, kind: str, paths: list[str], limit: int = LIMIT) -> dict[str, Any]:
    warm = [write_safetensors(tmp_path / f"warm{step}.safetensors", SMALL, step) for step in (0, 1)]
    request = {"kind": kind, "paths": paths, "limit": limit, "warm": warm}
    command = [sys.executable, "-m", "tests.workspace.memory_job", json.dumps(request)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    print({name: found[name] for name in ("above_libraries", "above_ready", "seconds")})
    return found


def assert_flat(found: dict[str, Any], result: int = 0) -> None:
    parts = {
        name: (found["held"][name] - found["libraries"][name]) // MIB for name in found["held"]
    }
    assert found["above_libraries"] < LIMIT + result, f"MiB above the libraries: {parts}"


@pytest.fixture
def folder(tmp_path: Path) -> Any:
    """A folder whose large files go at once."""
    yield tmp_path
    for path in tmp_path.rglob("*"):
        if path.is_file():
            path.unlink()


@pytest.mark.parametrize(
    "shape", [(131_072, 4096), (100, 131_072)], ids=["2 GiB", "131,072 filters"]
)
def test_one_large_tensor(folder: Path, shape: tuple[int, int]) -> None:
    paths = [write_npy(folder / f"{side}.npy", shape, side == "b") for side in "ab"]
    found = job(folder, "pair", paths)
    assert_flat(found)
    assert found["elements"] == found["counted"] == math.prod(shape)
    assert found["filters"] == shape[-1]
    assert found["changed"] == differing({"": shape})
    assert found["l2"] == pytest.approx(CHANGE * math.sqrt(differing({"": shape})), rel=1e-12)


@pytest.mark.parametrize(
    ("shapes", "size", "result"),
    [(NETWORK, 2 << 30, 0), (MANY_FILTERS, 0, 540_000 * FILTER_BYTES)],
    ids=["204 tensors of 2 GiB", "400,000 filters"],
)
def test_many_tensors(
    folder: Path, shapes: dict[str, tuple[int, ...]], size: int, result: int
) -> None:
    """What grows is the result alone: the measures of every filter of every layer."""
    paths = [write_safetensors(folder / f"{s}.safetensors", shapes, s == "b") for s in "ab"]
    assert os.path.getsize(paths[0]) > size
    found = job(folder, "pair", paths, LIMIT + result)
    assert_flat(found, result)
    assert found["filters"] * FILTER_BYTES <= max(result, LIMIT)
    assert found["elements"] == found["counted"] == sum(map(math.prod, shapes.values()))
    assert found["changed"] == differing(shapes)
    assert found["l2"] == pytest.approx(CHANGE * math.sqrt(differing(shapes)), rel=1e-12)


def test_twenty_snapshots(folder: Path) -> None:
    shapes = {f"layer{k}.weight": (512, 512, 3, 3) for k in range(5)}
    run = folder / "logs" / "run"
    run.mkdir(parents=True)
    for step in range(20):
        path = run / f"step-{step}.safetensors"
        write_safetensors(path, shapes, step)
        os.utime(path, (time.time() - 3600 + step,) * 2)
    found = job(folder, "series", [str(folder / "logs")])
    assert_flat(found)
    assert found["pairs"] == 19
    distances = [CHANGE * math.sqrt(differing({name: shapes[name]})) for name in shapes]
    assert found["l2"] == [pytest.approx(distances, rel=1e-12)] * 19
