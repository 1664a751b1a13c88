"""How fast the page is, beside TensorBoard's histogram page on the same weights.

    python -m benchmarks.page_speed [--only series many large] [--repeats 5] [--keep FOLDER]

Three logdirs (see `page_inputs`), each served by a real TensorBoard to a real Chromium without a
GPU and with its cache switched off. Results are known to the server's disk, not to its memory: it
is started anew for every set of figures. Printed for either page, as median (range):

- first drawing: from the address to the first layer drawn, and to every panel complete; of
  TensorBoard's page to the first tag and to every histogram in sight,
- click to pixels: from a click on a layer to the frame after the one in which a view shows it;
  on TensorBoard's page from a click on a group of tags, or on the next page of one, to its
  histograms,
- bytes over the wire until then, and the objects and arrays of the page's scripts,
- routes: each URL asked for once more by a plain client,
- the longest task of the first drawing, and the three figures that tests only bound loosely:
  laying out a network, frames while it is moved, drawing a distribution of 512 bars,
- `/data/environment` of TensorBoard while nothing and while a comparison is computed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.table import Table

from benchmarks.page_inputs import make
from tests.e2e.conftest import FLAGS, compare_frame
from tests.e2e.server import TensorBoard, tensorboard

if TYPE_CHECKING:
    from collections.abc import Iterable

    from playwright.sync_api import Browser, CDPSession, Frame, Page

PLUGIN = "data/plugin/snapshot_compare/"
INPUTS = ("series", "many", "large")
CLICKS = 8
NEVER_MS = 120_000
KEY = "p.snapshot_compare."
DEEP = """
window.deep = (tag, root = document) => [...root.querySelectorAll('*')].flatMap((element) => [
  ...(element.localName === tag ? [element] : []),
  ...(element.shadowRoot ? window.deep(tag, element.shadowRoot) : []),
]);
window.has = (element, tag) => window.deep(tag, element.shadowRoot ?? element).length > 0;
"""
"""TensorBoard's own page is made of elements in elements' shadows."""
MARKS = (
    DEEP
    + """
addEventListener('DOMContentLoaded', () => {
  const marks = (window.marks = {}), now = () => performance.timeOrigin + performance.now();
  window.longest = 0;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries())
      window.longest = Math.max(window.longest, duration);
  }).observe({ type: 'longtask', buffered: true });
  const found = (selector) => document.querySelector(selector) !== null;
  const states = {
    layers: () => found('.net-table tr[data-row]') || found('.net-body'),
    distribution: () => found('[data-panel=distribution] svg :is(path, rect)'),
    map: () => found('.kernel-stage[data-complete=true]'),
    complete: () => marks.layers && marks.distribution && marks.map && !found('[data-busy]'),
    tags: () => location.hash === '#histograms' && window.deep('tf-histogram-loader').length > 0,
    histograms: () => marks.tags && window.deep('vz-histogram-timeseries').length > 0 &&
      window.deep('vz-histogram-timeseries').some((one) => window.has(one, 'path')),
  };
  const look = () => {
    for (const [name, is] of Object.entries(states))
      if (!marks[name] && is()) marks[name] = now();
    if (!marks.complete && !marks.histograms) requestAnimationFrame(look);
  };
  look();
});
"""
)
TOP = """async () => {
  document.querySelector('.net-table-scroll').scrollTop = 0;
  for (let i = 0; i < 3; i += 1) await new Promise(requestAnimationFrame);
  return [...document.querySelectorAll('[data-row]')]
    .filter((row) => /\\d/.test(row.querySelector('.net-number')?.textContent))
    .map((row) => row.dataset.row);
}"""
CLICK_LAYER = """async (name) => {
  const row = document.querySelector(`[data-row="${CSS.escape(name)}"]`);
  const panel = (view) => document.querySelector(`[data-panel=${view}]`);
  const subtitle = (view) => panel(view)?.querySelector('.panel-subtitle')?.textContent ?? '';
  const still = (view) => !panel(view)?.querySelector('.panel-busy');
  const views = {
    network: () => subtitle('network').startsWith(`${name} `),
    distribution: () => subtitle('distribution').startsWith(`${name} `) && still('distribution'),
    map: () => subtitle('convolution').startsWith(`${name}/`) &&
      document.querySelector('.kernel-stage')?.dataset.complete === 'true',
  };
  const start = performance.now(), found = {};
  row.dispatchEvent(new MouseEvent('click', { bubbles: true }));
  while (Object.keys(found).length < 3 && performance.now() - start < 5000) {
    await new Promise(requestAnimationFrame);
    for (const [view, is] of Object.entries(views)) if (!(view in found) && is()) found[view] = 0;
    await new Promise(requestAnimationFrame);
    for (const view in found) found[view] ||= performance.now() - start;
  }
  return found;
}"""
CLICK_TAGS = """async () => {
  const drawn = () =>
    window.deep('vz-histogram-timeseries').filter((one) => window.has(one, 'path'));
  const views = window.deep('tf-category-paginated-view');
  const within = (view) => view.shadowRoot ?? view;
  const next = views.flatMap((view) => window.deep('paper-button', within(view)))
    .filter((one) => /next/i.test(one.textContent) && one.offsetParent && !one.disabled);
  const closed = views.filter((view) => !within(view).querySelector('.heading[open-button]'));
  const target = next[0] ?? (closed[0] && within(closed[0]).querySelector('.heading'));
  if (!target) return null;
  target.scrollIntoView({ block: 'center' });
  for (let i = 0; i < 3; i += 1) await new Promise(requestAnimationFrame);
  const before = new Set(drawn().flatMap((one) => window.deep('path', one.shadowRoot ?? one)));
  const start = performance.now();
  const { left, top, height } = target.getBoundingClientRect();
  for (const kind of ['mousedown', 'mouseup', 'click'])
    target.dispatchEvent(new MouseEvent(kind, { bubbles: true, composed: true, cancelable: true,
      view: window, clientX: left + 9, clientY: top + height / 2 }));
  while (performance.now() - start < 5000) {
    await new Promise(requestAnimationFrame);
    const paths = drawn().flatMap((one) => window.deep('path', one.shadowRoot ?? one));
    if (!paths.some((path) => !before.has(path))) continue;
    await new Promise(requestAnimationFrame);
    return performance.now() - start;
  }
  return null;
}"""
PAN = """async () => {
  const svg = document.querySelector('.net-svg');
  svg.setPointerCapture = () => {};
  const { left, top } = svg.getBoundingClientRect();
  const fire = (kind, x) => svg.dispatchEvent(new PointerEvent(kind, {
    bubbles: true, button: 0, pointerId: 7, isPrimary: true,
    clientX: left + x, clientY: top + 60 }));
  const times = [];
  fire('pointerdown', 200);
  for (let i = 0; i < 60; i += 1) {
    const start = performance.now();
    fire('pointermove', 200 + 3 * i);
    await new Promise(requestAnimationFrame);
    times.push(performance.now() - start);
  }
  fire('pointerup', 380);
  return times;
}"""
BARS = """async (bars) => {
  const input = document.querySelector('[data-panel=distribution] input');
  const start = performance.now();
  input.value = String(bars);
  for (const kind of ['input', 'change', 'blur'])
    input.dispatchEvent(new Event(kind, { bubbles: true }));
  const drawn = () => document.querySelector('[data-panel=distribution] svg path[data-level]')
    ?.getAttribute('d');
  const before = drawn();
  while (performance.now() - start < 20000) {
    await new Promise(requestAnimationFrame);
    const busy = document.querySelector('[data-panel=distribution] .panel-busy');
    if (!busy && drawn() !== before) break;
  }
  return performance.now() - start;
}"""
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


def main() -> None:
    """Prints the figures of every input."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--only", nargs="+", choices=INPUTS, default=INPUTS)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="where inputs are kept for the next time")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=FLAGS
        )
        for name in options.only:
            snapshots, histograms = make(name, options.keep or Path(folder))
            ours = of_compare(browser, snapshots, options.repeats)
            theirs = of_histograms(browser, histograms, options.repeats)
            show(name, ours, theirs)
        browser.close()


