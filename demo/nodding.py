"""Painters of the flowers that are seen from the side: cups, bells and stems of many flowers."""

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
from demo.canvas import Canvas, Outline, Paint, Pixels, Point, Rgb, mix


def snowdrop(canvas: Canvas, pose: Pose, rng: Rng) -> None:
    """A nodding flower: three long white drops under a green cap."""
    r = pose.radius
    green = vary(rng, (0.27, 0.6, 0.42))
    leaves(canvas, pose, rng, int(rng.integers(1, 4)), 1.9, 0.1, 0.33)
    lean = rng.choice([-1, 1]) * rng.uniform(0.3, 0.6) * r
    top = (pose.x, pose.y - 0.62 * r)
    bow = curve((pose.x + lean, canvas.size + 6.0), (pose.x + 0.9 * lean, pose.y - 1.5 * r), top)
    canvas.stroke(bow, (max(2.0, 0.07 * r), max(1.6, 0.045 * r)), green)
    hang = np.pi / 2 + rng.normal(0, 0.12)
    white = vary(rng, (0.25, 0.03, 0.97), 0.4)
    paint = Paint(mix(white, (0.7, 0.8, 0.6), 0.25), white, 3, 0.06, 0.2, -0.06)
    spread = rng.uniform(0.3, 0.75)
    below = (pose.x, pose.y - 0.42 * r)
    outline = Outline(1.25 * r, 0.27 * r, 0.9, 0.5)
    canvas.petal(
        below,
        hang,
        replace(outline, length=0.8 * r, width=0.2 * r),
        replace(
            paint,
            pattern=pattern(lambda u, s: 8 * (u - 0.7) + 0 * s),
            mark=vary(rng, (0.3, 0.6, 0.6)),
        ),
    )
    for side in (-1, 1):
        canvas.petal(below, hang + side * spread, replace(outline, bend=-side * 0.12 * r), paint)
    canvas.petal(below, hang + rng.normal(0, 0.08), replace(outline, length=1.15 * r), paint)
    cap = Outline(0.34 * r, 0.12 * r, 0.5, 0.45)
    canvas.petal((pose.x, pose.y - 0.68 * r), hang, cap, Paint(green, scaled(green, 1.25)))


def _bell(
    canvas: Canvas, at: Point, hang: float, length: float, width: float, paint: Paint, flare: float
) -> None:
    """A hanging bell whose three visible tips turn outwards by `flare` radians."""
    mouth = (at[0] + 0.66 * length * np.cos(hang), at[1] + 0.66 * length * np.sin(hang))
    lip = Outline(0.5 * length, 0.42 * width, 0.5, 0.8)
    back = replace(paint, inner=scaled(paint.inner, 0.8), outer=scaled(paint.outer, 0.85))
    canvas.petal(mouth, hang, lip, back)
    canvas.petal(at, hang, Outline(length, width, 0.45, 0.28), paint)
    for side in (-1, 1):
        edge = (
            mouth[0] - side * 0.45 * width * np.sin(hang),
            mouth[1] + side * 0.45 * width * np.cos(hang),
        )
        lip_side = replace(lip, bend=side * 0.2 * length)
        canvas.petal(edge, hang + side * flare, lip_side, replace(paint, shadow=0.1))


def _raceme(
    canvas: Canvas, pose: Pose, rng: Rng, count: int, green: Rgb
) -> list[tuple[Point, float, int]]:
    """Paints an arching stem; returns for each flower its place, size factor and side."""
    r, side = pose.radius, int(rng.choice([-1, 1]))
    foot = (pose.x - side * 0.5 * r, canvas.size + 6.0)
    end = (pose.x + side * rng.uniform(0.3, 0.6) * r, pose.y - rng.uniform(0.5, 0.75) * r)
    path = curve(foot, (pose.x - side * 0.35 * r, pose.y - 1.15 * r), end, 40)
    canvas.stroke(path, (max(2.0, 0.08 * r), max(1.5, 0.035 * r)), green)
    visible = [p for p in path if p[1] < pose.y + 0.75 * r]
    picks = np.linspace(0.06, 0.99, count) * (len(visible) - 1)
    return [
        (visible[int(i)], 1.1 - 0.5 * k / count, side if rng.random() < 0.75 else -side)
        for k, i in enumerate(picks)
    ]


