"""Compare the snapshots of a neural network: in TensorBoard, on the command line, from Python.

`compare(open_snapshot("epoch-10.keras"), open_snapshot("epoch-40.keras"))` is the Python side.
`SnapshotCallback` records a training of Keras, `Recorder` one of any other framework.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tb_snapshot_compare.recording import ProbeImages, Recorder, SnapshotCallback
    from tb_snapshot_compare.workspace import compare, open_snapshot

__version__ = "0.1.0"
__all__ = [
    "ProbeImages",
    "Recorder",
    "SnapshotCallback",
    "__version__",
    "compare",
    "open_snapshot",
]


def __getattr__(name: str) -> Any:
    """Loads the API when it is asked for: TensorBoard imports this package at its start."""
    if name in ("compare", "open_snapshot"):
        from tb_snapshot_compare import workspace

        return getattr(workspace, name)
    if name in ("ProbeImages", "Recorder", "SnapshotCallback"):
        from tb_snapshot_compare import recording

        return getattr(recording, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
