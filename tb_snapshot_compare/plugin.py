"""The plugin as TensorBoard sees it: routes, metadata and wiring; no work of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tensorboard.plugins import base_plugin

from tb_snapshot_compare.http_api.event_data import EventData
from tb_snapshot_compare.http_api.guard import Guard, own_names
from tb_snapshot_compare.http_api.hiding import hide_roots
from tb_snapshot_compare.http_api.routes import ENTRY_POINT, applications
from tb_snapshot_compare.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from _typeshed.wsgi import WSGIApplication

PLUGIN_NAME = "snapshot_compare"
TAB_NAME = "Compare"


class SnapshotComparePlugin(base_plugin.TBPlugin):  # type: ignore[misc]  # TensorBoard is untyped
    """Serves the Compare tab."""

    plugin_name = PLUGIN_NAME

    def __init__(self, context: base_plugin.TBContext) -> None:
        """Reads the flags and starts the scan in its own thread."""
        flags = context.flags
        events = EventData(context.data_provider)
        self._workspace = Workspace.of_directories(
            context.logdir or _text(flags, "logdir"),
            _text(flags, "logdir_spec"),
            _text(flags, "snapshot_compare_dirs"),
            _text(flags, "snapshot_compare_cache_dir"),
            events,
            float(getattr(flags, "reload_interval", None) or 0),
        )
        hosts, everywhere = own_names(flags)
        hide = hide_roots(self._workspace.directories)
        guard = Guard(hosts, everywhere, hide)
        self._applications = applications(self._workspace, events, guard, hide)

    def get_plugin_apps(self) -> Mapping[str, WSGIApplication]:
        """Every route, each behind the guard."""
        return self._applications

    def is_active(self) -> bool:
        """Whether the last scan saw a snapshot; never touches the disk."""
        return self._workspace.has_snapshots()

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        """The tab and its module."""
        return base_plugin.FrontendMetadata(es_module_path=ENTRY_POINT, tab_name=TAB_NAME)


def _text(flags: Any, name: str) -> str:
    return getattr(flags, name, None) or ""
