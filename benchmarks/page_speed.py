"""How fast the page is, beside TensorBoard's histogram page on the same weights.

    python -m benchmarks.page_speed

Three logdirs (see `page_inputs`), each served by a real TensorBoard to a real Chromium without a
GPU and with its cache switched off. Results are known to the server's disk, not to its memory: it
is started anew for every set of figures. Printed for either page, as median (range):

- first drawing: from the address to the first layer drawn, and to every panel complete, and how
  much of that passes before TensorBoard loads our tab's frame; of
  TensorBoard's page to the first tag and to every histogram in sight,
- click to pixels: from a click on a layer to the frame after the one in which a view shows it, the
  first click on it after a start apart, since maps are kept in memory only;
  on TensorBoard's page from a click on a group of tags, or on the next page of one, to its
  histograms,
- bytes over the wire until then, and the objects and arrays of the page's scripts,
- routes: each URL asked for once more by a plain client,
- the longest task of the first drawing, and the three figures that tests only bound loosely:
  laying out a network, frames while it is moved, drawing a distribution of 512 bars.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from benchmarks import page_inputs, report
from benchmarks.page_scripts import BARS, CLICK_LAYER, CLICK_TAGS, MARKS, PAN, REDRAW, TOP
from benchmarks.progress import say
from benchmarks.report import Table, spread
from tests.e2e.conftest import FLAGS, compare_frame
from tests.e2e.server import TensorBoard, tensorboard

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, CDPSession, Frame, Page

PLUGIN = "data/plugin/snapshot_compare/"
_REPEATS = 5
CLICKS = 8
NEVER_MS = 120_000
KEY = "p.snapshot_compare."
Figures = dict[str, list[float]]


class Wire:
    """Bytes that a page and its frames receive."""

    def __init__(self, page: Page) -> None:
        """Switches the browser's cache off and counts from now on."""
        self.session: CDPSession = page.context.new_cdp_session(page)
        self.bytes = 0
        self.session.send("Network.enable")
        self.session.send("Network.setCacheDisabled", {"cacheDisabled": True})
        self.session.on("Network.loadingFinished", self._add)

    def heap(self) -> float:
        """Bytes of the scripts' objects and arrays, after garbage collection."""
        self.session.send("HeapProfiler.collectGarbage")
        usage: dict[str, Any] = self.session.send("Runtime.getHeapUsage")
        return float(usage["usedSize"]) + float(usage.get("backingStorageSize", 0))

    def _add(self, event: dict[str, Any]) -> None:
        self.bytes += int(event["encodedDataLength"])


def tables(tiny: bool = False) -> Iterator[Table]:
    """One table for each logdir."""
    names = ("series",) if tiny else page_inputs.NAMES
    repeats = 2 if tiny else _REPEATS
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=FLAGS
        )
        for name in names:
            snapshots, histograms = page_inputs.folders(name)
            say(f"page speed: {name}")
            ours = of_compare(browser, snapshots, repeats)
            theirs = of_histograms(browser, histograms, repeats)
            yield _table(page_inputs.TITLES[name], ours, theirs)
        browser.close()


def of_compare(browser: Browser, logdir: Path, repeats: int) -> Figures:
    """The figures of the Compare tab."""
    found: Figures = {}
    with tempfile.TemporaryDirectory() as cache:
        flags = (f"--logdir={logdir}", f"--snapshot_compare_cache_dir={cache}")
        with tensorboard(*flags) as server:
            layers = prime(browser, server)
        with tensorboard(*flags) as server:
            first = f"#snapshot_compare&{KEY}network=table&{KEY}layer="
            for turn in range(repeats):
                page = browser.new_page(viewport={"width": 1600, "height": 1000})
                wire = Wire(page)
                page.add_init_script(MARKS)
                page.goto(server.address + first + urllib.parse.quote(layers[0], safe=""))
                frame = compare_frame(page)
                frame.wait_for_function("window.marks.complete", timeout=NEVER_MS)
                prefix = "first after a start: " if turn == 0 else "first drawing: "
                for mark in ("layers", "distribution", "map", "complete"):
                    note(found, f"{prefix}{mark} (ms)", since_opened(page, frame, mark))
                shell = shell_of(page, frame)
                note(found, f"{prefix}of these TensorBoard's own, to the tab's frame (ms)", shell)
                own = since_opened(page, frame, "layers") - shell
                note(found, f"{prefix}layers, from the tab's frame on (ms)", own)
                note(found, "longest task (ms)", frame.evaluate("window.longest"))
                note(found, "over the wire (kB)", wire.bytes / 1e3)
                note(found, "scripts' heap (MB)", wire.heap() / 1e6)
                frame.evaluate(TOP)
                clicks = "first click after a start" if turn == 0 else "click to pixels"
                for layer in layers[1:]:
                    for view, value in frame.evaluate(CLICK_LAYER, layer).items():
                        note(found, f"{clicks}: {view} (ms)", value)
                page.close()
        with tensorboard(*flags) as server:
            ask_routes(server, layers, found)
            loosely_bounded(browser, server, layers[0], repeats, found)
    return found


