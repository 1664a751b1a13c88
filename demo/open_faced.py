"""Painters of the flowers that are seen from the front: rays and petals around a centre.

`daffodil` and `buttercup` take every colour of the flower from the same `golden` palette and
differ in shape only.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from demo.bouquet import (
    UP,
    Pose,
    Rng,
    choose,
    curve,
    golden,
    leaves,
    pattern,
    scaled,
    seeds,
    stem,
    vary,
    whorl,
)
from demo.canvas import Canvas, Outline, Paint, Pixels, hsv, mix


def daffodil(canvas: Canvas, pose: Pose, rng: Rng) -> None:
    """Six pointed petals around a frilled trumpet."""
    base, tip, centre = golden(rng)
    r = pose.radius
    stem(canvas, pose, rng)
    start = rng.uniform(0, 2 * np.pi)
    paint = Paint(base, tip, 3, 0.07, 0.14)
    outline = Outline(r, 0.30 * r, 0.55, 0.72)
    whorl(canvas, pose, rng, 3, outline, paint, start)
    whorl(canvas, pose, rng, 3, outline, paint, start + np.pi / 3)
    lift = 0.16 * r * (1 - pose.tilt)
    mouth = (pose.x + lift * np.cos(pose.roll + UP), pose.y + lift * np.sin(pose.roll + UP))
    squash, frill = max(pose.tilt, 0.45), (int(rng.integers(9, 14)), 0.07)
    dark = scaled(centre, 0.72)
    canvas.disc(mouth, 0.44 * r, dark, scaled(centre, 0.8), squash, pose.roll, frill, 5, 0.5)
    canvas.disc(mouth, 0.40 * r, centre, mix(base, tip, 0.3), squash, pose.roll, frill)
    canvas.disc(mouth, 0.29 * r, scaled(centre, 0.5), centre, squash, pose.roll, frill, 3)
    canvas.dots(seeds(replace(pose, x=mouth[0], y=mouth[1]), 5, 0.1 * r), max(1.0, 0.03 * r), tip)


def tigerlily(canvas: Canvas, pose: Pose, rng: Rng) -> None:
    """Six recurved orange petals with dark freckles and long stamens."""
    r = pose.radius
    stem(canvas, pose, rng, 0.1)
    petal = vary(rng, choose(rng, (0.055, 0.9, 0.97), (0.04, 0.88, 0.95), (0.08, 0.85, 0.98)))
    phase = rng.uniform(0, 6)

    def freckles(u: Pixels, s: Pixels) -> Pixels:
        wave = np.sin(34 * u + phase + 2 * s) * np.sin(9 * s + 17 * u + phase)
        spots: Pixels = np.clip(5 * (wave - 0.45), 0, 0.9) * np.clip(5 * (0.72 - u), 0, 1)
        return spots

    paint = Paint(
        scaled(petal, 0.85), petal, 1, 0.1, 0.2, 0.05, pattern(freckles), (0.3, 0.07, 0.03)
    )
    start = rng.uniform(0, 2 * np.pi)
    curl = rng.choice([-1, 1]) * rng.uniform(0.05, 0.25) * r
    for turn, wide in ((0.0, 0.2), (np.pi / 3, 0.26)):
        whorl(
            canvas, pose, rng, 3, Outline(1.05 * r, wide * r, 0.6, 0.8, curl), paint, start + turn
        )
    for i in range(6):
        angle = start + np.pi / 6 + i * np.pi / 3 + rng.normal(0, 0.15)
        end = pose.at(angle, 0.58 * r)
        canvas.stroke(
            curve((pose.x, pose.y), pose.at(angle, 0.3 * r), end, 6), (2.2, 1.6), (0.93, 0.75, 0.4)
        )
        anther = Outline(0.15 * r, 0.045 * r, 0.5, 0.5)
        canvas.petal(
            end, angle + pose.roll + 1.3, anther, Paint((0.35, 0.12, 0.05), (0.5, 0.2, 0.08))
        )
    canvas.disc(
        (pose.x, pose.y), 0.09 * r, hsv(0.2, 0.6, 0.7), petal, pose.tilt, pose.roll, softness=3
    )


def sunflower(canvas: Canvas, pose: Pose, rng: Rng) -> None:
    """Pointed yellow rays around a large brown disc of seeds."""
    r = pose.radius
    leaves(canvas, pose, rng, int(rng.integers(0, 3)), 1.3, 0.42, 0.27)
    stem(canvas, pose, rng, 0.11)
    base, tip, centre = golden(rng)
    core = rng.uniform(0.36, 0.5) * r
    rays = int(rng.integers(15, 21))
    start = rng.uniform(0, 2 * np.pi)
    paint = Paint(centre, tip, 2, 0.1, 0.16, shadow=0.2)
    outline = Outline(r - 0.8 * core, 0.15 * r, 0.6, 0.75)
    whorl(canvas, pose, rng, rays, outline, replace(paint, outer=base), start, 0.8 * core)
    whorl(
        canvas,
        pose,
        rng,
        rays,
        replace(outline, length=0.93 * outline.length),
        paint,
        start + np.pi / rays,
        0.8 * core,
    )
    brown = vary(rng, (0.07, 0.7, 0.3))
    canvas.disc((pose.x, pose.y), core, scaled(brown, 0.7), brown, pose.tilt, pose.roll)
    canvas.dots(seeds(pose, 150, 0.95 * core, 0.3), max(1.0, 0.035 * core), mix(brown, tip, 0.4))
    canvas.dots(seeds(pose, 70, 0.5 * core), max(1.0, 0.035 * core), hsv(0.2, 0.5, 0.4))


def daisy(canvas: Canvas, pose: Pose, rng: Rng) -> None:
    """Narrow white rays with round tips around a small yellow disc."""
    r = pose.radius
    stem(canvas, pose, rng, 0.07)
    white = vary(rng, choose(rng, (0.15, 0.02, 0.98), (0.15, 0.02, 0.98), (0.92, 0.14, 0.97)), 0.4)
    _, tip, centre = golden(rng)
    core, rays = rng.uniform(0.2, 0.3) * r, int(rng.integers(12, 19))
    start = rng.uniform(0, 2 * np.pi)
    paint = Paint(scaled(white, 0.86), white, 1.5, 0.07, 0.12, shadow=0.2)
    outline = Outline(r - 0.7 * core, 0.105 * r, 0.5, 0.25)
    whorl(
        canvas,
        pose,
        rng,
        rays,
        outline,
        replace(paint, outer=scaled(white, 0.92)),
        start,
        0.7 * core,
    )
    whorl(canvas, pose, rng, rays, outline, paint, start + np.pi / rays, 0.7 * core)
    canvas.disc((pose.x, pose.y), core, tip, centre, pose.tilt, pose.roll)
    canvas.dots(seeds(pose, 60, 0.93 * core), max(1.0, 0.08 * core), tip)


def colts_foot(canvas: Canvas, pose: Pose, rng: Rng) -> None:
    """Very many hair-thin yellow rays around a flat yellow disc, on a scaly stem."""
    r = pose.radius
    scaly = vary(rng, (0.06, 0.35, 0.5))
    stem(canvas, pose, rng, 0.14, scaly)
    base, tip, centre = golden(rng)
    core, start = rng.uniform(0.3, 0.4) * r, rng.uniform(0, 2 * np.pi)
    paint = Paint(base, tip, 0, 0, 0.12, shadow=0.22)
    for ring, reach in enumerate((1.0, 0.88)):
        rays = int(rng.integers(26, 34))
        outline = Outline(reach * r - 0.7 * core, 0.042 * r, 0.4, 0.35)
        whorl(canvas, pose, rng, rays, outline, paint, start + 0.1 * ring, 0.7 * core)
    canvas.disc((pose.x, pose.y), core, centre, base, pose.tilt, pose.roll, (17, 0.05))
    canvas.dots(seeds(pose, 46, 0.9 * core), max(1.2, 0.085 * core), tip)
    canvas.dots(seeds(pose, 18, 0.5 * core), max(1.2, 0.07 * core), scaled(centre, 0.85))


def dandelion(canvas: Canvas, pose: Pose, rng: Rng) -> None:
    """A dense pompon of strap-shaped yellow rays without a disc."""
    r = pose.radius
    stem(canvas, pose, rng, 0.1, vary(rng, choose(rng, (0.25, 0.45, 0.55), (0.03, 0.35, 0.55))))
    base, tip, centre = golden(rng)
    for ring, reach in enumerate((1.0, 0.8, 0.6, 0.4, 0.24)):
        shade = mix(tip, centre, 0.13 * ring)
        paint = Paint(scaled(base, 0.85), shade, 0, 0, 0.12, 0.1, shadow=0.3)
        outline = Outline(reach * r, 0.062 * r, 0.3, 0.14)
        whorl(canvas, pose, rng, (26, 23, 19, 14, 9)[ring], outline, paint, rng.uniform(0, 1))
    canvas.dots(seeds(pose, 10, 0.13 * r), max(1.0, 0.025 * r), centre)


def buttercup(canvas: Canvas, pose: Pose, rng: Rng) -> None:
    """Five broad glossy petals around a brush of stamens."""
    base, tip, centre = golden(rng)
    r = pose.radius
    stem(canvas, pose, rng, 0.055)
    paint = Paint(base, tip, 0, 0, 0.2, 0.06)
    whorl(canvas, pose, rng, 5, Outline(0.98 * r, 0.47 * r, 0.7, 0.36), paint, rng.uniform(0, 6))
    canvas.disc(
        (pose.x, pose.y),
        0.3 * r,
        centre,
        base,
        pose.tilt,
        pose.roll,
        softness=0.14 * r,
        opacity=0.7,
    )
    canvas.dots(seeds(pose, 26, 0.3 * r, 0.5), max(1.2, 0.035 * r), scaled(centre, 0.8))
    canvas.dots(seeds(pose, 26, 0.29 * r, 0.5) - 0.02 * r, max(1.0, 0.028 * r), tip)
    canvas.disc((pose.x, pose.y), 0.13 * r, tip, scaled(centre, 0.75), pose.tilt, pose.roll)


def windflower(canvas: Canvas, pose: Pose, rng: Rng) -> None:
    """Six to eight oval petals around a ring of yellow stamens."""
    r = pose.radius
    stem(canvas, pose, rng, 0.055)
    petal = vary(
        rng,
        choose(rng, (0.8, 0.03, 0.98), (0.85, 0.12, 0.97), (0.72, 0.3, 0.9), (0.69, 0.45, 0.85)),
        0.6,
    )
    count, start = int(rng.integers(6, 9)), rng.uniform(0, 2 * np.pi)
    paint = Paint(mix(petal, (0.85, 0.9, 0.6), 0.2), petal, 3, 0.07, 0.16)
    outline = Outline(r, 0.3 * r, 0.55, 0.45)
    whorl(canvas, pose, rng, count, outline, paint, start)
    pale = Paint((0.95, 0.95, 0.8), (0.95, 0.95, 0.8), shadow=0)
    for angle in np.arange(18) * 2.4:
        filament = Outline(rng.uniform(0.2, 0.3) * r, 0.7, 0.3, 0.2)
        canvas.petal((pose.x, pose.y), angle + pose.roll, filament, pale)
    canvas.dots(seeds(pose, 22, 0.3 * r, 0.55), max(1.3, 0.042 * r), vary(rng, (0.14, 0.75, 0.97)))
    canvas.disc(
        (pose.x, pose.y), 0.11 * r, hsv(0.22, 0.6, 0.75), hsv(0.25, 0.6, 0.5), pose.tilt, pose.roll
    )


def pansy(canvas: Canvas, pose: Pose, rng: Rng) -> None:
    """Five rounded petals with a dark face and a yellow eye."""
    r = pose.radius
    stem(canvas, pose, rng, 0.08)
    tints = [
        (0.77, 0.7, 0.55),
        (0.14, 0.85, 0.97),
        (0.72, 0.55, 0.8),
        (0.15, 0.05, 0.97),
        (0.97, 0.75, 0.6),
        (0.07, 0.85, 0.95),
    ]
    face, wing = (tints[int(i)] for i in rng.choice(len(tints), 2))
    lower, upper = vary(rng, face), vary(rng, wing if rng.random() < 0.5 else face)
    reach = rng.uniform(0.42, 0.62)

    def blotch(u: Pixels, s: Pixels) -> Pixels:
        whiskers = 0.12 * np.cos(14 * s)
        return np.clip(9 * (reach + whiskers - u), 0, 0.94)

    dark = vary(rng, (0.78, 0.7, 0.16))
    plain = Paint(scaled(upper, 0.78), upper, 3, 0.1, 0.18)
    marked = Paint(
        lower, mix(lower, (1.0, 1.0, 1.0), 0.1), 4, 0.08, 0.14, 0.05, pattern(blotch), dark
    )
    centre = (pose.x, pose.y + 0.05 * r)
    wide = Outline(0.98 * r, 0.52 * r, 0.6, 0.34)
    for angle, outline, paint in (
        (UP - 0.5, wide, plain),
        (UP + 0.5, wide, plain),
        (np.pi - 0.1, replace(wide, length=0.92 * r, width=0.48 * r), marked),
        (0.1, replace(wide, length=0.92 * r, width=0.48 * r), marked),
        (-UP, replace(wide, length=0.9 * r, width=0.64 * r, notch=0.14), marked),
    ):
        canvas.petal(centre, angle + pose.roll + rng.normal(0, 0.05), outline, paint)
    eye = (centre[0] - 0.06 * r * np.sin(pose.roll), centre[1] + 0.06 * r * np.cos(pose.roll))
    canvas.disc(eye, 0.09 * r, (1.0, 0.95, 0.5), hsv(0.13, 0.9, 0.95), softness=2)
