"""How far a command is, as a bar on standard error."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as Bars

from tb_snapshot_compare.workspace.indexing import IndexProgress
from tb_snapshot_compare.workspace.streaming import Progress


@contextmanager
def comparison_bar() -> Iterator[Progress]:
    """Counts the bytes that are compared; gone at the end."""
    columns = (TextColumn("comparing"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with _bars(columns) as bars:
        task = bars.add_task("", total=None)

        def report(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total)

        yield report


@contextmanager
def index_bar() -> Iterator[IndexProgress]:
    """Counts the snapshots of the run that is computed; gone at the end."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("snapshots"),
        TimeElapsedColumn(),
    )
    with _bars(columns) as bars:
        task = bars.add_task("looking for snapshots", total=None)

        def report(run: str, done: float, total: int) -> None:
            bars.update(task, description=run, completed=done, total=total)

        yield report


def _bars(columns: tuple[ProgressColumn, ...]) -> Bars:
    return Bars(*columns, console=Console(stderr=True), transient=True)
