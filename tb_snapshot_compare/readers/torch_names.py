"""Canonical names for the keys of a PyTorch state dict.

A key is the path of a module and the name of its parameter or buffer, joined by dots:
`layer1.0.conv1.weight`. The layer is the module's path (`layer1/0/conv1`); the role is what
Keras calls such a variable (`kernel`), found from the parameter's name, its shape and what else
the module has. Prefixes of wrappers (`module.`, `_orig_mod.`, `ema.`) stay. Keys that are
named as Keras and Flax name variables (`conv1/kernel`) keep their role and Keras's layout.

Names of parameters: `torch/nn/modules/*.py` and `torch/nn/utils/*.py` of PyTorch.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tb_snapshot_compare.limits import MODEL_NESTING_MAX
from tb_snapshot_compare.readers.names import UniqueNames
from tb_snapshot_compare.snapshot import Layout, Scope

_EMBEDDING = re.compile(
    r"(?:.*_)?(?:emb|embed|embeds|embedding|embeddings|embedder|wte|wpe|wtt)(?:_?\d+|_tokens|"
    r"_positions|_in|_out)?",
    re.IGNORECASE,
)
_RECURRENT = re.compile(r"(weight|bias)_(ih|hh|hr)(?:_(l\d+(?:_reverse)?))?")
_PROJECTION = re.compile(r"(in_proj|q_proj|k_proj|v_proj)_(weight|bias)")
_PARAMETRIZED = re.compile(r"parametrizations\.(\w+)\.(original[01]?|0\._[uv])")
_ACTIVATION = re.compile(r"(?:.*_)?(?:prelu|act|activation)\d*", re.IGNORECASE)

_RECURRENT_ROLES = {
    ("weight", "ih"): "kernel",
    ("weight", "hh"): "recurrent_kernel",
    ("weight", "hr"): "projection_kernel",
    ("bias", "ih"): "bias",
    ("bias", "hh"): "recurrent_bias",
}
_KERAS_ROLES = frozenset(
    {
        "kernel",
        "recurrent_kernel",
        "depthwise_kernel",
        "pointwise_kernel",
        "embeddings",
        "gamma",
        "beta",
        "moving_mean",
        "moving_variance",
    }
)
"""Parameters that have Keras's own word; Keras and Flax both put the output channels last."""
_FLAX_ROLES = {"embedding": "embeddings", "scale": "gamma", "mean": "moving_mean"} | {
    "var": "moving_variance"
}
"""Flax's words, where a neighbour tells that they are: `scale` beside a `bias`, and so on."""
_STATISTICS = {"running_mean": "moving_mean", "running_var": "moving_variance"}
_STATE = frozenset(
    {
        "num_batches_tracked",
        "n_averaged",
        "position_ids",
        "token_type_ids",
        "relative_position_index",
        "attn_mask",
        "masked_bias",
        "_extra_state",
        "fake_quant_enabled",
        "observer_enabled",
    }
)
"""Buffers that no training changes as it changes weights: counters, indexes, masks, switches."""
_WEIGHT_NORM = {"weight_g": "kernel_g", "weight_v": "kernel_v"}
_SPECTRAL_NORM = {"weight_orig": "kernel", "weight_u": "vector_u", "weight_v": "vector_v"}
_OF_LAYERS = frozenset({"weight", "bias", "kernel", "running_mean"})
"""What makes a module a layer, though it may hold others (an adapter beside its weight)."""
_KERNELS = frozenset({"kernel", "recurrent_kernel", "projection_kernel", "kernel_v"})


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """What naming needs to know of a tensor of a state dict."""

    key: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class TorchName:
    """What a tensor is called and what it is for; the fields are those of `TensorInfo`."""

    name: str
    layer: str | None
    role: str
    scope: Scope
    layout: Layout


@dataclass(slots=True)
class _Module:
    """A module by its path: its own parameters, and whether it holds other modules.

    `recurrences` are the parts of an RNN that it consists of (`l0`, `l0_reverse`, ...).
    """

    path: str
    members: dict[str, StoredEntry] = field(default_factory=dict)
    recurrences: set[str | None] = field(default_factory=set)
    is_container: bool = False


def torch_names(entries: Sequence[StoredEntry]) -> tuple[TorchName, ...]:
    """Names for the tensors of one state dict, in the order of `entries`, whose keys are unique.

    A parameter that a module has beside other modules (`cls_token` of a transformer) belongs to
    no layer: the module is no layer but a group of them.
    """
    places = [_split(entry.key) for entry in entries]
    modules = _modules(entries, places)
    unique = UniqueNames()
    names = []
    for entry, (path, parameter) in zip(entries, places, strict=True):
        module = modules[path]
        layer, role, scope, layout = _described(entry, parameter, module)
        name = unique.of(f"{layer}/{role}" if layer else role, entry.key)
        in_group = module.is_container and not module.members.keys() & _OF_LAYERS
        free = in_group and layer == path
        names.append(TorchName(name, None if free else layer or None, role, scope, layout))
    return tuple(names)


