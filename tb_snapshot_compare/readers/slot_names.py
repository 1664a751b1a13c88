"""Which slot of which tensor an optimizer's variable is, told from its name."""

from collections.abc import Iterable, Mapping

from tb_snapshot_compare.snapshot import TensorInfo

_SLOTS = {
    "m": "momentum",
    "v": "velocity",
    "vhat": "velocity_hat",
    "rms": "velocity",
    "momentum": "momentum",
    "velocity": "velocity",
    "velocity_hat": "velocity_hat",
    "norm": "norm",
    "u": "norm",
    "accumulator": "accumulator",
    "linear": "linear",
    "accumulated_grad": "accumulated_grad",
    "accumulated_delta_var": "accumulated_delta_var",
    "average_gradient": "average_gradient",
    "average": "average",
    "gradient_accumulator": "gradient_accumulator",
}
_OF_A_SCALER = {
    "iteration": "loss_scale_iteration",
    "learning_rate": "loss_scale_learning_rate",
    "step_counter": "step_counter",
    "dynamic_scale": "dynamic_scale",
}
_COUNTERS = {"iteration": "iteration", "iter": "iteration", "learning_rate": "learning_rate"}


def slot_of_name(
    parts: list[str], by_flat_name: Mapping[str, list[TensorInfo]]
) -> tuple[str, TensorInfo | None]:
    """Role and tensor of an optimizer variable's name; an empty role where unknown.

    Keras 3: `adam/conv1_kernel_momentum`. Keras 2.11+: `Adam/m/conv1/kernel`. Before:
    `training/Adam/conv1/kernel/m`.
    """
    if parts[-1] in _COUNTERS:
        return _COUNTERS[parts[-1]], None
    if parts[-1] in _SLOTS and len(parts) > 2:
        return _owned(parts[-1], _suffixes(parts[:-1]), by_flat_name)
    for index, part in enumerate(parts[:-1]):
        if part in _SLOTS and len(parts) > index + 2:
            return _owned(part, ["_".join(parts[index + 1 :])], by_flat_name)
    for slot in sorted(_SLOTS, key=len, reverse=True):
        if parts[-1].endswith(f"_{slot}"):
            return _owned(slot, [parts[-1].removesuffix(f"_{slot}")], by_flat_name)
    return "", None


def roles_of_scalers(names: Iterable[str]) -> dict[str, str]:
    """Roles of the variables, by name, that belong to a `LossScaleOptimizer` of Keras 3 itself.

    It has an iteration and a learning rate like the optimizer inside, and uses neither: its
    iteration stays 0 (`keras/src/optimizers/loss_scale_optimizer.py`).
    """
    split = {name: name.rpartition("/") for name in names}
    scalers = {path for path, _, last in split.values() if path and last == "dynamic_scale"}
    return {
        name: _OF_A_SCALER[last]
        for name, (path, _, last) in split.items()
        if path in scalers and last in _OF_A_SCALER
    }


def _suffixes(parts: list[str]) -> list[str]:
    """`training/Adam/conv1/kernel` may or may not carry words before the tensor's path."""
    return ["_".join(parts[start:]) for start in range(min(len(parts), 4))]


def _owned(
    slot: str, candidates: list[str], by_flat_name: Mapping[str, list[TensorInfo]]
) -> tuple[str, TensorInfo | None]:
    for candidate in candidates:
        owners = by_flat_name.get(candidate, [])
        if len(owners) == 1:
            return _SLOTS[slot], owners[0]
    return "", None
