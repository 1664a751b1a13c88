"""Measures the convolution view in a browser: `python -m benchmarks.page_map`.

Two networks of random weights, each saved twice: one with a convolution of 512 x 512 x 3 x 3, one
with a dense layer of 25088 x 4096 (103 million weights). A real TensorBoard serves them to
Chromium without a GPU. Shown are

- the time from a click on the layer to its map, complete, with the server's results known (warm),
  and for the dense layer from the page's first request for it with none known (cold),
- frames per second of a script of zooming, panning and zooming back, with one pixel of the screen
  for each of the page: of the first time and of the second,
- the memory of the page's own arrays and objects, and how much larger the renderer's process is
  than with an empty tab of TensorBoard.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from playwright.sync_api import sync_playwright

from benchmarks.report import Table, main
from tests.e2e.conftest import FLAGS, compare_frame
from tests.e2e.server import tensorboard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Frame, Page

_REPEATS = 5
CONV, DENSE = "conv", "fc6"
COMPLETE = ".kernel-stage[data-complete=true]"
CLICK = """async (name) => {
  const subtitle = () => document.querySelector('[data-panel=convolution] .panel-subtitle');
  const box = document.querySelector(`.net-body[data-layer="${name}"]`);
  const start = performance.now();
  box.dispatchEvent(new MouseEvent('click', { bubbles: true }));
  for (;;) {
    await new Promise(requestAnimationFrame);
    const stage = document.querySelector('.kernel-stage');
    const shown = subtitle()?.textContent?.startsWith(`${name}/`);
    if (shown && stage?.dataset.complete === 'true') return performance.now() - start;
    if (performance.now() - start > 20000) throw new Error(`no map of ${name}`);
  }
}"""
FRAMES = """async () => {
  const surface = document.querySelector('.kernel-surface');
  surface.setPointerCapture = () => {};
  const { left, top, width, height } = surface.getBoundingClientRect();
  const frame = () => new Promise(requestAnimationFrame);
  const wheel = (delta, i) => surface.dispatchEvent(new WheelEvent('wheel', {
    deltaY: delta, clientX: left + width * 0.3 + i, clientY: top + height * 0.4,
    bubbles: true, cancelable: true }));
  const pointer = (kind, x, y) => surface.dispatchEvent(new PointerEvent(kind, {
    bubbles: true, button: 0, pointerId: 7, isPrimary: true, clientX: x, clientY: y }));
  for (let i = 0; i < 5; i += 1) await frame();
  const start = performance.now();
  for (let i = 0; i < 120; i += 1) {
    if (i < 45) wheel(-120, i);
    else if (i >= 75) wheel(120, i);
    else {
      const x = left + 300 - (i - 45) * 6;
      if (i === 45) pointer('pointerdown', x, top + 60 + i);
      pointer('pointermove', x, top + 60 + i);
      if (i === 74) pointer('pointerup', x, top + 60 + i);
    }
    await frame();
  }
  return 120000 / (performance.now() - start);
}"""


def tables(tiny: bool = False) -> Iterator[Table]:
    """One table for each layer."""
    layers = {CONV: save_convolution, DENSE: save_dense}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=FLAGS
        )
        for layer in (CONV,) if tiny else layers:
            logdir = Path(folder) / layer
            layers[layer](logdir / "run")
            found = figures(browser, logdir, layer, 1 if tiny else _REPEATS)
            yield Table(f"The convolution view of {layer}", ("", "figure"), tuple(found.items()))
        browser.close()


def figures(browser: Browser, logdir: Path, layer: str, repeats: int) -> dict[str, str]:
    """What is shown of one layer, by name."""
    found: dict[str, str] = {}
    with (
        tempfile.TemporaryDirectory() as cache,
        tensorboard(f"--logdir={logdir}", f"--snapshot_compare_cache_dir={cache}") as server,
    ):
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.goto(f"{server.address}#scalars")
        page.wait_for_timeout(3000)
        empty = renderer_bytes()
        frame = opened(page, f"{server.address}#snapshot_compare&p.snapshot_compare.layer=out")
        frame.wait_for_selector(f'.net-body[data-layer="{layer}"]')
        frame.wait_for_selector(COMPLETE, timeout=60_000)
        found["click to map, cold"] = f"{frame.evaluate(CLICK, layer):.0f} ms"
        clicks = []
        for _ in range(repeats):
            frame.evaluate(CLICK, "out")
            clicks.append(frame.evaluate(CLICK, layer))
        found["click to map, warm"] = spread(clicks, "ms")
        for name in ("first time", "second time"):
            frame = opened(
                page,
                f"{server.address}?x={name[0]}#snapshot_compare&p.snapshot_compare.layer={layer}"
                "&p.snapshot_compare.max=convolution",
            )
            frame.wait_for_selector(COMPLETE, timeout=60_000)
            rates = [frame.evaluate(FRAMES) for _ in range(repeats if name[0] == "s" else 1)]
            found[f"zooming and panning, {name}"] = spread(rates, "frames a second")
        found["arrays and objects of the page"] = f"{page_bytes(page) / 1e6:.0f} MB"
        found["renderer above an empty tab"] = f"{(renderer_bytes() - empty) / 1e6:.0f} MB"
        page.close()
    return found


def opened(page: Page, address: str) -> Frame:
    """The Compare tab's frame at an address."""
    page.goto(address)
    page.reload()
    return compare_frame(page)


def page_bytes(page: Page) -> float:
    """Bytes of the page's JavaScript objects and array buffers, after garbage collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    usage: dict[str, Any] = session.send("Runtime.getHeapUsage")
    return float(usage["usedSize"]) + float(usage.get("backingStorageSize", 0))


def renderer_bytes() -> float:
    """Resident bytes of the largest renderer process."""
    listing = subprocess.run(["ps", "-eo", "rss,args"], capture_output=True, text=True, check=True)
    sizes = [
        int(line.split(maxsplit=1)[0])
        for line in listing.stdout.splitlines()
        if "--type=renderer" in line
    ]
    return 1024.0 * max(sizes)


def spread(values: list[float], unit: str) -> str:
    """Median and range."""
    ends = f" ({min(values):.0f} to {max(values):.0f})" if len(values) > 1 else ""
    return f"{statistics.median(values):.0f} {unit}{ends}"


def save_convolution(run: Path) -> None:
    """Two snapshots of a network with a convolution of 512 x 512 x 3 x 3."""
    import keras

    inputs = keras.Input((None, None, 512))
    x = keras.layers.Conv2D(512, 3, name=CONV)(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    save_twice(keras.Model(inputs, keras.layers.Dense(10, name="out")(x)), run)


def save_dense(run: Path) -> None:
    """Two snapshots of a network with a dense layer of 25088 x 4096."""
    import keras

    dense = keras.layers.Dense(4096, name=DENSE)
    save_twice(
        keras.Sequential([keras.Input((25088,)), dense, keras.layers.Dense(10, name="out")]), run
    )


def save_twice(model: Any, run: Path) -> None:
    """As it is, and with a little noise on every weight."""
    run.mkdir(parents=True)
    model.save(run / "epoch-001.keras")
    rng = np.random.default_rng(0)
    for variable in model.weights:
        noise = 0.003 * rng.standard_normal(variable.shape, dtype=np.float32)
        variable.assign(np.asarray(variable) + noise)
    model.save(run / "epoch-002.keras")


if __name__ == "__main__":
    main(sys.modules[__name__], __doc__)
