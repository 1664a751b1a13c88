"""What answers the page: everything wired together, as TensorBoard's flags describe it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tensorboard.plugins import base_plugin

from tb_snapshot_compare.http_api.event_data import EventData
from tb_snapshot_compare.http_api.guard import Guard, own_names
from tb_snapshot_compare.http_api.hiding import hide_roots
from tb_snapshot_compare.http_api.routes import applications
from tb_snapshot_compare.workspace import ProbeImages, Probing, Workspace, compiling

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


@dataclass(frozen=True, slots=True)
class Service:
    """The workspace, and the WSGI application of every path."""

    workspace: Workspace
    applications: Mapping[str, "WSGIApplication"]


def start(context: base_plugin.TBContext) -> Service:
    """Reads the flags and starts the scan in its own thread."""
    flags = context.flags
    events = EventData(context.data_provider)
    workspace = Workspace.of_directories(
        context.logdir or _text(flags, "logdir"),
        _text(flags, "logdir_spec"),
        _text(flags, "snapshot_compare_dirs"),
        _text(flags, "snapshot_compare_cache_dir"),
        events,
        float(getattr(flags, "reload_interval", None) or 0),
    )
    compiling.enable(workspace.results.directory)
    images = ProbeImages.of_flags(
        workspace,
        _text(flags, "snapshot_compare_images"),
        _text(flags, "snapshot_compare_cache_dir"),
        events,
    )
    probing = Probing.of_flags(workspace, images, _text(flags, "snapshot_compare_model"))
    hide = hide_roots((*workspace.directories, *images.directories))
    guard = Guard(*own_names(flags), hide)
    return Service(workspace, applications(workspace, images, probing, events, guard, hide))


def _text(flags: Any, name: str) -> str:
    return getattr(flags, name, None) or ""
