"""Whether a file of a doubtful name is a snapshot at all, and not another program's.

`.index`, `.bin`, `.pt`, `.pth`, `.ckpt`, `.tar` and `.npz` are names of many things: search
indexes, data sets, optimizers, images. Only what holds weights of layers is shown in a list; the
others can still be opened by their path.
"""

from tb_snapshot_compare.errors import SnapshotGoneError, UnreadableSnapshotError
from tb_snapshot_compare.readers.array_names import name_arrays
from tb_snapshot_compare.readers.files import read_bytes, regular_file
from tb_snapshot_compare.readers.front_door import is_bundle_index
from tb_snapshot_compare.readers.shards import INDEX_SUFFIX
from tb_snapshot_compare.readers.torch_detection import is_torch_file
from tb_snapshot_compare.readers.zip_archive import first_name
from tb_snapshot_compare.snapshot import Format, SnapshotContents, TensorInfo

_DOUBTFUL = frozenset({Format.TORCH, Format.NPZ})
_ROLES = frozenset(
    {
        "kernel",
        "recurrent_kernel",
        "depthwise_kernel",
        "pointwise_kernel",
        "embeddings",
        "gamma",
        "beta",
        "bias",
        "moving_mean",
        "moving_variance",
        "weight",
        "weights",
        "w",
        "b",
    }
)
"""`w` and `b` are those of Haiku."""
_START_BYTES = 4096


def holds_weights(contents: SnapshotContents) -> bool:
    """Whether an opened snapshot is one to be listed, which is in doubt for some formats.

    An optimizer's state, a data set or a few arrays are none: no tensor of theirs has the role
    of a weight in a layer.
    """
    return contents.format not in _DOUBTFUL or any(map(_is_weight, contents.tensors))


def looks_like_snapshot(path: str, format: Format) -> bool:  # noqa: A002
    """Whether what lies at `path` and cannot be read is a snapshot, unfinished or damaged."""
    match format:
        case Format.TF_CHECKPOINT:
            return is_bundle_index(f"{path}.index") or is_bundle_index(path)
        case Format.TORCH:
            return path.endswith(INDEX_SUFFIX) or is_torch_file(path)
        case Format.NPZ:
            return _begins_with_weight(path)
    return True


def _begins_with_weight(path: str) -> bool:
    """Whether the first array of an archive, whose name is at its very start, is a weight."""
    try:
        with regular_file(path) as (handle, status):
            start = read_bytes(handle, path, 0, min(status.st_size, _START_BYTES))
    except (SnapshotGoneError, UnreadableSnapshotError):
        return False
    key = (first_name(start) or "").removesuffix(".npy")
    return bool(key) and _is_weight(name_arrays([TensorInfo(key, key, "float32", (1, 1), ())])[0])


def _is_weight(tensor: TensorInfo) -> bool:
    return tensor.scope == "weights" and tensor.layer is not None and tensor.role in _ROLES
