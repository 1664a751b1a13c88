"""The plugin as TensorBoard sees it: what it needs at its start, and nothing that takes time.

Everything else is imported and wired in a thread once TensorBoard listens, so that it does not
start later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tensorboard.plugins import base_plugin

from tb_snapshot_compare.deferred import Deferred
from tb_snapshot_compare.http_api.paths import ENTRY_POINT, PATHS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from tb_snapshot_compare.http_api.service import Service

PLUGIN_NAME = "snapshot_compare"
TAB_NAME = "Compare"
START_SECONDS = 1.5
"""TensorBoard listens about a second after this; a page that is open asks at once."""


class SnapshotComparePlugin(base_plugin.TBPlugin):  # type: ignore[misc]  # TensorBoard is untyped
    """Serves the Compare tab."""

    plugin_name = PLUGIN_NAME

    def __init__(self, context: base_plugin.TBContext) -> None:
        """Starts the service in its own thread, when the first page asks or a little later."""
        self._service = Deferred(lambda: _start(context), "snapshot-compare-start", START_SECONDS)

    @property
    def service(self) -> Service:
        """Everything wired together; waits until it is."""
        return self._service.get()

    def get_plugin_apps(self) -> Mapping[str, WSGIApplication]:
        """Every route, each behind the guard."""
        return {path: self._application(path) for path in PATHS}

    def is_active(self) -> bool:
        """Whether the last scan saw a snapshot; True until it has ended, and never waits."""
        service = self._service.peek()
        if service is None:
            return not self._service.failed
        return service.workspace.has_snapshots()

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        """The tab and its module."""
        return base_plugin.FrontendMetadata(es_module_path=ENTRY_POINT, tab_name=TAB_NAME)

    def _application(self, path: str) -> WSGIApplication:
        def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            return self.service.applications[path](environ, start_response)

        return application


def _start(context: base_plugin.TBContext) -> Service:
    from tb_snapshot_compare.http_api.service import start

    return start(context)
