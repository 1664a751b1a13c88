"""Answers of work that goes through a queue: the result, or where it stands."""

from collections.abc import Callable
from typing import Any

from werkzeug.wrappers import Response

from tb_snapshot_compare.http_api import contract
from tb_snapshot_compare.http_api.jobs import Progress, WorkQueue
from tb_snapshot_compare.http_api.respond import respond_json
from tb_snapshot_compare.snapshot import SnapshotRef


def respond_queued(
    queue: WorkQueue,
    key: tuple[str, ...],
    label: str,
    work: Callable[[Progress], object],
    respond: Callable[[Any], Response],
) -> Response:
    """What `respond` makes of the work's result, or 202 with the job; see `WorkQueue`."""
    answer = queue.result_or_job(key, label, work)
    if isinstance(answer, contract.Job):
        return respond_json(answer, status=202)
    return respond(answer)


def pair_key(a: SnapshotRef, b: SnapshotRef) -> tuple[str, str, str, str]:
    """What identifies the bytes of a pair, for a queue's key."""
    return (a.id, a.generation, b.id, b.generation)
