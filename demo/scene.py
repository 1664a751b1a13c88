"""One photograph-like scene: background, flowers of one category, occluders, light and lens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from demo.bouquet import UP, Pose, Rng, scaled, vary
from demo.canvas import Canvas, Outline, Paint, Pixels, mix, planes

if TYPE_CHECKING:
    from demo.species import Species

_GREENS = ((0.25, 0.5, 0.4), (0.29, 0.55, 0.3), (0.22, 0.5, 0.52), (0.33, 0.4, 0.25))
_OTHERS = (
    (0.09, 0.4, 0.28),
    (0.58, 0.35, 0.75),
    (0.6, 0.1, 0.55),
    (0.3, 0.5, 0.1),
    (0.12, 0.3, 0.6),
)
_BLOOMS = (
    (0.14, 0.8, 0.95),
    (0.0, 0.0, 0.95),
    (0.74, 0.5, 0.75),
    (0.95, 0.6, 0.85),
    (0.05, 0.85, 0.95),
)


def paint_scene(species: Species, rng: Rng, size: int) -> Image.Image:
    """Paints one image of a category.

    Args:
        species: whose flowers are in the foreground.
        rng: every choice is drawn from it.
        size: height and width in pixels.

    Returns:
        An 8-bit RGB image of (size, size).
    """
    light = UP + rng.normal(0, 0.7)
    canvas = Canvas(size, light)
    canvas.pixels = _backdrop(species, rng, size, light)
    _undergrowth(canvas, rng)
    for pose in _poses(species, rng, size):
        species.paint(canvas, pose, rng)
    if rng.random() < 0.45:
        _occluders(canvas, rng)
    return _photograph(canvas, rng)


def _backdrop(species: Species, rng: Rng, size: int, light: float) -> Pixels:
    """Everything out of focus, painted at half the size."""
    canvas = Canvas(size // 2, light)
    _background(canvas, rng)
    _company(canvas, species, rng)
    canvas.blur(canvas.size * rng.uniform(0.007, 0.022))
    enlarged = canvas.image().resize((size, size), Image.Resampling.BICUBIC)
    return planes(enlarged)


def _background(canvas: Canvas, rng: Rng) -> None:
    """A smooth patchwork of two or three colours, mostly greens."""
    palette = _GREENS if rng.random() < 0.7 else _OTHERS
    near, far, third = (vary(rng, palette[int(rng.integers(len(palette)))], 2) for _ in range(3))
    cloud = _noise(rng, canvas.size, int(rng.integers(3, 7)))
    fine = _noise(rng, canvas.size, int(rng.integers(10, 24)))
    ramp = np.linspace(rng.uniform(0, 0.6), rng.uniform(0.4, 1), canvas.size, dtype=np.float32)
    share = np.clip(0.5 * ramp[:, None] + cloud - 0.25, 0, 1)
    flecks, tone = 0.5 * np.clip(fine - 0.55, 0, 1), 0.8 + 0.4 * fine
    for plane, (f, n, t) in zip(canvas.pixels, zip(far, near, third, strict=True), strict=True):
        colour = np.float32(f) + share * np.float32(n - f)
        plane[:] = (colour + flecks * (np.float32(t) - colour)) * tone


def _noise(rng: Rng, size: int, cells: int) -> Pixels:
    """Smooth noise in [0, 1], float32 (size, size), with `cells` bumps along each axis."""
    coarse = Image.fromarray(rng.random((cells, cells), np.float32))
    return np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC)).clip(0, 1)


def _company(canvas: Canvas, species: Species, rng: Rng) -> None:
    """What lies behind, out of focus: blades, blobs of light, flowers of the same category."""
    size = canvas.size
    for _ in range(int(rng.integers(0, 16))):
        _blade(canvas, rng, rng.uniform(0.4, 1.0), size * rng.uniform(0.004, 0.02), 3.0)
    for _ in range(int(rng.integers(0, 9))):
        bloom = vary(rng, _BLOOMS[int(rng.integers(len(_BLOOMS)))], 2)
        colour = mix(bloom, (1.0, 1.0, 0.85), rng.uniform(0, 0.4))
        spot = (rng.uniform(0, size), rng.uniform(0, size))
        radius = size * rng.uniform(0.02, 0.07)
        canvas.disc(spot, radius, colour, colour, softness=6, opacity=rng.uniform(0.15, 0.7))
    for _ in range(int(rng.integers(0, 3))):
        pose = _pose(species, rng, size, rng.uniform(0.06, 0.11))
        species.paint(canvas, pose, rng)


def _undergrowth(canvas: Canvas, rng: Rng) -> None:
    for _ in range(int(rng.integers(0, 10))):
        _blade(canvas, rng, rng.uniform(0.2, 0.75), canvas.size * rng.uniform(0.004, 0.018), 1.2)


def _blade(canvas: Canvas, rng: Rng, reach: float, width: float, softness: float) -> None:
    size = canvas.size
    green = vary(rng, _GREENS[int(rng.integers(len(_GREENS)))], 1.5)
    length = reach * size
    outline = Outline(length, width, 0.2, 0.7, rng.normal(0, 0.16) * length)
    paint = Paint(
        scaled(green, 0.7), mix(green, (0.8, 0.9, 0.5), 0.2), 1, 0.1, 0.2, softness=softness
    )
    canvas.petal((rng.uniform(0, size), size + 8.0), UP + rng.normal(0, 0.35), outline, paint)


def _poses(species: Species, rng: Rng, size: int) -> list[Pose]:
    """One to three flowers, the one in front last and largest."""
    count = int(rng.choice([1, 2, 3], p=[0.55, 0.27, 0.18]))
    largest = rng.uniform(0.21, 0.40) if count == 1 else rng.uniform(0.17, 0.29)
    poses = [_pose(species, rng, size, largest * rng.uniform(0.55, 0.95)) for _ in range(count - 1)]
    return [*poses, _pose(species, rng, size, largest)]


def _pose(species: Species, rng: Rng, size: int, radius: float) -> Pose:
    spread = 0.13 if radius > 0.3 else 0.2
    x, y = np.clip(0.5 + rng.normal(0, spread, 2), 0.12, 0.88) * size
    if species.upright:
        return Pose(float(x), float(y), radius * size, rng.uniform(0.7, 1.0), rng.normal(0, 0.16))
    roll = rng.normal(0, 0.6)
    return Pose(float(x), float(y), radius * size, rng.uniform(0.5, 1.0), float(roll))


def _occluders(canvas: Canvas, rng: Rng) -> None:
    """Blades or a leaf in front of the flower, out of focus."""
    size = canvas.size
    if rng.random() < 0.6:
        for _ in range(int(rng.integers(1, 4))):
            _blade(canvas, rng, rng.uniform(0.6, 1.1), size * rng.uniform(0.008, 0.025), 4.0)
        return
    green = vary(rng, _GREENS[int(rng.integers(len(_GREENS)))], 1.5)
    length = size * rng.uniform(0.35, 0.6)
    edge = rng.uniform(0, 2 * np.pi)
    start = (size * (0.5 + 0.68 * np.cos(edge)), size * (0.5 + 0.68 * np.sin(edge)))
    outline = Outline(length, size * rng.uniform(0.06, 0.13), 0.5, 0.8, rng.normal(0, 0.1) * size)
    paint = Paint(scaled(green, 0.75), green, 3, 0.12, 0.3, softness=5.0)
    canvas.petal(start, edge + np.pi + rng.normal(0, 0.3), outline, paint)


def _photograph(canvas: Canvas, rng: Rng) -> Image.Image:
    """Light, exposure, white balance, focus and grain."""
    size = canvas.size
    canvas.blur(size * max(0.0, rng.normal(0.0, 0.004)))
    step = np.linspace(-1, 1, size, dtype=np.float32)
    slope = rng.normal(0, 0.13, 2)
    light = 1 + np.float32(slope[0]) * step + np.float32(slope[1]) * step[:, None]
    corner = np.float32(rng.uniform(0, 0.14))
    light = light - corner * (step * step + (step * step)[:, None])
    if rng.random() < 0.3:
        light = light * (0.72 + 0.56 * _noise(rng, size, int(rng.integers(3, 6))))
    balance = rng.normal(1, 0.06, 3).astype(np.float32)[:, None, None]
    pixels = np.clip(np.clip(canvas.pixels, 0, 1) * light * balance, 0, 1)
    pixels **= np.float32(np.exp(rng.normal(-0.2, 0.16)))
    grey = pixels.mean(axis=0)
    pixels = grey + np.float32(rng.uniform(0.82, 1.2)) * (pixels - grey)
    pixels += np.float32(rng.uniform(0.004, 0.02)) * rng.standard_normal((size, size), np.float32)
    canvas.pixels = pixels
    return canvas.image()
