"""`make demo`: draws flowers, trains a network on them, and opens TensorBoard on its snapshots.

A finished run is kept: the next call goes straight to TensorBoard and imports no framework.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from demo.dataset import (
    OXFORD_CATEGORIES,
    OXFORD_PER_CATEGORY,
    DatasetError,
    find_categories,
)
from demo.layout import FULL, SMALL, Layout
from demo.server import ServerError, TensorBoard, has_display, open_browser
from demo.validation import validation_folder

if TYPE_CHECKING:
    from types import FrameType

HERE = Path(__file__).resolve().parent
EPOCHS, INCIDENT_EPOCHS = 45, 16
INCIDENT = "alexnet-incident"
BYTES_PER_PARAMETER = 8
"""A float32 weight and its float32 momentum."""
MARKER = "demo.json"
SNAPSHOTS = ("*.keras", "*.safetensors")

console = Console(highlight=False, soft_wrap=True)


class DemoError(Exception):
    """The demonstration cannot go on; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run was trained on and how; written beside it as `demo.json` when it is finished.

    Attributes:
        data: the folder of photographs, or "drawn flowers".
        network: "alexnet", "alexnet-full", or "alexnet-incident" for the recorded run.
        epochs: how long it was trained.
    """

    data: str
    network: str
    epochs: int

    @property
    def run(self) -> str:
        """The name of the run's directory."""
        return self.network if self.data == DRAWN else f"{self.network}-{Path(self.data).name}"

    @property
    def module(self) -> str:
        """The program that trains it."""
        return "demo.incident" if self.network == INCIDENT else "demo.train"

    @property
    def layout(self) -> Layout:
        """The network's sizes."""
        return FULL if self.network.endswith("full") else SMALL


DRAWN = "drawn flowers"


