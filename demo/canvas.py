"""A small painting surface: soft-edged petals, discs and strokes on a NumPy image.

Shapes are painted from back to front with antialiased edges. All arithmetic is float32 and free
of threads: the same calls give the same pixels.

Coordinates are pixels, x to the right and y downwards; angles are radians, 0 to the right and
-pi/2 upwards; colours are RGB triples in [0, 1].
"""

from __future__ import annotations

import colorsys
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from demo.petal import NO_PATTERN, fill_petal

if TYPE_CHECKING:
    from collections.abc import Sequence

Pixels = NDArray[np.float32]
Rgb = tuple[float, float, float]
Point = tuple[float, float]
Pattern = NDArray[np.float32]
"""Opacity of a mark on a petal: rows run from base to tip, columns from edge to edge."""


def hsv(hue: float, saturation: float, value: float) -> Rgb:
    """The RGB colour of a hue in turns, a saturation and a value, both clipped to [0, 1]."""
    return colorsys.hsv_to_rgb(hue % 1.0, min(max(saturation, 0), 1), min(max(value, 0), 1))


def mix(first: Rgb, second: Rgb, share: float) -> Rgb:
    """The colour that is `share` of the way from `first` to `second`."""
    r, g, b = ((1 - share) * x + share * y for x, y in zip(first, second, strict=True))
    return r, g, b


@dataclass(frozen=True, slots=True)
class Outline:
    """A petal's shape: half-width proportional to u**base * (1 - u)**tip.

    Attributes:
        length: from base to tip, in pixels.
        width: the widest half-width, in pixels.
        base: exponent at the base; 0.5 is round, 1 runs to a point, 2 is a narrow claw.
        tip: exponent at the tip; 0.5 is round, 1 is pointed.
        bend: sideways displacement of the tip, in pixels.
        notch: depth of the cut in the tip, as a share of the length.
    """

    length: float
    width: float
    base: float = 0.6
    tip: float = 0.5
    bend: float = 0.0
    notch: float = 0.0


@dataclass(frozen=True, slots=True)
class Paint:
    """How a petal is coloured.

    Attributes:
        inner: colour at the base.
        outer: colour at the tip.
        veins: number of veins across half the petal; 0 for none.
        vein_depth: how much darker the veins are.
        shading: how strongly the petal is curved towards and away from the light.
        rim: brightness added at the edge (negative darkens).
        pattern: where `mark` covers the petal.
        mark: colour of the pattern.
        softness: width of the edge in pixels; large values draw something out of focus.
        shadow: darkness of the shadow that it casts around itself.
    """

    inner: Rgb
    outer: Rgb
    veins: float = 0.0
    vein_depth: float = 0.08
    shading: float = 0.16
    rim: float = 0.0
    pattern: Pattern | None = None
    mark: Rgb = (0.0, 0.0, 0.0)
    softness: float = 1.0
    shadow: float = 0.28


