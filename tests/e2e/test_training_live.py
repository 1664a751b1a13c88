"""The Training page while a training runs: it grows by itself and tells what happens as it does."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tb_snapshot_compare.store.log_reader import Log
from tb_snapshot_compare.store.log_tables import DIRECTORY
from tests.e2e import keras_trainer
from tests.e2e.conftest import Open, Opened
from tests.e2e.recorded_run import CLASSES, DUMP_EVERY, accidents
from tests.e2e.server import TensorBoard, tensorboard, wait_for
from tests.e2e.steps import press_segment
from tests.e2e.trainer import Trainer, start_trainer
from tests.e2e.training_page import (
    classes,
    drawn,
    dumps_told,
    findings,
    forgive_stale_versions,
    go_to,
    has_dumps,
    looks_other,
    open_training,
    pixels,
    section,
    until,
)

PLUGIN = "/data/plugin/snapshot_compare/"
WORST, MOST_HIT = accidents()["rate"], CLASSES[6]
"""Of the class most images leave a lasting state at the accident, and enter another one."""
RULE = {"least": 12, "lasting": 5, "clusters": "off"}
EXAMINED_MS = 60_000
"""A log that grows is looked through now and then only."""
KERAS_SECONDS = 90
REQUESTS_MOST, BYTES_MOST = 8, 20_000
"""For one version more of the log: of what is on screen only."""
OFF_SCREEN = {"training_thumbnail", "training_images", "training_filters", "training_bands"}
"""Routes of what is not open, and of pictures, which stay."""


@dataclass
class Live:
    """A server, and the trainings that were started below its logdir."""

    server: TensorBoard
    folder: Path
    trainers: list[Trainer] = field(default_factory=list)

    def start(self, module: str, run: str, *more: int) -> Trainer:
        """Starts a training process."""
        self.trainers.append(start_trainer(module, self.folder, run, *more))
        return self.trainers[-1]


@pytest.fixture(scope="module")
def served_live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("live")
    flags = [f"--logdir={folder}", "--snapshot_compare_cache_dir=none", "--reload_interval=1"]
    with tensorboard(*flags) as server:
        yield Live(server, folder)


@pytest.fixture
def live(served_live: Live) -> Iterator[Live]:
    yield served_live
    while served_live.trainers:
        served_live.trainers.pop().end()


class Traffic:
    """What the page has asked the plugin for, and how many bytes the answers had."""

    def __init__(self, page: Page) -> None:
        self.routes: Counter[str] = Counter()
        self.bytes = 0
        session = page.context.new_cdp_session(page)
        own: set[str] = set()

        def sent(event: dict[str, object]) -> None:
            path = urlsplit(str(event["request"]["url"])).path  # type: ignore[index]
            if PLUGIN in path:
                own.add(str(event["requestId"]))
                self.routes[path.partition(PLUGIN)[2]] += 1

        def finished(event: dict[str, object]) -> None:
            if event["requestId"] in own:
                self.bytes += int(str(event["encodedDataLength"]))

        session.on("Network.requestWillBeSent", sent)
        session.on("Network.loadingFinished", finished)
        session.send("Network.enable")

    def now(self) -> tuple[Counter[str], int]:
        """Requests by route, and bytes, up to now."""
        return self.routes.copy(), self.bytes

    def since(self, before: tuple[Counter[str], int]) -> tuple[Counter[str], int]:
        """What has come to that; that there is news is asked for all the time."""
        routes = self.routes - before[0]
        routes.pop("changes", None)
        return routes, self.bytes - before[1]


def is_the_same_document(opened: Opened) -> bool:
    return bool(opened.frame.evaluate("window.sameDocument === true"))


def test_anomalies_appear_as_they_happen(live: Live, open_compare: Open) -> None:
    before = WORST.step - 8 * DUMP_EVERY
    trainer = live.start("recorded_run", "anomalies", before)
    trainer.train(8)
    opened = open_training(open_compare, live.server, "anomalies", **RULE)
    frame = opened.frame
    frame.evaluate("window.sameDocument = true")
    has_dumps(opened, 8)
    validation = section(frame, "Validation")
    later = validation.get_by_text("began one, known afterwards")
    expect(later).to_have_attribute("title", re.compile("while training runs, the newest"))
    hit = classes(frame).get_by_role("row", name=re.compile(f"^{MOST_HIT}: error"))
    expect(classes(frame)).to_contain_text(f"{len(CLASSES)} classes have no pass")
    risen = findings(frame).filter(has_text="The loss rose")
    expect(risen).to_have_count(0)

    at = trainer.train(1)
    assert at == WORST.last + DUMP_EVERY - WORST.last % DUMP_EVERY
    expect(hit).to_have_accessible_name(re.compile("; 1 anomaly$"))
    model = section(frame, "Model").get_by_role("slider")
    model.focus()
    opened.page.keyboard.press("End")
    expect(model).to_have_attribute("aria-valuetext", re.compile(f"step {at}.* The loss is"))
    strip = validation.get_by_role("treegrid").first
    strip.focus()
    opened.page.keyboard.press("End")
    card = frame.get_by_role("tooltip")
    expect(card).to_contain_text(f"Step {at}")
    expect(card).to_contain_text("changed after a stable run of at least 6 passes")
    expect(card).to_contain_text("the newest passes cannot be marked so yet")
    opened.page.keyboard.press("Escape")

    trainer.train(5)
    expect(hit).to_have_accessible_name(re.compile("; 2 anomalies$"))
    expect(risen).not_to_have_count(0, timeout=EXAMINED_MS)
    assert is_the_same_document(opened)
    forgive_stale_versions(opened)


def shows_growth(opened: Opened, dumps: int, last: int) -> None:
    """Waits until every view has so many dumps and passes, up to a step."""
    frame = opened.frame
    has_dumps(opened, dumps)
    model = section(frame, "Model").get_by_role("slider")
    expect(model).to_have_attribute("aria-valuemax", str(last))
    passes = re.compile(f"at step {last} · {dumps} passes")
    expect(section(frame, "Validation")).to_contain_text(passes)
    expect(section(frame, "Layers")).to_contain_text(f"× {dumps} dumps")
    drawn(frame)


def test_charts_grow_with_few_requests_for_what_is_on_screen(
    live: Live, open_compare: Open
) -> None:
    trainer = live.start("recorded_run", "growing", 1)
    trainer.train(4)
    opened = open_training(open_compare, live.server, "growing")
    frame = opened.frame
    frame.evaluate("window.sameDocument = true")
    has_dumps(opened, 4)
    chart = section(frame, "Layers").get_by_role("img").first
    traffic = Traffic(opened.page)
    for dumps in range(5, 9):
        look = pixels(chart)
        before = traffic.now()
        shows_growth(opened, dumps, trainer.train(1))
        routes, size = traffic.since(before)
        looks_other(chart, look)
        versions = routes["training"]
        assert 0 < size <= BYTES_MOST * versions, (size, routes)
        assert routes.total() <= REQUESTS_MOST * versions, routes
        assert not routes.keys() & OFF_SCREEN
    assert is_the_same_document(opened)
    forgive_stale_versions(opened)


def test_a_training_that_is_killed_goes_on_in_the_same_page(live: Live, open_compare: Open) -> None:
    trainer = live.start("recorded_run", "killed", 1)
    last = trainer.train(6)
    opened = open_training(open_compare, live.server, "killed")
    frame = opened.frame
    frame.evaluate("window.sameDocument = true")
    has_dumps(opened, 6)
    trainer.kill()
    press_segment(section(frame, "Layers"), "Line")
    expect(section(frame, "Layers").get_by_role("img").first).to_be_visible()
    drawn(frame)
    expect(frame.get_by_role("alert")).to_have_count(0)
    has_dumps(opened, 6)

    resumed = live.start("recorded_run", "killed", last - 3 * DUMP_EVERY + 1)
    last = resumed.train(6)
    assert last == 9 * DUMP_EVERY
    has_dumps(opened, 9)
    model = section(frame, "Model").get_by_role("slider")
    expect(model).to_have_attribute("aria-valuemax", str(last))
    go_to(model, last - 6 * DUMP_EVERY)
    expect(model).to_have_attribute("aria-valuetext", re.compile("goes on with step|resumed"))
    drawn(frame)
    assert is_the_same_document(opened)
    forgive_stale_versions(opened)


def test_a_training_with_keras_is_followed_to_its_end(live: Live, open_compare: Open) -> None:
    trainer = live.start("keras_trainer", "keras")
    until_listed(live, "keras")
    opened = open_training(open_compare, live.server, "keras")
    frame = opened.frame
    frame.evaluate("window.sameDocument = true")
    seen: set[int] = set()

    def has_grown_often() -> bool:
        seen.add(dumps_told(frame))
        return len(seen) >= 3

    until(opened.page, has_grown_often, KERAS_SECONDS)
    assert int(trainer.end()) > 0
    has_dumps(opened, dumps_in(live.folder / "keras"))
    drawn(frame)
    assert is_the_same_document(opened)
    found = section(frame, "Findings")
    expect(found).to_contain_text("Recorded by the training itself")
    layers = section(frame, "Layers")
    for layer in keras_trainer.LAYERS:
        expect(layers.get_by_role("treeitem", name=re.compile(f"^{layer}, "))).to_be_visible()
    expect(layers.get_by_role("combobox", name="Of", exact=True)).to_contain_text("First moments")
    press_segment(section(frame, "Validation"), "Classes")
    search = section(frame, "Validation").get_by_role("searchbox", name="Find class")
    for name in keras_trainer.CLASS_NAMES:
        search.fill(name)
        expect(classes(frame).get_by_role("row")).to_contain_text(name)
    forgive_stale_versions(opened)


def dumps_in(run: Path) -> int:
    """How many are in a run's log."""
    log = Log(run / DIRECTORY)
    log.refresh()
    count = len(log.steps("layers"))
    log.close()
    return count


def until_listed(live: Live, run: str) -> None:
    """Waits until the server knows of the run's log."""
    wait_for(lambda: f'"{run}"' in live.server.get(f"{PLUGIN[1:]}snapshots").decode())