def prime(browser: Browser, server: TensorBoard) -> list[str]:
    """Has everything computed that will be looked at; the layers that are clicked on."""
    page = browser.new_page(viewport={"width": 1600, "height": 1000})
    page.goto(f"{server.address}#snapshot_compare&{KEY}network=table")
    frame = compare_frame(page)
    frame.wait_for_selector("[data-row]", timeout=10 * NEVER_MS)
    frame.wait_for_selector(".kernel-stage[data-complete=true]", timeout=10 * NEVER_MS)
    settled(frame)
    rows = frame.evaluate(TOP)
    layers: list[str] = []
    for row in rows:
        found = frame.evaluate(CLICK_LAYER, row)
        settled(frame)
        if len(found) == 3 and len(layers) <= CLICKS:
            layers.append(row)
        if len(layers) > CLICKS:
            break
    page.close()
    return layers


def settled(frame: Frame) -> None:
    """Waits until no panel works."""
    frame.wait_for_function("!document.querySelector('.panel-busy')", timeout=10 * NEVER_MS)


def of_histograms(browser: Browser, logdir: Path, repeats: int) -> Figures:
    """The figures of TensorBoard's own page."""
    found: Figures = {}
    with tensorboard(f"--logdir={logdir}") as server:
        tags = loaded_tags(server)
        for _ in range(repeats):
            page = browser.new_page(viewport={"width": 1600, "height": 1000})
            wire = Wire(page)
            page.add_init_script(MARKS)
            page.goto(f"{server.address}#histograms")
            page.wait_for_function("window.marks.histograms", timeout=NEVER_MS)
            for mark, name in (("tags", "layers"), ("histograms", "complete")):
                note(
                    found, f"first drawing: {name} (ms)", since_opened(page, page.main_frame, mark)
                )
            note(found, "longest task (ms)", page.evaluate("window.longest"))
            note(found, "over the wire (kB)", wire.bytes / 1e3)
            note(found, "scripts' heap (MB)", wire.heap() / 1e6)
            for _ in range(CLICKS):
                drawn = page.evaluate(CLICK_TAGS)
                if drawn is None:  # no group is left that could be opened
                    break
                note(found, "click to pixels: distribution (ms)", drawn)
            page.close()
        base = f"{server.address}data/plugin/histograms/"
        for _ in range(repeats):
            note(found, "route: all names (ms)", timed(f"{base}tags")[0])
        for tag in tags[:: max(1, len(tags) // 50)]:
            query = urllib.parse.urlencode({"tag": tag, "run": "run"})
            note(found, "route: one layer (ms)", timed(f"{base}histograms?{query}")[0])
    return found


def loaded_tags(server: TensorBoard) -> list[str]:
    """All tags, once TensorBoard has read its files."""
    before: list[str] = []
    for _ in range(240):
        listed = json.loads(server.get("data/plugin/histograms/tags")).get("run", {})
        if listed and len(listed) == len(before):
            return before
        before = list(listed)
        time.sleep(1)
    raise AssertionError("TensorBoard has not read its files")


def ask_routes(server: TensorBoard, layers: Iterable[str], found: Figures) -> None:
    """Each URL of what is computed, first asked for after a start and again."""
    pair = pair_query(server)
    for route in ("architecture", "comparison&form=columns"):
        path, _, more = route.partition("&")
        until_ready(server, path, f"{pair}&{more}")
        for _ in range(10):
            milliseconds, body = timed(f"{server.address}{PLUGIN}{path}?{pair}&{more}")
            note(found, "route: all names (ms)", milliseconds)
            note(found, f"{path} (kB)", len(body) / 1e3)
    for layer in layers:
        of = f"{pair}&layer={urllib.parse.quote(layer, safe='')}"
        for route in ("distribution?bins=64&levels=7", "filters?", "kernel?"):
            url = f"{server.address}{PLUGIN}{route}&{of}"
            until_ready(server, *f"{route}&{of}".split("?", 1))
            note(found, "route: one layer (ms)", timed(url)[0])


def pair_query(server: TensorBoard) -> str:
    """The first and the last snapshot, once the scan has ended."""
    while True:
        listing = json.loads(server.get(f"{PLUGIN}snapshots"))
        if listing["runs"] and not listing["scanning"]:
            break
        time.sleep(0.2)
    snapshots = {one["id"]: one for run in listing["runs"] for one in run["snapshots"]}
    a, b = (snapshots[listing["suggested"][side]] for side in "ab")
    names = {"a": a["id"], "ga": a["generation"], "b": b["id"], "gb": b["generation"]}
    return urllib.parse.urlencode(names)


def until_ready(server: TensorBoard, route: str, query: str) -> None:
    """Asks until the work is done."""
    address = f"{server.address}{PLUGIN}{route}?{query}"
    while True:
        with urllib.request.urlopen(address, timeout=60) as answer:
            if answer.status == 200:
                return
        time.sleep(0.1)


def loosely_bounded(
    browser: Browser, server: TensorBoard, layer: str, repeats: int, found: Figures
) -> None:
    """Layout of the diagram, frames while it is moved, and the largest distribution."""
    page = browser.new_page(viewport={"width": 1600, "height": 1000})
    page.goto(f"{server.address}#snapshot_compare&{KEY}layer={urllib.parse.quote(layer, safe='')}")
    frame = compare_frame(page)
    frame.wait_for_selector(".net-svg", timeout=NEVER_MS)
    settled(frame)
    for _ in range(repeats):
        note(found, "diagram drawn anew (ms)", frame.evaluate(REDRAW))
    for value in frame.evaluate(PAN):
        note(found, "frame while moved (ms)", value)
    for turn in range(repeats):
        frame.evaluate(BARS, 16 + turn)
        note(found, "distribution of 512 bars (ms)", frame.evaluate(BARS, 512))
    page.close()


def since_opened(page: Page, frame: Frame, mark: str) -> float:
    """Milliseconds from the page's address to a mark."""
    opened = float(page.evaluate("performance.timeOrigin"))
    return float(frame.evaluate("(name) => window.marks[name]", mark)) - opened


def shell_of(page: Page, frame: Frame) -> float:
    """Milliseconds from the page's address until TensorBoard loads the frame of our tab."""
    opened, loaded = (float(each.evaluate("performance.timeOrigin")) for each in (page, frame))
    return loaded - opened


def timed(address: str) -> tuple[float, bytes]:
    """Milliseconds of a GET, and its body as it came."""
    asked = urllib.request.Request(address, headers={"Accept-Encoding": "gzip"})
    start = time.perf_counter()
    with urllib.request.urlopen(asked, timeout=60) as answer:
        body = answer.read()
    return 1e3 * (time.perf_counter() - start), body


def note(found: Figures, name: str, value: float) -> None:
    """Adds a value to a figure."""
    found.setdefault(name, []).append(float(value))


def _table(title: str, ours: Figures, theirs: Figures) -> Table:
    """Both pages' figures; the ratio is of medians."""
    rows = []
    for figure, values in ours.items():
        other = theirs.get(figure)
        ratio = f"{statistics.median(values) / statistics.median(other):.2f}" if other else "-"
        rows.append((figure, *_cells(values), *(_cells(other) if other else ("-", "-")), ratio))
    heads = ("figure", "this page", "p95", "TensorBoard's histograms", "p95", "ratio")
    return Table(title, heads, tuple(rows))


def _cells(values: list[float]) -> tuple[str, str]:
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return spread(values, ""), report.significant(p95)


if __name__ == "__main__":
    report.main(sys.modules[__name__], __doc__)