def lily_valley(canvas: Canvas, pose: Pose, rng: Rng) -> None:
    """Small round white bells along one side of an arching stem, between broad leaves."""
    r = pose.radius
    leaves(canvas, pose, rng, int(rng.integers(1, 4)), 2.1, 0.36, 0.31)
    green = vary(rng, (0.26, 0.5, 0.5))
    white = vary(rng, (0.2, 0.04, 0.97), 0.4)
    paint = Paint(mix(white, (0.8, 0.9, 0.6), 0.35), white, 0, 0, 0.2, -0.05)
    for (x, y), size, side in _raceme(canvas, pose, rng, int(rng.integers(6, 11)), green):
        hang = (x + side * 0.14 * r, y + 0.12 * r)
        canvas.stroke(curve((x, y), (x + side * 0.14 * r, y), hang, 8), (2.0, 1.5), green)
        length = 0.34 * r * size
        _bell(
            canvas,
            hang,
            np.pi / 2 - side * 0.15 + rng.normal(0, 0.1),
            length,
            0.52 * length,
            paint,
            0.7,
        )


def bluebell(canvas: Canvas, pose: Pose, rng: Rng) -> None:
    """Narrow violet-blue tubes with curled tips along a drooping stem."""
    r = pose.radius
    leaves(canvas, pose, rng, int(rng.integers(1, 4)), 1.9, 0.09, 0.3)
    green = mix(vary(rng, (0.27, 0.45, 0.38)), (0.35, 0.25, 0.5), 0.3)
    tint = choose(rng, (0.66, 0.52, 0.82), (0.69, 0.5, 0.78), (0.72, 0.42, 0.85), (0.63, 0.45, 0.9))
    petal = vary(rng, tint)
    paint = Paint(scaled(petal, 0.8), mix(petal, (0.85, 0.85, 1.0), 0.25), 1.5, 0.14, 0.22)
    for (x, y), size, side in _raceme(canvas, pose, rng, int(rng.integers(5, 10)), green):
        hang = (x + side * 0.1 * r, y + 0.06 * r)
        canvas.stroke(curve((x, y), (x + side * 0.1 * r, y), hang, 8), (2.2, 1.8), green)
        length = 0.56 * r * size
        _bell(
            canvas,
            hang,
            np.pi / 2 - side * rng.uniform(0.1, 0.6),
            length,
            0.3 * length,
            paint,
            0.95,
        )


def crocus(canvas: Canvas, pose: Pose, rng: Rng) -> None:
    """A goblet of six petals on a pale neck, with an orange stigma."""
    r = pose.radius
    leaves(canvas, pose, rng, int(rng.integers(2, 6)), 1.8, 0.05, 0.31)
    tint = choose(
        rng,
        (0.76, 0.5, 0.8),
        (0.74, 0.35, 0.88),
        (0.78, 0.62, 0.62),
        (0.14, 0.04, 0.95),
        (0.13, 0.85, 0.95),
    )
    petal = vary(rng, tint)
    paint = Paint(mix(petal, (1.0, 0.95, 0.9), 0.3), petal, rng.choice([0.0, 2.5, 3.5]), 0.2, 0.2)
    if rng.random() < 0.3:
        _star(canvas, pose, rng, paint)
        return
    foot = (pose.x, pose.y + 0.62 * r)
    neck = curve(
        foot, (pose.x, pose.y + 1.2 * r), (pose.x + rng.normal(0, 0.2) * r, canvas.size + 6.0)
    )
    canvas.stroke(neck, (0.17 * r, 0.13 * r), mix(petal, (0.9, 0.92, 0.8), 0.7))
    open_by = rng.uniform(0.2, 0.5)
    outline = Outline(1.5 * r, 0.34 * r, 0.75, 0.5)
    back = replace(paint, inner=scaled(paint.inner, 0.78), outer=scaled(paint.outer, 0.85))
    for side in (-1, 1, 0):
        canvas.petal(foot, UP + side * 0.7 * open_by + pose.roll, outline, back)
    orange = vary(rng, (0.07, 0.9, 0.95))
    top = (pose.x + 0.55 * r * np.sin(pose.roll), pose.y - 0.42 * r)
    canvas.stroke(curve(foot, (pose.x, pose.y), top, 8), (0.05 * r, 0.14 * r), orange)
    for side in (-1, 1):
        bent = replace(outline, length=1.35 * r, bend=-side * 0.15 * r)
        canvas.petal(foot, UP + side * (0.25 + open_by) + pose.roll, bent, paint)
    canvas.petal(
        foot, UP + rng.normal(0, 0.12) + pose.roll, replace(outline, length=1.2 * r), paint
    )


