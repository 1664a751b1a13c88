"""Listed snapshots as values, for what never opens them."""

from tb_snapshot_compare.snapshot import FileSet, Format, Position, SnapshotRef, State


def ref(
    name: str,
    *,
    step: int | None = None,
    epoch: int | None = None,
    source: str = "optimizer iterations",
    modified: float = 0.0,
    generation: str = "g",
    state: State = State.READY,
    of: str | None = None,
) -> SnapshotRef:
    """A snapshot of one file called `name`; its id is that of the path, `of` or the name."""
    position = Position(
        step,
        None if step is None else source,
        epoch,
        None if epoch is None else "file name",
    )
    files = FileSet(f"/logs/{name}.keras", Format.KERAS, 10, modified)
    return SnapshotRef(of or name, "run", name, position, modified, 10, (files,), generation, state)
