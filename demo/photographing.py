"""A headless browser that takes pictures of the plugin's tab in a running TensorBoard."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from PIL import Image

from demo.run import DemoError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Frame, Page

WIDTH = 1280
SECONDS = 120_000
"""How long, in milliseconds, the page may compute before a picture."""
STILL = 1_200
"""Milliseconds for transitions, and for pictures inside the page to arrive."""
_COLOURS = 256
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


@contextmanager
def photographer() -> Iterator[Browser]:
    """A browser for pictures, which ends with the block.

    Raises:
        DemoError: Playwright or a browser is missing, or the page does not get ready.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise DemoError(
            "The pictures need Playwright: pip install 'tb-snapshot-compare[test]', or "
            "--no-pictures for the numbers alone"
        ) from error
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _BROWSERS)), None)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
            yield browser
            browser.close()
    except Error as error:
        raise DemoError(
            f"The page could not be photographed: {error}\nA Chromium is looked for in CHROMIUM, "
            "on the PATH, and where Playwright keeps its own."
        ) from error


def open_tab(browser: Browser, address: str, height: int, chosen: dict[str, str]) -> Page:
    """TensorBoard at `address`, which is on the Compare tab, with what is chosen there."""
    page = browser.new_page(viewport={"width": WIDTH, "height": height})
    keys = "".join(f"&p.snapshot_compare.{name}={value}" for name, value in chosen.items())
    page.goto(f"{address.replace('/#', '/?darkMode=false#')}{keys}")
    return page


def tab_frame(page: Page) -> Frame:
    """The frame of the Compare tab.

    Raises:
        DemoError: there is none.
    """
    page.wait_for_selector("iframe", state="attached", timeout=SECONDS)
    for _ in range(SECONDS // 100):
        for frame in page.frames:
            if "plugin_entry" in frame.url and "snapshot_compare" in frame.url:
                return frame
        page.wait_for_timeout(100)
    raise DemoError("TensorBoard shows no Compare tab")


def shrink(file: Path) -> None:
    """Rewrites a PNG file with a palette: a third of the bytes, and no difference to see."""
    with Image.open(file) as picture:
        picture.convert("RGB").quantize(_COLOURS).save(file, optimize=True)
