"""What training hands over: copies of arrays at one step, results on the probe, single numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.limits import CLASSES_MAX
from tb_snapshot_compare.recording.host_arrays import copied_array

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Dump:
    """The arrays of a network at one step, by the names of their tensors.

    `gradients` and `moments` (`moment1`, `moment2`) are of some of the tensors, or of none.
    """

    step: int
    time: float
    weights: Arrays
    gradients: Arrays = field(default_factory=dict)
    moments: Mapping[str, Arrays] = field(default_factory=dict)

    @property
    def weight_bytes(self) -> int:
        """What the weights take."""
        return sum(values.nbytes for values in self.weights.values())

    def only_weights(self) -> "Dump":
        """The dump without gradients and moments."""
        return Dump(self.step, self.time, self.weights)


@dataclass(frozen=True, slots=True)
class Scalars:
    """Numbers of one step, by name."""

    step: int
    time: float
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class ValidationPass:
    """What the network of one step made of every probe image.

    `predicted` int64 `[images]`; `probability` of the true class, float32 `[images]`, NaN where
    not known.
    """

    step: int
    time: float
    predicted: NDArray[np.int64]
    probability: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence on the recording itself, of a kind of `EVENT_KINDS`."""

    step: int
    time: float
    kind: str
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class ProbeImages:
    """The images of the validation passes.

    Attributes:
      labels: the true class of each, whole numbers `[images]`, of any framework or a list; -1 where
        it is not known.
      classes: the names of the classes.
      names: what each image is called; by default its number.
      pictures: to show: uint8, or floats of any range, `[images, height, width, channels]` with 1,
        3 or 4 channels; or None.
    """

    labels: NDArray[Any]
    classes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    pictures: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        """Checks that all are of as many images.

        Raises:
          ValueError: they are not, or a class is not from -1 to `CLASSES_MAX` - 1.
        """
        object.__setattr__(self, "labels", copied_array(self.labels))
        if self.pictures is not None:
            object.__setattr__(self, "pictures", copied_array(self.pictures))
        count = self.labels.size
        if self.labels.ndim != 1 or self.labels.dtype.kind not in "iu":
            raise ValueError(
                f"labels of shape {self.labels.shape} and dtype {self.labels.dtype}: want whole "
                "numbers [images], -1 for none"
            )
        if count and not -1 <= int(self.labels.min()) <= int(self.labels.max()) < CLASSES_MAX:
            raise ValueError(
                f"labels from {self.labels.min()} to {self.labels.max()}: want classes from "
                f"0 to {CLASSES_MAX - 1}, and -1 for none"
            )
        if self.names and len(self.names) != count:
            raise ValueError(f"{len(self.names)} names of {count} probe images: want one for each")
        pictures = self.pictures
        if pictures is not None and (
            len(pictures) != count or pictures.ndim != 4 or pictures.shape[3] not in (1, 3, 4)
        ):
            raise ValueError(
                f"pictures of shape {pictures.shape} of {count} probe images: want "
                "[images, height, width, channels] with 1, 3 or 4 channels"
            )

    @property
    def count(self) -> int:
        """How many images."""
        return int(self.labels.size)