def _star(canvas: Canvas, pose: Pose, rng: Rng, paint: Paint) -> None:
    """The crocus seen from above."""
    r, start = pose.radius, rng.uniform(0, 2 * np.pi)
    whorl(canvas, pose, rng, 3, Outline(r, 0.34 * r, 0.6, 0.6), paint, start)
    whorl(canvas, pose, rng, 3, Outline(0.95 * r, 0.34 * r, 0.6, 0.6), paint, start + np.pi / 3)
    canvas.disc(
        (pose.x, pose.y), 0.16 * r, (1.0, 0.75, 0.1), (0.95, 0.55, 0.05), pose.tilt, pose.roll
    )
    canvas.dots(seeds(pose, 9, 0.22 * r), max(1.2, 0.045 * r), vary(rng, (0.08, 0.9, 0.98)))


def iris(canvas: Canvas, pose: Pose, rng: Rng) -> None:
    """Three petals standing, three falling with a pale blaze and veins."""
    r = pose.radius
    leaves(canvas, pose, rng, int(rng.integers(1, 4)), 2.2, 0.13, 0.32)
    stem(canvas, pose, rng, 0.12)
    tint = choose(
        rng,
        (0.72, 0.6, 0.7),
        (0.69, 0.45, 0.85),
        (0.77, 0.5, 0.75),
        (0.14, 0.75, 0.95),
        (0.68, 0.08, 0.95),
    )
    petal = vary(rng, tint)
    light = mix(petal, (1.0, 1.0, 1.0), rng.uniform(0.1, 0.4))
    standard = Paint(scaled(petal, 0.75), light, 3, 0.12, 0.22)
    fall = Paint(petal, scaled(petal, 0.92), 4, 0.2, 0.22, 0.08, pattern(_blaze), (1.0, 0.85, 0.25))
    for angle in (0.0, -0.55, 0.55):
        outline = Outline(0.98 * r, 0.4 * r, 0.8, 0.4, -0.25 * angle * r)
        canvas.petal((pose.x, pose.y), UP + angle + pose.roll, outline, standard)
    for angle in (-1.15, 1.15, rng.normal(0, 0.12)):
        long = 1.05 if abs(angle) > 0.5 else 0.9
        outline = Outline(long * r, 0.38 * r, 1.1, 0.42, 0.28 * angle * r)
        canvas.petal((pose.x, pose.y), -UP - angle + pose.roll, outline, fall)
    for angle in (-0.9, 0.9, 0.1):
        arm = Outline(0.42 * r, 0.13 * r, 0.5, 0.4, 0, 0.15)
        canvas.petal((pose.x, pose.y), -UP - angle + pose.roll, arm, replace(standard, veins=0))


def tulip(canvas: Canvas, pose: Pose, rng: Rng) -> None:
    """A closed cup of broad petals on a strong stem."""
    r = pose.radius
    leaves(canvas, pose, rng, int(rng.integers(1, 3)), 2.0, 0.24, 0.36)
    tint = choose(
        rng,
        (0.98, 0.82, 0.85),
        (0.93, 0.5, 0.92),
        (0.13, 0.85, 0.97),
        (0.05, 0.85, 0.95),
        (0.8, 0.55, 0.55),
        (0.1, 0.06, 0.95),
    )
    petal = vary(rng, tint)
    edge = mix(petal, vary(rng, choose(rng, (0.13, 0.7, 1.0), (0.0, 0.0, 1.0), tint)), 0.35)
    foot = (pose.x - 0.8 * r * np.sin(pose.roll) * -1, pose.y + 0.8 * r)
    stem(canvas, replace(pose, x=foot[0], y=foot[1]), rng, 0.13)
    paint = Paint(scaled(petal, 0.85), edge, 2, 0.1, 0.24)
    back = replace(paint, inner=scaled(petal, 0.6), outer=scaled(edge, 0.8))
    outline = Outline(1.75 * r, 0.5 * r, 0.55, 0.62)
    gape = rng.uniform(0.0, 0.22)
    for side in (-0.5, 0.5):
        canvas.petal(
            foot, UP + side * (0.5 + gape) + pose.roll, replace(outline, length=1.7 * r), back
        )
    for side in (-1, 1):
        bent = replace(outline, width=0.42 * r, bend=-side * 0.3 * r)
        canvas.petal(foot, UP + side * (0.42 + gape) + pose.roll, bent, paint)
    canvas.petal(
        foot, UP + rng.normal(0, 0.08) + pose.roll, replace(outline, length=1.6 * r), paint
    )


