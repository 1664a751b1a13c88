"""What is right: the measures of a pair in float64, kept; and how far others are from them.

`python -m benchmarks.reference SET FOLDER` computes them from the values themselves, not from
files, tensor by tensor with NumPy. Sums are pairwise, so they are good to about 1e-15.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import inputs
from benchmarks.measuring import ROOT
from benchmarks.models import axis_of, canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from tb_snapshot_compare.analysis import FilterAxis

Values = dict[str, dict[str, float]]
_ROWS = 256
FILTERED_MAX = 1000
"""Of models with more tensors there is no reference of filters."""
_FILES = ("tensors.json", "filters.npz")


@dataclass(frozen=True, slots=True)
class Errors:
    """The largest relative error by measure, and of how many of the tensors there are values."""

    by_measure: dict[str, float]
    tensors: int
    of: int

    @property
    def text(self) -> str:
        """The errors as a table shows them; what is exact, together."""
        if not self.by_measure:
            return "gives none"
        counts = ("nan_a", "nan_b", "inf_a", "inf_b")
        shown = {name: e for name, e in self.by_measure.items() if e or name not in counts}
        parts = [f"{name} {error:.0e}" for name, error in shown.items() if error]
        exact = [name for name, error in shown.items() if error == 0]
        return "; ".join(
            filter(None, (", ".join(parts), f"exact: {', '.join(exact)}" * bool(exact)))
        )

    @property
    def summary(self) -> str:
        """The largest of all, and of what."""
        worst = max(self.by_measure, key=lambda measure: self.by_measure[measure])
        return f"{self.largest:.0e} ({worst})" if self.largest else "exact"

    @property
    def largest(self) -> float:
        """The largest of all."""
        return max(self.by_measure.values(), default=math.inf)


def measures(x: NDArray[Any], y: NDArray[Any]) -> dict[str, float]:
    """The measures of two vectors of finite values."""
    counts = {"nan_a": 0.0, "nan_b": 0.0, "inf_a": 0.0, "inf_b": 0.0}
    columns = _measures(x.astype(np.float64)[:, None], y.astype(np.float64)[:, None])
    return {name: float(column[0]) for name, column in columns.items()} | counts


def _measures(x: NDArray[np.float64], y: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Of each column of two matrices [values, columns]."""
    d = y - x
    size = np.abs(d)
    both = np.abs(x) + np.abs(y)
    relative = np.divide(2 * size, both, out=np.zeros_like(both), where=both > 0)
    squares, squares_a, squares_b = _sum(d * d), _sum(x * x), _sum(y * y)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "l2": np.sqrt(squares),
            "relative_l2": np.sqrt(squares / squares_a),
            "l1": _sum(size),
            "max_abs": size.max(axis=0),
            "mean_abs": _sum(size) / len(d),
            "mean_relative_percent": _sum(relative) / len(d),
            "cosine": _sum(x * y) / np.sqrt(squares_a * squares_b),
            "sign_flips": ((x > 0) & (y < 0) | (x < 0) & (y > 0)).sum(axis=0).astype(np.float64),
            "changed": (x != y).sum(axis=0) / len(d),
        }


def _sum(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sums of the columns, each of them pairwise."""
    if values.shape[1] == 1:
        return np.array([values[:, 0].sum()])
    parts = [values[row : row + _ROWS].sum(axis=0) for row in range(0, len(values), _ROWS)]
    total: NDArray[np.float64] = np.stack(parts, axis=1).sum(axis=1)
    return total


def filter_measures(
    x: NDArray[Any], y: NDArray[Any], axis: FilterAxis
) -> dict[str, NDArray[np.float64]]:
    """The measures of every filter of two flat tensors."""

    def columns(values: NDArray[Any]) -> NDArray[np.float64]:
        cut = values.reshape(-1, axis.count, axis.stride).swapaxes(1, 2)
        return cut.reshape(-1, axis.count).astype(np.float64)

    return _measures(columns(x), columns(y))


def folder(name: str, tiny: bool) -> Path:
    """Where the reference of a set's snapshots 1 and 2 lies, made if it is not there.

    Sets of one model share it.
    """
    model = inputs.SETS[name].model.__name__.strip("_")

    def make(path: Path) -> None:
        command = [sys.executable, "-m", "benchmarks.reference", name, str(path)]
        subprocess.run([*command, *(["--tiny"] if tiny else [])], check=True, cwd=ROOT)

    return inputs.kept(f"reference-{model}{'-tiny' if tiny else ''}", make, lambda _: 2**26)


def tensors(name: str, tiny: bool) -> Values:
    """The measures of every tensor of a set's snapshots 1 and 2, by the tensor's name."""
    values: Values = json.loads((folder(name, tiny) / _FILES[0]).read_text())
    return values


def filters(name: str, tiny: bool) -> Path:
    """The measures of every filter: an archive of arrays `format/tensor/measure`."""
    return folder(name, tiny) / _FILES[1]


def errors(found: Mapping[str, Mapping[str, Any]], wanted: Values) -> Errors:
    """How far measures by tensor and name are from the reference."""
    worst: dict[str, float] = {}
    covered = 0
    for name, want in wanted.items():
        values = found.get(name, {})
        covered += bool(values)
        for measure in values.keys() & want.keys():
            error = relative_error(values[measure], want[measure])
            worst[measure] = max(worst.get(measure, 0.0), error)
    order = {measure: number for number, measure in enumerate(next(iter(wanted.values())))}
    return Errors(
        dict(sorted(worst.items(), key=lambda item: order[item[0]])), covered, len(wanted)
    )


def relative_error(got: float | None, want: float) -> float:
    """|got - want| / |want|; infinite where only one of them is 0, or nothing was got."""
    if got is None or math.isnan(got):
        return math.inf
    if want == 0:
        return 0.0 if got == 0 else math.inf
    return abs(got - want) / abs(want)


def write(name: str, tiny: bool, path: Path) -> None:
    """Computes and writes a set's reference."""
    model = inputs.SETS[name].model(tiny)
    found: Values = {}
    arrays: dict[str, NDArray[np.float64]] = {}
    for tensor, shape in model.shapes.items():
        x, y = (values.reshape(-1) for values in islice(model.history(tensor, 2), 2))
        found[canonical(tensor)] = measures(x, y)
        for form in ("bundle", "safetensors") if len(model.shapes) <= FILTERED_MAX else ():
            columns = filter_measures(x, y, axis_of(tensor, shape, form))
            for measure, values in columns.items():
                arrays[f"{form}/{canonical(tensor)}/{measure}"] = values
    (path / _FILES[0]).write_text(json.dumps(found))
    np.savez(path / _FILES[1], **arrays)  # type: ignore[arg-type]


def main() -> None:
    """Writes one reference."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("name", choices=inputs.SETS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    write(options.name, options.tiny, options.folder)


if __name__ == "__main__":
    main()
