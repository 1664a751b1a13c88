"""Times the server's side of the kernel map over checkpoints of the sizes that matter.

Writes two TensorFlow checkpoints of a convolution of 512 x 512 x 3 x 3 and of a dense layer of
25,088 x 4,096 (103 million weights) once, and shows the median over rounds of

- cold: the map, then the tiles of the first picture, nothing of them computed before;
- warm: the same again;
- stored: the same with nothing in memory, but with results on disk;

and of what is asked for next.

Files are in the page cache, kernels are compiled, and the snapshots are listed, opened and
compared already, as when a layer is chosen on the page.

    python -m benchmarks.kernel_map
"""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path

from benchmarks.inputs import kept
from benchmarks.measuring import seconds
from benchmarks.no_events import NoEvents
from benchmarks.report import Table, main, spreads
from tb_snapshot_compare.snapshot import SnapshotRef, State
from tb_snapshot_compare.workspace import Workspace
from tb_snapshot_compare.workspace.kernel_levels import TILE
from tb_snapshot_compare.workspace.kernel_locating import CellsQuery
from tb_snapshot_compare.workspace.kernel_maps import KernelMaps, KernelQuery

SHAPES = {"conv": (3, 3, 512, 512), "dense": (25_088, 4_096)}
_ROUNDS = 5
PICTURE = 1_024
"""Pixels of the first picture a side: what a large panel holds."""
CELLS = CellsQuery(bins=20, levels=5, cells="0-4.0-4,15-19.0-4", whole="layer")


@dataclass(frozen=True, slots=True)
class Opened:
    """A workspace with its two snapshots, opened and compared."""

    workspace: Workspace
    a: SnapshotRef
    b: SnapshotRef


def write_pair(shapes: Mapping[str, tuple[int, ...]], folder: Path) -> None:
    """Writes both checkpoints."""
    import numpy as np
    import tensorflow as tf

    random = np.random.default_rng(16)
    values = {
        f"{name}/kernel": random.standard_normal(shape, np.float32) * np.float32(0.02)
        for name, shape in shapes.items()
    }
    for number in (1, 2):
        tf.raw_ops.SaveV2(
            prefix=str(folder / f"ckpt-{number}"),
            tensor_names=list(values),
            shape_and_slices=[""] * len(values),
            tensors=[tf.constant(value) for value in values.values()],
        )
        for value in values.values():
            value += random.standard_normal(value.shape, np.float32) * np.float32(0.0005)


def opened(folder: Path, cache: Path) -> Opened:
    """Waits until both snapshots are listed."""
    workspace = Workspace.of_directories(str(folder), "", "", str(cache), NoEvents())
    while True:
        refs = [ref for run in workspace.catalog().runs for ref in run.snapshots]
        if len(refs) == 2 and all(ref.state is State.READY for ref in refs):
            break
        time.sleep(0.05)
    workspace.comparison(refs[0], refs[1])
    return Opened(workspace, refs[0], refs[1])


def first_picture(maps: KernelMaps, pair: Opened, query: KernelQuery) -> str:
    """The map, then the tiles of the coarsest level that fills a large panel, up to 16."""
    levels = maps.view(pair.a, pair.b, query).levels
    large = [n for n, level in enumerate(levels) if max(level.rows, level.columns) >= PICTURE]
    number = large[-1] if large else 0
    level = levels[number]
    names = [
        f"{number}.{row}.{column}"
        for row in range(min(-(-level.rows // TILE), 4))
        for column in range(min(-(-level.columns // TILE), 4))
    ]
    maps.tiles(pair.a, pair.b, query, "difference", ",".join(names))
    return f"level {number}, {len(names)} tiles"


def measure(folder: Path, layer: str, repeats: int) -> Table:
    """The table of a layer."""
    query = KernelQuery(layer)
    times: dict[str, list[float]] = {}
    picture = ""

    def note(label: str, work: Callable[[], object]) -> None:
        times.setdefault(label, []).append(seconds(work))

    fine = ",".join(f"0.{row}.{row}" for row in range(4))
    wide = "3.0.0" if layer == "dense" else "1.0.0"
    ordered = KernelQuery(layer, rows_by="difference", columns_by="difference")
    similar = KernelQuery(layer, rows_by="similarity", columns_by="similarity")
    for repeat in range(repeats + 1):
        cache = Path(tempfile.mkdtemp(prefix="kernel-map-"))
        pair = opened(folder, cache)
        refs = pair.a, pair.b
        maps, again = KernelMaps(pair.workspace), KernelMaps(pair.workspace)
        picture = first_picture(KernelMaps(pair.workspace), pair, query)
        shutil.rmtree(cache)
        note("first picture, cold", partial(first_picture, maps, pair, query))
        note("first picture, warm", partial(first_picture, maps, pair, query))
        note("first picture, stored", partial(first_picture, again, pair, query))
        note("4 tiles of single weights", partial(again.tiles, *refs, query, "signed", fine))
        note("1 tile of 8 x 8 or slices", partial(again.tiles, *refs, query, "a", wide))
        note("located", partial(again.located, *refs, query, CELLS))
        note("order by difference", partial(again.order, *refs, ordered))
        note("map in that order", partial(again.view, *refs, ordered))
        note("order by similarity", partial(again.order, *refs, similar))
        pair.workspace.close()
        shutil.rmtree(cache)
        if repeat == 0:
            times.clear()
    shape = " x ".join(map(str, SHAPES[layer]))
    title = f"The kernel map of {layer}, {shape}; first picture: {picture}"
    return spreads(title, ("", "seconds"), times)


def tables(tiny: bool = False) -> Iterator[Table]:
    """One table for each layer."""
    shapes = {"conv": SHAPES["conv"]} if tiny else SHAPES
    size = 2 * 4 * sum(map(prod, shapes.values()))
    name = "kernel-map-tiny" if tiny else "kernel-map"
    folder = kept(name, partial(write_pair, shapes), lambda _: size)
    for layer in shapes:
        yield measure(folder, layer, 1 if tiny else _ROUNDS)


if __name__ == "__main__":
    main(sys.modules[__name__], __doc__)
