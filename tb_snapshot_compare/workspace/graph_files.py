"""Architectures from the computation graphs that lie beside snapshots."""

import threading
from collections import OrderedDict

from tb_snapshot_compare import architecture, readers
from tb_snapshot_compare.architecture import Architecture
from tb_snapshot_compare.errors import SnapshotCompareError, SnapshotGoneError
from tb_snapshot_compare.snapshot import Format, Generation, SnapshotContents

_KEPT = 32
_Key = tuple[Generation, Generation, Generation]

_lock = threading.Lock()
_known: OrderedDict[_Key, Architecture] = OrderedDict()


def graph_generation(contents: SnapshotContents) -> Generation | None:
    """What identifies the computation graph of a snapshot; None where it has none.

    A Saver of TensorFlow 1 writes the graph after the weights, so one may still turn up.
    """
    path = readers.graph_file(contents)
    if path is None:
        return None
    try:
        return readers.generation_of([path])
    except SnapshotCompareError:
        return None


def from_graph(contents: SnapshotContents, owner: SnapshotContents) -> Architecture | None:
    """The architecture of a snapshot by the graph that belongs to `owner`.

    None where that has no graph. A graph that cannot be used gives the layers by the names of
    the weights, and a note that says why.
    """
    generation = graph_generation(owner)
    if generation is None:
        return None
    key = (generation, owner.generation, contents.generation)
    with _lock:
        if key in _known:
            _known.move_to_end(key)
            return _known[key]
    try:
        made = _made(contents, owner, generation.stamps[0].path)
        readers.check_generation(generation)
    except SnapshotGoneError:
        return None
    except SnapshotCompareError as error:
        return architecture.from_names(contents.tensors, str(error))
    with _lock:
        _known[key] = made
        while len(_known) > _KEPT:
            _known.popitem(last=False)
    return made


def _made(contents: SnapshotContents, owner: SnapshotContents, path: str) -> Architecture:
    of_saved_model = owner.format is Format.SAVED_MODEL
    keys = readers.variable_keys(owner.path) if of_saved_model else {}
    names = {tensor.key: tensor.name for tensor in owner.tensors}
    return architecture.from_operations(readers.read_graph(path, keys), names, contents.tensors)
