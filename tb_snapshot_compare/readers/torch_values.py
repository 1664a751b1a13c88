"""What the pickle of a PyTorch checkpoint may name: storages and tensors, as plain values.

`torch/_utils.py` has the functions that rebuild tensors, `torch/storage.py` the classes of
storages, `torch/jit/_pickle.py` what TorchScript adds. None of them is ever called; the table
here gives a value of ours for each.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from tb_snapshot_compare import limits
from tb_snapshot_compare.readers.extents import numpy_dtype
from tb_snapshot_compare.readers.pickle_numpy import NUMPY_GLOBALS
from tb_snapshot_compare.readers.pickle_values import (
    PYTHON_GLOBALS,
    Constructor,
    PickleFormatError,
    Unknown,
)

STORAGE_DTYPES = {
    "Double": "float64",
    "Float": "float32",
    "Half": "float16",
    "BFloat16": "bfloat16",
    "Long": "int64",
    "Int": "int32",
    "Short": "int16",
    "Char": "int8",
    "Byte": "uint8",
    "Bool": "bool",
    "ComplexDouble": "complex128",
    "ComplexFloat": "complex64",
    "QInt8": "qint8",
    "QUInt8": "quint8",
    "QInt32": "qint32",
    "QUInt4x2": "quint4x2",
    "QUInt2x4": "quint2x4",
}
_SUB_BYTE = frozenset(f"{sign}int{bits}" for sign in ("", "u") for bits in range(1, 8))
"""Several of them share a byte in PyTorch; ml_dtypes gives each of its own a byte."""
_TORCH_DTYPES = {
    **{name: name for name in STORAGE_DTYPES.values()},
    **{f"uint{bits}": f"uint{bits}" for bits in (16, 32, 64)},
    **{name: name for name in _SUB_BYTE},
    **{
        f"float8_{kind}": f"float8_{kind}"
        for kind in ("e4m3fn", "e5m2", "e4m3fnuz", "e5m2fnuz", "e8m0fnu")
    },
    "float4_e2m1fn_x2": "float4_e2m1fn_x2",
    "complex32": "complex32",
    "float": "float32",
    "double": "float64",
    "half": "float16",
    "long": "int64",
    "int": "int32",
    "short": "int16",
    "cfloat": "complex64",
    "cdouble": "complex128",
    "chalf": "complex32",
}
_WIDTHS = {"complex32": 4, "qint32": 4}
_SHAPE_MAX = 1 << 62


@dataclass(frozen=True, slots=True, eq=False)
class DType:
    """A dtype by its name; NumPy's or ml_dtypes' where they have it."""

    name: str

    @property
    def width(self) -> int:
        """Bytes of one element."""
        known = numpy_dtype(self.name)
        return known.itemsize if known is not None else _WIDTHS.get(self.name, 1)

    @property
    def is_readable(self) -> bool:
        """Whether each element is a number in as many bytes as NumPy has for it."""
        return numpy_dtype(self.name) is not None and self.name not in _SUB_BYTE


@dataclass(frozen=True, slots=True, eq=False)
class StorageClass:
    """A class of storages; `dtype` is None for one of bytes."""

    dtype: DType | None


@dataclass(frozen=True, slots=True, eq=False)
class Storage:
    """A run of bytes outside the pickle.

    `key` is what the file calls it. A part of it may be meant: `size` bytes from the byte
    `offset` on.
    """

    key: str
    dtype: DType | None
    offset: int
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class StoredTensor:
    """A tensor: a view of a storage.

    `offset` and `strides` count elements. Without a storage, `problem` says why there are no
    values.
    """

    storage: Storage | None
    dtype: DType
    shape: tuple[int, ...]
    strides: tuple[int, ...] = ()
    offset: int = 0
    problem: str | None = None

    @property
    def elements(self) -> int:
        """How many values it has."""
        return math.prod(self.shape)


def storage_of(identity: object) -> object:
    """The value of a persistent id of `torch.save`; an `Unknown` for what is none.

    `("storage", class, key, location, size)`, to which the format before 1.6 adds
    `(key of the view, offset, size)` or None; `("module", class, file, source)` is a class.
    """
    try:
        return _storage(identity)
    except PickleFormatError:
        return Unknown("torch.storage", ())


def _storage(identity: object) -> object:
    if not isinstance(identity, tuple) or len(identity) < 2:
        raise PickleFormatError("a persistent id is no storage")
    if identity[0] == "module":
        return identity[1]
    if identity[0] != "storage" or len(identity) not in (5, 6):
        raise PickleFormatError("a persistent id is no storage")
    kind, key, size = identity[1], identity[2], identity[4]
    view = identity[5] if len(identity) == 6 else None
    if not isinstance(kind, StorageClass) or not isinstance(key, str) or not _is_size(size):
        raise PickleFormatError("a storage has no class, key or size")
    width = kind.dtype.width if kind.dtype is not None else 1
    offset = 0
    if view is not None:
        if not isinstance(view, tuple) or len(view) != 3 or not all(map(_is_size, view[1:])):
            raise PickleFormatError("a view of a storage has no offset or size")
        offset, size = view[1:]
    return Storage(key, kind.dtype, offset * width, size * width)


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _SHAPE_MAX


def sizes_of(value: object) -> tuple[int, ...]:
    """A shape, or what else is a tuple of sizes.

    Raises:
      PickleFormatError: anything else.
    """
    if not isinstance(value, tuple | list):
        raise PickleFormatError("a shape is no tuple of sizes")
    if len(value) > limits.RANK_MAX:
        raise PickleFormatError(f"a shape has {len(value)} axes")
    if not all(map(_is_size, value)):
        raise PickleFormatError("a shape is no tuple of sizes")
    return tuple(value)


def _tensor(
    storage: object,
    offset: object,
    shape: object,
    strides: object,
    _requires_grad: object = None,
    _hooks: object = None,
    metadata: object = None,
    *,
    dtype: DType | None = None,
) -> StoredTensor:
    """`_rebuild_tensor` and `_rebuild_tensor_v2`."""
    sizes, steps = sizes_of(shape), sizes_of(strides)
    if len(sizes) != len(steps) or not isinstance(offset, int) or not _is_size(offset):
        raise PickleFormatError("a tensor has no offset, or not one stride for each axis")
    if not isinstance(storage, Storage):
        return _without_values(dtype or DType("void"), sizes, "its storage is not in the file")
    kind = dtype or storage.dtype
    if kind is None:
        raise PickleFormatError("a tensor has no dtype")
    problem = None
    if not kind.is_readable:
        problem = f"its dtype torch.{kind.name} has no counterpart in NumPy; save it as another"
    elif isinstance(metadata, dict) and (metadata.get("conj") or metadata.get("neg")):
        problem = "it is a conjugate or negative view; save tensor.resolve_conj().resolve_neg()"
    return StoredTensor(storage, kind, sizes, steps, offset, problem)


def _tensor_of_dtype(
    storage: object,
    offset: object,
    shape: object,
    strides: object,
    _requires_grad: object,
    _hooks: object,
    dtype: object,
    metadata: object = None,
) -> StoredTensor:
    """`_rebuild_tensor_v3`: dtypes that have no class of storages (float8, uint16, ...)."""
    if not isinstance(dtype, DType):
        raise PickleFormatError("a tensor's dtype is none")
    return _tensor(storage, offset, shape, strides, None, None, metadata, dtype=dtype)


class _Rebuilding(Constructor):
    """A constructor of tensors."""


def _rebuilding(make: Callable[..., object]) -> _Rebuilding:
    """A constructor whose tensor has a problem where its arguments make no sense."""

    def made(*args: object) -> object:
        try:
            return make(*args)
        except PickleFormatError as error:
            reason = str(error)
        except TypeError:
            reason = "it is described in another way than PyTorch does"
        return _without_values(DType("void"), (), f"it is damaged: {reason}; save it again")

    return _Rebuilding(made)


def _quantized(
    storage: object, offset: object, shape: object, strides: object, *_rest: object
) -> StoredTensor:
    tensor = _tensor(storage, offset, shape, strides)
    return replace(tensor, problem="it is quantized; save tensor.dequantize() to compare it")


def _parameter(data: object, *_rest: object) -> object:
    """`_rebuild_parameter` and `_rebuild_parameter_with_state`."""
    return data


def _of_subclass(function: object, _type: object, args: object, _state: object = None) -> object:
    """`torch._tensor._rebuild_from_type_v2`: a subclass, made like the plain tensor."""
    if not isinstance(function, _Rebuilding) or not isinstance(args, tuple):
        return Unknown("torch.Tensor", ())
    return function.make(*args)


def _meta(dtype: object, shape: object, *_rest: object) -> StoredTensor:
    if not isinstance(dtype, DType):
        raise PickleFormatError("a tensor's dtype is none")
    problem = "it was on the device 'meta', which has no values; save it from another device"
    return _without_values(dtype, sizes_of(shape), problem)


def _refused(kind: str, advice: str, *args: object) -> StoredTensor:
    """A tensor of a kind that has no dense values in the file."""
    dtype = next((arg for arg in args if isinstance(arg, DType)), DType("void"))
    return _without_values(dtype, (), f"it is a {kind} tensor; save {advice} to compare it")


def _without_values(dtype: DType, shape: tuple[int, ...], problem: str) -> StoredTensor:
    return StoredTensor(None, dtype, shape, problem=problem)


def _typed_storage(_class: object = None, storage: object = None, *_rest: object) -> object:
    return storage if isinstance(storage, Storage) else Unknown("torch.storage.TypedStorage", ())


def _first(value: object = None, *_rest: object) -> object:
    return value


def _size(sizes: object = ()) -> tuple[object, ...]:
    if not isinstance(sizes, tuple | list):
        raise PickleFormatError("a shape is no tuple")
    return tuple(sizes)


_REBUILDING: Mapping[str, Callable[..., object]] = {
    "_rebuild_tensor": _tensor,
    "_rebuild_tensor_v2": _tensor,
    "_rebuild_tensor_v3": _tensor_of_dtype,
    "_rebuild_parameter": _parameter,
    "_rebuild_parameter_with_state": _parameter,
    "_rebuild_qtensor": _quantized,
    "_rebuild_meta_tensor_no_storage": _meta,
    "_rebuild_sparse_tensor": partial(_refused, "sparse", "tensor.to_dense()"),
    "_rebuild_sparse_csr_tensor": partial(_refused, "sparse", "tensor.to_dense()"),
    "_rebuild_nested_tensor": partial(_refused, "nested", "tensor.to_padded_tensor(0)"),
    "_rebuild_wrapper_subclass": partial(_refused, "wrapper", "a plain tensor"),
    "_rebuild_device_tensor_from_numpy": partial(_refused, "device's", "tensor.cpu()"),
    "_rebuild_device_tensor_from_cpu_tensor": _first,
}
_TORCHSCRIPT = ("build_intlist", "build_tensorlist", "build_doublelist", "build_boollist")

TORCH_GLOBALS: Mapping[str, object] = {
    **PYTHON_GLOBALS,
    **NUMPY_GLOBALS,
    **{f"torch.{name}": DType(dtype) for name, dtype in _TORCH_DTYPES.items()},
    **{
        f"{module}.{name}Storage": StorageClass(DType(dtype))
        for module in ("torch", "torch.storage", "torch.cuda")
        for name, dtype in STORAGE_DTYPES.items()
    },
    **{
        f"{module}.UntypedStorage": StorageClass(None)
        for module in ("torch", "torch.storage", "torch.cuda")
    },
    **{f"torch._utils.{name}": _rebuilding(make) for name, make in _REBUILDING.items()},
    **{f"torch.jit._pickle.{name}": Constructor(_first) for name in _TORCHSCRIPT},
    "torch.jit._pickle.restore_type_tag": Constructor(_first),
    "torch._tensor._rebuild_from_type_v2": Constructor(_of_subclass),
    "torch.nn.parameter.Parameter": Constructor(_parameter),
    "torch.storage.TypedStorage": Constructor(_typed_storage),
    "torch.Size": Constructor(_size),
}
"""The globals of a checkpoint that mean something; see `pickle_values`."""
