"""The compiled inner loop that fills one petal, pixel by pixel.

The outline is w(u) = width * u**base * (1 - u)**tip, scaled to its widest point; the edge is
antialiased by the first-order distance (w^2 - v^2) / |grad(w^2 - v^2)| in pixels.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_PATTERN = np.zeros((0, 0), np.float32)


@numba.njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def fill_petal(
    pixels: NDArray[np.float32],
    box: tuple[int, int, int, int],
    numbers: NDArray[np.float32],
    colours: NDArray[np.float32],
    pattern: NDArray[np.float32],
) -> None:
    """Blends one petal into an image, in place.

    Args:
        pixels: (3, height, width), one plane per colour.
        box: top, bottom, left, right; the pixels to visit.
        numbers: x, y, cos, sin (where the petal starts and points); length, width, base, tip,
            bend, notch (its outline); veins, vein depth, rim, softness, shadow, shadow's reach;
            shading towards the base and across.
        colours: (3, 3): at the base, at the tip, of the pattern.
        pattern: opacity (rows, columns), or empty.
    """
    x0, y0, cos, sin = numbers[0], numbers[1], numbers[2], numbers[3]
    length, width, base, tip = numbers[4], numbers[5], numbers[6], numbers[7]
    bend, notch, veins, vein_depth = numbers[8], numbers[9], numbers[10], numbers[11]
    rim, softness, shadow, shade = numbers[12], numbers[13], numbers[14], numbers[15]
    shading, facing = numbers[16], numbers[17]
    half, one, tiny = np.float32(0.5), np.float32(1), np.float32(1e-3)
    peak = base / (base + tip)
    scale = width / (peak**base * (one - peak) ** tip)
    farthest = width + max(softness, shade)
    top, bottom, left, right = box
    for row in range(top, bottom):
        for column in range(left, right):
            x, y = np.float32(column) + half - x0, np.float32(row) + half - y0
            u = (x * cos + y * sin) / length
            v = y * cos - x * sin - bend * u * u
            if notch > 0:
                middle = 2 * v / width
                u *= one + notch * max(np.float32(0), one - middle * middle)
            ends = min(u, one - u) * length / softness + half
            if ends <= 0 or abs(v) > farthest:
                continue
            inside = min(max(u, tiny), one - tiny)
            wide = scale * math.exp(base * math.log(inside) + tip * math.log(one - inside))
            slope = (base / inside - tip / (one - inside)) / length
            square, offset = wide * wide, v * v
            gradient = math.sqrt(square * square * slope * slope + offset)
            distance = (square - offset) / (2 * gradient + tiny)
            ends = min(ends, one)
            light = one
            if shadow > 0:
                near = min(max(one + distance / shade, np.float32(0)), one)
                light = one - shadow * near * near * min(4 * ends, one)
            alpha = min(max(distance / softness + half, np.float32(0)), one) * ends
            if alpha == 0 and light == one:
                continue
            u = min(max(u, np.float32(0)), one)
            s = min(max(v / max(wide, tiny), -one), one)
            tone = one + facing * s - half * shading * (one - u) ** 3 + rim * s**4
            if veins > 0:
                tone -= vein_depth * math.cos(np.float32(math.pi) * veins * s) ** 4 * (one - u * u)
            blend, mark = u * u * (3 - 2 * u), np.float32(0)
            if pattern.size:
                last_row, last_column = pattern.shape[0] - 1, pattern.shape[1] - 1
                mark = pattern[int(u * last_row + half), int((s + one) * half * last_column + half)]
            for plane in range(3):
                colour = colours[0, plane] + blend * (colours[1, plane] - colours[0, plane])
                colour = (colour + mark * (colours[2, plane] - colour)) * tone
                below = pixels[plane, row, column] * light
                pixels[plane, row, column] = below + alpha * (colour - below)
