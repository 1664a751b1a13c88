"""The 17 categories of flowers, in the order of the original data set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from demo import nodding, open_faced
from demo.bouquet import Pose, Rng
from demo.canvas import Canvas

Painter = Callable[[Canvas, Pose, Rng], None]


@dataclass(frozen=True, slots=True)
class Species:
    """A category of flowers.

    Attributes:
        name: as in the Oxford 17 categories.
        paint: paints one flower of it.
        upright: whether it is seen from the side, growing up from the ground.
    """

    name: str
    paint: Painter
    upright: bool = False


SPECIES = (
    Species("Daffodil", open_faced.daffodil),
    Species("Snowdrop", nodding.snowdrop, upright=True),
    Species("LilyValley", nodding.lily_valley, upright=True),
    Species("Bluebell", nodding.bluebell, upright=True),
    Species("Crocus", nodding.crocus, upright=True),
    Species("Iris", nodding.iris, upright=True),
    Species("Tigerlily", open_faced.tigerlily),
    Species("Tulip", nodding.tulip, upright=True),
    Species("Fritillary", nodding.fritillary, upright=True),
    Species("Sunflower", open_faced.sunflower),
    Species("Daisy", open_faced.daisy),
    Species("ColtsFoot", open_faced.colts_foot),
    Species("Dandelion", open_faced.dandelion),
    Species("Cowslip", nodding.cowslip, upright=True),
    Species("Buttercup", open_faced.buttercup),
    Species("Windflower", open_faced.windflower),
    Species("Pansy", open_faced.pansy, upright=True),
)
