"""The measures computed plainly: exact rationals and fsum, one element after the other."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray


def exact(value: Any) -> Fraction | float:
    """The value as an exact fraction, or as a float where it is not finite."""
    if isinstance(value, np.integer | np.bool_):
        return Fraction(int(value))
    number = float(value)
    return Fraction(number) if math.isfinite(number) else number


def reference_measures(a: NDArray[Any], b: NDArray[Any]) -> dict[str, float | int | None]:
    """The fields of Measures for two arrays of equal size, from the definitions."""
    pairs = [(exact(x), exact(y)) for x, y in zip(a.ravel(), b.ravel(), strict=True)]
    finite = [(x, y) for x, y in pairs if isinstance(x, Fraction) and isinstance(y, Fraction)]
    differences = [y - x for x, y in finite]
    count = len(finite)
    square = sum((d * d for d in differences), Fraction())
    square_a = sum((x * x for x, _ in finite), Fraction())
    square_b = sum((y * y for _, y in finite), Fraction())
    product = sum((x * y for x, y in finite), Fraction())
    l1 = sum((abs(d) for d in differences), Fraction())
    relative = sum(
        (2 * abs(y - x) / (abs(x) + abs(y)) if x or y else Fraction() for x, y in finite),
        Fraction(),
    )
    if square_a == 0:
        relative_l2: float | None = None if square else 0.0
    else:
        relative_l2 = root(square / square_a)
    return {
        "l2": root(square) if count else None,
        "relative_l2": relative_l2 if count else None,
        "l1": as_float(l1) if count else None,
        "max_abs": as_float(max(map(abs, differences))) if count else None,
        "mean_abs": as_float(l1 / count) if count else None,
        "mean_relative_percent": as_float(relative / count) if count else None,
        "cosine": cosine(product, square_a, square_b) if count else None,
        "sign_flips": sum(x * y < 0 for x, y in finite),
        "changed": sum(differ(x, y) for x, y in pairs) / len(pairs) if pairs else None,
        "nan_a": sum(isinstance(x, float) and math.isnan(x) for x, _ in pairs),
        "nan_b": sum(isinstance(y, float) and math.isnan(y) for _, y in pairs),
        "inf_a": sum(isinstance(x, float) and math.isinf(x) for x, _ in pairs),
        "inf_b": sum(isinstance(y, float) and math.isinf(y) for _, y in pairs),
    }


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


def cosine(product: Fraction, square_a: Fraction, square_b: Fraction) -> float | None:
    if square_a == 0 or square_b == 0:
        return 1.0 if square_a == square_b else None
    size = root(product * product / (square_a * square_b))
    assert size is not None
    return min(size, 1.0) if product > 0 else -min(size, 1.0)


def differ(x: Fraction | float, y: Fraction | float) -> bool:
    return not (x == y or (x != x and y != y))
