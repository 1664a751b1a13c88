"""The trainer's side: records a training without holding it up.

`SnapshotCallback` for Keras, `Recorder` for any other loop. What they need is loaded when they are
first asked for.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tb_snapshot_compare.recording.callback import SnapshotCallback
    from tb_snapshot_compare.recording.recorder import Recorder
    from tb_snapshot_compare.recording.values import ProbeImages

__all__ = ["ProbeImages", "Recorder", "SnapshotCallback"]


def __getattr__(name: str) -> Any:
    if name == "SnapshotCallback":
        from tb_snapshot_compare.recording.callback import SnapshotCallback

        return SnapshotCallback
    if name == "Recorder":
        from tb_snapshot_compare.recording.recorder import Recorder

        return Recorder
    if name == "ProbeImages":
        from tb_snapshot_compare.recording.values import ProbeImages

        return ProbeImages
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
