"""Probe images: where they lie, what they show, and how they become a model's input."""

from tb_snapshot_compare.images.preparing import Preprocessing, prepare
from tb_snapshot_compare.images.suggesting import suggest
from tb_snapshot_compare.images.values import ImageSet, ProbeImage

__all__ = ["ImageSet", "Preprocessing", "ProbeImage", "prepare", "suggest"]
