"""Cached results, rebuildable at any time from the snapshots, and what the user wrote."""

from tb_snapshot_compare.store.contents import ContentStore
from tb_snapshot_compare.store.documents import DocumentStore
from tb_snapshot_compare.store.results import ResultStore, default_directory

__all__ = ["ContentStore", "DocumentStore", "ResultStore", "default_directory"]
