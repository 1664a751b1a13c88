"""`cancel`: stops work that nobody waits for."""

from collections.abc import Sequence

import msgspec
from werkzeug.wrappers import Request, Response

from tb_snapshot_compare.errors import InvalidRequestError
from tb_snapshot_compare.http_api import contract
from tb_snapshot_compare.http_api.jobs import WorkQueue
from tb_snapshot_compare.http_api.respond import respond_json


class CancelRoute:
    """Knows every queue: the page does not know which one a job is in."""

    def __init__(self, queues: Sequence[WorkQueue]) -> None:
        self._queues = queues

    def cancel(self, request: Request) -> Response:
        """Stops a job unless somebody else asks for it; `ok` is false when it has ended."""
        try:
            body = msgspec.json.decode(request.get_data(), type=contract.Cancel)
        except msgspec.MsgspecError as error:
            raise InvalidRequestError(f"The body must be {{'job': id}}: {error}.") from error
        found = [queue.cancel(body.job) for queue in self._queues]
        return respond_json(contract.Accepted(ok=any(found)))
