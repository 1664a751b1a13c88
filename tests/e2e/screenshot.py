"""Takes the README's picture: `python -m tests.e2e.screenshot LOGDIR IMAGES FILE`."""

import os
import shutil
import sys

from playwright.sync_api import sync_playwright

from tests.e2e.conftest import FLAGS, compare_frame
from tests.e2e.server import tensorboard
from tests.e2e.steps import settled


def main(logdir: str, images: str, file: str) -> None:
    """Saves the Compare tab on `logdir`, with probe images, once every view is drawn."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    flags = (f"--logdir={logdir}", f"--snapshot_compare_images={images}")
    with tensorboard(*flags) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 1280})
        page.goto(server.address + "#snapshot_compare&p.snapshot_compare.layer=conv5")
        frame = compare_frame(page)
        frame.locator(".histogram svg").wait_for()
        frame.locator(".net-strip canvas").first.wait_for()
        frame.locator(".kernel-stage[data-complete=true]").wait_for()
        frame.locator(".perf-butterfly").wait_for()
        settled(frame)
        page.wait_for_timeout(1000)
        page.screenshot(path=file)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
