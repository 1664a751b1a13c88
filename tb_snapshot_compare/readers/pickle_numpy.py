"""What pickles name of NumPy: dtypes, scalars and arrays, as plain values.

`numpy/_core/src/multiarray/methods.c` writes them (`array_reduce`, `array_setstate`), under the
module names of NumPy 1 and 2. Nothing of NumPy's own unpickling is called.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tb_snapshot_compare import limits
from tb_snapshot_compare.readers.pickle_values import (
    Constructor,
    Payload,
    PickleFormatError,
    Unknown,
)

_KINDS = "biufc"


@dataclass(slots=True, eq=False)
class NumpyDType:
    """A dtype: `code` is kind and size (`f4`); a state adds the byte order (`<`, `>`, `|`)."""

    code: str
    byteorder: str = "="

    def set_state(self, state: object) -> None:
        """Takes `(version, byte order, ...)`."""
        if isinstance(state, tuple) and len(state) > 1 and state[1] in ("<", ">", "|", "="):
            self.byteorder = state[1]

    @property
    def numpy(self) -> "np.dtype[np.generic] | None":
        """The dtype of NumPy; None where it is not one of plain numbers."""
        kind, size = self.code[:1], self.code[1:]
        if kind not in _KINDS or size not in ("1", "2", "4", "8", "16"):
            return None
        try:
            return np.dtype(self.byteorder + self.code)
        except TypeError:
            return None


@dataclass(slots=True, eq=False)
class NumpyArray:
    """An array. Without `dtype`, or with an empty one of objects, it has no values here.

    `data` are its bytes in the pickle, in C order unless `fortran`, or a list of objects.
    """

    shape: tuple[int, ...] = ()
    dtype: NumpyDType | None = None
    fortran: bool = False
    data: Payload | list[object] | None = None

    def set_state(self, state: object) -> None:
        """Takes `(version, shape, dtype, whether in Fortran order, data)`.

        Raises:
          PickleFormatError: anything else.
        """
        if not isinstance(state, tuple) or len(state) not in (4, 5):
            raise PickleFormatError("an array of NumPy has no shape or dtype")
        shape, dtype, fortran, data = state[-4:]
        self.fill(shape, dtype, data, fortran=bool(fortran))

    def fill(self, shape: object, dtype: object, data: object, *, fortran: bool) -> None:
        """Gives the array its content.

        Raises:
          PickleFormatError: the shape is none.
        """
        if not isinstance(shape, tuple) or len(shape) > limits.RANK_MAX:
            raise PickleFormatError("an array of NumPy has no shape")
        if not all(isinstance(n, int) and 0 <= n < 1 << 62 for n in shape):
            raise PickleFormatError("the shape of an array of NumPy is none")
        self.shape = shape
        self.dtype = dtype if isinstance(dtype, NumpyDType) else None
        self.fortran = fortran
        self.data = data if isinstance(data, Payload | list) else None


def _dtype(code: object, *_rest: object) -> object:
    if isinstance(code, str) and len(code) < 16:
        return NumpyDType(code)
    return Unknown("numpy.dtype", ())


def _scalar(dtype: object, data: object = None, *_rest: object) -> object:
    """A number of Python's own, of a numeric scalar; else an `Unknown`."""
    kind = dtype.numpy if isinstance(dtype, NumpyDType) else None
    if kind is None or not isinstance(data, Payload) or data.content is None:
        return Unknown("numpy.generic", ())
    if len(data.content) != kind.itemsize:
        raise PickleFormatError("a scalar of NumPy has not as many bytes as its dtype")
    return np.frombuffer(data.content, kind)[0].item()


def _from_buffer(data: object, dtype: object, shape: object, order: object = "C") -> NumpyArray:
    """`numpy._core.numeric._frombuffer`, in pickles of protocol 5."""
    array = NumpyArray()
    array.fill(shape, dtype, data, fortran=order == "F")
    return array


_MODULES = ("numpy.core", "numpy._core")

NUMPY_GLOBALS: Mapping[str, object] = {
    "numpy.dtype": Constructor(_dtype),
    "numpy.ndarray": Constructor(lambda *_: NumpyArray()),
    **{
        f"{module}.multiarray._reconstruct": Constructor(lambda *_: NumpyArray())
        for module in _MODULES
    },
    **{f"{module}.multiarray.scalar": Constructor(_scalar) for module in _MODULES},
    **{f"{module}.numeric._frombuffer": Constructor(_from_buffer) for module in _MODULES},
}
"""The globals of NumPy that mean something; see `pickle_values`."""
