"""What a user does on the page and reads from it, and the same read from the snapshots' files."""

import io
import json
import re
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Frame, Locator, Page, expect

from tests.e2e.server import TensorBoard

PLUGIN = "data/plugin/snapshot_compare/"
LARGE = {"width": 1920, "height": 1080}
Array = NDArray[Any]


@dataclass(frozen=True)
class Pair:
    """Two snapshots of one run: how the page is told of them, and their files."""

    server: TensorBoard
    keys: str
    ids: dict[str, str]
    a: Path
    b: Path

    def ask(self, route: str, **query: object) -> Any:
        """The server's own answer about the pair, once it is computed."""
        text = urllib.parse.urlencode({**self.ids, **query})
        for _ in range(600):
            with urllib.request.urlopen(
                f"{self.server.address}{PLUGIN}{route}?{text}", timeout=30
            ) as answer:
                if answer.status == 200:
                    return json.loads(answer.read())
            time.sleep(0.05)
        raise AssertionError(f"{route} was not answered")


def pair_of(server: TensorBoard, run: Path, a: int, b: int) -> Pair:
    """Epochs `a` and `b` of a run, once they are listed."""
    for _ in range(200):
        listing = json.loads(server.get(PLUGIN + "snapshots"))
        known = {
            snapshot["epoch"]: snapshot
            for entry in listing["runs"]
            if entry["name"] == run.name
            for snapshot in entry["snapshots"]
        }
        if {a, b} <= known.keys():
            break
        time.sleep(0.1)
    one, other = known[a], known[b]
    ids = {
        "a": one["id"],
        "ga": one["generation"],
        "b": other["id"],
        "gb": other["generation"],
    }
    keys = "".join(f"&p.snapshot_compare.{side}={ids[side]}" for side in "ab")
    files = [run / f"{snapshot['name']}.keras" for snapshot in (one, other)]
    return Pair(server, keys, ids, *files)


def key(**choice: str) -> str:
    """Keys of the address that choose something on the page."""
    return "".join(f"&p.snapshot_compare.{name}={value}" for name, value in choice.items())


def panel(frame: Frame, name: str) -> Locator:
    return frame.locator(f'[data-panel="{name}"]')


def choose(within: Locator, label: str, option: str) -> None:
    """Takes an option of a drop-down by its text."""
    within.get_by_role("combobox", name=label, exact=True).select_option(label=option)


def press_segment(within: Locator, name: str) -> None:
    button = within.get_by_role("button", name=name, exact=True)
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")


def number(text: str) -> float:
    """A number as the page writes it."""
    match = re.search(r"[−+]?[\d,]*\.?\d+(e[−+]?\d+)?", text)
    assert match is not None, text
    return float(match[0].replace("−", "-").replace(",", "").replace("+", ""))


def fragment(page: Page) -> dict[str, str]:
    """What of the page's state is in the address, which is written a moment after a change."""
    page.wait_for_timeout(700)
    pairs = (part.split("=", 1) for part in page.url.partition("#")[2].split("&") if "=" in part)
    return {name.rpartition(".")[2]: urllib.parse.unquote(value) for name, value in pairs}


def settled(frame: Frame) -> None:
    """Waits until the snapshots are compared and no panel is busy."""
    expect(frame.locator(".status-bar .coverage")).to_be_visible(timeout=60_000)
    expect(frame.locator("[data-busy]")).to_have_count(0, timeout=60_000)


def seen(element: Locator) -> Image.Image:
    """The element as it is on screen, a pixel for each CSS pixel."""
    return Image.open(io.BytesIO(element.screenshot())).convert("RGB")


def enter_by_keyboard(element: Locator) -> None:
    """Gives an element the focus as the Tab key does."""
    element.press("Shift+Tab")
    element.page.keyboard.press("Tab")
    expect(element).to_be_focused()


def unfolded(kernel: Array) -> Array:
    """A convolution's kernel [h, w, in, out] as the map shows it: [in * h, out * w]."""
    height, width, rows, columns = kernel.shape
    return kernel.transpose(2, 0, 3, 1).reshape(rows * height, columns * width)


def in_cell(a: Array, b: Array, distribution: Any, bin_: int, level: int) -> NDArray[np.bool_]:
    """Which weights a cell of the distribution holds: half-open intervals, the last one closed."""
    one, other = a.astype(np.float64), b.astype(np.float64)
    change = other - one
    total = np.abs(one) + np.abs(other)
    relative = np.divide(2 * np.abs(change), total, out=np.zeros_like(total), where=total > 0)
    return _within(change, distribution["bin_edges"], bin_) & _within(
        relative, distribution["level_edges"], level
    )


def _within(values: Array, edges: list[float], index: int) -> NDArray[np.bool_]:
    last = index == len(edges) - 2
    upper = values <= edges[index + 1] if last else values < edges[index + 1]
    return (values >= edges[index]) & upper


def export(page: Page, within: Locator, item: str, to: Path) -> bytes:
    """Downloads a panel's picture or values."""
    within.get_by_role("button", name=re.compile("^Export:")).click()
    with page.expect_download() as download:
        within.locator("xpath=ancestor::body").get_by_role("menuitem", name=item).click()
    path = to / download.value.suggested_filename
    download.value.save_as(path)
    return path.read_bytes()
