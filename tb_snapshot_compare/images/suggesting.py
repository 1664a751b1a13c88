"""A first choice of how to prepare pixels, and the sentence that says why."""

import re
from collections.abc import Sequence

from tb_snapshot_compare.images.preparing import (
    AS_IT_IS,
    CAFFE,
    SIGNED,
    TORCH,
    UNIT,
    Preprocessing,
)

_FAMILIES: tuple[tuple[str, Preprocessing, str], ...] = (
    (r"resnet(50|101|152)?v2|resnet\d+_v2", SIGNED, "-1..1"),
    (r"resnet(50|101|152)|vgg1[69]", CAFFE, "BGR less the mean of ImageNet"),
    (r"densenet", TORCH, "0..1, less the mean and by the deviation of ImageNet"),
    (r"mobilenet_?v3|efficientnet|convnext|regnet|resnet_?rs", AS_IT_IS, "0..255"),
    (r"mobilenet|inception|xception|nasnet", SIGNED, "-1..1"),
)
"""What `preprocess_input` of the families of `keras.applications` does."""


def suggest(in_model: Sequence[str], model_name: str | None = None) -> tuple[Preprocessing, str]:
    """How pixels are most likely to be prepared.

    Args:
      in_model: layers at the start of the model that prepare pixels (Rescaling, Normalization).
      model_name: what the model is called; names of `keras.applications` are known.

    Returns:
      The preparation, and a sentence for the page. Images are always stretched to the input.
    """
    if in_model:
        layers = ", ".join(in_model)
        return AS_IT_IS, (f"Pixels are given as 0..255: the model prepares them itself ({layers}).")
    name = (model_name or "").lower()
    for pattern, preprocessing, what in _FAMILIES:
        if re.search(pattern, name):
            return preprocessing, (
                f"Pixels are given as {what}: the model is called {model_name}, and networks of "
                "this name in keras.applications are trained so."
            )
    return UNIT, (
        "Pixels are given as 0..1: nothing in the model tells how it was trained. Choose what "
        "your training did."
    )
