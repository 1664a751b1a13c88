"""Describes the weights of a `.keras` archive that was saved with `weights_format="npz"`.

Keras's NpzIOStore (`keras/src/saving/saving_lib.py`) writes one array of one Python object for
each layer: a dict from `0`, `1`, ... to NumPy arrays (Keras 2), or to Keras's own variables with
an array inside (Keras 3). That is a pickle. It is interpreted as data, nothing of it is executed,
and Keras itself no longer loads it. The arrays' bytes lie in the pickle as they are.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

from tb_snapshot_compare import limits
from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.readers.files import Handle, read_bytes
from tb_snapshot_compare.readers.hdf5 import OpenFile, ask_child
from tb_snapshot_compare.readers.hdf5_messages import (
    Description,
    Inflate,
    StoredDataset,
    StoredGroup,
)
from tb_snapshot_compare.readers.npy_header import MAGIC
from tb_snapshot_compare.readers.pickle_numpy import NUMPY_GLOBALS, NumpyArray, NumpyDType
from tb_snapshot_compare.readers.pickle_values import (
    PYTHON_GLOBALS,
    Constructor,
    Payload,
    PickleFormatError,
    Source,
    Unknown,
    interpret,
)
from tb_snapshot_compare.readers.spool import SpoolFile
from tb_snapshot_compare.readers.zip_archive import Member, zip_members

_ROOT = "__root__"
_SUFFIX = ".npy"
_ML_DTYPES = "ml_dtypes."
_VISITED_MAX = 1000
"""Objects looked at for the array of one variable; Keras's has about 40."""
_KEYS_MAX = 10_000
_JAX_ARRAY = "_reconstruct_array"
"""`jax/_src/array.py` gives an array's state as its third argument."""


@dataclass(frozen=True, slots=True)
class PickledWeights:
    """The `.npz` in `length` bytes at `offset` of the open file `handle`, called `path`.

    What is compressed in it is inflated into `spool`.
    """

    file: OpenFile
    handle: Handle
    offset: int
    length: int
    spool: SpoolFile

    def describe(self, *, decode: bool) -> Description:
        """The arrays as datasets `layers/dense/vars/0` at their offsets in the open file.

        Without `decode`, nothing is described where much would have to be inflated.

        Raises:
          UnreadableSnapshotError: it is no zip archive of arrays.
        """
        members = zip_members(self.handle, self.file.path, self.offset + self.length)
        inflated = sum(member.length for member in members if member.deflated)
        self._check_room(inflated)
        groups, datasets = [], []
        if decode or inflated <= limits.PROBE_DECODED_MAX_BYTES:
            for order, member in enumerate(members):
                group, found = self._member(order, member)
                groups.append(group)
                datasets += found
        return Description(datasets, groups, {})

    def _check_room(self, inflated: int) -> None:
        room = max(limits.DECODED_FLOOR_BYTES, limits.DECODED_EXPANSION_MAX * self.length)
        if inflated > min(room, limits.SPOOL_MAX_BYTES):
            raise UnreadableSnapshotError(
                f"{self.file.path}: its weights declare {inflated:,} bytes, far more than the "
                f"{self.length:,} that are stored. Save the model again."
            )

    def _member(self, order: int, member: Member) -> tuple[StoredGroup, list[StoredDataset]]:
        name = member.name.removesuffix(_SUFFIX)
        path = "vars" if name == _ROOT else f"{name}/vars"
        try:
            handle, base = self._place(member)
            variables = _variables(handle, self.file.path, base, member.length)
        except (PickleFormatError, UnreadableSnapshotError) as error:
            words = f"{member.name} cannot be read ({error})"[:300]
            return StoredGroup(path, order), [_without_values(f"{path}/?", order, words)]
        datasets = [
            _dataset(f"{path}/{key}", order, value, base, spooled=member.deflated)
            for key, value in variables.items()
        ]
        return StoredGroup(path, order, name=_layer_name(variables)), datasets

    def _place(self, member: Member) -> tuple[Handle, int]:
        """The open file that holds the member's bytes, and where they begin.

        Raises:
          PickleFormatError: they cannot be read.
        """
        if member.problem is not None:
            raise PickleFormatError(member.problem)
        if not member.deflated:
            return self.handle, member.offset
        base = self.spool.size
        request = Inflate(member.offset, member.stored, member.length, member.crc32)
        ask_child(self.file.path, request, self.handle, self.spool)
        return self.spool.descriptor, base


def _dtype(code: object, *rest: object) -> object:
    """A dtype of ml_dtypes is named by its class, one of NumPy by kind and size."""
    if isinstance(code, Unknown) and code.name.startswith(_ML_DTYPES):
        return NumpyDType(_ML_DTYPES + code.name.rpartition(".")[2])
    known = NUMPY_GLOBALS["numpy.dtype"]
    assert isinstance(known, Constructor)
    return known.make(code, *rest)


def _scalar(dtype: object, data: object = None, *_rest: object) -> NumpyArray:
    """A scalar of NumPy is an array without axes: its bytes lie in the pickle too."""
    array = NumpyArray()
    array.fill((), dtype, data, fortran=False)
    return array


@dataclass(frozen=True, slots=True, eq=False)
class _Partial(Constructor):
    """A `functools.partial`, of which a call is `holder`: so TensorFlow's variables are made."""

    holder: Unknown

    def set_state(self, state: object) -> None:
        """Takes the function and its arguments, among them the variable's initial value."""
        self.holder.state = state


