"""Canonical names for the variables of TensorFlow 1, which a checkpoint stores under their names.

A variable's name is its scope and its role (`conv1/kernel`); slim and older code call the roles
`weights` and `biases`. An optimizer's slot is the variable's name and the optimizer's, numbered
from the second slot on (`conv1/kernel/Adam`, `conv1/kernel/Adam_1`; `slot_creator.py`), behind
the variable scope in which the optimizer was made. Which slot comes first is fixed by each
optimizer's `_create_slots` (`python/training/*.py` of TensorFlow 1.15); the words for slots are
those of Keras.
"""

import re
from collections.abc import Iterable, Set
from dataclasses import dataclass

SLOTS: dict[str, tuple[str, ...]] = {
    "Adam": ("momentum", "velocity"),
    "AdamOptimizer": ("momentum", "velocity"),
    "AdamW": ("momentum", "velocity"),
    "Nadam": ("momentum", "velocity"),
    "LAMB": ("momentum", "velocity"),
    "AdaMax": ("momentum", "norm"),
    "Momentum": ("momentum",),
    "LARSOptimizer": ("momentum",),
    "Adagrad": ("accumulator",),
    "ProximalAdagrad": ("accumulator",),
    "AdagradDA": ("gradient_accumulator", "accumulator"),
    "Adadelta": ("accumulated_grad", "accumulated_delta_var"),
    "Ftrl": ("accumulator", "linear"),
    "FtrlOptimizer": ("accumulator", "linear"),
    "RMSProp": ("velocity", "momentum"),
    "ExponentialMovingAverage": ("average",),
    "adam_m": ("momentum",),
    "adam_v": ("velocity",),
    "lamb_m": ("momentum",),
    "lamb_v": ("velocity",),
}
"""The slots of an optimizer in the order in which they are numbered."""
_CENTERED = ("velocity", "average_gradient", "momentum")
AVERAGE = "ExponentialMovingAverage"

SLOT_WORDS = {
    "m": "momentum",
    "v": "velocity",
    "vhat": "velocity_hat",
    "rms": "velocity",
    "mg": "average_gradient",
    "accum_grad": "accumulated_grad",
    "accum_var": "accumulated_delta_var",
    "u": "norm",
    "r": "row",
    "c": "column",
}
"""Slots as optimizers of tf.keras 2 call them."""

ROLE_WORDS = {
    "weights": "kernel",
    "biases": "bias",
    "depthwise_weights": "depthwise_kernel",
    "pointwise_weights": "pointwise_kernel",
    "embedding_weights": "embeddings",
}
HYPERPARAMETERS = frozenset({"beta1_power", "beta2_power", "learning_rate", "loss_scale"})
STATE_ROLES = frozenset({"global_step", "local_step", "biased", "good_steps"})

_NUMBER = re.compile(r"_(\d{1,3})\Z")


@dataclass(frozen=True, slots=True)
class Tf1Slot:
    """An optimizer's slot `role` of the variable `of`."""

    of: str
    role: str


class Tf1Keys:
    """The keys of a checkpoint, which tell slots from variables."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._known = frozenset(keys)
        parents = (key.rpartition("/") for key in self._known)
        self._words: dict[str, set[str]] = {}
        for parent, _, word in parents:
            self._words.setdefault(parent, set()).add(word)
        self._adam = any(key.rpartition("/")[2] == "beta1_power" for key in self._known)

    def slot(self, key: str) -> Tf1Slot | None:
        """The slot that `key` is; None where it is a variable of its own."""
        parent, _, word = key.rpartition("/")
        of = self._variable(parent, word)
        if of is None:
            return None
        return Tf1Slot(of, self._role(parent, word))

    def shadowed(self, key: str) -> str | None:
        """The variable that only its moving average is stored of; None where `key` is none."""
        parent, _, word = key.rpartition("/")
        return parent if word == AVERAGE and parent and parent not in self._known else None

    def _variable(self, parent: str, word: str) -> str | None:
        if parent in self._known:
            return parent
        if _stem(word) not in SLOTS:
            return None
        while "/" in parent:
            parent = parent.partition("/")[2]
            if parent in self._known:
                return parent
        return None

    def _role(self, parent: str, word: str) -> str:
        stem, number = _stem(word), _number(word)
        words: Set[str] = self._words[parent]
        roles = SLOTS.get(stem, ())
        if stem == "RMSProp" and "RMSProp_2" in words:
            roles = _CENTERED
        if not roles and self._adam and {stem, f"{stem}_1"} <= words:
            roles = SLOTS["Adam"]
        return roles[number % len(roles)] if roles else word


def _stem(word: str) -> str:
    return word if word in SLOTS else _NUMBER.sub("", word)


def _number(word: str) -> int:
    found = None if word in SLOTS else _NUMBER.search(word)
    return int(found[1]) if found else 0
