"""Reads TensorFlow checkpoints: `<prefix>.index` with `<prefix>.data-NNNNN-of-NNNNN`.

Format: `core/util/tensor_bundle/tensor_bundle.{h,cc}` of TensorFlow. Values are raw in the
data files, so every numeric tensor is a list of extents. A damaged or missing part concerns
its tensors only; they carry a `problem` and the others can be used. TensorFlow itself is
never involved: it ends the process on some malformed indexes.
"""

import os
import shlex
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass

import google_crc32c

from tb_snapshot_compare.errors import (
    BeingWrittenError,
    SnapshotChangedError,
    SnapshotCompareError,
    SnapshotGoneError,
    UnreadableSnapshotError,
)
from tb_snapshot_compare.limits import INDEX_MAX_BYTES, SETTLE_SECONDS
from tb_snapshot_compare.readers.bundle_index import (
    NOT_NUMERIC,
    BundleIndex,
    IndexFormatError,
    StoredPart,
    StoredTensor,
    parse_bundle_index,
)
from tb_snapshot_compare.readers.bundle_names import TensorName, names_by_graph, names_by_key
from tb_snapshot_compare.readers.bundle_position import position_of
from tb_snapshot_compare.readers.bundle_slices import Slice, joined
from tb_snapshot_compare.readers.files import (
    file_status,
    names_in,
    read_bytes,
    read_whole,
    regular_file,
)
from tb_snapshot_compare.readers.generation import check_generation, generation_of
from tb_snapshot_compare.readers.object_graph import (
    OBJECT_GRAPH_KEY,
    OBJECT_GRAPH_MAX_BYTES,
    Node,
    ObjectGraphError,
    parse_object_graph,
)
from tb_snapshot_compare.readers.sstable import TableError, is_table, read_varint, unmask_crc
from tb_snapshot_compare.snapshot import Extent, Format, Generation, SnapshotContents, TensorInfo

INDEX_SUFFIX = ".index"
_V1_SHARDS = "?????"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle's index with its files: `sizes` has those data files that exist."""

    prefix: str
    index_bytes: bytes
    index: BundleIndex
    sizes: Mapping[int, int]

    @property
    def paths(self) -> list[str]:
        """The index and every data file that exists."""
        data = [shard_path(self.prefix, shard, self.index.shards) for shard in self.sizes]
        return [self.prefix + INDEX_SUFFIX, *data]


def read_bundle(prefix: str) -> SnapshotContents:
    """Opens the checkpoint `prefix` (a path without `.index`).

    Raises:
      SnapshotGoneError: there is no such checkpoint.
      BeingWrittenError: the index is missing or unfinished and its files are new.
      UnreadableSnapshotError: the index is missing, damaged or may not be read, or no data
        file may be.
      SnapshotChangedError: a file changed while the index was read.
    """
    generation, bundle = stamped_bundle(prefix)
    nodes = read_object_graph(bundle)
    tensors = named_tensors(bundle, names_of(bundle, nodes), generation)
    position = position_of(tensors)
    check_generation(generation)
    return SnapshotContents(
        path=prefix,
        format=Format.TF_CHECKPOINT,
        generation=generation,
        tensors=tensors,
        position=position,
    )


def stamped_bundle(prefix: str, *more: str) -> tuple[Generation, Bundle]:
    """The bundle, and a generation of its files and `more` in which its index was read.

    Raises: as `open_bundle`; SnapshotChangedError where the index changed meanwhile, and
      BeingWrittenError where the data were replaced a moment ago and the index was not yet
      (`MergeBundles` in tensor_bundle.cc renames the data first).
    """
    path = prefix + INDEX_SUFFIX
    try:
        before = generation_of([path]).stamps
    except SnapshotGoneError:
        before = ()
    bundle = open_bundle(prefix)
    generation = generation_of([*bundle.paths, *more], bundle.index_bytes)
    index = next(stamp for stamp in generation.stamps if stamp.path == path)
    if before != (index,):
        raise SnapshotChangedError(f"{path} was rewritten while it was being read.")
    newest = max(stamp.ctime_ns for stamp in generation.stamps if stamp.path not in more)
    if newest > index.ctime_ns and abs(time.time() - newest / 1e9) < SETTLE_SECONDS:
        raise BeingWrittenError(
            f"{prefix} is being written: its data are newer than {path}. "
            "It will be read when its writer is done."
        )
    return generation, bundle


