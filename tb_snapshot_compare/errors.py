"""The errors a user can meet. Every message names the thing, the value and the remedy.

Messages are safe to show to anybody who may see the page: they name files by the
path the caller gave and never carry a traceback or an address.
"""

import errno
from collections.abc import Iterator
from typing import ClassVar

_CHAIN_MAX = 8
_PASSING = frozenset(
    {
        errno.EACCES,
        errno.EAGAIN,
        errno.EBUSY,
        errno.EDQUOT,
        errno.EIO,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENODEV,
        errno.ENOMEM,
        errno.ENOSPC,
        errno.ENOTCONN,
        errno.ESTALE,
        errno.ETIMEDOUT,
    }
)
"""What the system answers for a while, of files that stay as they are."""


class SnapshotCompareError(Exception):
    """Base of every expected failure.

    `code` is the stable machine-readable word of the HTTP error shape; `status` is
    the HTTP status it becomes. `passes` says that the file itself may be sound.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    passes: ClassVar[bool] = False


def may_pass(error: BaseException) -> bool:
    """Whether the same may succeed later though the files stay as they are.

    So it is where a store or a disk failed, or no descriptors or no memory were left.
    """
    return any(
        cause.passes
        if isinstance(cause, SnapshotCompareError)
        else isinstance(cause, OSError) and cause.errno in _PASSING
        for cause in causes(error)
    )


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what it was raised from, and so on."""
    cause: BaseException | None = error
    for _ in range(_CHAIN_MAX):
        if cause is None:
            return
        yield cause
        cause = cause.__cause__ or cause.__context__


class InvalidRequestError(SnapshotCompareError):
    """A parameter is missing, malformed or out of bounds."""

    code = "invalid_request"
    status = 400


class ForbiddenError(SnapshotCompareError):
    """The request comes from a foreign host name or another site."""

    code = "forbidden"
    status = 403


class NotFoundError(SnapshotCompareError):
    """No snapshot, run, layer or tensor has this identifier."""

    code = "not_found"
    status = 404


class SnapshotGoneError(SnapshotCompareError):
    """The snapshot's files were deleted after it was listed."""

    code = "gone"
    status = 410


class SnapshotChangedError(SnapshotCompareError):
    """The snapshot's files were replaced while, or since, they were read."""

    code = "changed"
    status = 409


class UnreadableSnapshotError(SnapshotCompareError):
    """The snapshot cannot be read: corrupt, truncated, unsupported or not permitted."""

    code = "unreadable"
    status = 422


class NoTensorsError(UnreadableSnapshotError):
    """The file is sound but holds no tensors: it is no snapshot, whatever its name says."""


class ReaderUnavailableError(UnreadableSnapshotError):
    """What reads this format is not installed properly; the snapshot itself may be sound."""

    code = "reader_unavailable"
    status = 500


class BeingWrittenError(UnreadableSnapshotError):
    """The snapshot is incomplete because its writer has not finished."""

    code = "being_written"


class CancelledError(SnapshotCompareError):
    """The work was cancelled by whoever asked for it."""

    code = "cancelled"
    status = 409


class BusyError(SnapshotCompareError):
    """Too much work is queued; try again later."""

    code = "busy"
    status = 503


class InferenceError(SnapshotCompareError):
    """A network could not be run on images."""

    code = "inference_failed"
    status = 422


class ModelUnavailableError(InferenceError):
    """A network cannot be rebuilt or run. `remedy` is a sentence that says what to do."""

    code = "model_unavailable"

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(f"{reason} {remedy}".strip())
        self.reason = reason
        self.remedy = remedy


class ModelProcessError(InferenceError):
    """The process that runs models ended over a request; the next request starts another."""

    code = "model_process"
    status = 502
