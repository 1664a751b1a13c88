"""Times the server's side of the kernel map over checkpoints of the sizes that matter.

Writes two TensorFlow checkpoints of a convolution of 512 x 512 x 3 x 3 and of a dense layer of
25,088 x 4,096 (103 million weights) once, and prints the median over repeats of

- cold: the map, then the tiles of the first picture, nothing of them computed before;
- warm: the same again;
- stored: the same with nothing in memory, but with results on disk;

and of what is asked for next.

Files are in the page cache, kernels are compiled, and the snapshots are listed, opened and
compared already, as when a layer is chosen on the page.

    python benchmarks/kernel_map.py --repeats 5
"""

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tb_snapshot_compare.snapshot import SnapshotRef, State
from tb_snapshot_compare.workspace import Workspace
from tb_snapshot_compare.workspace.kernel_levels import TILE
from tb_snapshot_compare.workspace.kernel_locating import CellsQuery
from tb_snapshot_compare.workspace.kernel_maps import KernelMaps, KernelQuery

SHAPES = {"conv": (3, 3, 512, 512), "dense": (25_088, 4_096)}
PICTURE = 1_024
"""Pixels of the first picture a side: what a large panel holds."""
CELLS = CellsQuery(bins=20, levels=5, cells="0-4.0-4,15-19.0-4", whole="layer")


class NoEvents:
    """TensorBoard has read nothing."""

    def keras_configs(self, event_runs: Sequence[str]) -> Sequence[str]:
        del event_runs
        return ()


@dataclass(frozen=True, slots=True)
class Opened:
    """A workspace with its two snapshots, opened and compared."""

    workspace: Workspace
    a: SnapshotRef
    b: SnapshotRef


def write_pair(folder: Path) -> None:
    """Writes both checkpoints, unless they are there."""
    if len(list(folder.glob("*.index"))) == 2:
        return
    import numpy as np
    import tensorflow as tf

    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(16)
    values = {
        f"{name}/kernel": random.standard_normal(shape, np.float32) * np.float32(0.02)
        for name, shape in SHAPES.items()
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


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measure(folder: Path, layer: str, repeats: int) -> None:
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
    print(f"{layer} {SHAPES[layer]}; first picture: {picture}")
    for label, found in times.items():
        low, high = min(found), max(found)
        print(f"  {label:<28}{statistics.median(found):8.3f} s  ({low:.3f} to {high:.3f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    folder = Path(tempfile.gettempdir()) / "tb_snapshot_compare_kernel_map"
    parser.add_argument("--dir", type=Path, default=folder, help="where the pair is kept")
    parser.add_argument("--repeats", type=int, default=5, help="counted runs of each")
    options = parser.parse_args()
    write_pair(options.dir)
    for layer in SHAPES:
        measure(options.dir, layer, options.repeats)


if __name__ == "__main__":
    main()
