"""The measures computed plainly: exact integers, one element after the other."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

UNIT = 1074
"""Every finite float64, and every integer, is a multiple of 2**-UNIT."""
ONE = 1 << UNIT
Exact = int | float


def exact(value: Any) -> Exact:
    """The value in units of 2**-UNIT, exactly, or as a float where it is not finite."""
    if isinstance(value, np.integer | np.bool_):
        return int(value) << UNIT
    number = float(value)
    if not math.isfinite(number):
        return number
    numerator, denominator = number.as_integer_ratio()
    return numerator * (ONE // denominator)


def reference_measures(
    a: NDArray[Any], b: NDArray[Any], counts: NDArray[np.int64] | None = None
) -> dict[str, float | int | None]:
    """The fields of Measures for two arrays of equal size, from the definitions.

    With `counts`, of the array in which pair k of a and b stands `counts[k]` times. All sums are
    exact but that of the relative differences, whose terms are rounded to float64 one by one.
    """
    times = [1] * a.size if counts is None else counts.tolist()
    pairs = [
        (exact(x), exact(y), n) for x, y, n in zip(a.ravel(), b.ravel(), times, strict=True) if n
    ]
    finite = [(x, y, n) for x, y, n in pairs if isinstance(x, int) and isinstance(y, int)]
    count, of_all = sum(n for *_, n in finite), sum(n for *_, n in pairs)
    square = sum(n * (y - x) ** 2 for x, y, n in finite)
    square_a = sum(n * x * x for x, _, n in finite)
    square_b = sum(n * y * y for _, y, n in finite)
    product = sum(n * x * y for x, y, n in finite)
    l1 = sum(n * abs(y - x) for x, y, n in finite)
    relative = math.fsum(n * (2 * abs(y - x) / (abs(x) + abs(y))) for x, y, n in finite if x or y)
    if square_a == 0:
        relative_l2: float | None = None if square else 0.0
    else:
        relative_l2 = root(Fraction(square, square_a))
    return {
        "l2": root(Fraction(square, ONE * ONE)) if count else None,
        "relative_l2": relative_l2 if count else None,
        "l1": as_float(Fraction(l1, ONE)) if count else None,
        "max_abs": as_float(Fraction(max(abs(y - x) for x, y, _ in finite), ONE))
        if count
        else None,
        "mean_abs": as_float(Fraction(l1, ONE * count)) if count else None,
        "mean_relative_percent": relative / count if count else None,
        "cosine": cosine(product, square_a, square_b) if count else None,
        "sign_flips": sum(n for x, y, n in finite if x < 0 < y or y < 0 < x),
        "changed": sum(n for x, y, n in pairs if differ(x, y)) / of_all if of_all else None,
        "nan_a": sum(n for x, _, n in pairs if is_nan(x)),
        "nan_b": sum(n for _, y, n in pairs if is_nan(y)),
        "inf_a": sum(n for x, _, n in pairs if isinstance(x, float) and not is_nan(x)),
        "inf_b": sum(n for _, y, n in pairs if isinstance(y, float) and not is_nan(y)),
    }


def is_nan(value: Exact) -> bool:
    return isinstance(value, float) and math.isnan(value)


def as_float(value: Fraction) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return None


def root(value: Fraction) -> float | None:
    """The square root of a fraction of any magnitude; None beyond float64."""
    if value == 0:
        return 0.0
    shift = value.numerator.bit_length() - value.denominator.bit_length()
    shift -= shift % 2
    try:
        return math.ldexp(math.sqrt(value / Fraction(2) ** shift), shift // 2)
    except OverflowError:
        return None


def cosine(product: int, square_a: int, square_b: int) -> float | None:
    if square_a == 0 or square_b == 0:
        return 1.0 if square_a == square_b else None
    size = root(Fraction(product * product, square_a * square_b))
    assert size is not None
    return min(size, 1.0) if product > 0 else -min(size, 1.0)


def differ(x: Exact, y: Exact) -> bool:
    return not (x == y or (x != x and y != y))


def assert_equal(got: dict[str, Any], want: dict[str, Any], tolerance: float = 1e-12) -> None:
    assert got.keys() == want.keys()
    for name, value in want.items():
        if isinstance(value, float):
            assert got[name] == pytest.approx(value, rel=tolerance, abs=5e-324), name
            assert isinstance(got[name], float)
        else:
            assert got[name] == value, name


def assert_close(got: dict[str, Any], want: dict[str, Any]) -> None:
    """As assert_equal, but the cosine of nearly orthogonal vectors is exact absolutely only."""
    if want["cosine"] is not None:
        assert got["cosine"] == pytest.approx(want["cosine"], rel=1e-9, abs=1e-12)
        want = want | {"cosine": got["cosine"]}
    assert_equal(got, want, 1e-11)