def of_compare(browser: Browser, logdir: Path, repeats: int) -> Figures:
    """The figures of the Compare tab."""
    found: Figures = {}
    with tempfile.TemporaryDirectory() as cache:
        flags = (f"--logdir={logdir}", f"--snapshot_compare_cache_dir={cache}")
        with tensorboard(*flags) as server:
            beside_a_comparison(server, found)
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
                note(found, "longest task (ms)", frame.evaluate("window.longest"))
                note(found, "over the wire (kB)", wire.bytes / 1e3)
                note(found, "scripts' heap (MB)", wire.heap() / 1e6)
                frame.evaluate(TOP)
                for layer in layers[1:]:
                    for view, value in frame.evaluate(CLICK_LAYER, layer).items():
                        note(found, f"click to pixels: {view} (ms)", value)
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


def beside_a_comparison(server: TensorBoard, found: Figures) -> None:
    """`/data/environment` before and while the first pair is compared."""
    address = f"{server.address}data/environment"
    pair = pair_query(server)
    for _ in range(200):
        note(found, "environment, idle (ms)", timed(address)[0])
    done = threading.Event()

    def compare() -> None:
        until_ready(server, "comparison", pair)
        done.set()

    thread = threading.Thread(target=compare)
    thread.start()
    while not done.is_set():
        note(found, "environment beside a comparison (ms)", timed(address)[0])
        time.sleep(0.005)
    thread.join()


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


REDRAW = """async () => {
  const panel = document.querySelector('[data-panel=network]');
  const press = (name) => [...panel.querySelectorAll('button')]
    .find((button) => button.textContent.trim() === name)?.click();
  const until = async (is) => { while (!is()) await new Promise(requestAnimationFrame); };
  press('Table');
  await until(() => panel.querySelector('.net-table'));
  const start = performance.now();
  press('Diagram');
  await until(() => panel.querySelector('.net-body'));
  await new Promise(requestAnimationFrame);
  return performance.now() - start;
}"""


def since_opened(page: Page, frame: Frame, mark: str) -> float:
    """Milliseconds from the page's address to a mark."""
    opened = float(page.evaluate("performance.timeOrigin"))
    return float(frame.evaluate("(name) => window.marks[name]", mark)) - opened


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


def show(name: str, ours: Figures, theirs: Figures) -> None:
    """A table of both pages; the ratio is of medians."""
    table = Table(
        "figure", "this page", "p95", "TensorBoard's histograms", "p95", "ratio", title=name
    )
    for figure, values in ours.items():
        other = theirs.get(figure)
        ratio = f"{statistics.median(values) / statistics.median(other):.2f}" if other else ""
        table.add_row(figure, *_columns(values), *(_columns(other) if other else ("", "")), ratio)
    Console(highlight=False, width=150).print(table)


def _columns(values: list[float]) -> tuple[str, str]:
    low, high = min(values), max(values)
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return f"{statistics.median(values):.1f} ({low:.1f} to {high:.1f})", f"{p95:.1f}"


if __name__ == "__main__":
    main()
