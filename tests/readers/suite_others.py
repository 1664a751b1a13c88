"""How PyTorch, Orbax, safetensors and NumPy save the suite's network, and load it again."""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from functools import cache
from pathlib import Path
from typing import Any

from tests.readers.suite_network import (
    Values,
    as_numpy,
    keras_network,
    keras_values,
    np,
    state_dict,
    torch,
)

import safetensors.numpy  # isort: skip
import safetensors.torch  # isort: skip
import torch.distributed.checkpoint as dcp  # isort: skip

# --- PyTorch


def write_torch(folder: Path, variant: str) -> Path:
    torch.save(state_dict(variant), folder / "model.pt")
    return folder / "model.pt"


def write_legacy_torch(folder: Path, variant: str) -> Path:
    path = folder / "model.pth"
    torch.save(state_dict(variant), path, _use_new_zipfile_serialization=False)
    return path


def write_sharded_torch(folder: Path, variant: str) -> Path:
    for name, part in _parts(folder, "pytorch_model", ".bin", state_dict(variant)).items():
        torch.save(part, folder / name)
    return folder / "pytorch_model.bin.index.json"


def write_distributed(folder: Path, variant: str) -> Path:
    with warnings.catch_warnings(action="ignore"):
        dcp.save(state_dict(variant), checkpoint_id=folder / "step-3")
    return folder / "step-3"


def load_torch(path: Path, variant: str) -> Values:
    return _arrays(torch.load(path, weights_only=True))


def load_sharded_torch(path: Path, variant: str) -> Values:
    values: Values = {}
    for name in sorted(set(json.loads(path.read_text())["weight_map"].values())):
        values |= load_torch(path.with_name(name), variant)
    return values


def load_distributed(path: Path, variant: str) -> Values:
    found = {name: torch.zeros_like(value) for name, value in state_dict(variant).items()}
    with warnings.catch_warnings(action="ignore"):
        dcp.load(found, checkpoint_id=path)
    return _arrays(found)


def _arrays(found: dict[str, Any]) -> Values:
    return {name: as_numpy(value) for name, value in found.items()}


# --- Orbax


@cache
def orbax_runs() -> Path:
    """What a process of its own saves with Orbax: `VARIANT/run/0` and what Keras loads again."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    command = [sys.executable, "-W", "ignore", "-m", "tests.readers.suite_orbax", folder]
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, env=environment, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return Path(folder)


def write_orbax(folder: Path, variant: str) -> Path:
    shutil.copytree(orbax_runs() / variant / "run", folder / "run")
    return folder / "run" / "0"


def load_orbax(path: Path, variant: str) -> Values:
    return dict(safetensors.numpy.load_file(orbax_runs() / variant / "loaded.safetensors"))


# --- safetensors


def write_safetensors(folder: Path, variant: str) -> Path:
    path = folder / "model.safetensors"
    safetensors.torch.save_file(state_dict(variant), path, metadata={"format": "pt"})
    return path


def write_safetensors_of_keras(folder: Path, variant: str) -> Path:
    path = folder / "model.safetensors"
    safetensors.numpy.save_file(keras_values(keras_network(variant)), path)
    return path


def write_sharded_safetensors(folder: Path, variant: str) -> Path:
    for name, part in _parts(folder, "model", ".safetensors", state_dict(variant)).items():
        safetensors.torch.save_file(part, folder / name, metadata={"format": "pt"})
    return folder / "model.safetensors.index.json"


def write_safetensors_without_index(folder: Path, variant: str) -> Path:
    write_sharded_safetensors(folder, variant).unlink()
    return folder / "model-00001-of-00003.safetensors"


def load_safetensors(path: Path, variant: str) -> Values:
    return _arrays(safetensors.torch.load_file(path))


def load_safetensors_of_keras(path: Path, variant: str) -> Values:
    return dict(safetensors.numpy.load_file(path))


def load_sharded_safetensors(path: Path, variant: str) -> Values:
    values: Values = {}
    for part in sorted(path.parent.glob("*.safetensors")):
        values |= load_safetensors(part, variant)
    return values


def _parts(folder: Path, stem: str, suffix: str, state: dict[str, Any]) -> dict[str, Any]:
    """The state dict in three files, as Hugging Face's libraries split one, with its index."""
    parts: dict[str, dict[str, Any]] = {}
    for number, (key, value) in enumerate(state.items()):
        name = f"{stem}-{number * 3 // len(state) + 1:05d}-of-00003{suffix}"
        parts.setdefault(name, {})[key] = value
    places = {key: name for name, part in parts.items() for key in part}
    size = sum(value.nbytes for value in state.values())
    index = {"metadata": {"total_size": size}, "weight_map": places}
    (folder / f"{stem}{suffix}.index.json").write_text(json.dumps(index, indent=2))
    return parts


# --- NumPy


def write_npz(folder: Path, variant: str) -> Path:
    np.savez(folder / "model.npz", **keras_values(keras_network(variant)))
    return folder / "model.npz"


def write_compressed_npz(folder: Path, variant: str) -> Path:
    np.savez_compressed(folder / "model.npz", **_arrays(state_dict(variant)))
    return folder / "model.npz"


def load_npz(path: Path, variant: str) -> Values:
    with np.load(path) as archive:
        return dict(archive)


def write_npy(folder: Path, variant: str) -> Path:
    np.save(folder / "hidden.npy", keras_values(keras_network(variant))["hidden/kernel"])
    return folder / "hidden.npy"


def load_npy(path: Path, variant: str) -> Values:
    return {path.stem: np.load(path)}
