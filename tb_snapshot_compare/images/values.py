"""Probe images as values: what is listed, before anything is decoded."""

from dataclasses import dataclass
from typing import Literal

SetSource = Literal["directory", "run", "summaries", "upload"]


@dataclass(frozen=True, slots=True)
class ProbeImage:
    """An image; `width` and `height` are in pixels, after its orientation was applied.

    `id` is opaque, changes with the file's stamp, and is safe in a URL. `label` indexes the
    classes of its set, None where the image's class is not known.
    """

    id: str
    name: str
    label: int | None
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class ImageSet:
    """Images of one source, by class and name.

    `classes` are names by index, empty where they are not known. `truncated` counts the images
    left out beyond the limit; `problem` says what could not be read, and the remedy.
    """

    id: str
    name: str
    source: SetSource
    classes: tuple[str, ...]
    images: tuple[ProbeImage, ...]
    truncated: int = 0
    problem: str | None = None
