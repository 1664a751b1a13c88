"""Names without what wrappers add to them: the same model in and out of its wrappers."""

import re
from dataclasses import dataclass
from functools import lru_cache

_WRAPPERS = frozenset(
    {
        "module",  # torch.nn.DataParallel, DistributedDataParallel
        "_orig_mod",  # torch.compile
        "_fsdp_wrapped_module",
        "_checkpoint_wrapped_module",
        "_forward_module",  # Lightning Fabric
    }
)
"""What a wrapper calls the one thing that it holds, wherever in a name."""
_PREFIXES = frozenset(
    {
        "backbone",
        "base_model",
        "model",
        "model_state_dict",
        "net",
        "network",
        "params",
        "state_dict",
        "student",
        "weights",
    }
)
"""What the beginning of a name is called, where all that follows is the model."""
_COPIES = {
    "averaged_model": "averaged",
    "ema": "averaged",
    "ema_model": "averaged",
    "ema_params": "averaged",
    "ema_state_dict": "averaged",
    "model_ema": "averaged",
    "module_ema": "averaged",
    "state_dict_ema": "averaged",
    "swa_model": "averaged",
    "teacher": "teacher",
}
_SEPARATORS = re.compile(r"[/._]+")


@dataclass(frozen=True, slots=True)
class CanonicalName:
    """`text` is the name with one separator and without wrappers.

    `copy` is the word for a second set of the same weights in one file, empty for the first.
    """

    text: str
    copy: str = ""


@lru_cache(maxsize=32_768)  # every rule of the matching asks for that of every tensor
def canonical(name: str) -> CanonicalName:
    """The name that a tensor has without its wrappers; never empty."""
    parts = re.split(r"[/.]", re.sub(r":\d+$", "", name))
    last = parts[-1]
    inner = [part for part in parts[:-1] if part and part not in _WRAPPERS]
    copy = ""
    while inner and (inner[0] in _PREFIXES or inner[0] in _COPIES):
        copy = copy or _COPIES.get(inner[0], "")
        inner.pop(0)
    return CanonicalName(_SEPARATORS.sub("/", "/".join((*inner, last))).strip("/"), copy)


ATTENTION_PARTS = {
    **dict.fromkeys(("q", "q_proj", "query", "to_q", "wq", "q_lin", "query_dense"), "query"),
    **dict.fromkeys(("k", "k_proj", "key", "to_k", "wk", "k_lin", "key_dense"), "key"),
    **dict.fromkeys(("v", "v_proj", "value", "to_v", "wv", "v_lin", "value_dense"), "value"),
    **dict.fromkeys(("attention_output", "out_proj", "o_proj", "out_lin"), "output"),
}
"""What frameworks call the four projections of attention."""
FUSED_PARTS = frozenset({"in_proj", "qkv", "qkv_proj", "c_attn", "to_qkv", "Wqkv"})
"""What they call query, key and value in one tensor, in this order along its first axis."""
