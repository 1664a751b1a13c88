"""Writes Orbax checkpoints of every kind, and beside each what Orbax itself restores from it.

Run as `python -m tests.readers.orbax_writer FOLDER`: Orbax and JAX stay out of the tests'
process.
"""

import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

from tests.readers.keras_models import BUILDERS, canonical, keras, trained

GENERATOR = np.random.default_rng(3)


def flax_state() -> dict[str, Any]:
    """What a training program with Flax and Optax keeps, with arrays of many types."""

    def array(*shape: int, dtype: Any = "float32") -> Any:
        return jnp.asarray(GENERATOR.normal(size=shape), dtype=dtype)

    params = {
        "Conv_0": {"kernel": array(3, 3, 2, 4), "bias": array(4)},
        "BatchNorm_0": {"scale": array(4), "bias": array(4)},
        "Dense_0": {"kernel": array(8, 5, dtype="bfloat16"), "bias": array(5, dtype="float16")},
        "Embed_0": {"embedding": array(7, 3, dtype="float8_e4m3fn")},
        "counts": {"table": jnp.arange(6, dtype="int8").reshape(2, 3)},
    }
    statistics = {"BatchNorm_0": {"mean": array(4), "var": array(4)}}
    slots = {name: jax.tree.map(lambda value: value * 2, params) for name in ("mu", "nu")}
    return {
        "params": params,
        "batch_stats": statistics,
        "opt_state": [{"count": jnp.int32(11), **slots}, {}],
        "step": jnp.int32(11),
    }


def flat(tree: Any) -> dict[str, np.ndarray]:
    """Arrays of a restored tree by `a/b/c`."""
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    found = {}
    for path, value in leaves:
        words = [str(getattr(k, "key", getattr(k, "idx", getattr(k, "name", k)))) for k in path]
        found["/".join(words)] = np.asarray(value)
    return found


def keep(folder: Path, name: str, values: dict[str, np.ndarray]) -> None:
    """Values as plain bytes, since NumPy's file format does not know bfloat16."""
    raw = {
        f"{value.dtype.name}|{key}": np.ascontiguousarray(value).reshape(-1).view("uint8")
        for key, value in values.items()
    }
    np.savez(folder / f"{name}.npz", **raw)


def pytree(folder: Path, name: str, **options: bool) -> None:
    state = flax_state()
    with ocp.PyTreeCheckpointer(**options) as saver:
        saver.save(folder / name, state)
        keep(folder, name, flat(saver.restore(folder / name)))


def standard(folder: Path) -> None:
    with ocp.StandardCheckpointer() as saver:
        saver.save(folder / "standard", flax_state())
        saver.wait_until_finished()
        keep(folder, "standard", flat(saver.restore(folder / "standard")))


def manager(folder: Path) -> None:
    state = flax_state()
    with ocp.CheckpointManager(folder / "manager") as saver:
        for step in (10, 20):
            saver.save(step, args=ocp.args.StandardSave(state))
        saver.wait_until_finished()
        keep(folder, "manager", flat(saver.restore(20, args=ocp.args.StandardRestore())))
    items = {"params": state["params"], "opt_state": state["opt_state"]}
    with ocp.CheckpointManager(folder / "items") as saver:
        saved = {name: ocp.args.StandardSave(item) for name, item in items.items()}
        saver.save(5, args=ocp.args.Composite(**saved, notes=ocp.args.JsonSave({"a": 1})))
        saver.wait_until_finished()
    keep(folder, "items", flat(items))


def of_keras(folder: Path) -> None:
    for name in ("alexnet_like", "sequential", "attention_and_recurrence"):
        model = trained(BUILDERS[name])
        callback = keras.callbacks.OrbaxCheckpoint(
            str(folder / f"keras-{name}"), max_to_keep=None, save_on_background=False
        )
        callback.set_model(model)
        callback.on_epoch_end(0)
        callback.on_train_end()
        model.save(folder / f"keras-{name}.keras")
        keep(folder, f"keras-{name}", canonical(model))


def large(folder: Path) -> None:
    """An array in many chunks that do not lie one after the other."""
    values = GENERATOR.normal(size=(600, 700, 12)).astype("float32")
    state = {"params": {"wide": {"kernel": jnp.asarray(values)}}}
    with ocp.PyTreeCheckpointer(use_ocdbt=True, use_zarr3=True) as saver:
        arguments = ocp.args.PyTreeSave(
            state,
            save_args=jax.tree.map(lambda _: ocp.SaveArgs(chunk_byte_size=1 << 18), state),
        )
        saver.save(folder / "large", arguments)
    keep(folder, "large", flat(state))


def main() -> None:
    """Writes all of it into the folder on the command line."""
    folder = Path(sys.argv[1]).absolute()
    pytrees: dict[str, dict[str, bool]] = {
        "zarr2": {"use_ocdbt": False, "use_zarr3": False},
        "zarr3": {"use_ocdbt": False, "use_zarr3": True},
        "ocdbt": {"use_ocdbt": True, "use_zarr3": False},
        "ocdbt-zarr3": {"use_ocdbt": True, "use_zarr3": True},
    }
    for name, options in pytrees.items():
        pytree(folder, name, **options)
    for write in (standard, manager, of_keras, large):
        write(folder)


if __name__ == "__main__":
    main()
