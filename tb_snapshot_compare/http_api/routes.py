"""Every route in one table, each behind the guard."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tb_snapshot_compare.http_api.cancelling import CancelRoute
from tb_snapshot_compare.http_api.comparing import ComparingRoutes
from tb_snapshot_compare.http_api.encoding import Encodings
from tb_snapshot_compare.http_api.event_data import EventData
from tb_snapshot_compare.http_api.guard import Guard
from tb_snapshot_compare.http_api.hiding import Hide
from tb_snapshot_compare.http_api.images import ImageRoutes
from tb_snapshot_compare.http_api.jobs import WorkQueue
from tb_snapshot_compare.http_api.kernels import KernelRoutes
from tb_snapshot_compare.http_api.listing import ListingRoutes
from tb_snapshot_compare.http_api.matching import MatchingRoutes
from tb_snapshot_compare.http_api.paths import ENTRY_POINT
from tb_snapshot_compare.http_api.probing import ProbingRoutes
from tb_snapshot_compare.http_api.static_files import StaticFiles
from tb_snapshot_compare.http_api.training import TrainingRoutes
from tb_snapshot_compare.http_api.trend import TrendRoute
from tb_snapshot_compare.workspace import (
    Patching,
    ProbeImages,
    Probing,
    Trainings,
    Trends,
    Turns,
    Workspace,
    compiling,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

COMPILING = "Preparing fast code, once after installation"


def applications(
    workspace: Workspace,
    images: ProbeImages,
    probing: Probing,
    events: EventData,
    guard: Guard,
    hide: Hide,
) -> Mapping[str, "WSGIApplication"]:
    """The WSGI application of every route, below `/data/plugin/snapshot_compare`."""
    turns = Turns()
    trends = Trends(workspace, turns)
    trends.start()
    trainings = Trainings(workspace, turns, events)
    trainings.start()
    listing = ListingRoutes(workspace, trends, trainings, events, hide)
    queue, models = (
        WorkQueue(turns=turns, state=lambda: workspace.matches_token, notice=notice)
        for notice in (_compiling, lambda: None)
    )
    logs = WorkQueue(turns=turns)
    encodings = Encodings()
    comparing = ComparingRoutes(workspace, queue, hide, encodings)
    kernels = KernelRoutes(workspace, queue)
    probe_images = ImageRoutes(images, hide)
    performing = ProbingRoutes(workspace, probing, Patching(probing, images), models, hide)
    matching = MatchingRoutes(workspace, queue, encodings)
    training = TrainingRoutes(workspace, trainings, events, logs, hide)
    of = matching.of_matches
    static = StaticFiles()
    return {
        "/snapshots": guard.wrap(listing.snapshots),
        "/changes": guard.wrap(listing.changes),
        "/scan": guard.wrap(listing.scan, methods=("POST",)),
        "/curves": guard.wrap(listing.curves),
        "/trend": guard.wrap(TrendRoute(trends, hide).trend),
        "/comparison": guard.wrap(of(comparing.comparison)),
        "/architecture": guard.wrap(of(comparing.architecture)),
        "/filters": guard.wrap(of(comparing.filters)),
        "/distribution": guard.wrap(of(comparing.distribution)),
        "/images": guard.wrap(probe_images.images),
        "/image": guard.wrap(probe_images.image),
        "/upload": guard.wrap(probe_images.upload, methods=("POST",)),
        "/kernel": guard.wrap(of(kernels.kernel)),
        "/kernel_tiles": guard.wrap(of(kernels.kernel_tiles)),
        "/kernel_order": guard.wrap(of(kernels.kernel_order)),
        "/kernel_slice": guard.wrap(of(kernels.kernel_slice)),
        "/located": guard.wrap(of(kernels.located)),
        "/area_distribution": guard.wrap(of(kernels.area_distribution)),
        "/probe_model": guard.wrap(of(performing.probe_model)),
        "/predictions": guard.wrap(of(performing.predictions)),
        "/channels": guard.wrap(of(performing.channels)),
        "/activation_maps": guard.wrap(of(performing.activation_maps)),
        "/patches": guard.wrap(of(performing.patches)),
        "/flow": guard.wrap(of(performing.flow)),
        "/attribution": guard.wrap(of(performing.attribution)),
        "/matches": guard.wrap(matching.matches),
        "/correct": guard.wrap(matching.correct, methods=("POST",)),
        "/match_file": guard.wrap(matching.match_file),
        "/training": guard.wrap(training.training),
        "/training_curves": guard.wrap(training.curves),
        "/training_layers": guard.wrap(training.layers),
        "/training_bands": guard.wrap(training.bands),
        "/training_filters": guard.wrap(training.filters),
        "/training_top": guard.wrap(training.top),
        "/training_classes": guard.wrap(training.classes),
        "/training_images": guard.wrap(training.images),
        "/training_image": guard.wrap(training.image),
        "/training_thumbnail": guard.wrap(training.thumbnail),
        "/training_correlation": guard.wrap(training.correlation),
        "/training_forensics": guard.wrap(training.forensics),
        "/cancel": guard.wrap(CancelRoute((queue, models, logs)).cancel, methods=("POST",)),
        ENTRY_POINT: guard.wrap(static.serve),
        "/static/*": guard.wrap(static.serve),
    }


def _compiling() -> str | None:
    return COMPILING if compiling.is_compiling() else None