def shard_path(prefix: str, shard: int, shards: int) -> str:
    """The data file `shard` of `shards` (`DataFilename` in `core/util/tensor_bundle/naming.cc`)."""
    return f"{prefix}.data-{shard:05d}-of-{shards:05d}"


def open_bundle(prefix: str) -> Bundle:
    """Reads and checks the index, and looks which data files exist."""
    path = prefix + INDEX_SUFFIX
    try:
        data = read_whole(path, INDEX_MAX_BYTES)
    except SnapshotGoneError:
        _raise_for_v1(prefix)
        _raise_without_index(prefix)
        raise
    try:
        index = parse_bundle_index(data)
    except IndexFormatError as error:
        if _is_fresh(path):
            raise BeingWrittenError(
                f"{path} is not complete yet ({error}). It will be read when its writer is done."
            ) from error
        raise UnreadableSnapshotError(
            f"{path} is not the index of a checkpoint, or is damaged: {error}. "
            "Save or copy the snapshot again."
        ) from error
    used = {part.shard for tensor in index.tensors for part in tensor.parts}
    sizes = {
        shard: size
        for shard in sorted(used)
        if shard < index.shards
        and (size := _file_size(shard_path(prefix, shard, index.shards))) is not None
    }
    return Bundle(prefix, data, index, sizes)


def read_object_graph(bundle: Bundle) -> tuple[Node, ...] | None:
    """The object graph of the bundle; None where it has none, or its part is damaged.

    Raises:
      UnreadableSnapshotError: its data file may not be read.
    """
    stored = next((t for t in bundle.index.tensors if t.key == OBJECT_GRAPH_KEY), None)
    if stored is None or _problem(bundle, stored) is not None:
        return None
    part = stored.parts[0]
    if stored.shape or part.size > OBJECT_GRAPH_MAX_BYTES:
        return None
    path = shard_path(bundle.prefix, part.shard, bundle.index.shards)
    with regular_file(path) as (descriptor, _):
        data = read_bytes(descriptor, path, part.offset, part.size)
    try:
        return parse_object_graph(string_scalar(data, stored.crc32c))
    except (TableError, ObjectGraphError):
        return None


def string_scalar(data: bytes, crc32c: int | None) -> bytes:
    """The content of a stored string scalar.

    Layout (`WriteStringTensor` in `tensor_bundle.cc`): the length as varint, a masked crc32c
    of the length (as an integer of 4 bytes, from 4 GiB on of 8), then the bytes. `crc32c`
    covers that integer, its checksum and the bytes.

    Raises:
      TableError: malformed, or a wrong checksum.
    """
    length, start = read_varint(data, 0)
    lengths = struct.pack("<I" if length < 2**32 else "<Q", length)
    checksum = data[start : start + 4]
    content = data[start + 4 :]
    if len(content) != length:
        raise TableError(f"a string of {length:,} bytes is stored in {len(content):,}")
    if google_crc32c.value(lengths) != unmask_crc(int.from_bytes(checksum, "little")):
        raise TableError("the checksum of a string's length is wrong")
    if crc32c not in (None, google_crc32c.extend(google_crc32c.value(lengths + checksum), content)):
        raise TableError("the checksum of a string is wrong")
    return content


def names_of(bundle: Bundle, nodes: tuple[Node, ...] | None) -> dict[str, TensorName]:
    """Canonical names by key, in display order."""
    keys = [tensor.key for tensor in bundle.index.tensors]
    if nodes is None:
        return names_by_key(keys)
    counters = {
        tensor.key
        for tensor in bundle.index.tensors
        if not tensor.shape and tensor.dtype.startswith(("int", "uint"))
    }
    return names_by_graph(keys, nodes, counters.__contains__)


def named_tensors(
    bundle: Bundle, names: Mapping[str, TensorName], generation: Generation
) -> tuple[TensorInfo, ...]:
    """The tensors that `names` has, in its order, as extents of files in `generation`."""
    stored = {tensor.key: tensor for tensor in bundle.index.tensors}
    return tuple(_tensor_info(bundle, stored[key], name, generation) for key, name in names.items())


