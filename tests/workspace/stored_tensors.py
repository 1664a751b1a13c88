"""Opened snapshots over raw files: any names, shapes and layouts, without a framework."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tb_snapshot_compare.readers.generation import generation_of
from tb_snapshot_compare.snapshot import (
    Extent,
    Format,
    Layout,
    Scope,
    SnapshotContents,
    TensorInfo,
)
from tb_snapshot_compare.workspace import OpenedSnapshot

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Stored:
    """A tensor as a reader would describe it."""

    values: Array
    layout: Layout = "keras"
    scope: Scope = "weights"


def snapshot(
    path: Path, tensors: Mapping[str, Stored | Array], config: str | None = None
) -> OpenedSnapshot:
    """Writes the values one after the other; names are canonical (`layer/role`)."""
    infos, offset = [], 0
    with path.open("wb") as file:
        for name, entry in tensors.items():
            stored = entry if isinstance(entry, Stored) else Stored(entry)
            raw = np.ascontiguousarray(stored.values).tobytes()
            file.write(raw)
            layer, _, role = name.rpartition("/")
            extents = (Extent(os.fspath(path), offset, len(raw)),) if raw else ()
            dtype, shape = stored.values.dtype.name, stored.values.shape
            info = TensorInfo(name, name, dtype, shape, extents, layer or None, role, stored.scope)
            infos.append(replace(info, layout=stored.layout))
            offset += len(raw)
    generation = generation_of([os.fspath(path)])
    contents = SnapshotContents(
        os.fspath(path), Format.SAFETENSORS, generation, tuple(infos), model_config=config
    )
    return OpenedSnapshot(contents, config)


def torch(values: Array) -> Stored:
    """In PyTorch's layout."""
    return Stored(values, "torch")
