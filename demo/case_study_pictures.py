"""The case study's pictures, taken from the running page by a headless browser."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from demo.case_study_figures import SIGN_CHANGED
from demo.run import DemoError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser, Frame, Page

    from demo.case_study_figures import Focus

WIDTH = 1280
SECONDS = 120_000
"""How long, in milliseconds, the page may compute before a picture."""
STILL = 1_200
"""Milliseconds for transitions, and for pictures inside the page to arrive."""
COLOURS = 256
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


@dataclass(frozen=True, slots=True)
class Picture:
    """A panel, or the whole page, with something chosen.

    Attributes:
        panel: of the page, the others are hidden; empty for the whole page.
        height: of the window, in pixels.
        keys: what is chosen, as the address holds it.
        ready: a selector of what is drawn last.
    """

    panel: str
    height: int
    keys: Callable[[Focus], dict[str, str]]
    ready: str


def _traced(focus: Focus, **more: str) -> dict[str, str]:
    chosen = {"layer": focus.layer, "channel": f"o{focus.channels[0]}", "image": focus.image}
    return {**chosen, "set": focus.set_id, **more}


PICTURES = {
    "layers": Picture(
        "network", 700, lambda focus: {"metric": "relative_l2", "layer": focus.layer}, ".net-body"
    ),
    "distribution": Picture(
        "distribution", 700, lambda focus: {"layer": focus.layer}, ".histogram svg"
    ),
    "filter": Picture(
        "",
        1180,
        lambda focus: {"layer": focus.layer, "cells": SIGN_CHANGED, "image": focus.image},
        ".kernel-chip",
    ),
    "flow": Picture("performance", 900, lambda _: {"probe": "flow"}, ".perf-flow-part"),
    "prediction": Picture(
        "performance",
        830,
        lambda focus: {"image": focus.image, "set": focus.set_id, "class": str(focus.label)},
        ".perf-bar-a",
    ),
    "maps": Picture(
        "performance", 720, lambda focus: _traced(focus, probe="activations"), ".perf-map-card"
    ),
    "patches": Picture(
        "performance", 720, lambda focus: _traced(focus, probe="patches"), ".perf-found-picture"
    ),
}


def photograph(address: str, focus: Focus, folder: Path) -> None:
    """Takes every picture of the far pair.

    Args:
        address: of TensorBoard, on the Compare tab.
        focus: what is chosen.
        folder: is written to, one PNG file for each picture.

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
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            for name, picture in PICTURES.items():
                _take(browser, address, focus, picture, folder / f"{name}.png")
            browser.close()
    except Error as error:
        raise DemoError(
            f"The page could not be photographed: {error}\nA Chromium is looked for in CHROMIUM, "
            "on the PATH, and where Playwright keeps its own."
        ) from error


def _take(browser: Browser, address: str, focus: Focus, picture: Picture, to: Path) -> None:
    page = browser.new_page(viewport={"width": WIDTH, "height": picture.height})
    a, b = focus.far
    keys = {"a": a, "b": b, **picture.keys(focus)}
    if picture.panel:
        keys["max"] = picture.panel
    chosen = "".join(f"&p.snapshot_compare.{name}={value}" for name, value in keys.items())
    page.goto(f"{address.replace('/#', '/?darkMode=false#')}{chosen}")
    frame = _compare_frame(page)
    panel = frame.locator(f'[data-panel="{picture.panel}"]' if picture.panel else ".shell")
    panel.locator(picture.ready).first.wait_for(timeout=SECONDS)
    frame.wait_for_function("!document.querySelector('[data-busy]')", timeout=SECONDS)
    page.wait_for_timeout(STILL)
    panel.screenshot(path=to)
    page.close()
    _shrink(to)


def _compare_frame(page: Page) -> Frame:
    """The frame of the Compare tab, once it shows its header."""
    page.wait_for_selector("iframe", state="attached", timeout=SECONDS)
    for _ in range(SECONDS // 100):
        for frame in page.frames:
            if "plugin_entry" in frame.url and "snapshot_compare" in frame.url:
                frame.wait_for_selector(".snapshot-picker", timeout=SECONDS)
                return frame
        page.wait_for_timeout(100)
    raise DemoError("TensorBoard shows no Compare tab")


def _shrink(file: Path) -> None:
    """Rewrites a PNG file with a palette: a third of the bytes, and no difference to see."""
    with Image.open(file) as picture:
        picture.convert("RGB").quantize(COLOURS).save(file, optimize=True)