class Canvas:
    """A square image that is painted on.

    Attributes:
        pixels: float32 (3, size, size), one plane per colour; clipped to [0, 1] only
            by `image`.
        light: direction that the light comes from.
    """

    def __init__(self, size: int, light: float = -2.2) -> None:
        self.size = size
        self.light = light
        self.pixels: Pixels = np.zeros((3, size, size), np.float32)

    def petal(self, base: Point, angle: float, outline: Outline, paint: Paint) -> None:
        """Paints one petal (or leaf, or blade) that grows from `base` in direction `angle`."""
        length, width = max(outline.length, 1.0), max(outline.width, 0.5)
        shade = min(0.12 * length, 0.6 * width) + 2
        reach = width + abs(outline.bend) + paint.softness + shade
        cos, sin = float(np.cos(angle)), float(np.sin(angle))
        corners = [(a, c) for a in (-3.0, length + 3.0) for c in (-reach, reach)]
        left, right = _bounds([base[0] + a * cos - c * sin for a, c in corners], self.size)
        top, bottom = _bounds([base[1] + a * sin + c * cos for a, c in corners], self.size)
        numbers = (
            (base[0], base[1], cos, sin),
            (length, width, outline.base, outline.tip, outline.bend, outline.notch),
            (paint.veins, paint.vein_depth, paint.rim, paint.softness, paint.shadow, shade),
            (paint.shading, paint.shading * float(np.sin(self.light - angle))),
        )
        fill_petal(
            self.pixels,
            (top, bottom, left, right),
            np.array([x for group in numbers for x in group], np.float32),
            np.array((paint.inner, paint.outer, paint.mark), np.float32),
            NO_PATTERN if paint.pattern is None else paint.pattern,
        )

    def disc(
        self,
        centre: Point,
        radius: float,
        inner: Rgb,
        outer: Rgb,
        squash: float = 1.0,
        roll: float = 0.0,
        waves: tuple[int, float] = (0, 0.0),
        softness: float = 1.0,
        opacity: float = 1.0,
    ) -> None:
        """Paints an ellipse shaded as a dome, `waves` = (number, depth) frilling its edge."""
        reach = radius * (1 + waves[1]) + softness + 2
        left, right = _bounds([centre[0] - reach, centre[0] + reach], self.size)
        top, bottom = _bounds([centre[1] - reach, centre[1] + reach], self.size)
        if left >= right or top >= bottom:
            return
        x = np.arange(left, right, dtype=np.float32) + np.float32(0.5 - centre[0])
        y = (np.arange(top, bottom, dtype=np.float32) + np.float32(0.5 - centre[1]))[:, None]
        cos, sin = np.float32(np.cos(roll)), np.float32(np.sin(roll))
        p, q = x * cos + y * sin, (y * cos - x * sin) / np.float32(max(squash, 0.15))
        r = np.sqrt(p * p + q * q)
        edge = radius * (1 + waves[1] * np.sin(waves[0] * np.arctan2(q, p))) if waves[0] else radius
        alpha = np.clip((edge - r) / softness + 0.5, 0, 1) * opacity
        t = np.clip(r / max(radius, 1e-3), 0, 1)
        facing = (x * np.cos(self.light) + y * np.sin(self.light)) / max(radius, 1e-3)
        tone = 1 + np.float32(0.14) * facing
        for plane, start, end in zip(self.pixels, inner, outer, strict=True):
            region = plane[top:bottom, left:right]
            region += alpha * ((np.float32(start) + t * np.float32(end - start)) * tone - region)

    def stroke(self, points: Sequence[Point], widths: tuple[float, float], colour: Rgb) -> None:
        """Paints a rounded stem through `points`; its width runs from the first to the second."""
        path = np.asarray(points, np.float64)
        taper = np.linspace(widths[0], widths[1], len(path))
        self._stamp(path, taper / 2, colour)
        if taper.max() < 3:
            return
        lit = path + 0.22 * taper[:, None] * [np.cos(self.light), np.sin(self.light)]
        self._stamp(lit, taper / 5, mix(colour, (1.0, 1.0, 0.9), 0.22))

    def dots(self, points: NDArray[np.float64], radius: float, colour: Rgb) -> None:
        """Paints a round dot of one colour at each of `points` (n, 2)."""
        self._stamp(points, np.full(len(points), radius), colour, joined=False)

    def _stamp(
        self,
        points: NDArray[np.float64],
        radii: NDArray[np.float64],
        colour: Rgb,
        joined: bool = True,
    ) -> None:
        """Fills circles, joined by lines if they are a path, through a twofold oversized mask."""
        reach = float(radii.max()) + 2
        left, right = _bounds([*(points[:, 0] - reach), *(points[:, 0] + reach)], self.size)
        top, bottom = _bounds([*(points[:, 1] - reach), *(points[:, 1] + reach)], self.size)
        if left >= right or top >= bottom:
            return
        mask = Image.new("L", (2 * (right - left), 2 * (bottom - top)))
        draw = ImageDraw.Draw(mask)
        spots = [
            (2 * (x - left), 2 * (y - top), 2 * r)
            for (x, y), r in zip(points.tolist(), radii.tolist(), strict=True)
        ]
        if joined:
            for (x0, y0, r0), (x1, y1, _) in itertools.pairwise(spots):
                draw.line((x0, y0, x1, y1), fill=255, width=max(1, round(2 * r0)))
        for x, y, r in spots:
            draw.ellipse((x - r, y - r, x + r, y + r), fill=255)
        alpha = np.asarray(mask.reduce(2), np.float32) / 255
        for plane, level in zip(self.pixels, colour, strict=True):
            region = plane[top:bottom, left:right]
            region += alpha * (np.float32(level) - region)

    def blur(self, radius: float) -> None:
        """Blurs everything painted so far (8 bits per channel)."""
        if radius > 0.05:
            blurred = self.image().filter(ImageFilter.GaussianBlur(radius))
            self.pixels = planes(blurred)

    def image(self) -> Image.Image:
        """The canvas as an 8-bit RGB image."""
        levels = (np.clip(self.pixels, 0, 1) * 255 + np.float32(0.5)).astype(np.uint8)
        return Image.fromarray(np.ascontiguousarray(levels.transpose(1, 2, 0)))


def planes(image: Image.Image) -> Pixels:
    """An 8-bit RGB image as float32 (3, height, width) in [0, 1]."""
    levels = np.asarray(image, np.float32).transpose(2, 0, 1)
    return np.ascontiguousarray(levels) / np.float32(255)


def _bounds(values: Sequence[float], size: int) -> tuple[int, int]:
    """The pixels from the least to the greatest of `values`, inside the image."""
    return max(0, int(np.floor(min(values)))), min(size, int(np.ceil(max(values))) + 1)
