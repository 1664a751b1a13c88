"""The status of a remote file, from what a driver or a server tells of it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from tb_snapshot_compare.snapshot import RemoteStatus

_TAGS = ("ETag", "etag", "generation", "VersionId", "version_id", "Content-MD5", "md5Hash")
_TIMES = ("LastModified", "last_modified", "Last-Modified", "updated", "mtime", "created")
_SECOND = 1_000_000_000


def status_of_info(info: Mapping[str, Any]) -> RemoteStatus:
    """The status in what `fsspec` tells of a file, whose keys differ from store to store.

    Raises:
      OSError: it has no size.
    """
    size = info.get("size")
    if not isinstance(size, int) or size < 0:
        raise OSError("the store does not say how many bytes it has")
    tag = next((_bare(info[key]) for key in _TAGS if info.get(key)), "")
    time_ns = next((_nanoseconds(info[key]) for key in _TIMES if info.get(key)), 0)
    return RemoteStatus(size, time_ns // _SECOND * _SECOND if tag else time_ns, tag)


def _bare(tag: object) -> str:
    return str(tag).removeprefix("W/").strip('"')


def _nanoseconds(time: object) -> int:
    if isinstance(time, int | float):
        return int(time * 1e6) * 1000
    if isinstance(time, str):
        time = _parsed(time)
    if not isinstance(time, datetime):
        return 0
    aware = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
    since = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * _SECOND + since.microseconds * 1000


def _parsed(text: str) -> datetime | None:
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            return parse(text)
        except ValueError:
            continue
    return None