def _modules(
    entries: Sequence[StoredEntry], places: Sequence[tuple[str, str]]
) -> dict[str, _Module]:
    """The modules that have parameters, by path."""
    modules: dict[str, _Module] = {}
    for entry, (path, parameter) in zip(entries, places, strict=True):
        module = modules.setdefault(path, _Module(path))
        module.members[parameter] = entry
        found = _RECURRENT.fullmatch(parameter)
        if found is not None:
            module.recurrences.add(found[3])
    for path in modules:
        parts = path.split("/", MODEL_NESTING_MAX)
        for count in range(len(parts)):
            around = modules.get("/".join(parts[:count]))
            if around is not None and around.path != path:
                around.is_container = True
    return modules


def _split(key: str) -> tuple[str, str]:
    """The path of a module (joined by "/") and the name of a parameter in it."""
    dotted = key.replace("/", ".")
    found = re.search(rf"(?:^|\.)({_PARAMETRIZED.pattern})$", dotted)
    start = found.start(1) if found else dotted.rfind(".") + 1
    module = dotted[:start].strip(".")
    return module.replace(".", "/"), dotted[start:] or key or "unnamed"


def _described(
    entry: StoredEntry, parameter: str, module: _Module
) -> tuple[str, str, Scope, Layout]:
    """Layer, role, scope and layout of a tensor of `module`."""
    if parameter in _STATE or _is_counter(entry, parameter):
        return module.path, parameter, "state", "keras"
    layer, role = _recurrent(parameter, module)
    if not role:
        layer, role = _projection(module.path, parameter)
    if not role:
        role = _plain_role(entry, module.path, parameter, module.members)
    torch_order = len(entry.shape) >= 2 and role in _KERNELS and parameter not in _KERAS_ROLES
    return layer, role, "weights", "torch" if torch_order else "keras"


def _is_counter(entry: StoredEntry, parameter: str) -> bool:
    integral = entry.dtype.startswith(("int", "uint", "bool"))
    return integral and not entry.shape and parameter not in ("weight", "bias")


def _recurrent(parameter: str, module: _Module) -> tuple[str, str]:
    """A parameter of an RNN, LSTM, GRU or one of their cells; no role where it is none.

    PyTorch keeps all directions and depths of one in a single module; each of them is a layer
    here where there are several, as it is in Keras.
    """
    found = _RECURRENT.fullmatch(parameter)
    if found is None:
        return module.path, ""
    kind, gate, part = found.groups()
    several = part is not None and len(module.recurrences) > 1
    layer = f"{module.path}/{part}".lstrip("/") if several else module.path
    return layer, _RECURRENT_ROLES.get((kind, gate), "")


def _projection(module: str, parameter: str) -> tuple[str, str]:
    """A parameter of MultiheadAttention, which keeps its input projections itself."""
    found = _PROJECTION.fullmatch(parameter)
    if found is None:
        return module, ""
    layer = f"{module}/{found[1]}" if module else found[1]
    return layer, "kernel" if found[2] == "weight" else "bias"


def _plain_role(
    entry: StoredEntry, module: str, parameter: str, siblings: Mapping[str, StoredEntry]
) -> str:
    parametrized = _PARAMETRIZED.fullmatch(parameter)
    if parametrized is not None:
        return _parametrized_role(parametrized[1], parametrized[2], siblings)
    if parameter in _STATISTICS:
        return _STATISTICS[parameter]
    if parameter in _SPECTRAL_NORM and "weight_orig" in siblings:
        return _SPECTRAL_NORM[parameter]
    if parameter in _WEIGHT_NORM and _WEIGHT_NORM.keys() <= siblings.keys():
        return _WEIGHT_NORM[parameter]
    if parameter == "weight":
        return _weight_role(entry, module, siblings)
    if parameter == "bias":
        return "beta" if _is_norm(siblings) else "bias"
    return _flax_role(parameter, siblings)


def _weight_role(entry: StoredEntry, module: str, siblings: Mapping[str, StoredEntry]) -> str:
    last = module.rsplit("/", 1)[-1]
    if len(entry.shape) >= 2:
        embedding = len(entry.shape) == 2 and "bias" not in siblings and _EMBEDDING.fullmatch(last)
        return "embeddings" if embedding else "kernel"
    if not entry.shape:
        return "weight"
    if "bias" not in siblings and _ACTIVATION.fullmatch(last):
        return "alpha"
    return "gamma"


def _is_norm(siblings: Mapping[str, StoredEntry]) -> bool:
    """Whether a module with these parameters normalizes: its weight is a vector, or it counts."""
    weight = siblings.get("weight") or siblings.get("scale") or siblings.get("gamma")
    if weight is not None:
        return len(weight.shape) == 1
    return "running_mean" in siblings


def _parametrized_role(name: str, original: str, siblings: Mapping[str, StoredEntry]) -> str:
    """A parameter under `torch.nn.utils.parametrizations` (weight, spectral norm, others)."""
    if original.startswith("0._"):
        return f"vector_{original[-1]}"
    role = "kernel" if name == "weight" else name
    if original == "original":
        return role
    normalized = f"parametrizations.{name}.original1" in siblings
    return f"{role}_{'gv'[int(original[-1])]}" if normalized else role


def _flax_role(parameter: str, siblings: Mapping[str, StoredEntry]) -> str:
    if parameter == "scale" and not (siblings.keys() & {"bias", "mean"}) and len(siblings) > 1:
        return parameter
    if parameter in ("mean", "var") and not siblings.keys() >= {"mean", "var"}:
        return parameter
    return _FLAX_ROLES.get(parameter, parameter)
