"""The values that every stage speaks of: snapshots, their generations, tensors and extents.

All values are frozen and hashable, so that they can be keys of caches and cross threads.
"""

import os
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Self

Scope = Literal["weights", "optimizer", "state"]
"""What a tensor is for.

`weights`: parameters and statistics of the model's layers (kernel, bias, gamma, beta,
moving_mean, moving_variance, embeddings, ...). `optimizer`: slots and hyper-parameters of
the optimizer. `state`: counters, seeds and metrics.
"""


BUFFER_ROLES = frozenset({"moving_mean", "moving_variance", "vector_u", "vector_v"})
"""Roles of weights that no optimizer trains: a layer keeps them up to date itself."""

Layout = Literal["keras", "torch"]
"""In which order a framework keeps the axes of weights.

`keras`: spatial axes first, then in, then out, `(h, w, in, out)` and `(in, out)`. `torch`: out
first, then in, then the spatial axes, `(out, in, h, w)` and `(out, in)`. Vectors, embeddings and
what no layer owns are the same in both.
"""


NUMBERED_FILE = re.compile(
    r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<total>\d{5})(?P<suffix>\.safetensors|\.bin)"
)
"""The name of one of several files with the tensors of one snapshot (`x-00001-of-00003.bin`)."""


class Format(StrEnum):
    """File formats of a snapshot, in the order in which one is preferred for reading."""

    KERAS = "keras"
    WEIGHTS_H5 = "weights_h5"
    TF_CHECKPOINT = "tf_checkpoint"
    LEGACY_H5 = "legacy_h5"
    SAVED_MODEL = "saved_model"
    ORBAX = "orbax"
    SAFETENSORS = "safetensors"
    TORCH = "torch"
    TORCH_DISTRIBUTED = "torch_distributed"
    NPZ = "npz"
    NPY = "npy"


class State(StrEnum):
    """Whether a snapshot can be read."""

    READY = "ready"
    BEING_WRITTEN = "being_written"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class FileStamp:
    """What tells one content of a file from another without reading it.

    `ctime_ns` is when the system last noted a change of the file: unlike `mtime_ns` no program
    can set it, so a copy that keeps times is told apart too. 0 where there is none. `tag` is
    what a store calls this content (ETag, version); empty for files on a disk.
    """

    path: str
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int = 0
    tag: str = ""

    @classmethod
    def of(cls, path: str, status: "os.stat_result | RemoteStatus") -> Self:
        """The stamp of a file with the status `status`."""
        tag = status.tag if isinstance(status, RemoteStatus) else ""
        times = (status.st_mtime_ns, status.st_ctime_ns)
        return cls(path, status.st_ino, status.st_size, *times, tag)


@dataclass(frozen=True, slots=True)
class RemoteStatus:
    """What a store tells of a file, under the names of `os.stat_result`; no inode, no ctime.

    `tag` is what the store calls this content (ETag, version, generation); empty where it has
    none. With a tag the time is whole seconds: listings and headers differ in the rest.
    """

    st_size: int
    st_mtime_ns: int
    tag: str = ""
    st_ino: int = 0
    st_ctime_ns: int = 0

    @property
    def st_mtime(self) -> float:
        """Seconds since the epoch; 0 where unknown."""
        return self.st_mtime_ns / 1e9


FileStatus = os.stat_result | RemoteStatus


