"""What painters of flowers share: a pose, colours with some chance in them, petals in rings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from demo.canvas import Canvas, Outline, Paint, Pattern, Pixels, Point, Rgb, hsv, mix

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

UP = -np.pi / 2
Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a flower is and how it is turned.

    Attributes:
        x: centre, in pixels.
        y: centre, in pixels.
        radius: reach of the flower, in pixels.
        tilt: 1 seen from the front, towards 0 seen from the side.
        roll: rotation in the image plane, in radians.
    """

    x: float
    y: float
    radius: float
    tilt: float
    roll: float

    def at(self, angle: float, distance: float) -> Point:
        """The image point at `distance` from the centre in direction `angle` of the flower."""
        a, b = np.cos(angle) * distance, np.sin(angle) * distance * self.tilt
        cos, sin = np.cos(self.roll), np.sin(self.roll)
        return self.x + float(a * cos - b * sin), self.y + float(a * sin + b * cos)

    def seen(self, angle: float) -> tuple[float, float, float]:
        """A petal's angle in the image, and how much its length and width are foreshortened."""
        a, b = np.cos(angle), np.sin(angle) * self.tilt
        width = float(np.hypot(np.sin(angle), np.cos(angle) * self.tilt))
        return float(np.arctan2(b, a) + self.roll), float(np.hypot(a, b)), width


def vary(rng: Rng, colour: tuple[float, float, float], spread: float = 1.0) -> Rgb:
    """The RGB colour of an HSV triple with a little chance in it."""
    hue, saturation, value = colour
    return hsv(
        hue + spread * rng.normal(0, 0.012),
        saturation + spread * rng.normal(0, 0.05),
        value + spread * rng.normal(0, 0.04),
    )


def choose(rng: Rng, *colours: tuple[float, float, float]) -> tuple[float, float, float]:
    """One of several HSV colours."""
    return colours[int(rng.integers(len(colours)))]


def golden(rng: Rng) -> tuple[Rgb, Rgb, Rgb]:
    """Petal base, petal tip and centre of a golden yellow flower."""
    hue, value = rng.uniform(0.128, 0.158), rng.uniform(0.88, 1.0)
    base = hsv(hue - 0.012, 0.95, value * 0.93)
    return base, hsv(hue, rng.uniform(0.72, 0.92), value), hsv(hue - 0.035, 0.97, value * 0.92)


def whorl(
    canvas: Canvas,
    pose: Pose,
    rng: Rng,
    count: int,
    outline: Outline,
    paint: Paint,
    start: float = 0.0,
    inset: float = 0.0,
    disorder: float = 1.0,
) -> None:
    """Paints a ring of petals, each a little different; `inset` moves their bases outwards."""
    for i in range(count):
        angle = start + 2 * np.pi * i / count + disorder * rng.normal(0, 0.35 / count)
        direction, long, wide = pose.seen(angle)
        stretch = 1 + disorder * rng.normal(0, 0.045)
        shade = 1 + disorder * rng.normal(0, 0.035)
        petal = replace(
            outline,
            length=max(2.0, outline.length * long * stretch),
            width=max(1.0, outline.width * wide * (1 + disorder * rng.normal(0, 0.04))),
            bend=outline.bend + disorder * outline.width * rng.normal(0, 0.12),
        )
        tinted = replace(paint, inner=scaled(paint.inner, shade), outer=scaled(paint.outer, shade))
        canvas.petal(pose.at(angle, inset), direction, petal, tinted)


def seeds(pose: Pose, count: int, radius: float, hollow: float = 0.0) -> NDArray[np.float64]:
    """Points of a sunflower spiral (n, 2) that fills a disc, or a ring if `hollow` is above 0."""
    i = np.arange(count) + 0.5
    distance = radius * np.sqrt(hollow**2 + (1 - hollow**2) * i / count)
    return np.array(
        [pose.at(a, d) for a, d in zip(i * 2.399963, distance, strict=True)], np.float64
    )


def curve(start: Point, control: Point, end: Point, steps: int = 12) -> list[Point]:
    """Points on a quadratic Bezier curve."""
    t = np.linspace(0, 1, steps)
    p = [np.asarray(point, np.float64) for point in (start, control, end)]
    path = np.outer((1 - t) ** 2, p[0]) + np.outer(2 * t * (1 - t), p[1]) + np.outer(t**2, p[2])
    return [(float(x), float(y)) for x, y in path]


def stem(
    canvas: Canvas, pose: Pose, rng: Rng, width: float = 0.07, colour: Rgb | None = None
) -> None:
    """Paints a stem from the flower to the lower edge."""
    green = colour or vary(rng, (0.27, 0.55, 0.42))
    foot = (pose.x + rng.normal(0, 0.35) * pose.radius, canvas.size + 8.0)
    middle = (pose.x + rng.normal(0, 0.2) * pose.radius, (pose.y + foot[1]) / 2)
    wide = max(2.0, width * pose.radius)
    canvas.stroke(curve((pose.x, pose.y), middle, foot), (wide, wide * 1.25), green)


def leaves(
    canvas: Canvas, pose: Pose, rng: Rng, count: int, length: float, width: float, hue: float = 0.29
) -> None:
    """Paints leaves that rise beside the flower; `length` and `width` are in flower radii."""
    for _ in range(count):
        foot = pose.x + rng.normal(0, 0.6) * pose.radius
        green = (hue, rng.uniform(0.45, 0.7), rng.uniform(0.28, 0.5))
        size = length * pose.radius * rng.uniform(0.75, 1.2)
        outline = Outline(size, width * pose.radius, 0.5, 0.9, rng.normal(0, 0.18) * size)
        paint = Paint(vary(rng, green), mix(vary(rng, green), (0.7, 0.85, 0.45), 0.25), 3, 0.1, 0.3)
        top = min(canvas.size + 6.0, pose.y + rng.uniform(1.1, 1.7) * pose.radius)
        canvas.petal((foot, top), UP + rng.normal(0, 0.4), outline, paint)


def scaled(colour: Rgb, factor: float) -> Rgb:
    """The colour made brighter or darker, inside [0, 1]."""
    r, g, b = (min(max(x * factor, 0.0), 1.0) for x in colour)
    return r, g, b


def pattern(opacity: Callable[[Pixels, Pixels], Pixels]) -> Pattern:
    """Tabulates an opacity of (u, s): u from base to tip in [0, 1], s across in [-1, 1]."""
    u = np.linspace(0, 1, 96, dtype=np.float32)[:, None]
    s = np.linspace(-1, 1, 97, dtype=np.float32)
    return np.clip(opacity(u, s), 0, 1).astype(np.float32)
