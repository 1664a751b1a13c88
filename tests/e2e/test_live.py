"""The page while files come and go, while it is hidden, and while the server computes."""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Open, Opened
from tests.e2e.server import TensorBoard, tensorboard, wait_for
from tests.e2e.steps import key, settled

STEPS = (2, 3, 4, 30)
READY_SECONDS = 2.0
PLUGIN = "/data/plugin/snapshot_compare/"
_NOTE_PROGRESS = """
    window.progressSeen = [];
    new MutationObserver(() => {
      for (const bar of document.querySelectorAll('[role=progressbar]')) {
        window.progressSeen.push(bar.getAttribute('aria-label'));
      }
    }).observe(document, {childList: true, subtree: true, attributes: true});
"""


@dataclass(frozen=True)
class Training:
    """A run that goes on: `write` and `delete` snapshots of it."""

    server: TensorBoard
    source: Path
    run: Path

    def write(self, epoch: int) -> None:
        """As Keras does: beside its place first, then renamed into it."""
        name = f"epoch-{epoch:02d}.keras"
        partial = self.run / f".{name}.partial"
        shutil.copy(self.source / name, partial)
        partial.rename(self.run / name)

    def delete(self, epoch: int) -> None:
        (self.run / f"epoch-{epoch:02d}.keras").unlink()

    def ids(self) -> dict[int, str]:
        """Snapshot ids by epoch, as the server lists them."""
        listing = json.loads(self.server.get("data/plugin/snapshot_compare/snapshots"))
        return {
            snapshot["epoch"]: snapshot["id"]
            for run in listing["runs"]
            if run["name"] == "alexnet"
            for snapshot in run["snapshots"]
            if snapshot["state"] == "ready"
        }


@pytest.fixture(scope="module")
def training(logdir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Training]:
    folder = tmp_path_factory.mktemp("live")
    source, run = logdir / "alexnet", folder / "alexnet"
    epochs = {f"epoch-{epoch:02d}.keras" for epoch in STEPS}
    ignore = lambda _, names: [n for n in names if n.endswith(".keras") and n not in epochs]  # noqa: E731
    shutil.copytree(source, run, ignore=ignore)
    flags = [f"--logdir={folder}", "--snapshot_compare_cache_dir=none", "--reload_interval=1"]
    with tensorboard(*flags) as server:
        yield Training(server, source, run)


def plugin_requests(page: Page) -> list[str]:
    """The plugin's own requests from now on, in a list that grows."""
    seen: list[str] = []
    page.on(
        "request",
        lambda request: PLUGIN in request.url and seen.append(f"{request.method} {request.url}"),
    )
    return seen


def tab(page: Page, name: str) -> Locator:
    return page.get_by_role("tab", name=re.compile(f"^{name}$", re.IGNORECASE))


def snapshots_shown(opened: Opened, count: int) -> None:
    title = opened.frame.locator("#panel-title-timeline").locator("..")
    expect(title).to_contain_text(f"{count} snapshots", timeout=30_000)


def test_a_cold_server_shows_its_progress_and_then_the_result(
    training: Training, open_compare: Open
) -> None:
    answers: list[int] = []
    opened = open_compare(training.server, script=_NOTE_PROGRESS)
    opened.page.on("response", lambda r: "/distribution?" in r.url and answers.append(r.status))
    frame = opened.frame
    expect(frame.locator(".histogram")).to_be_visible(timeout=60_000)
    expect(frame.locator('.net-body[aria-pressed="true"]')).to_have_count(1)
    assert frame.evaluate("window.progressSeen.length") > 0
    bins = frame.get_by_role("spinbutton", name="Bins")
    bins.fill("512")
    bins.press("Enter")
    wait_for(lambda: opened.page.wait_for_timeout(50) or 200 in answers)
    expect(frame.locator("[data-busy]")).to_have_count(0)


def test_a_new_snapshot_appears_without_a_reload(training: Training, open_compare: Open) -> None:
    opened = open_compare(training.server)
    before = len(training.ids())
    snapshots_shown(opened, before)
    picker = opened.frame.get_by_role("button", name=re.compile("^Snapshot a: epoch"))
    chosen = picker.inner_text()
    training.write(12)
    snapshots_shown(opened, before + 1)
    assert picker.inner_text() == chosen
    picker.click()
    expect(opened.frame.get_by_role("option", name=re.compile("epoch 12 ·"))).to_be_visible()


def test_a_chosen_snapshot_that_is_deleted_stays_as_a_ghost_with_its_results(
    training: Training, open_compare: Open
) -> None:
    training.write(20)
    wait_for(lambda: 20 in training.ids())
    ids = training.ids()
    keys = f"&p.snapshot_compare.a={ids[20]}&p.snapshot_compare.b={ids[30]}"
    opened = open_compare(training.server, keys=keys)
    frame = opened.frame
    picker = frame.get_by_role("button", name=re.compile("^Snapshot a: epoch 20 ·"))
    expect(picker).to_be_visible()
    expect(frame.locator(".histogram")).to_be_visible(timeout=30_000)
    training.delete(20)
    notice = frame.locator(".notice")
    expect(notice).to_contain_text("was deleted from the logdir", timeout=30_000)
    expect(notice).to_contain_text("epoch 20")
    expect(frame.locator(".timeline-marks .mark-gone")).to_have_attribute("d", re.compile("^M"))
    expect(picker).to_be_visible()
    expect(frame.locator(".histogram")).to_be_visible()
    notice.get_by_role("button", name=re.compile("^Show .* instead$")).click()
    expect(
        frame.get_by_role("button", name=re.compile("^Snapshot a: epoch (?!20)"))
    ).to_be_visible()
    expect(notice).to_have_count(0)


