"""The programs that compare a pair of snapshots: how each is started, and where its numbers are."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.inputs import cache, snapshot_path
from benchmarks.measuring import PEERS, Run, run
from benchmarks.models import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Found = dict[str, dict[str, Any]]
OURS = "tb-snapshot-compare"
_SCRIPTS = Path(__file__).with_name("scripts")
_FORMATS = {"bundle": "TF checkpoint", "safetensors": "safetensors", "torch": ".pt"}
_WARM = (
    "import tb_snapshot_compare.cli as _\n"
    "from tb_snapshot_compare.analysis.warming import warm_up_pairs\n"
    "warm_up_pairs()"
)


@dataclass(frozen=True, slots=True)
class Contestant:
    """A program on one format.

    `rounds` are of warm and of cold runs; `imports` only imports what the program does (and loads
    compiled code); `gives` is what it gives beside the measures of tensors.
    """

    name: str
    form: str
    command: Callable[..., list[str]]
    imports: tuple[str, ...]
    values: Callable[[str, str, Run], Found]
    rounds: tuple[int, int]
    gives: str = "tensors"

    @property
    def title(self) -> str:
        """The name and the format."""
        return f"{self.name}, {_FORMATS[self.form]}"

    def paths(self, folder: Path, a: int = 1, b: int = 2) -> tuple[str, str]:
        """What it is given of a set's folder."""
        one, other = (snapshot_path(folder, number, self.form) for number in (a, b))
        if self.name in _OF_DIRECTORIES:
            one, other = one.parent, other.parent
        return str(one), str(other)


_OF_DIRECTORIES = ("weightscope", "modeldelta")


def ours(form: str, rounds: tuple[int, int] = (5, 3)) -> Contestant:
    """`tb-snapshot-compare diff A B --json`."""
    return Contestant(
        OURS,
        form,
        lambda a, b: [sys.executable, "-m", "tb_snapshot_compare", "diff", a, b, "--json"],
        (sys.executable, "-c", _WARM),
        _printed,
        rounds,
        "tensors, layers, filters, model",
    )


def plain_tensorflow(rounds: tuple[int, int] = (2, 1)) -> Contestant:
    """`tf.train.load_checkpoint` and NumPy in float64."""
    return Contestant(
        "load_checkpoint and NumPy",
        "bundle",
        lambda a, b: [sys.executable, str(_SCRIPTS / "plain_tensorflow.py"), a, b],
        (sys.executable, "-c", "import numpy, tensorflow"),
        _printed,
        rounds,
    )


def plain_torch(form: str, rounds: tuple[int, int] = (5, 2)) -> Contestant:
    """PyTorch's norms and cosine in float32."""
    return Contestant(
        "plain PyTorch",
        form,
        lambda *paths: [sys.executable, str(_SCRIPTS / "plain_torch.py"), *paths],
        (sys.executable, "-c", "import torch, safetensors.torch"),
        _printed,
        rounds,
    )


def weightscope(rounds: tuple[int, int] = (5, 2)) -> Contestant:
    """`weightscope diff` with a threshold of 0, so that it counts what has changed at all."""
    return Contestant(
        "weightscope",
        "safetensors",
        lambda a, b: [str(PEERS / "weightscope"), "diff", a, b, "--threshold", "0"],
        (_python(), "-c", "import weightscope.cli"),
        lambda a, b, _: _printed(
            a, b, run([_python(), str(_SCRIPTS / "weightscope_values.py"), a, b])
        ),
        rounds,
    )


def sft(rounds: tuple[int, int] = (2, 1)) -> Contestant:
    """`sft diff --delta --json`."""
    names = {"l2_norm": "l2", "rel_l2": "relative_l2", "cosine_sim": "cosine"}
    return Contestant(
        "sft-cli",
        "safetensors",
        lambda a, b: [str(PEERS / "sft"), "diff", a, b, "--delta", "--json"],
        (_python(), "-c", "import sft.commands.diff"),
        lambda _a, _b, done: _named(json.loads(done.output)["value_diffs"].items(), names),
        rounds,
    )


def modeldelta(rounds: tuple[int, int] = (1, 0)) -> Contestant:
    """`modeldelta`, which decomposes every matrix besides."""
    report = cache() / "modeldelta.json"
    names = {"frob_norm": "l2", "frob_norm_relative": "relative_l2", "cosine_sim": "cosine"}

    def values(_a: str, _b: str, _done: Run) -> Found:
        modules = json.loads(report.read_text())["modules"]
        return _named(((module["name"], module) for module in modules), names)

    return Contestant(
        "modeldelta",
        "safetensors",
        lambda a, b: [str(PEERS / "modeldelta"), a, b, "-o", str(report)],
        (_python(), "-c", "import modeldelta.cli, modeldelta.core.weight_diff"),
        values,
        rounds,
        "tensors, with singular values",
    )


def peers_are_installed() -> bool:
    """Whether `make bench` has made their environment."""
    return (PEERS / "weightscope").exists()


def _python() -> str:
    return str(PEERS / "python")


def _printed(_a: str, _b: str, done: Run) -> Found:
    """The measures beside the names, as our command and the scripts print them."""
    tensors = json.loads(done.output)["tensors"]
    return _named(((tensor["name"], tensor) for tensor in tensors), {})


def _named(tensors: Iterable[tuple[str, Mapping[str, Any]]], names: dict[str, str]) -> Found:
    return {
        canonical(tensor): {names.get(key, key): value for key, value in measures.items()}
        for tensor, measures in tensors
    }
