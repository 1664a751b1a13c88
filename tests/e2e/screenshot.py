"""Takes the README's picture of the demo: `python -m tests.e2e.screenshot LOGDIR FILE`."""

import os
import shutil
import sys

from playwright.sync_api import sync_playwright

from tests.e2e.conftest import FLAGS, compare_frame
from tests.e2e.server import tensorboard


def main(logdir: str, file: str) -> None:
    """Opens the Compare tab on `logdir`, waits until every view is drawn, and saves it."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with tensorboard(f"--logdir={logdir}") as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(server.address + "#snapshot_compare")
        frame = compare_frame(page)
        frame.locator(".histogram svg").wait_for()
        frame.locator(".net-strip canvas").first.wait_for()
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(1000)
        page.screenshot(path=file)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