def _tensor_info(
    bundle: Bundle, stored: StoredTensor, name: TensorName, generation: Generation
) -> TensorInfo:
    problem = _problem(bundle, stored)
    readable = problem is None and stored.dtype not in NOT_NUMERIC
    extents = _extents(bundle, stored, name, generation) if readable else ()
    return TensorInfo(
        key=stored.key,
        name=name.name,
        dtype=stored.dtype,
        shape=stored.shape,
        extents=extents,
        layer=name.layer,
        role=name.role,
        scope=name.scope,
        slot_of=name.slot_of,
        byteorder=bundle.index.byteorder,
        crc32c=stored.crc32c if readable else None,
        problem=problem,
    )


def _extents(
    bundle: Bundle, stored: StoredTensor, name: TensorName, generation: Generation
) -> tuple[Extent, ...]:
    if not stored.pieces:
        return tuple(_extent(bundle, part) for part in stored.parts if part.size)
    slices = [
        Slice(piece.bounds, _extent(bundle, piece.part), piece.crc32c)
        for piece in stored.pieces
        if piece.part.size
    ]
    if not slices:
        return ()
    return (joined(bundle.prefix, name.name, stored.shape, slices, generation),)


def _extent(bundle: Bundle, part: StoredPart) -> Extent:
    path = shard_path(bundle.prefix, part.shard, bundle.index.shards)
    return Extent(path, part.offset, part.size)


def _problem(bundle: Bundle, stored: StoredTensor) -> str | None:
    if stored.problem is not None:
        return stored.problem
    for part in stored.parts:
        path = shard_path(bundle.prefix, part.shard, bundle.index.shards)
        size = bundle.sizes.get(part.shard)
        if size is None:
            return (
                f"its data file {path} (number {part.shard + 1} of {bundle.index.shards}) is "
                "missing; copy the file there, or save the snapshot again"
            )
        if part.offset + part.size > size:
            return (
                f"{path} is truncated: the tensor ends at {part.offset + part.size:,}, the file "
                f"at {size:,}"
            )
    return None


def _file_size(path: str) -> int | None:
    status = file_status(path)
    return status.st_size if status is not None else None


def _raise_for_v1(prefix: str) -> None:
    """Raises where `prefix` is a checkpoint of the V1 format: one table with keys and values.

    (`core/util/saved_tensor_slice.proto`, `core/util/tensor_slice_writer.cc`). The name of one
    in several files has `?????` for their numbers.
    """
    if not is_table(prefix.replace(_V1_SHARDS, "00000")):
        return
    code = (
        f"import tensorflow as tf; p = {prefix!r}; r = tf.train.load_checkpoint(p); "
        "n = sorted(r.get_variable_to_shape_map()); "
        "tf.raw_ops.SaveV2(prefix=p.replace('?', '') + '-v2', tensor_names=n, "
        "shape_and_slices=[''] * len(n), tensors=[r.get_tensor(k) for k in n])"
    )
    raise UnreadableSnapshotError(
        f"{prefix} is a checkpoint in TensorFlow's old V1 format (no {INDEX_SUFFIX} file), which "
        f"is not read. Convert it once with TensorFlow: python -c {shlex.quote(code)}"
    )


def _raise_without_index(prefix: str) -> None:
    """Raises for data files that have no index; returns where there are none either.

    A save renames its data files into place before it writes the index (`MergeBundles`),
    and a deletion removes the index first.
    """
    directory, base = os.path.split(prefix)
    try:
        names = names_in(directory or os.curdir)
    except SnapshotCompareError:
        return
    data = [name for name in names if name.startswith(f"{base}.data-")]
    if not data:
        return
    if any(_is_fresh(os.path.join(directory, name)) for name in data):
        raise BeingWrittenError(
            f"{prefix}{INDEX_SUFFIX} does not exist yet: the snapshot is being saved or deleted."
        )
    raise UnreadableSnapshotError(
        f"{prefix} has data but no {INDEX_SUFFIX} file: its save did not finish, or its "
        "deletion did not. Delete the data files, or copy the index there."
    )


def _is_fresh(path: str) -> bool:
    try:
        status = file_status(path)
    except UnreadableSnapshotError:
        return False
    return status is not None and time.time() - status.st_mtime < SETTLE_SECONDS
