"""The table of the reader suite: each format, written and read back by its own framework.

A new format is one `Case`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tb_snapshot_compare.snapshot import Format
from tests.readers.suite_damage import (
    damage_archive,
    damage_checkpoint,
    damage_distributed,
    damage_hdf5,
    damage_npz,
    damage_safetensors,
    damage_saved_model,
    remove_shard,
)
from tests.readers.suite_keras import (
    load_checkpoint,
    load_model,
    load_saved_model,
    load_weights,
    write_backup,
    write_checkpoint,
    write_export,
    write_keras,
    write_legacy,
    write_saved_model,
    write_saver,
    write_sharded_checkpoint,
    write_sharded_weights,
    write_weights,
)
from tests.readers.suite_network import VARIANTS, Values
from tests.readers.suite_others import (
    load_distributed,
    load_npy,
    load_npz,
    load_orbax,
    load_safetensors,
    load_safetensors_of_keras,
    load_sharded_safetensors,
    load_sharded_torch,
    load_torch,
    write_compressed_npz,
    write_distributed,
    write_legacy_torch,
    write_npy,
    write_npz,
    write_orbax,
    write_safetensors,
    write_safetensors_of_keras,
    write_safetensors_without_index,
    write_sharded_safetensors,
    write_sharded_torch,
    write_torch,
)

WITHOUT_BFLOAT16 = tuple(variant for variant in VARIANTS if variant != "bfloat16")
"""NumPy's own files cannot say that values are bfloat16; Keras cannot load such a `.h5` again."""
WITHOUT_FLOAT16 = tuple(variant for variant in VARIANTS if variant != "float16")
"""TensorFlow writes parts of a float16 variable into several shards, and cannot load them."""


@dataclass(frozen=True)
class Case:
    """One way to save the network.

    `write(folder, variant)` saves it and returns the path to open; `load(path, variant)` is the
    framework's own loader: values by stored key, or by canonical name where `by` says so.
    `names` says after whose table the tensors are called; "none" is one array without a layer.
    `damage(path)` damages one tensor, or one file of several, so that others stay. `listed` is
    False for what only a path opens. `values` are the files with the values, below the path,
    where they are not read in place.
    """

    name: str
    format: Format
    write: Callable[[Path, str], Path]
    load: Callable[[Path, str], Values]
    names: Literal["keras", "torch", "none"]
    by: Literal["key", "name"] = "key"
    variants: tuple[str, ...] = VARIANTS
    damage: Callable[[Path], None] | None = None
    listed: bool = True
    values: str | None = None

    def __repr__(self) -> str:
        return self.name


CASES = (
    Case("keras", Format.KERAS, write_keras, load_model, "keras", "name", damage=damage_hdf5),
    Case(
        "weights_h5",
        Format.WEIGHTS_H5,
        write_weights,
        load_weights,
        "keras",
        "name",
        damage=damage_hdf5,
    ),
    Case(
        "legacy_h5",
        Format.LEGACY_H5,
        write_legacy,
        load_model,
        "keras",
        "name",
        variants=WITHOUT_BFLOAT16,
        damage=damage_hdf5,
    ),
    Case(
        "backup", Format.WEIGHTS_H5, write_backup, load_weights, "keras", "name", damage=damage_hdf5
    ),
    Case(
        "sharded_weights",
        Format.WEIGHTS_H5,
        write_sharded_weights,
        load_weights,
        "keras",
        "name",
        damage=remove_shard,
    ),
    Case(
        "tf_checkpoint",
        Format.TF_CHECKPOINT,
        write_checkpoint,
        load_checkpoint,
        "keras",
        damage=damage_checkpoint,
    ),
    Case(
        "sharded_tf_checkpoint",
        Format.TF_CHECKPOINT,
        write_sharded_checkpoint,
        load_checkpoint,
        "keras",
        variants=WITHOUT_FLOAT16,
        damage=remove_shard,
    ),
    Case(
        "tf1_saver",
        Format.TF_CHECKPOINT,
        write_saver,
        load_checkpoint,
        "keras",
        damage=damage_checkpoint,
    ),
    Case(
        "saved_model",
        Format.SAVED_MODEL,
        write_saved_model,
        load_saved_model,
        "keras",
        damage=damage_saved_model,
    ),
    Case(
        "exported",
        Format.SAVED_MODEL,
        write_export,
        load_saved_model,
        "keras",
        damage=damage_saved_model,
    ),
    Case(
        "orbax",
        Format.ORBAX,
        write_orbax,
        load_orbax,
        "keras",
        "name",
        values="pytree/d/*",
    ),
    Case("torch", Format.TORCH, write_torch, load_torch, "torch", damage=damage_archive),
    Case("legacy_torch", Format.TORCH, write_legacy_torch, load_torch, "torch"),
    Case(
        "sharded_torch",
        Format.TORCH,
        write_sharded_torch,
        load_sharded_torch,
        "torch",
        damage=remove_shard,
    ),
    Case(
        "torch_distributed",
        Format.TORCH_DISTRIBUTED,
        write_distributed,
        load_distributed,
        "torch",
        damage=damage_distributed,
    ),
    Case(
        "safetensors",
        Format.SAFETENSORS,
        write_safetensors,
        load_safetensors,
        "torch",
        damage=damage_safetensors,
    ),
    Case(
        "safetensors_of_keras",
        Format.SAFETENSORS,
        write_safetensors_of_keras,
        load_safetensors_of_keras,
        "keras",
        damage=damage_safetensors,
    ),
    Case(
        "sharded_safetensors",
        Format.SAFETENSORS,
        write_sharded_safetensors,
        load_sharded_safetensors,
        "torch",
        damage=remove_shard,
    ),
    Case(
        "safetensors_without_index",
        Format.SAFETENSORS,
        write_safetensors_without_index,
        load_sharded_safetensors,
        "torch",
        damage=damage_safetensors,
    ),
    Case(
        "npz",
        Format.NPZ,
        write_npz,
        load_npz,
        "keras",
        variants=WITHOUT_BFLOAT16,
        damage=damage_npz,
    ),
    Case("npy", Format.NPY, write_npy, load_npy, "none", variants=WITHOUT_BFLOAT16, listed=False),
    Case(
        "compressed_npz",
        Format.NPZ,
        write_compressed_npz,
        load_npz,
        "torch",
        variants=WITHOUT_BFLOAT16,
        damage=damage_archive,
    ),
)
