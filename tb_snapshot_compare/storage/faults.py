"""What went wrong with a remote file: the errors of every driver become one of ours."""

import re
from enum import Enum, auto
from typing import NoReturn

from tb_snapshot_compare.errors import (
    SnapshotChangedError,
    SnapshotGoneError,
    UnreadableSnapshotError,
    causes,
)
from tb_snapshot_compare.storage.addresses import masked, protocol_of

DRIVERS = {
    "abfs": "adlfs",
    "abfss": "adlfs",
    "adl": "adlfs",
    "az": "adlfs",
    "gcs": "gcsfs",
    "gs": "gcsfs",
    "hf": "huggingface_hub",
    "http": "aiohttp",
    "https": "aiohttp",
    "oci": "ocifs",
    "s3": "s3fs",
    "s3a": "s3fs",
    "sftp": "paramiko",
    "ssh": "paramiko",
    "webdav": "webdav4",
}
"""What is to be installed for a protocol."""
_TEXT_MAX = 300
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")
_CREDENTIALS = ("NoCredentialsError", "PartialCredentialsError", "DefaultCredentialsError")
_BROKEN_OFF = (
    "ClientPayloadError",
    "IncompleteRead",
    "IncompleteReadError",
    "ProtocolError",
    "ResponseStreamingError",
)
"""Names of errors of several libraries, whose causes have codes that are no answers."""
_NETWORK_MODULES = ("aiohttp", "aiobotocore", "botocore", "http", "urllib3", "requests")


class Fault(Enum):
    """What a failed request means."""

    GONE = auto()
    CHANGED = auto()
    DENIED = auto()
    PASSING = auto()
    LASTING = auto()


class ShortAnswerError(OSError):
    """The store sent another number of bytes than it was asked for."""


class ChangedError(OSError):
    """The file has another content than the one that was asked for."""


class NoRangesError(OSError):
    """The server answers with whole files only."""


class ForeignRedirectError(OSError):
    """The server sends its callers to another server."""


class StoreError(UnreadableSnapshotError):
    """A store, or the way to it, fails; the file itself may be sound."""

    passes = True


class MissingDriverError(StoreError):
    """What reads this kind of URL is not installed."""

    passes = False


def fault_of(error: BaseException) -> Fault:
    """What `error`, raised by a driver, stands for."""
    for cause in causes(error):
        fault = _fault(cause)
        if fault is not None:
            return fault
    return Fault.PASSING if _is_of_network(error) else Fault.LASTING


def raise_remote(url: str, error: BaseException) -> NoReturn:
    """Raises the error of ours that `error`, met at `url` after all attempts, stands for."""
    shown = masked(url)
    fault = fault_of(error)
    if fault is Fault.GONE:
        raise SnapshotGoneError(
            f"{shown} does not exist: it was deleted or renamed after it was listed, or the URL "
            "is misspelt."
        ) from error
    if fault is Fault.CHANGED:
        raise SnapshotChangedError(
            f"{shown} was replaced while it was being read. Open the snapshot again to see its "
            "new content."
        ) from error
    if fault is Fault.DENIED:
        raise StoreError(
            f"{shown} may not be read with the credentials at hand ({_words(error)}). "
            f"{_credentials(url)}"
        ) from error
    if fault is Fault.PASSING:
        raise StoreError(
            f"{shown} could not be read: its server failed or did not answer in several attempts "
            f"({_words(error)}). Check the network and the endpoint, and try again."
        ) from error
    raise StoreError(f"{shown} cannot be read: {_words(error)}.") from error


def missing_driver(url: str, error: BaseException) -> MissingDriverError:
    """The error for a protocol that fsspec does not know, or whose driver is not installed."""
    protocol = protocol_of(url)
    package = DRIVERS.get(protocol)
    if package is None:
        return MissingDriverError(
            f"{masked(url)} is not read: there is no driver for {protocol}:// ({_words(error)}). "
            "Check the URL, or install the fsspec driver of this store."
        )
    return MissingDriverError(
        f"{masked(url)} needs a driver that is not installed. Install it into the same "
        f"environment: pip install {package}"
    )


def _fault(error: BaseException) -> Fault | None:
    if isinstance(error, ChangedError):
        return Fault.CHANGED
    if isinstance(error, NoRangesError | ForeignRedirectError):
        return Fault.LASTING
    if isinstance(error, ShortAnswerError | TimeoutError):
        return Fault.PASSING
    if type(error).__name__ in _BROKEN_OFF:
        return Fault.PASSING
    by_status = _fault_of_status(_status(error))
    if by_status is not None:
        return by_status
    if isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError):
        return Fault.GONE
    if isinstance(error, PermissionError) or type(error).__name__ in _CREDENTIALS:
        return Fault.DENIED
    return Fault.PASSING if isinstance(error, ConnectionError | EOFError) else None


def _status(error: BaseException) -> int | None:
    """The HTTP status in an error of aiohttp, botocore or gcsfs."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    else:
        status = getattr(error, "status", None) or getattr(error, "code", None)
    try:
        return int(status) if status is not None else None
    except (TypeError, ValueError):
        return None


def _fault_of_status(status: int | None) -> Fault | None:
    if status is None or not 400 <= status < 600:
        return None
    if status in (404, 410):
        return Fault.GONE
    if status in (401, 403, 407):
        return Fault.DENIED
    if status == 412:
        return Fault.CHANGED
    return Fault.PASSING if status >= 500 or status in (408, 425, 429) else Fault.LASTING


def _is_of_network(error: BaseException) -> bool:
    return any(
        type(cause).__module__.partition(".")[0] in _NETWORK_MODULES for cause in causes(error)
    )


def _words(error: BaseException) -> str:
    if isinstance(error, TimeoutError) and not str(error):
        return "it took too long"
    text = " ".join(str(error).split()) or type(error).__name__
    return _ADDRESS.sub("", masked(text))[:_TEXT_MAX].rstrip(". ")


def _credentials(url: str) -> str:
    protocol = protocol_of(url)
    if protocol in ("s3", "s3a"):
        return (
            "Give some that may, in the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, "
            "AWS_PROFILE) or in ~/.aws; FSSPEC_S3_ANON=true reads public buckets."
        )
    if protocol in ("gs", "gcs"):
        return "Give some that may, with GOOGLE_APPLICATION_CREDENTIALS or gcloud auth login."
    return "Give some that may, in fsspec's configuration (~/.config/fsspec/conf.json)."