def fritillary(canvas: Canvas, pose: Pose, rng: Rng) -> None:
    """A hanging bell with a chequered pattern."""
    r = pose.radius
    leaves(canvas, pose, rng, int(rng.integers(1, 4)), 1.6, 0.06, 0.36)
    pale = rng.random() < 0.2
    petal = vary(
        rng,
        (0.25, 0.06, 0.92)
        if pale
        else choose(rng, (0.87, 0.45, 0.62), (0.83, 0.4, 0.55), (0.9, 0.55, 0.55)),
    )
    check = mix(petal, (0.6, 0.8, 0.5), 0.35) if pale else scaled(petal, 0.55)

    def chequer(u: Pixels, s: Pixels) -> Pixels:
        wave = np.sin(21 * u) * np.sin(7.5 * s + 0.8)
        squares: Pixels = np.clip(6 * wave, 0, 0.85)
        return squares

    side = int(rng.choice([-1, 1]))
    top = (pose.x, pose.y - 0.75 * r)
    bow = curve(
        (pose.x + side * 0.7 * r, canvas.size + 6.0),
        (pose.x + side * 0.7 * r, pose.y - 1.5 * r),
        top,
    )
    canvas.stroke(bow, (max(2.0, 0.09 * r), max(1.8, 0.06 * r)), vary(rng, (0.26, 0.4, 0.42)))
    paint = Paint(
        mix(petal, (1.0, 0.95, 0.95), 0.1),
        mix(petal, (1.0, 0.9, 0.95), 0.25),
        0,
        0,
        0.24,
        0,
        pattern(chequer),
        check,
    )
    hang = np.pi / 2 + rng.normal(0, 0.15)
    outline = Outline(1.55 * r, 0.4 * r, 0.42, 0.5)
    dark = replace(paint, inner=scaled(paint.inner, 0.7), outer=scaled(paint.outer, 0.75))
    for turn in (-0.16, 0.16):
        canvas.petal(top, hang + turn, replace(outline, length=1.6 * r), dark)
    for turn in (-1, 1):
        canvas.petal(
            top, hang + turn * 0.26, replace(outline, width=0.36 * r, bend=-turn * 0.12 * r), paint
        )
    canvas.petal(top, hang, outline, paint)


def cowslip(canvas: Canvas, pose: Pose, rng: Rng) -> None:
    """A one-sided bunch of small nodding flowers in long pale calyces."""
    r = pose.radius
    stalk = mix(vary(rng, (0.24, 0.4, 0.6)), (0.8, 0.85, 0.55), 0.3)
    stem(canvas, pose, rng, 0.09, stalk)
    _base, tip, centre = golden(rng)
    top = (pose.x, pose.y - 0.1 * r)
    count = int(rng.integers(5, 10))
    for angle in rng.permutation(np.linspace(-1.5, 1.5, count) + rng.normal(0, 0.15, count)):
        reach = rng.uniform(0.3, 0.6) * r
        joint = (top[0] + reach * np.sin(angle), top[1] - 0.45 * reach * np.cos(angle))
        canvas.stroke(curve((pose.x, pose.y), (pose.x, joint[1]), joint, 8), (2.6, 2.0), stalk)
        hang = UP + angle * rng.uniform(1.1, 1.6)
        calyx = Outline(0.42 * r, 0.12 * r, 0.4, 0.3)
        canvas.petal(
            joint, hang, calyx, Paint(stalk, mix(stalk, (1.0, 1.0, 0.8), 0.35), 2, 0.1, 0.25)
        )
        face = Pose(
            joint[0] + 0.4 * r * np.cos(hang),
            joint[1] + 0.4 * r * np.sin(hang),
            0.26 * r,
            rng.uniform(0.5, 0.9),
            hang + np.pi / 2,
        )
        paint = Paint(centre, tip, shadow=0.22)
        whorl(
            canvas,
            face,
            rng,
            5,
            Outline(0.27 * r, 0.12 * r, 0.7, 0.4, 0, 0.2),
            paint,
            rng.uniform(0, 6),
        )
        canvas.dots(seeds(face, 5, 0.09 * r), max(1.0, 0.028 * r), vary(rng, (0.07, 0.95, 0.9)))


def _blaze(u: Pixels, s: Pixels) -> Pixels:
    stripe: Pixels = np.clip(1 - 5 * np.abs(s), 0, 1) * np.clip(1.6 - 2 * u, 0, 1)
    return stripe
