"""Where in training a checkpoint lies, from the counters that it holds."""

from collections.abc import Iterable, Sequence

from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.readers.extents import TensorReader, numpy_dtype
from tb_snapshot_compare.snapshot import Position, TensorInfo

GLOBAL_STEP = "global_step"
BACKUP_EPOCH = "ckpt_saved_epoch"
"""What BackupAndRestore of tf.keras 2 counts, from 0 on: the last epoch that was completed."""
_Source = tuple[str, str]

_STEP_SOURCES: tuple[_Source, ...] = (
    ("optimizer/iteration", "optimizer iterations"),
    (GLOBAL_STEP, GLOBAL_STEP),
    ("step", "step variable"),
    ("save_counter", "save_counter"),
)
_EPOCH_SOURCES: tuple[_Source, ...] = (
    (BACKUP_EPOCH, BACKUP_EPOCH),
    ("epoch", "epoch variable"),
    ("save_counter", "save_counter"),
)


def position_of(tensors: Sequence[TensorInfo]) -> Position:
    """Reads the step and epoch counters among `tensors`, each from its best source.

    For the step: optimizer iterations, `global_step`, a variable named `step`,
    `save_counter`; for the epoch: a variable named `epoch`, `save_counter`.
    """
    counters = {tensor.name: tensor for tensor in tensors if _is_counter(tensor)}
    for tensor in [*counters.values()]:
        if tensor.role == GLOBAL_STEP:  # made in the scope of a model or an optimizer
            counters.setdefault(GLOBAL_STEP, tensor)
    with TensorReader() as reader:
        step, step_source = _first(reader, counters, _STEP_SOURCES)
        epoch, epoch_source = _first(reader, counters, _EPOCH_SOURCES)
    return Position(step=step, step_source=step_source, epoch=epoch, epoch_source=epoch_source)


def _is_counter(tensor: TensorInfo) -> bool:
    dtype = numpy_dtype(tensor.dtype)
    return (
        tensor.scope != "weights"
        and not tensor.shape
        and tensor.problem is None
        and dtype is not None
        and dtype.kind in "iu"
    )


def _first(
    reader: TensorReader, counters: dict[str, TensorInfo], sources: Iterable[_Source]
) -> tuple[int | None, str | None]:
    for name, source in sources:
        tensor = counters.get(name)
        if tensor is None:
            continue
        try:
            value = int(reader.read_array(tensor))
        except UnreadableSnapshotError:
            continue
        if value >= 0:
            return value + (name == BACKUP_EPOCH), source
    return None, None
