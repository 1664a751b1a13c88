"""`snapshots`, `changes`, `scan` and `curves`: what there is to compare."""

import math

from werkzeug.wrappers import Request, Response

from tb_snapshot_compare.http_api import contract
from tb_snapshot_compare.http_api.event_data import EventData
from tb_snapshot_compare.http_api.hiding import Hide
from tb_snapshot_compare.http_api.parameters import required
from tb_snapshot_compare.http_api.respond import respond_json
from tb_snapshot_compare.snapshot import Position, SnapshotRef, State
from tb_snapshot_compare.workspace import RunSources, Trainings, Trends, Workspace, compiling


class ListingRoutes:
    """Answers from the newest catalog; nothing here reads a snapshot."""

    def __init__(
        self,
        workspace: Workspace,
        trends: Trends,
        trainings: Trainings,
        events: EventData,
        hide: Hide,
    ) -> None:
        self._workspace = workspace
        self._trends = trends
        self._trainings = trainings
        self._events = events
        self._hide = hide

    def snapshots(self, _request: Request) -> Response:
        """Every snapshot by run, and a pair worth looking at first: what a page asks for first."""
        compiling.begin()
        catalog = self._workspace.catalog()
        return respond_json(
            contract.Listing(
                version=catalog.version,
                scanning=catalog.scanning,
                roots=[
                    contract.Root(name=root.name, path=root.path_as_given, problem=root.problem)
                    for root in catalog.roots
                ],
                runs=[_run(run, self._hide) for run in catalog.runs],
                suggested=suggested_pair(catalog.runs),
                matches=self._workspace.matches_token,
            )
        )

    def changes(self, _request: Request) -> Response:
        """The versions of the listing, of the trends and of the logs on show."""
        catalog = self._workspace.catalog()
        return respond_json(
            contract.Changes(
                version=catalog.version,
                scanning=catalog.scanning,
                trend=self._trends.version,
                training=self._trainings.version(),
            )
        )

    def scan(self, _request: Request) -> Response:
        """Looks for new snapshots now."""
        self._workspace.rescan()
        return respond_json(contract.Accepted(ok=True))

    def curves(self, request: Request) -> Response:
        """The scalar curves of a run."""
        run = self._workspace.run(required(request, "run"))
        curves = self._events.curves(run.event_runs)
        return respond_json(contract.Curves(run=run.name, curves=curves))


def wire_snapshot(ref: SnapshotRef, hide: Hide = str) -> contract.Snapshot:
    """A listed snapshot as the page sees it."""
    position = ref.position
    return contract.Snapshot(
        id=ref.id,
        generation=ref.generation,
        run=ref.run,
        name=ref.name,
        label=label(position) or ref.name,
        step=position.step,
        step_source=position.step_source,
        epoch=position.epoch,
        epoch_source=position.epoch_source,
        modified=ref.modified,
        size=ref.size,
        formats=[files.format.value for files in ref.file_sets],
        state=ref.state.value,
        reason=None if ref.reason is None else hide(ref.reason),
    )


def label(position: Position) -> str:
    """`epoch 10 · step 340`; empty when neither is known."""
    parts = []
    if position.epoch is not None:
        parts.append(f"epoch {position.epoch:,}")
    if position.step is not None:
        parts.append(f"step {position.step:,}")
    return " · ".join(parts)


def suggested_pair(runs: tuple[RunSources, ...]) -> contract.Pair | None:
    """An early and the newest snapshot of the run that was written last.

    Early is a quarter of the way, when the network has left its random start but is far
    from its end. None when no run has two snapshots that can be read.
    """
    ready = [[ref for ref in run.snapshots if ref.state is State.READY] for run in runs]
    pairs = [refs for refs in ready if len(refs) >= 2]
    if not pairs:
        return None
    newest = max(pairs, key=lambda refs: max(ref.modified for ref in refs))
    early = min(math.ceil(len(newest) / 4) - 1, len(newest) - 2)
    return contract.Pair(a=newest[early].id, b=newest[-1].id)


def _run(run: RunSources, hide: Hide) -> contract.Run:
    return contract.Run(
        name=run.name,
        event_runs=list(run.event_runs),
        snapshots=[wire_snapshot(ref, hide) for ref in run.snapshots],
        has_log=run.log is not None,
    )
