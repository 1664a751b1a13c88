"""The one way in which this package compiles a function."""

from collections.abc import Callable
from typing import TypeVar

from numba import njit

_Function = TypeVar("_Function", bound=Callable[..., object])


def compiled(function: _Function) -> _Function:
    """Compiles at the first call for each set of types, and keeps the result on disk.

    Releases the GIL. IEEE arithmetic throughout: nothing is reordered or fused, so the result
    does not depend on the processor. Division by zero follows IEEE as in NumPy. Where numba
    finds no folder to write to, the function is compiled anew in each process.
    """
    try:
        kept: _Function = njit(function, cache=True, nogil=True, error_model="numpy")
    except RuntimeError:
        kept = njit(function, nogil=True, error_model="numpy")
    return kept
