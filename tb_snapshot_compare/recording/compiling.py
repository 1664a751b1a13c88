"""Has the kernels compiled in a process of its own, so that the training's interpreter is free.

Compiling takes some ten seconds once after an installation; the code is kept on disk.
"""

import importlib.util
import logging
import subprocess
import sys
from pathlib import Path

from tb_snapshot_compare.limits import RECORDING_COMPILING_SECONDS

_KERNELS = ("statistics_kernels", "kernels", "half_kernels")
_MADE_LAST = ("statistics_kernels.count_bands", "kernels.add_runs")
_CODE = (
    "import os, sys; hasattr(os, 'nice') and os.nice(10); sys.path[:] = sys.argv[2:];"
    "from tb_snapshot_compare.analysis.warming import warm_up_statistics;"
    "warm_up_statistics(sys.argv[1])"
)
_logger = logging.getLogger(__name__)


def compile_kernels(dtype: str) -> None:
    """Compiles what a log of weights of a dtype needs, unless that lies on disk already.

    Where it cannot be done so, the first dump does it.
    """
    folder = _folder()
    if folder is None or _is_kept(folder) or not sys.executable:
        return
    command = [sys.executable, "-c", _CODE, dtype, *(part for part in sys.path if part)]
    try:
        done = subprocess.run(  # noqa: S603  our own module
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=RECORDING_COMPILING_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as error:
        _logger.info("Compiling in a process of its own failed: %s", error)
        return
    if done.returncode:
        _logger.info("Compiling in a process of its own failed: %s", done.stderr[-500:])


def _folder() -> Path | None:
    """Where the kernels lie; beside them numba keeps the code if it can."""
    found = importlib.util.find_spec("tb_snapshot_compare.analysis")
    places = found.submodule_search_locations if found else None
    return Path(places[0]) if places else None


def _is_kept(folder: Path) -> bool:
    """Whether there is code newer than its sources; numba itself looks more closely."""
    sources = max((folder / f"{name}.py").stat().st_mtime for name in _KERNELS)
    kept = folder / "__pycache__"
    version = f"py{sys.version_info.major}{sys.version_info.minor}"
    return all(
        any(path.stat().st_mtime >= sources for path in kept.glob(f"{name}-*{version}*.nbi"))
        for name in _MADE_LAST
    )
