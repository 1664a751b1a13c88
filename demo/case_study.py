"""Writes `case_study.md`: what the Compare tab says of the demonstration's own snapshots.

`python -m demo.case_study` asks the tools for every number, takes the pictures from the running
page, and fills both into `case_study/template.md`. The demonstration must have been run before.
"""

from __future__ import annotations

import argparse
import json
import string
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from demo.case_study_figures import Figures, gather
from demo.run import HERE, DemoError, finished_settings, validation_images
from demo.server import ServerError, TensorBoard
from tb_snapshot_compare.workspace import ProbeImages, Probing, Workspace
from tb_snapshot_compare.workspace.probed import Pair

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tb_snapshot_compare.snapshot import SnapshotRef

RUN = "alexnet"
FIRST, NEAR = 10, 30
"""Epochs that are compared with the last: the paper's, and one that is not so far from it."""
PAGE = HERE / "case_study.md"
FOLDER = HERE / "case_study"
LISTED_SECONDS = 60


class _NoEvents:
    """No summaries are needed: the snapshots carry their configuration."""

    def keras_configs(self, event_runs: Sequence[str]) -> Sequence[str]:  # noqa: ARG002
        return ()


@dataclass(frozen=True, slots=True)
class Tools:
    """What the page works with, in this process."""

    workspace: Workspace
    images: ProbeImages
    probing: Probing

    @classmethod
    def of(cls, logdir: Path, images: Path) -> Tools:
        """The tools on a log directory and a folder of labelled images."""
        workspace = Workspace.of_directories(str(logdir), "", "", "none", _NoEvents())
        probe_images = ProbeImages.of_flags(workspace, f"validation:{images}", "none", None)
        return cls(workspace, probe_images, Probing.of_flags(workspace, probe_images, ""))

    def snapshots(self, epochs: Sequence[int]) -> dict[int, SnapshotRef]:
        """The run's snapshots by epoch, once those that are wanted are listed.

        Raises:
            DemoError: they are not there.
        """
        deadline = time.monotonic() + LISTED_SECONDS
        while time.monotonic() < deadline:
            found = {
                ref.position.epoch: ref
                for run in self.workspace.catalog().runs
                if run.name == RUN
                for ref in run.snapshots
                if ref.position.epoch is not None
            }
            if found.keys() >= set(epochs):
                return found
            time.sleep(0.1)
        raise DemoError(f"The run {RUN!r} has no snapshots of the epochs {epochs}")


def write(figures: Figures, names: Sequence[str]) -> None:
    """Writes the numbers, and the page from its template."""
    values = figures.written()
    (FOLDER / "numbers.json").write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    template = string.Template((FOLDER / "template.md").read_text(encoding="utf-8"))
    PAGE.write_text(template.substitute(values), encoding="utf-8")
    missing = [name for name in names if not (FOLDER / name).is_file()]
    if missing:
        raise DemoError(f"No picture was taken of: {', '.join(missing)}")


def study(logdir: Path, pictures: bool) -> None:
    """Gathers the numbers, takes the pictures, writes the page.

    Raises:
        DemoError: the demonstration has not been run, or the browser is missing.
        ServerError: TensorBoard did not start.
    """
    settings = finished_settings(logdir / RUN)
    images = None if settings is None else validation_images(settings)
    if settings is None or images is None:
        raise DemoError(f"{logdir} holds no finished run {RUN!r}; run `make demo` first")
    last = settings.epochs
    tools = Tools.of(logdir, images)
    try:
        refs = tools.snapshots((FIRST, NEAR, last))
        far, near = Pair(refs[FIRST], refs[last]), Pair(refs[NEAR], refs[last])
        print("Asking the tools ...", flush=True)
        figures = gather(tools.workspace, tools.images, tools.probing, far, near, logdir / RUN)
    finally:
        tools.workspace.close()
    names: Sequence[str] = ()
    if pictures:
        from demo.case_study_pictures import PICTURES, photograph

        names = [f"{name}.png" for name in PICTURES]
        print(f"Taking {len(names)} pictures of the page ...", flush=True)
        with TensorBoard(logdir, 0, images) as server:
            photograph(server.address, figures.focus(far, near), FOLDER)
    write(figures, names)
    print(f"Written: {PAGE}")


def main(arguments: list[str] | None = None) -> int:
    """Writes the case study; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m demo.case_study", description=main.__doc__)
    parser.add_argument("--logdir", type=Path, default=HERE / "logs", help="default: demo/logs")
    parser.add_argument("--no-pictures", action="store_true", help="numbers and text only")
    options = parser.parse_args(arguments)
    try:
        study(options.logdir.expanduser().resolve(), not options.no_pictures)
    except (DemoError, ServerError, LookupError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
