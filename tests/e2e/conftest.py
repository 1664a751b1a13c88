"""The demo's network, trained for forty epochs on a handful of images, in a real browser."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Frame, Page, expect, sync_playwright

from demo.flowers import category_names, flower_jpeg
from tests.e2e.layer_kinds import MODELS, save_two_epochs
from tests.e2e.recorded_run import RUN, Recorded, accidents, record_once
from tests.e2e.server import OUTPUT, TensorBoard, tensorboard

EPOCHS = 40
PHOTOGRAPHS_PER_CATEGORY = 3
READY = ".snapshot-picker"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
expect.set_options(timeout=20_000)  # machines with two cores run two of these tests at once
# TensorBoard's own page asks for what its experimental host does not have.
_FOREIGN = ("favicon", "font-roboto", "fonts.gstatic.com", "Multiple instances of Three.js")


@dataclass
class Opened:
    """A page on TensorBoard, the Compare tab's frame in it, and what went wrong on the way."""

    page: Page
    frame: Frame
    problems: list[str] = field(default_factory=list)

    def reload(self) -> None:
        """Loads the same address anew."""
        self.page.reload()
        self.frame = compare_frame(self.page)


@dataclass(frozen=True)
class Kinds:
    """A logdir of small runs by name, and its server."""

    logdir: Path
    server: TensorBoard


@pytest.fixture(scope="session")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty epochs of the demo's run, in `alexnet`."""
    folder = tmp_path_factory.mktemp("logdir")
    subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from demo.train import train_demo;"
            f"train_demo(Path(sys.argv[1]), epochs={EPOCHS}, images_per_class=6)",
            str(folder),
        ],
        check=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    return folder


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A result cache of its own."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def served(logdir: Path, cache: Path) -> Iterator[TensorBoard]:
    """TensorBoard with default flags."""
    with tensorboard(f"--logdir={logdir}", f"--snapshot_compare_cache_dir={cache}") as server:
        yield server


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pictures of each category of `logdir`'s training, in a folder for each."""
    folder = tmp_path_factory.mktemp("photographs")
    for category, name in enumerate(category_names()):
        (folder / name).mkdir()
        for number in range(PHOTOGRAPHS_PER_CATEGORY):
            picture = flower_jpeg(category, number, size=48)
            (folder / name / f"image_{number + 1:04}.jpg").write_bytes(picture)
    return folder


@pytest.fixture(scope="session")
def probing(logdir: Path, photographs: Path, cache: Path) -> Iterator[TensorBoard]:
    """TensorBoard with probe images."""
    flags = [
        f"--logdir={logdir}",
        f"--snapshot_compare_cache_dir={cache}",
        f"--snapshot_compare_images=photographs:{photographs}",
    ]
    with tensorboard(*flags) as server:
        yield server


@pytest.fixture(scope="session")
def kinds(tmp_path_factory: pytest.TempPathFactory, photographs: Path) -> Iterator[Kinds]:
    """Runs of two epochs with layers of every kind, and one whose model cannot be rebuilt."""
    folder = tmp_path_factory.mktemp("kinds")
    for run, build in MODELS.items():
        save_two_epochs(folder / run, build)
    flags = [
        f"--logdir={folder}",
        "--snapshot_compare_cache_dir=none",
        f"--snapshot_compare_images={photographs}",
    ]
    with tensorboard(*flags) as server:
        yield Kinds(folder, server)


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    """A run that recorded its whole training, once for all processes of the tests."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / "recorded"
    record_once(folder)
    cache = tmp_path_factory.mktemp("recorded-cache")
    with tensorboard(f"--logdir={folder}", f"--snapshot_compare_cache_dir={cache}") as server:
        yield Recorded(server, folder / RUN, accidents())


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, from `CHROMIUM`, the path or Playwright."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    OUTPUT.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


Open = Callable[..., Opened]


@pytest.fixture
def open_compare(browser: Browser) -> Iterator[Open]:
    """Opens the Compare tab of a server; at the end nothing may have gone wrong in the page."""
    opened: list[Opened] = []

    def start(
        server: TensorBoard,
        dark: bool = False,
        width: int = 1280,
        height: int = 800,
        keys: str = "",
        ready: str = READY,
        script: str = "",
        reduced_motion: bool = False,
    ) -> Opened:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            reduced_motion="reduce" if reduced_motion else "no-preference",
        )
        page = context.new_page()
        problems: list[str] = []
        if script:
            page.add_init_script(script)
        page.on("console", lambda message: _note(problems, message))
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        page.add_init_script(
            "addEventListener('securitypolicyviolation', e =>"
            " console.error('CSP ' + e.violatedDirective + ' ' + e.blockedURI))"
        )
        page.goto(f"{server.address}?darkMode={'true' if dark else 'false'}#snapshot_compare{keys}")
        result = Opened(page, compare_frame(page, ready), problems)
        opened.append(result)
        return result

    yield start
    problems = [problem for result in opened for problem in result.problems]
    for result in opened:
        result.page.context.close()
    assert problems == []


def compare_frame(page: Page, ready: str = READY) -> Frame:
    """The frame of the Compare tab, once it shows its header."""
    page.wait_for_selector("iframe", state="attached")
    for _ in range(200):
        for frame in page.frames:
            if "plugin_entry" in frame.url and "snapshot_compare" in frame.url:
                frame.wait_for_selector(ready, timeout=30_000)
                return frame
        page.wait_for_timeout(100)
    raise AssertionError(f"no Compare tab among {[frame.url for frame in page.frames]}")


def _note(problems: list[str], message: ConsoleMessage) -> None:
    text = f"{message.type}: {message.text} {message.location.get('url', '')}"
    if message.type in ("error", "warning") and not any(part in text for part in _FOREIGN):
        problems.append(text)
