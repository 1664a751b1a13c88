"""Every route in one table, each behind the guard."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tb_snapshot_compare.http_api.comparing import ComparingRoutes
from tb_snapshot_compare.http_api.event_data import EventData
from tb_snapshot_compare.http_api.guard import Guard
from tb_snapshot_compare.http_api.hiding import Hide
from tb_snapshot_compare.http_api.jobs import WorkQueue
from tb_snapshot_compare.http_api.listing import ListingRoutes
from tb_snapshot_compare.http_api.static_files import ENTRY, StaticFiles
from tb_snapshot_compare.workspace import Workspace

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

ENTRY_POINT = f"/static/{ENTRY}"


def applications(
    workspace: Workspace, events: EventData, guard: Guard, hide: Hide
) -> Mapping[str, "WSGIApplication"]:
    """The WSGI application of every route, below `/data/plugin/snapshot_compare`."""
    listing = ListingRoutes(workspace, events, hide)
    comparing = ComparingRoutes(workspace, WorkQueue(), hide)
    static = StaticFiles()
    return {
        "/snapshots": guard.wrap(listing.snapshots),
        "/changes": guard.wrap(listing.changes),
        "/scan": guard.wrap(listing.scan, methods=("POST",)),
        "/curves": guard.wrap(listing.curves),
        "/comparison": guard.wrap(comparing.comparison),
        "/architecture": guard.wrap(comparing.architecture),
        "/filters": guard.wrap(comparing.filters),
        "/distribution": guard.wrap(comparing.distribution),
        "/cancel": guard.wrap(comparing.cancel, methods=("POST",)),
        ENTRY_POINT: guard.wrap(static.serve),
        "/static/*": guard.wrap(static.serve),
    }
