"""How long the Training page takes to open, in a real browser on a real TensorBoard."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from benchmarks.page_speed import KEY, NEVER_MS, shell_of, since_opened
from benchmarks.training_server import RUN, flags
from tests.e2e.conftest import FLAGS, compare_frame
from tests.e2e.server import tensorboard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

ADDRESS = f"#snapshot_compare&{KEY}page=training&{KEY}run={RUN}"
SECTIONS = ("model", "validation", "layers", "correlation")
DRAWN = {
    "overview": "the overview is drawn",
    "sections": "all charts in sight are drawn",
    "findings": "the findings are known",
}
MARKS = """
const STILL_MS = 200; // so long it has to stay as it is
addEventListener('DOMContentLoaded', () => {
  const marks = (window.marks = {}), now = () => performance.timeOrigin + performance.now();
  const slots = () => [...document.querySelectorAll('[data-slot]')];
  const inSight = (slot) => {
    const { top, bottom } = slot.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  };
  const waits = '[data-busy], [data-loading], [role=status][aria-label^=Reading], ' +
    '[class*="-wait"], [class*="skeleton"]';
  window.drawn = (slot) => slot.querySelector(waits) === null &&
    slot.querySelector('.panel-content :is(canvas, path, polyline, rect, li, p)') !== null;
  const findings = () => document.querySelector('[data-slot=findings]')?.textContent ?? '';
  const states = {
    overview: () => document.querySelector('.overview-box :is(path, polyline, canvas)') !== null,
    sections: () => slots().length > 0 &&
      slots().filter((slot) => slot.dataset.slot !== 'findings' && inSight(slot)).every(drawn),
    findings: () => findings() !== '' && !/Looking for/.test(findings()),
  };
  const since = {};
  const look = () => {
    for (const [name, is] of Object.entries(states)) {
      since[name] = is() ? (since[name] ?? now()) : undefined;
      if (since[name] && now() - since[name] > STILL_MS) marks[name] ??= since[name];
    }
    if (Object.keys(marks).length < Object.keys(states).length) requestAnimationFrame(look);
  };
  look();
});
"""
SCROLL = """async (name) => {
  const slot = document.querySelector(`[data-slot=${name}]`);
  const start = performance.now();
  slot.scrollIntoView({ block: 'start', behavior: 'instant' });
  let since;
  while (performance.now() - start < 60000) {
    await new Promise(requestAnimationFrame);
    since = window.drawn(slot) ? (since ?? performance.now()) : undefined;
    if (since && performance.now() - since > 200) break;
  }
  return (since ?? performance.now()) - start;
}"""
Figures = dict[str, list[float]]


def opened(logdir: Path, cache: Path, repeats: int) -> Figures:
    """Milliseconds from the address to what is drawn: of a server's first page, and of later ones.

    And from scrolling to a section until its charts are drawn.
    """
    found: Figures = {}
    with sync_playwright() as playwright, tensorboard(*flags(logdir, cache)) as server:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=FLAGS
        )
        for turn in range(repeats + 1):
            when = "first" if turn == 0 else "again"
            for name, value in _figures(browser, server.address):
                found.setdefault(f"{when}: {name}", []).append(value)
        browser.close()
    return found


def _figures(browser: Browser, address: str) -> Iterator[tuple[str, float]]:
    page = browser.new_page(viewport={"width": 1600, "height": 1000})
    page.add_init_script(MARKS)
    page.goto(address + ADDRESS)
    frame = compare_frame(page, ".training")
    frame.wait_for_function("window.marks.sections && window.marks.findings", timeout=NEVER_MS)
    before = shell_of(page, frame)
    yield "TensorBoard loads the tab's frame", before
    for mark, words in DRAWN.items():
        yield words, since_opened(page, frame, mark)
        yield f"{words}, from the tab's frame on", since_opened(page, frame, mark) - before
    for section in SECTIONS:
        yield f"scrolled to {section}", float(frame.evaluate(SCROLL, section))
    page.close()
