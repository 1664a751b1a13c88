"""Files that do not lie on a disk of this machine, read in ranges; and their addresses.

Light: `fsspec` and its drivers are imported when the first remote file is asked for.
"""

from tb_snapshot_compare.storage.addresses import (
    above,
    is_remote,
    local_path,
    masked,
    problem_of,
    tidied,
)

__all__ = [
    "above",
    "is_remote",
    "local_path",
    "masked",
    "problem_of",
    "tidied",
]