def finished_settings(run: Path) -> Settings | None:
    """What a finished run was trained on; None where there is no run.

    Raises:
        DemoError: the directory exists and is not a run that this program finished.
    """
    if not run.exists():
        return None
    try:
        settings = Settings(**json.loads((run / MARKER).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise DemoError(
            f"{run} was not finished by this program; move it away or choose another --logdir"
        ) from error
    return settings


def is_kept(done: Settings | None, wanted: Settings) -> bool:
    """Whether a finished run serves for the wanted one: the same data, and epochs enough."""
    return (
        done is not None
        and done.run == wanted.run
        and (done.data == wanted.data and done.epochs >= wanted.epochs)
    )


def keep_or_train(wanted: Settings, logdir: Path) -> None:
    """Trains, unless it was done before."""
    done = finished_settings(logdir / wanted.run)
    if is_kept(done, wanted):
        console.print(f"Using the training kept in {_short(logdir / wanted.run)}")
        return
    if done is not None:
        console.print(f"The training kept in {_short(logdir / wanted.run)} is another; redoing it.")
    train(wanted, logdir)


def train(settings: Settings, logdir: Path) -> None:
    """Trains in a hidden directory that becomes the run when it is complete."""
    folder = _photographs(settings)
    logdir.mkdir(parents=True, exist_ok=True)
    _check_space(settings, len(find_categories(folder)), logdir)
    unfinished = logdir / f".unfinished-{settings.run}"
    if unfinished.exists():
        console.print("An earlier training was interrupted; starting it again.")
        shutil.rmtree(unfinished)
    unfinished.mkdir()
    _say_what_is_trained(settings)
    _train_in_child(settings, folder, unfinished)
    (unfinished / MARKER).write_text(json.dumps(asdict(settings)) + "\n", encoding="utf-8")
    run = logdir / settings.run
    if run.exists():
        shutil.rmtree(run)
    unfinished.rename(run)
    sizes = [path.stat().st_size for kind in SNAPSHOTS for path in run.glob(kind)]
    console.print(f"  Snapshots   {len(sizes)} in {_short(run)} ({sum(sizes) / 1e6:,.0f} MB)\n")


def _photographs(settings: Settings) -> Path:
    if settings.data != DRAWN:
        return Path(settings.data)
    folder = HERE / "data" / "flowers"
    total = len(OXFORD_CATEGORIES) * OXFORD_PER_CATEGORY
    if sum(1 for _ in folder.glob("*/*.jpg")) < total:
        from demo.flowers import generate  # the painters are slow to import

        console.print(f"Drawing {total:,} images of flowers in {_short(folder)}")
        with Progress(
            TextColumn("  Drawing  "),
            BarColumn(24),
            MofNCompleteColumn(),
            TextColumn("images"),
            TimeRemainingColumn(),
            console=console,
        ) as bar:
            task = bar.add_task("draw", total=total)
            generate(folder, progress=lambda done, _: bar.update(task, completed=done))
    return folder


def _check_space(settings: Settings, classes: int, logdir: Path) -> None:
    needed = settings.layout.parameters(classes) * BYTES_PER_PARAMETER * settings.epochs
    free = shutil.disk_usage(logdir).free
    if needed > free:
        raise DemoError(
            f"{settings.epochs} snapshots need {needed / 1e9:,.1f} GB and {logdir} has "
            f"{free / 1e9:,.1f} GB free; take fewer --epochs or another --logdir"
        )


def _say_what_is_trained(settings: Settings) -> None:
    name, duration = {
        "alexnet": ("a small AlexNet", "about two minutes on two cores"),
        INCIDENT: ("the same, recorded and with accidents,", "about a minute on two cores"),
    }.get(settings.network, ("AlexNet in its original size", "many hours without a GPU"))
    console.print(f"Training {name} on {settings.data} for {settings.epochs} epochs: {duration}")


def _train_in_child(settings: Settings, folder: Path, run: Path) -> None:
    """Runs `demo.train`; what the framework logs goes to a file that is shown if it fails."""
    command = [sys.executable, "-m", settings.module, str(folder), str(run)]
    command += ["--epochs", str(settings.epochs)]
    if settings.layout is FULL:
        command.append("--full")
    log = run / "training.log"
    with log.open("w", encoding="utf-8") as errors:
        code = subprocess.run(command, cwd=HERE.parent, stderr=errors, check=False).returncode
    if code != 0:
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:]
        raise DemoError("\n".join(["The training stopped with an error:", *tail]))
    log.unlink()


def validation_images(settings: Settings) -> Path | None:
    """The folder of what the network was validated on; None where the photographs are gone."""
    drawn = settings.data == DRAWN
    photographs = HERE / "data" / "flowers" if drawn else Path(settings.data)
    name = "validation" if drawn else f"validation-{photographs.name}"
    try:
        return validation_folder(photographs, HERE / "data" / name)
    except (DatasetError, OSError):
        return None


def serve(logdir: Path, port: int, browser: bool, images: Path | None = None) -> None:
    """Starts TensorBoard, says where it is, and stays until Ctrl-C."""
    with TensorBoard(logdir, port, images) as server:
        if port not in (0, server.port):
            console.print(f"Port {port} is taken; using {server.port}.")
        console.print(f"TensorBoard is at [bold]{server.address}[/bold]   (Ctrl-C stops it)")
        if browser and has_display():
            open_browser(server.address)
        server.wait()


def _short(path: Path) -> str:
    """The path as seen from the working directory, where it lies below it."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m demo.run",
        description="Train a network on flowers and compare its snapshots in TensorBoard.",
    )
    parser.add_argument("--logdir", type=Path, default=HERE / "logs", help="default: demo/logs")
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="train on these photographs: one folder per category, or the Oxford 17 flowers",
    )
    parser.add_argument("--full", action="store_true", help="AlexNet's original width and input")
    parser.add_argument("--epochs", type=int, help=f"default: {EPOCHS}, or as many as were kept")
    parser.add_argument("--port", type=int, default=6006, help="default: 6006, or a free one")
    parser.add_argument("--no-serve", action="store_true", help="train only")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    options = parser.parse_args(arguments)
    if options.epochs is not None and options.epochs < 1:
        parser.error("--epochs: at least 1")
    if not 0 <= options.port <= 65535:
        parser.error("--port: from 0 (any free one) to 65535")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Runs the demonstration; returns the exit status."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    logdir = options.logdir.expanduser().resolve()
    data = DRAWN if options.data is None else str(options.data.expanduser().resolve())
    network = "alexnet-full" if options.full else "alexnet"
    wanted = Settings(data, network, options.epochs or EPOCHS)
    try:
        if data == DRAWN and network == "alexnet":
            # The newest run is the one that the page shows at first.
            keep_or_train(Settings(data, INCIDENT, INCIDENT_EPOCHS), logdir)
        keep_or_train(wanted, logdir)
        if not options.no_serve:
            serve(logdir, options.port, not options.no_browser, validation_images(wanted))
    except (DatasetError, DemoError, ServerError) as error:
        console.print(str(error), style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.show_cursor()
        if (logdir / wanted.run).exists():
            console.print("\nStopped.")
            return 0
        console.print("\nStopped before the training was finished; the next call starts it again.")
        return 130
    return 0


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
