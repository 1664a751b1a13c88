"""The case study's pictures, taken from the running page by a headless browser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from demo.case_study_figures import SIGN_CHANGED
from demo.photographing import SECONDS, STILL, open_tab, photographer, shrink, tab_frame

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser

    from demo.case_study_figures import Focus


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
    with photographer() as browser:
        for name, picture in PICTURES.items():
            _take(browser, address, focus, picture, folder / f"{name}.png")


def _take(browser: Browser, address: str, focus: Focus, picture: Picture, to: Path) -> None:
    a, b = focus.far
    keys = {"a": a, "b": b, **picture.keys(focus)}
    if picture.panel:
        keys["max"] = picture.panel
    page = open_tab(browser, address, picture.height, keys)
    frame = tab_frame(page)
    frame.wait_for_selector(".snapshot-picker", timeout=SECONDS)
    panel = frame.locator(f'[data-panel="{picture.panel}"]' if picture.panel else ".shell")
    panel.locator(picture.ready).first.wait_for(timeout=SECONDS)
    frame.wait_for_function("!document.querySelector('[data-busy]')", timeout=SECONDS)
    page.wait_for_timeout(STILL)
    panel.screenshot(path=to)
    page.close()
    shrink(to)