@dataclass(frozen=True, slots=True)
class Generation:
    """What identifies the bytes of a snapshot at the time they were read.

    `stamps` covers every file of the file set in path order; `digest` is a short hex
    digest of the index (or of the stamps where a format has no index).
    """

    stamps: tuple[FileStamp, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class Extent:
    """`length` bytes at `offset` of the regular file `path`."""

    path: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One stored array.

    `key` is what the file calls it; `name` is canonical (`conv1/kernel`) and unique
    within its snapshot; `layer` is the layer's name (`conv1`, nested models joined by
    "/": `encoder/conv1`) and None where no layer owns the tensor; `role` is kernel,
    bias, gamma, ... or for an optimizer slot the slot's name (`momentum`).
    `slot_of` is the canonical name of the tensor that an optimizer slot belongs to.
    `models` are the names of the nested models around the layer, outermost first, where the
    files tell them; `layer` is named without them.
    `dtype` is a NumPy or ml_dtypes name (`float32`, `bfloat16`, `float8_e4m3fn`, `bool`,
    `int64`, ...) or, for what is not numeric, the format's own word (`string`, `resource`).
    `layout` is the order of the stored axes, which `shape` has too.
    Extents concatenated in order are the array in C order; empty for what is not numeric
    or when `problem` says why the values cannot be read.
    `crc32c` is the checksum of the values. `crc32` is (before, after): the CRC-32 of what
    precedes the values in their member of a zip archive, and of the whole member, which ends
    with them. `unread_crc32` is the CRC-32 of the values too, of an archive whose reader does not
    check it: that takes several times as long as comparing.
    """

    key: str
    name: str
    dtype: str
    shape: tuple[int, ...]
    extents: tuple[Extent, ...]
    layer: str | None = None
    role: str = ""
    scope: Scope = "weights"
    slot_of: str | None = None
    byteorder: Literal["little", "big"] = "little"
    crc32c: int | None = None
    problem: str | None = None
    models: tuple[str, ...] = ()
    layout: Layout = "keras"
    crc32: tuple[int, int] | None = None
    unread_crc32: int | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """Where in training a snapshot lies, with the source of each figure.

    Sources are words for the page: `file name`, `save_counter`, `global_step`,
    `optimizer iterations`, `training_metadata.json`.
    """

    step: int | None = None
    step_source: str | None = None
    epoch: int | None = None
    epoch_source: str | None = None


@dataclass(frozen=True, slots=True)
class SnapshotContents:
    """A snapshot opened: its tensors as extents, and what else its files tell.

    `model_config` is the Keras configuration as JSON text, where the files hold one.
    """

    path: str
    format: Format
    generation: Generation
    tensors: tuple[TensorInfo, ...]
    position: Position = field(default_factory=Position)
    model_config: str | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a computation graph, as a framework wrote it.

    `inputs` are the outputs that it takes, `name:port` each; a port is an opaque word. `shape`
    is that of the first output, None where none is recorded. `variable` is the key under which
    a checkpoint stores the variable that the operation stands for.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    shape: tuple[int | None, ...] | None = None
    variable: str | None = None


@dataclass(frozen=True, slots=True)
class OperationGraph:
    """A computation graph, function calls written out.

    `outputs` are the operations that give the results of the serving signature, empty where
    the graph has none. `origin` is the name of the file.
    """

    operations: tuple[Operation, ...]
    outputs: tuple[str, ...]
    origin: str


@dataclass(frozen=True, slots=True)
class FileSet:
    """The files of one snapshot in one format.

    `path` is what a reader opens: the file itself, the prefix of a TF checkpoint
    (without `.index`), or the directory of a SavedModel.
    """

    path: str
    format: Format
    size: int
    modified: float


@dataclass(frozen=True, slots=True)
class SnapshotRef:
    """A snapshot that lies in the logdir, not yet opened.

    `id` is opaque, stable over the life of the path, and safe in a URL. `run` is the
    directory that holds it, relative to its root (`.` for the root itself, prefixed by
    `NAME/` for a named root). `modified` is seconds since the epoch, `size` bytes over
    all formats. `generation` is a short token that changes when any file does; it stands for
    `stamps`, those of every file.
    """

    id: str
    run: str
    name: str
    position: Position
    modified: float
    size: int
    file_sets: tuple[FileSet, ...]
    generation: str
    state: State
    reason: str | None = None
    stamps: tuple[FileStamp, ...] = ()
