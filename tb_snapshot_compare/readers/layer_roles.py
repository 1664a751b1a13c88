"""What Keras calls the numbered variables of its built-in layers.

Keras 3 stores a layer's variables as `vars/0`, `vars/1`, ... in the order of
`_trainable_variables + _non_trainable_variables` (`Layer.save_own_variables`), without their
names. The order of each class is fixed by its `build` method, so class and configuration
give the names back. Read from Keras 3.15; `test_names.py` compares with Keras itself.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Config = Mapping[str, Any]

NON_TRAINABLE_ROLES = frozenset(
    {
        "moving_mean",
        "moving_variance",
        "moving_stddev",
        "renorm_mean",
        "renorm_stddev",
        "vector_u",
        "mean",
        "variance",
        "count",
        "idf_weights",
        "seed_generator_state",
        "kernel_scale",
        "kernel_zero",
        "quantized_kernel",
        "g_idx",
        "awq_scales",
        "embeddings_scale",
        "embeddings_zero",
    }
)

MODEL_CLASSES = frozenset({"functional", "sequential", "model"})


@dataclass(frozen=True, slots=True)
class Role:
    """A variable of a layer, and the configuration key that switches it on."""

    name: str
    switch: str | None = None
    default: bool = True


@dataclass(frozen=True, slots=True)
class Part:
    """A layer inside a composite layer: its attribute, class, and name where none is stored."""

    attribute: str
    layer_class: str | None = None
    name: str | None = None


_KERNEL_BIAS = (Role("kernel"), Role("bias", "use_bias"))
_GAMMA_BETA = (Role("gamma", "scale"), Role("beta", "center"))
_RECURRENT = (Role("kernel"), Role("recurrent_kernel"), Role("bias", "use_bias"))
_SEPARABLE = (Role("depthwise_kernel"), Role("pointwise_kernel"), Role("bias", "use_bias"))

ROLES: dict[str, tuple[Role, ...]] = {
    **{
        name: _KERNEL_BIAS
        for stem in ("conv{}d", "conv{}d_transpose", "depthwise_conv{}d")
        for name in (stem.format(rank) for rank in (1, 2, 3))
    },
    "dense": (Role("kernel"), Role("bias", "use_bias")),
    "einsum_dense": (Role("kernel"), Role("bias", "bias_axes", default=False)),
    "separable_conv1d": _SEPARABLE,
    "separable_conv2d": _SEPARABLE,
    "embedding": (Role("embeddings"),),
    "reversible_embedding": (Role("embeddings"), Role("reverse_embeddings", "tie_weights")),
    "batch_normalization": (
        *_GAMMA_BETA,
        Role("moving_mean"),
        Role("moving_variance"),
        Role("moving_stddev", "renorm", default=False),
        Role("renorm_mean", "renorm", default=False),
        Role("renorm_stddev", "renorm", default=False),
    ),
    "layer_normalization": _GAMMA_BETA,
    "group_normalization": _GAMMA_BETA,
    "rms_normalization": (Role("scale"),),
    "spectral_normalization": (Role("kernel"), Role("vector_u")),
    "p_re_lu": (Role("alpha"),),
    "attention": (Role("scale", "use_scale", default=False), Role("concat_score_weight")),
    "additive_attention": (Role("scale", "use_scale"),),
    "simple_rnn_cell": _RECURRENT,
    "lstm_cell": _RECURRENT,
    "gru_cell": _RECURRENT,
    "conv_lstm_cell": _RECURRENT,
    "normalization": (Role("mean"), Role("variance"), Role("count")),
    "stft_spectrogram": (Role("real_kernel"), Role("imag_kernel")),
}

_ATTENTION_PARTS = (
    Part("query_dense", "einsum_dense", "query"),
    Part("key_dense", "einsum_dense", "key"),
    Part("gate_dense", "einsum_dense", "gate"),
    Part("value_dense", "einsum_dense", "value"),
    Part("output_dense", "einsum_dense", "attention_output"),
)

PARTS: dict[str, tuple[Part, ...]] = {
    "multi_head_attention": _ATTENTION_PARTS,
    "group_query_attention": _ATTENTION_PARTS,
    "grouped_query_attention": _ATTENTION_PARTS,
    "bidirectional": (Part("forward_layer"), Part("backward_layer")),
    "time_distributed": (Part("layer"),),
    "spectral_normalization": (Part("layer"),),
    "rnn": (Part("cell"),),
    "stacked_rnn_cells": (Part("cells"),),
    "simple_rnn": (Part("cell", "simple_rnn_cell", "simple_rnn_cell"),),
    "lstm": (Part("cell", "lstm_cell", "lstm_cell"),),
    "gru": (Part("cell", "gru_cell", "gru_cell"),),
    **{
        f"conv_lstm{rank}d": (Part("cell", "conv_lstm_cell", "conv_lstm_cell"),)
        for rank in (1, 2, 3)
    },
}
"""Layers inside layers, in the order in which Keras lists their weights."""

_DENSE_QUANTIZED = {
    "int8": ("kernel", "bias", "kernel_scale"),
    "int4": ("kernel", "bias", "kernel_scale", "kernel_zero", "g_idx"),
    "gptq": ("bias", "quantized_kernel", "kernel_scale", "kernel_zero", "g_idx"),
    "awq": ("bias", "quantized_kernel", "kernel_scale", "kernel_zero", "awq_scales", "g_idx"),
    "float8": (
        "kernel",
        "bias",
        "inputs_scale",
        "inputs_amax_history",
        "kernel_scale",
        "kernel_amax_history",
        "outputs_grad_scale",
        "outputs_grad_amax_history",
    ),
}
_OPTIONAL_QUANTIZED = ("kernel_zero", "g_idx")


def snake_case(class_name: str) -> str:
    """`keras.src.utils.naming.to_snake_case`, which names the groups of a file."""
    name = re.sub(r"\W+", "", class_name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def class_from_name(name: str) -> str | None:
    """The built-in class that a name like `dense_3` or `forward_gru` was generated from."""
    stem = re.sub(r"_\d+$", "", name)
    for candidate in (stem, stem.removeprefix("forward_"), stem.removeprefix("backward_")):
        if candidate in ROLES or candidate in PARTS or candidate in MODEL_CLASSES:
            return candidate
    return None


def roles_of(
    layer_class: str | None,
    config: Config | None,
    shapes: Sequence[tuple[int, ...]],
    dtypes: Sequence[str],
) -> tuple[str, ...]:
    """The roles of a layer's numbered variables, one for each shape.

    Args:
      layer_class: snake-case class, None where unknown.
      config: the layer's Keras configuration, None where the file holds none.
      shapes: of `vars/0`, `vars/1`, ...
      dtypes: of the same.

    Returns:
      Names as Keras gives them; `variable_<i>` where neither class nor shapes tell.
    """
    count = len(shapes)
    if layer_class in ("dense", "einsum_dense") and (quantized := _quantized(shapes, dtypes)):
        return quantized
    if layer_class == "embedding" and count == 2:
        return ("embeddings", "embeddings_scale")
    known = ROLES.get(layer_class) if layer_class is not None else None
    if known is not None:
        for candidate in _candidates(known, config, layer_class):
            if len(candidate) == count:
                return candidate
    return _from_shapes(shapes)


def _candidates(
    known: tuple[Role, ...], config: Config | None, layer_class: str | None
) -> list[tuple[str, ...]]:
    """Role lists in order of likelihood; the configuration's own one first."""
    names = tuple(role.name for role in known)
    candidates = [names]
    if config is not None:
        candidates.insert(0, tuple(role.name for role in known if _is_on(role, config)))
    if layer_class == "batch_normalization":
        statistics = ("moving_mean", "moving_variance")
        candidates += [
            ("gamma", "beta", *statistics),
            ("beta", *statistics),
            statistics,
            ("beta", *names[2:]),
            names[2:],
        ]
    else:
        candidates += [names[:size] for size in range(len(names) - 1, 0, -1)]
    return candidates


