"""AlexNet's layout as numbers, so that sizes are known without importing a framework."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Layout:
    """Five convolutions and three dense layers (Krizhevsky et al. 2012), not split in two groups.

    Attributes:
        size: height and width of the input.
        first_kernel: kernel size of conv1; conv2 has 5, conv3 to conv5 have 3.
        first_stride: stride of conv1.
        filters: output channels of conv1 to conv5.
        units: outputs of fc6 and of fc7.
        padding: of conv1, as Keras names it; conv2 to conv5 have "same".
        dropout: share of the outputs of fc6 and fc7 that is dropped in training.
        learning_rate: at the start of the training.
    """

    size: int
    first_kernel: int
    first_stride: int
    filters: tuple[int, int, int, int, int]
    units: int
    padding: Literal["valid", "same"]
    dropout: float
    learning_rate: float

    @property
    def kernels(self) -> tuple[int, int, int, int, int]:
        """Kernel sizes of conv1 to conv5."""
        return self.first_kernel, 5, 3, 3, 3

    def parameters(self, classes: int) -> int:
        """The number of values in the network, norm1 and norm2 included."""
        channels = (3, *self.filters)
        convolutions = sum(
            kernel * kernel * channels[i] * channels[i + 1] + channels[i + 1]
            for i, kernel in enumerate(self.kernels)
        )
        norms = 2 * (self.filters[0] + self.filters[1])
        widths = (self._side() ** 2 * self.filters[4], self.units, self.units, classes)
        dense = sum(a * b + b for a, b in itertools.pairwise(widths))
        return convolutions + norms + dense

    def _side(self) -> int:
        """Height and width of what fc6 sees, after conv1 and three poolings of 3 by 3, stride 2."""
        used = self.first_kernel if self.padding == "valid" else 1
        side = (self.size - used) // self.first_stride + 1
        for _ in range(3):
            side = (side - 3) // 2 + 1
        return side


SMALL = Layout(64, 7, 2, (20, 56, 80, 80, 56), 320, "same", 0.25, 0.012)
"""The demonstration's network: trains in about two minutes on two cores."""

FULL = Layout(227, 11, 4, (96, 256, 384, 384, 256), 4096, "valid", 0.5, 0.01)
"""The original network."""