def _partial(*args: object) -> _Partial:
    holder = Unknown("functools.partial", args)
    return _Partial(lambda *_: holder, holder)


_TABLE: Mapping[str, object] = {
    **PYTHON_GLOBALS,
    **NUMPY_GLOBALS,
    "numpy.dtype": Constructor(_dtype),
    "numpy.core.multiarray.scalar": Constructor(_scalar),
    "numpy._core.multiarray.scalar": Constructor(_scalar),
    "functools.partial": Constructor(_partial),
}


def _variables(handle: Handle, path: str, base: int, length: int) -> dict[str, object]:
    """The dict in the array file of `length` bytes at `base`, with offsets from there.

    Raises:
      PickleFormatError: it is none.
    """

    def read(offset: int, count: int) -> bytes:
        return read_bytes(handle, path, base + offset, count)

    start = _start_of_object(read, length)
    value = interpret(Source(read, length), start, _TABLE).value
    if isinstance(value, NumpyArray) and isinstance(value.data, list) and len(value.data) == 1:
        value = value.data[0]
    if not isinstance(value, dict) or len(value) > _KEYS_MAX:
        raise PickleFormatError("it does not hold a dict of variables")
    return {key: found for key, found in value.items() if isinstance(key, str)}


def _start_of_object(read: Any, length: int) -> int:
    """Where the pickle begins behind the header of an array of one object."""
    prefix = read(0, min(12, length))
    width = {1: 2, 2: 4, 3: 4}.get(prefix[6] if len(prefix) == 12 else 0)
    if not prefix.startswith(MAGIC) or width is None:
        raise PickleFormatError("it is no array of NumPy")
    size = int.from_bytes(prefix[8 : 8 + width], "little")
    start = 8 + width + size
    if size > limits.NPY_HEADER_MAX_BYTES or start > length:
        raise PickleFormatError("its header is cut off")
    header = read(8 + width, size)
    if b"'|O'" not in header or b"'shape': ()" not in header:
        raise PickleFormatError("it is no array of one object")
    return start


def _dataset(path: str, order: int, value: object, base: int, *, spooled: bool) -> StoredDataset:
    array = _array_in(value)
    if array is None:
        return _without_values(path, order, "no array of NumPy is found in its pickle")
    name, dtype = _dtype_of(array)
    if dtype is None:
        return _without_values(path, order, f"its type {name} is not a number type", array.shape)
    payload = array.data
    length = dtype.itemsize * int(np.prod(array.shape, dtype=object))
    problem = None
    if not isinstance(payload, Payload) or payload.offset is None:
        problem = "its values do not lie in the pickle as bytes"
    elif payload.length != length:
        problem = f"stored {payload.length} bytes, shape {array.shape} needs {length}"
    elif array.fortran and sum(size != 1 for size in array.shape) > 1:
        problem = "it is stored in Fortran order; save the model with weights_format='h5'"
    if problem is not None:
        return _without_values(path, order, problem, array.shape, name)
    assert isinstance(payload, Payload)
    assert payload.offset is not None
    return StoredDataset(
        path=path,
        order=order,
        dtype=name,
        shape=array.shape,
        length=length,
        offset=base + payload.offset,
        spooled=spooled,
        byteorder="big" if dtype.byteorder == ">" else "little",
    )


def _without_values(
    path: str, order: int, problem: str, shape: tuple[int, ...] = (), dtype: str = "void"
) -> StoredDataset:
    return StoredDataset(path, order, dtype, shape, 0, problem=problem)


def _dtype_of(array: NumpyArray) -> tuple[str, np.dtype[Any] | None]:
    code = array.dtype.code if array.dtype is not None else "object"
    if code.startswith(_ML_DTYPES):
        name = code.removeprefix(_ML_DTYPES)
        known = getattr(ml_dtypes, name, None)
        return name, np.dtype(known) if isinstance(known, type) else None
    dtype = array.dtype.numpy if array.dtype is not None else None
    return (dtype.newbyteorder("=").name, dtype) if dtype is not None else (code, None)


def _array_in(value: object) -> NumpyArray | None:
    """The first array with values that `value` is or leads to."""
    seen: set[int] = set()
    pending = [_value_of(value)]
    while pending and len(seen) < _VISITED_MAX:
        found = pending.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        if isinstance(found, NumpyArray) and found.dtype is not None and found.data is not None:
            return found
        if len(pending) < _VISITED_MAX:
            pending += reversed(list(_parts(found)))
    return None


def _value_of(value: object) -> object:
    """What a variable of Keras keeps its array in; it may have an initializer's array too."""
    state = value.state if isinstance(value, Unknown) else None
    return state.get("_value", value) if isinstance(state, dict) else value


def _parts(value: object) -> Iterator[object]:
    if isinstance(value, Unknown):
        if value.name.endswith(_JAX_ARRAY) and value.args is not None and len(value.args) > 2:
            array = NumpyArray()
            array.set_state(value.args[2])
            yield array
        yield value.state
        yield value.args
    elif isinstance(value, dict):
        yield from list(value.values())[:_VISITED_MAX]
    elif isinstance(value, list | tuple):
        yield from value[:_VISITED_MAX]


def _layer_name(variables: Mapping[str, object]) -> str | None:
    """The layer of the first variable that tells its path (`conv1/kernel`)."""
    for value in variables.values():
        state = value.state if isinstance(value, Unknown) else None
        path = state.get("_path") if isinstance(state, dict) else None
        if isinstance(path, str) and "/" in path:
            return path.split("/")[-2]
    return None
