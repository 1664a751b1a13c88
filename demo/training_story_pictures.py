"""The training story's pictures, taken from the running page by a headless browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from demo.photographing import SECONDS, STILL, open_tab, photographer, shrink, tab_frame

if TYPE_CHECKING:
    from pathlib import Path

_HEIGHT = 1000
_SCROLL = """(element) => {
  element.style.scrollMarginTop = '140px';
  element.scrollIntoView({ block: 'start' });
}"""
"""Below the time axis, which stays."""


def photograph(address: str, run: str, step: int, folder: Path) -> None:
    """Takes the page's head, and its classes and layers with a step pinned.

    Args:
        address: of TensorBoard, on the Compare tab.
        run: the recorded one.
        step: is pinned.
        folder: is written to.

    Raises:
        DemoError: Playwright or a browser is missing, or the page does not get ready.
    """
    chosen = {"page": "training", "run": run, "pins": str(step)}
    with photographer() as browser:
        page = open_tab(browser, address, _HEIGHT, chosen)
        frame = tab_frame(page)
        for name, section in (("findings", "Findings"), ("classes", "Validation")):
            heading = frame.get_by_role("heading", name=section, exact=True)
            heading.wait_for(timeout=SECONDS)
            heading.evaluate(_SCROLL)
            page.wait_for_timeout(2 * STILL)
            page.locator("iframe").screenshot(path=folder / f"{name}.png")
            shrink(folder / f"{name}.png")