def test_neighbouring_snapshots_are_compared_in_the_background(
    training: Training, open_compare: Open
) -> None:
    opened = open_compare(training.server, keys=key(run="alexnet"), script=_NOTE_PROGRESS)
    frame = opened.frame
    expect(frame.locator(".trend-label")).not_to_have_count(0, timeout=60_000)
    training.write(13)
    expect(frame.locator(".trend-progress")).to_be_visible(timeout=30_000)
    expect(frame.locator(".trend-progress")).to_have_count(0, timeout=60_000)
    assert any("the one before it" in label for label in frame.evaluate("window.progressSeen"))
    rows = frame.locator(".trend-rows")
    rows.focus()
    rows.press("End")
    text = rows.get_attribute("aria-valuetext") or ""
    found = re.match(r"(\S+), (epoch \d+) .* to (epoch \d+) .*: ([\d.e−-]+)", text)
    assert found is not None, text
    rows.press("Enter")
    for side, label in (("a", found[2]), ("b", found[3])):
        name = re.compile(f"^Snapshot {side}: {label} ·")
        expect(frame.get_by_role("button", name=name)).to_be_visible()
    expect(frame.locator("#panel-title-distribution").locator("..")).to_contain_text(found[1])


@dataclass
class Writer:
    """A real training process; see `live_writer`."""

    process: "subprocess.Popen[str]"

    def ask(self, command: str) -> float:
        """Gives a command and waits for its end; when its last byte was written."""
        self.send(command)
        return self.answer()

    def send(self, command: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def answer(self) -> float:
        assert self.process.stdout is not None
        return float(self.process.stdout.readline())


@pytest.fixture(scope="module")
def writer(training: Training) -> Iterator[Writer]:
    folder = training.run.parent / "live"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.live_writer", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    started = Writer(process)
    started.answer()
    for epoch in (1, 2):
        started.ask(f"save epoch-{epoch}.keras")
    yield started
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    assert process.wait(30) == 0
    process.stdout.close()


def marks(opened: Opened, state: str) -> int:
    """How many marks of a state the timeline shows."""
    path = opened.frame.locator(f".timeline-marks .mark-{state}").get_attribute("d") or ""
    return path.count("M")


def open_live(training: Training, open_compare: Open, a: int = 1, b: int = 2) -> Opened:
    wait_for(lambda: {a, b} <= live_ids(training).keys())
    ids = live_ids(training)
    return open_compare(training.server, keys=key(run="live", a=ids[a], b=ids[b]))


def live_ids(training: Training) -> dict[int, str]:
    listing = json.loads(training.server.get("data/plugin/snapshot_compare/snapshots"))
    return {
        snapshot["epoch"]: snapshot["id"]
        for run in listing["runs"]
        if run["name"] == "live"
        for snapshot in run["snapshots"]
        if snapshot["state"] == "ready"
    }


def test_a_snapshot_is_shown_as_being_written_and_ready_within_two_seconds_of_its_end(
    training: Training, writer: Writer, open_compare: Open
) -> None:
    opened = open_live(training, open_compare)
    frame = opened.frame
    expect(frame.locator(".histogram")).to_be_visible(timeout=30_000)
    took = []
    for epoch in (3, 4):
        before = marks(opened, "ready")
        writer.send(f"slowly epoch-{epoch}.keras 2")
        wait_for(lambda: opened.page.wait_for_timeout(20) or marks(opened, "written") == 1)
        expect(frame.locator(".state-key")).to_contain_text("being written")
        ended = writer.answer()
        wait_for(
            lambda before=before: (
                opened.page.wait_for_timeout(20) or marks(opened, "ready") == before + 1
            )
        )
        took.append(time.time() - ended)
        assert marks(opened, "written") == 0
    print(f"ready in the page {took} seconds after the last byte")
    assert min(took) < READY_SECONDS, took


def test_a_chosen_snapshot_that_is_written_anew_is_updated_and_said_so(
    training: Training, writer: Writer, open_compare: Open
) -> None:
    opened = open_live(training, open_compare)
    frame = opened.frame
    whole = frame.locator(".status-bar, footer").first
    expect(frame.locator(".histogram")).to_be_visible(timeout=30_000)
    before = whole.inner_text()
    writer.ask("save epoch-2.keras")
    notice = frame.locator(".notice")
    expect(notice).to_contain_text("was replaced: its file was written anew", timeout=15_000)
    expect(notice).to_contain_text("(b)")
    expect(frame.locator(".timeline-marks .mark-replaced")).to_have_attribute("d", re.compile("^M"))
    expect(frame.locator(".histogram")).to_be_visible()
    expect(whole).not_to_have_text(before, timeout=15_000)


def test_tensorboards_reload_button_has_the_directories_scanned(
    training: Training, open_compare: Open
) -> None:
    opened = open_compare(training.server, keys=key(run="alexnet"))
    snapshots_shown(opened, len(training.ids()))
    with opened.page.expect_request(re.compile(f"{PLUGIN}scan$")) as scan:
        opened.page.locator(".reload-button").click()
    answer = scan.value.response()
    assert answer is not None
    assert answer.ok


def test_a_hidden_page_asks_for_nothing_until_it_is_seen_again(
    training: Training, open_compare: Open
) -> None:
    opened = open_compare(training.server)
    page = opened.page
    expect(opened.frame.locator(".histogram")).to_be_visible(timeout=30_000)
    settled(opened.frame)
    tab(page, "scalars").click()
    page.wait_for_timeout(500)  # a request may be on its way
    seen = plugin_requests(page)
    page.wait_for_timeout(4000)  # it asks every 3 seconds
    assert seen == []
    with page.expect_request(re.compile(f"{PLUGIN}changes")):
        tab(page, "compare").click()
