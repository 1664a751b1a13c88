"""What the configuration of a layer says that its tensors do not tell."""

from collections.abc import Mapping
from typing import Any

from tb_snapshot_compare.architecture.config import parse_model
from tb_snapshot_compare.architecture.graph import flatten
from tb_snapshot_compare.architecture.values import MalformedConfigError


def layer_options(text: str | None) -> Mapping[str, Mapping[str, Any]]:
    """The options of every layer by full path, as its Keras configuration gives them.

    Args:
      text: the model's configuration as JSON, or None.

    Returns:
      Empty where there is no configuration, where it is malformed, and for a model that is
      written in code.
    """
    if text is None:
        return {}
    try:
        model = parse_model(text)
        if isinstance(model, str):
            return {}
        return {leaf.path: leaf.layer.config for leaf in flatten(model).leaves}
    except MalformedConfigError:
        return {}
