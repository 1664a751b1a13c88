"""Loading numba faster, where a process does nothing else."""

import sys


def load_without_blas() -> None:
    """Loads what compiled functions need of numba, but not SciPy's linear algebra.

    numba looks for SciPy's BLAS when it loads the first function, which imports `scipy.linalg`, a
    third of the time to the first result; no kernel of ours uses it. numba's own linear algebra
    is not to be had afterwards, so this is for processes that do nothing else. Does nothing where
    `scipy.linalg` is imported already.
    """
    if "scipy.linalg" in sys.modules or "numba.np.arraymath" in sys.modules:
        return
    hidden: dict[str, object] = sys.modules  # type: ignore[assignment]
    hidden["scipy.linalg"] = None
    try:
        import numba.np.arraymath  # noqa: F401
    finally:
        del hidden["scipy.linalg"]
