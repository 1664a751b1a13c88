"""Cached results, rebuildable at any time from the snapshots."""

from tb_snapshot_compare.store.results import ResultStore, default_directory

__all__ = ["ResultStore", "default_directory"]