def _is_on(role: Role, config: Config) -> bool:
    if role.name == "reverse_embeddings":
        return not config.get("tie_weights", True)
    if role.name == "concat_score_weight":
        return config.get("score_mode") == "concat"
    if role.switch is None:
        return True
    return bool(config.get(role.switch, role.default))


def _quantized(shapes: Sequence[tuple[int, ...]], dtypes: Sequence[str]) -> tuple[str, ...] | None:
    """Roles of a quantized Dense or EinsumDense (`variable_serialization_spec`)."""
    integers = [dtype in ("int8", "uint8") for dtype in dtypes]
    if not any(integers) and len(shapes) < 7:
        return None
    if len(shapes) >= 7:
        mode = "float8"
    elif integers[0]:
        mode = "int8" if len(shapes) < 4 else "int4"
    else:
        mode = "awq" if len(shapes) >= 6 else "gptq"
    names = _DENSE_QUANTIZED[mode]
    for dropped in ((), ("bias",), _OPTIONAL_QUANTIZED, ("bias", *_OPTIONAL_QUANTIZED)):
        chosen = tuple(name for name in names if name not in dropped)
        if len(chosen) == len(shapes):
            return chosen
    return None


def _from_shapes(shapes: Sequence[tuple[int, ...]]) -> tuple[str, ...]:
    """Roles told from shapes alone, for layers of unknown class."""
    ranks = [len(shape) for shape in shapes]
    match ranks:
        case [rank] if rank >= 2:
            return ("kernel",)
        case [rank, 1] if rank >= 2:
            return ("kernel", "bias")
        case [1, 1] if shapes[0] == shapes[1]:
            return ("gamma", "beta")
        case [1, 1, 1, 1] if len(set(shapes)) == 1:
            return ("gamma", "beta", "moving_mean", "moving_variance")
        case [2, 2, 1 | 2] if shapes[0][1] == shapes[1][1] == shapes[2][-1]:
            return ("kernel", "recurrent_kernel", "bias")
        case [first, second, 1] if first == second >= 3:
            return ("depthwise_kernel", "pointwise_kernel", "bias")
    return tuple(f"variable_{index}" for index in range(len(shapes)))
