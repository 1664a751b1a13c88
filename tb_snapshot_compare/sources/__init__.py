"""Which snapshots exist in the scanned directories; never their bytes."""

from tb_snapshot_compare.sources.position import merged, position_of_name
from tb_snapshot_compare.sources.probe import Probe, Prober
from tb_snapshot_compare.sources.roots import Root, parse_roots
from tb_snapshot_compare.sources.runs import RunSources
from tb_snapshot_compare.sources.scan import Bounds, Scan, scan
from tb_snapshot_compare.sources.state_dicts import is_named_by_directory
from tb_snapshot_compare.sources.watcher import Catalog, Watcher

__all__ = [
    "Bounds",
    "Catalog",
    "Probe",
    "Prober",
    "Root",
    "RunSources",
    "Scan",
    "Watcher",
    "is_named_by_directory",
    "merged",
    "parse_roots",
    "position_of_name",
    "scan",
]
