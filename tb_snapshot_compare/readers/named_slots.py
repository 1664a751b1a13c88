"""Slots of optimizers that only their names tell: those of tf.keras 2.11 to 2.15.

Such an optimizer keeps its slots in a list and calls each `<slot>/<name of the variable>`, with
its own name in front in the older ones (`Optimizer.add_variable_from_reference` in
`keras/optimizers/optimizer.py` of tf.keras 2).
"""

from collections.abc import Iterable, Mapping, Sequence

from tb_snapshot_compare.readers.tf1_names import SLOT_WORDS

_SLOTS = frozenset(
    {
        *SLOT_WORDS,
        *SLOT_WORDS.values(),
        "accumulator",
        "average",
        "linear",
        "momentum",
        "norm",
    }
)


def slots_by_name(
    variables: Iterable[tuple[str, str]], weights: Iterable[tuple[str, str]]
) -> dict[str, tuple[str, str]]:
    """Which slot of which weight an optimizer's variables are, by their keys.

    Args:
      variables: (key, full name) of the optimizer's variables, in its order.
      weights: (key, full name) of the model's weights, in its order. Several weights of one
        name are told apart by order, where each has a slot.

    Returns:
      (key of the weight, role of the slot) by key of the variable.
    """
    keys_of: dict[str, list[str]] = {}
    for key, name in weights:
        keys_of.setdefault(name, []).append(key)
    slots_of: dict[tuple[str, str], list[str]] = {}
    for key, name in variables:
        found = _split(name, keys_of)
        if found is not None:
            slots_of.setdefault(found, []).append(key)
    return {
        slot: (target, SLOT_WORDS.get(word, word))
        for (word, name), slots in slots_of.items()
        if len(slots) == len(keys_of[name])
        for slot, target in zip(slots, keys_of[name], strict=True)
    }


def _split(name: str, weights: Mapping[str, Sequence[str]]) -> tuple[str, str] | None:
    """`Adam/m/conv1/kernel` as (`m`, `conv1/kernel`)."""
    for _ in range(2):
        word, _, rest = name.partition("/")
        if word in _SLOTS and rest in weights:
            return word, rest
        name = rest
    return None
