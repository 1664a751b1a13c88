"""Checkpoints as PyTorch writes them, and what its own loader reads from them."""

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from tb_snapshot_compare.readers import TensorReader, open_contents
from tb_snapshot_compare.snapshot import SnapshotContents, TensorInfo

torch.set_num_threads(2)


class Network(nn.Module):
    """Layers of many kinds; `head` shares its weight with `words`."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3)
        self.depthwise = nn.Conv2d(8, 8, 3, groups=8, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.block = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 4))
        self.words = nn.Embedding(11, 4)
        self.lstm = nn.LSTM(4, 5, bidirectional=True)
        self.attn = nn.MultiheadAttention(4, 2)
        self.norm = nn.LayerNorm(4)
        self.head = nn.Linear(4, 11, bias=False)
        self.head.weight = self.words.weight
        self.register_buffer("mask", torch.ones(3, dtype=torch.bool))
        self.register_buffer("hidden", torch.ones(3), persistent=False)


def network(seed: int = 0) -> Network:
    """The network with seeded values everywhere."""
    torch.manual_seed(seed)
    made = Network()
    with torch.no_grad():
        for value in made.state_dict().values():
            if value.is_floating_point():
                value.normal_()
    return made


def trained(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 3) -> None:
    """Some steps of training with made-up gradients, so that the optimizer has its state."""
    for _ in range(steps):
        for parameter in model.parameters():
            parameter.grad = torch.randn_like(parameter)
        optimizer.step()


def save(path: Path, value: object, **options: Any) -> Path:
    """`torch.save`, of a file that looks settled."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(value, path, **options)
    settle(path)
    return path


def settle(path: Path) -> None:
    """Makes a file, or all in a folder, so old that it cannot still be written."""
    for each in [path, *path.rglob("*")] if path.is_dir() else [path]:
        os.utime(each, (1e9, 1e9))


def read(path: Path) -> tuple[SnapshotContents, dict[str, np.ndarray]]:
    """What our reader finds: the contents, and the values by key."""
    contents = open_contents(str(path))
    with TensorReader(contents.generation) as reader:
        values = {
            tensor.key: reader.read_array(tensor)
            for tensor in contents.tensors
            if tensor.problem is None
        }
    return contents, values


def by_key(contents: SnapshotContents) -> dict[str, TensorInfo]:
    """The tensors by key."""
    return {tensor.key: tensor for tensor in contents.tensors}


def bits(tensor: torch.Tensor) -> bytes:
    """The values' bytes in C order."""
    plain = tensor.detach().contiguous()
    return plain.reshape(-1).view(torch.uint8).numpy().tobytes() if plain.numel() else b""


def flat(value: object, path: str = "") -> dict[str, torch.Tensor]:
    """The tensors in nested containers, by keys joined with dots."""
    if isinstance(value, torch.Tensor):
        return {path: value}
    members = value.items() if isinstance(value, dict) else enumerate(value)
    return {
        key: tensor
        for name, member in members
        if isinstance(member, dict | list | tuple | torch.Tensor)
        for key, tensor in flat(member, f"{path}.{name}".lstrip(".")).items()
    }


def assert_same(values: dict[str, np.ndarray], expected: dict[str, torch.Tensor]) -> None:
    """The same keys, shapes and bits."""
    assert values.keys() == expected.keys()
    for key, tensor in expected.items():
        assert values[key].shape == tuple(tensor.shape), key
        assert values[key].tobytes() == bits(tensor), key
