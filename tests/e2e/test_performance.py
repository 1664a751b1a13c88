"""What both snapshots make of pictures, in a real browser, held against Keras's own answers."""

import contextlib
import csv
import io
import os
import re
import signal
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Locator, expect

from tests.e2e.conftest import Kinds, Open, Opened
from tests.e2e.server import OUTPUT, TensorBoard, tensorboard, wait_for
from tests.e2e.steps import (
    LARGE,
    Array,
    Pair,
    choose,
    export,
    fragment,
    key,
    number,
    pair_of,
    panel,
    press_segment,
    settled,
)
from tests.e2e.test_compare import violations

LAYER = "conv4"
CHANNELS = 24


@dataclass(frozen=True)
class Truth:
    """Pictures in the order of the strip, and what Keras makes of them."""

    pair: Pair
    folder: Path

    @cached_property
    def names(self) -> list[str]:
        return [path.relative_to(self.folder).as_posix() for path in self._files]

    @cached_property
    def classes(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    @cached_property
    def labels(self) -> Array:
        return np.array([self.classes.index(name.partition("/")[0]) for name in self.names])

    @cached_property
    def images(self) -> Array:
        return np.stack([np.asarray(Image.open(path)) for path in self._files]).astype(np.float32)

    @cached_property
    def models(self) -> tuple[Any, Any]:
        import keras

        one, other = (keras.models.load_model(path) for path in (self.pair.a, self.pair.b))
        return one, other

    @cached_property
    def probabilities(self) -> tuple[Array, Array]:
        return self.run(self.images)

    def run(self, images: Array) -> tuple[Array, Array]:
        """Class probabilities of a and b."""
        one, other = (model(images, training=False).numpy() for model in self.models)
        return one, other

    @cached_property
    def outcomes(self) -> list[str]:
        """By image: `rw` is right in a and wrong in b."""
        right = [p.argmax(axis=1) == self.labels for p in self.probabilities]
        return ["".join("rw"[1 - int(side)] for side in both) for both in zip(*right, strict=True)]

    def maps(self, image: int, layer: str = LAYER) -> tuple[Array, Array]:
        """The layer's output for an image in a and in b."""
        import keras

        one, other = (
            keras.Model(model.inputs[0], model.get_layer(layer).output)(
                self.images[image : image + 1], training=False
            ).numpy()[0]
            for model in self.models
        )
        return one, other

    @property
    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("*/*.jpg"))


@pytest.fixture(scope="module")
def truth(probing: TensorBoard, logdir: Path, photographs: Path) -> Truth:
    return Truth(pair_of(probing, logdir / "alexnet", 10, 40), photographs)


class Page:
    """The performance view of the compared epochs, beside the other views."""

    def __init__(self, opened: Opened) -> None:
        self.opened, self.page, self.frame = opened, opened.page, opened.frame
        self.view = panel(opened.frame, "performance")
        self.strip = self.view.get_by_role("listbox", name="Probe images")
        self.chosen = self.strip.locator('[aria-selected="true"]')
        self.network = panel(opened.frame, "network")
        self.map = panel(opened.frame, "convolution")

    def tab(self, name: str) -> None:
        press_segment(self.view.get_by_label("Show", exact=True), name)

    def strip_holds(self, count: int) -> None:
        if count == 0:
            expect(self.view.locator(".perf-strip-none")).to_be_visible()
        else:
            option = self.strip.get_by_role("option").first
            expect(option).to_have_attribute("aria-setsize", str(count))

    def subtitle(self) -> Locator:
        return self.view.locator(".panel-subtitle-text")


def start(open_compare: Open, pair: Pair, more: str = "", **how: Any) -> Page:
    keys = pair.keys + key(layer=LAYER) + more
    shown = Page(open_compare(pair.server, keys=keys, **{**LARGE, **how}))
    expect(shown.strip).to_be_visible(timeout=60_000)
    return shown


def exported(page: Page, to: Path) -> list[dict[str, str]]:
    """The values of the sub-view, from its file."""
    content = export(page.page, page.view, "Export CSV", to).decode()
    return list(csv.DictReader(io.StringIO(content)))


def test_predictions_of_the_images_are_those_of_keras_and_filters_choose_among_them(
    open_compare: Open, truth: Truth, tmp_path: Path
) -> None:
    page = start(open_compare, truth.pair)
    view, strip = page.view, page.strip
    butterfly = view.get_by_role("slider", name=re.compile("^Class probabilities"))
    expect(butterfly).to_be_visible(timeout=60_000)
    page.strip_holds(len(truth.names))
    expect(page.subtitle()).to_have_text(truth.names[0])

    def matches_keras(image: int, a: Array, b: Array) -> None:
        settled(page.frame)
        rows = exported(page, tmp_path)
        assert [row["name"] for row in rows] == truth.classes
        for side, known in (("a", a), ("b", b)):
            shown = [float(row[f"probability_{side}"]) for row in rows]
            assert shown == pytest.approx(known[image], abs=1e-5)
        page.page.mouse.move(5, 5)
        butterfly.focus()
        butterfly.press("Home")
        for label, name in enumerate(truth.classes):
            truly = ", the true class" if label == truth.labels[image] else ""
            spoken = butterfly.get_attribute("aria-valuetext") or ""
            head, _, values = spoken.rpartition(": ")
            assert head == f"class {label} · {name}{truly}"
            read = [number(part.removeprefix(part[0])) for part in values.split(", ")]
            assert read == pytest.approx([a[image][label], b[image][label]], rel=6e-3, abs=1e-5)
            butterfly.press("ArrowDown")
        expect(view.locator(".perf-bar-a")).not_to_have_count(0)

    matches_keras(0, *truth.probabilities)
    strip.focus()
    for name, at in (("ArrowRight", 1), ("End", len(truth.names) - 1), ("ArrowLeft", -2)):
        strip.press(name)
        expect(page.subtitle()).to_have_text(truth.names[at])
    matches_keras(len(truth.names) - 2, *truth.probabilities)
    strip.press("Home")
    expect(page.subtitle()).to_have_text(truth.names[0])
    strip.locator('[role=option][aria-posinset="4"]').click()
    expect(page.subtitle()).to_have_text(truth.names[3])
    expect(page.chosen).to_have_count(1)

    settled(page.frame)
    predicted = int(truth.probabilities[1][3].argmax())
    verdict = view.locator('.perf-verdict[data-side="b"]')
    expect(verdict).to_contain_text(truth.classes[predicted])
    verdict.get_by_role("button").click()
    expect(page.subtitle()).to_have_text(re.compile(f"^{truth.classes[predicted]}/"))

    choose(view, "Class", f"4 · {truth.classes[4]}")
    page.strip_holds(int((truth.labels == 4).sum()))
    expect(page.subtitle()).to_have_text(re.compile(f"^{truth.classes[4]}/"))
    state = fragment(page.page)
    assert state["class"] == "4"
    view.get_by_role("button", name="Clear", exact=True).click()
    page.strip_holds(len(truth.names))

    first = truth.names.index(page.subtitle().inner_text())
    view.get_by_role("button", name="Input", exact=True).click()
    form = page.frame.get_by_role("dialog", name="How images become input")
    expect(form).to_contain_text("the model prepares them itself")
    choose(form, "Channels", "blue, green, red")
    expect(view.get_by_role("button", name="Input: changed")).to_be_visible()
    page.page.keyboard.press("Escape")
    matches_keras(first, *truth.run(truth.images[..., ::-1]))
    assert fragment(page.page)["input"] == "order.bgr"
    state = fragment(page.page)
    page.opened.reload()
    page = Page(page.opened)
    view = page.view
    expect(page.subtitle()).to_have_text(truth.names[first], timeout=60_000)
    assert fragment(page.page) == state
    view.get_by_role("button", name="Input: changed").click()
    page.frame.get_by_role("button", name="As stated").click()
    expect(view.get_by_role("button", name="Input", exact=True)).to_be_visible()


def test_patches_maps_and_channels_are_one_with_the_map_of_the_kernel(
    open_compare: Open, truth: Truth, tmp_path: Path
) -> None:
    page = start(open_compare, truth.pair)
    view, frame = page.view, page.frame
    page.tab("Patches")
    expect(view).to_contain_text("Choose a channel", timeout=60_000)
    expect(page.map.get_by_role("application")).to_be_visible(timeout=60_000)
    settled(frame)
    surface = page.map.get_by_role("application").bounding_box()
    assert surface is not None
    cell = min(surface["width"], surface["height"]) / CHANNELS
    page.map.locator(".kernel-strip-top").click(
        position={"x": surface["width"] / 2 + (7.5 - CHANNELS / 2) * cell, "y": 20}
    )
    expect(page.subtitle()).to_contain_text(f"{LAYER} output channel 7")

    a, b = (maps.reshape(-1, CHANNELS) for maps in truth.maps(0))
    channel = int(np.minimum(a.max(axis=0), b.max(axis=0)).argmax())
    choice = view.get_by_role("combobox", name="Channel", exact=True)
    choice.select_option(value=str(channel))
    expect(page.map.locator(".kernel-chip")).to_contain_text(f"filter {channel}")
    picture = view.locator(".perf-found-picture")
    for way in ("Receptive field", "Proposals, cropped and run"):
        press_segment(view, way)
        for side, maps in (("a", a), ("b", b)):
            column = view.get_by_role("region", name=f"Best patches of {side}")
            patches = column.get_by_role("button")
            expect(patches.first).to_be_visible(timeout=60_000)
            settled(frame)
            words = [patch.get_attribute("aria-label") or "" for patch in patches.all()]
            assert 1 <= len(words) <= 5
            scores = [number(text.partition("score ")[2]) for text in words]
            assert scores == sorted(scores, reverse=True)
            if way == "Receptive field":
                assert scores[0] == pytest.approx(maps[:, channel].max(), rel=6e-3)
            patches.first.hover()
            width, height, left, top = (
                int(part)
                for part in re.findall(r"\d+", words[0].partition(" pixels")[0])[-2:]
                + re.findall(r"\d+", words[0].partition("pixels at")[2])
            )
            box = picture.locator("rect.perf-box")
            attributes = [box.get_attribute(name) for name in ("x", "y", "width", "height")]
            assert [float(value or "nan") for value in attributes] == [left, top, width, height]
            assert left + width <= 48
            assert top + height <= 48
        page.page.screenshot(path=OUTPUT / f"performance-patches-{way.split()[0].lower()}.png")
    rows = exported(page, tmp_path)
    assert {row["snapshot"] for row in rows} == {"a", "b"}
    assert fragment(page.page)["channel"] == f"o{channel}"

    page.page.mouse.move(5, 5)
    for kind in ("a", "b", "b − a"):
        press_segment(view.get_by_label("Activation map over the image"), kind)
        expect(picture.locator("canvas")).to_be_visible()
    page.page.screenshot(path=OUTPUT / "performance-overlay.png")
    press_segment(view.get_by_label("Activation map over the image"), "None")

    page.tab("Activations")
    cards = view.locator(".perf-map-card")
    expect(cards).to_have_count(CHANNELS, timeout=60_000)
    expect(view.locator('.perf-map-card[aria-pressed="true"]')).to_have_count(1)
    one, other = truth.maps(0)
    distances = np.linalg.norm((other - one).reshape(-1, CHANNELS), axis=0)
    for card, index in zip(cards.all()[:4], np.argsort(-distances)[:4], strict=True):
        label = card.get_attribute("aria-label") or ""
        assert label.startswith(f"Channel {index}, difference ")
        assert number(label.partition("difference ")[2]) == pytest.approx(
            distances[index], rel=6e-3
        )
    cards.first.click()
    largest = int(distances.argmax())
    expect(cards.first).to_have_attribute("aria-pressed", "true")
    expect(page.map.locator(".kernel-chip")).to_contain_text(f"filter {largest}")
    page.page.screenshot(path=OUTPUT / "performance-activations.png")
    assert [float(row["difference"]) for row in exported(page, tmp_path)] == pytest.approx(
        distances, rel=1e-4, abs=1e-5
    )
    view.get_by_role("button", name="Input: conv3").click()
    expect(frame.locator('.net-body[data-layer="conv3"]')).to_have_attribute("aria-pressed", "true")
    expect(view).to_contain_text("channels of conv3")


def test_all_images_flow_as_keras_says_and_which_layer_did_it_adds_up(
    open_compare: Open, truth: Truth, tmp_path: Path
) -> None:
    page = start(open_compare, truth.pair)
    view = page.view
    page.tab("All images")
    figures = view.locator(".perf-figure dd")
    expect(figures.first).to_be_visible(timeout=60_000)
    a, b = truth.probabilities
    accuracies = [float((p.argmax(axis=1) == truth.labels).mean()) for p in (a, b)]
    shown = [number(text) for text in figures.all_inner_texts()]
    assert shown[:2] == pytest.approx([100 * share for share in accuracies], rel=6e-3)
    assert shown[3] == (a.argmax(axis=1) != b.argmax(axis=1)).sum()
    expect(view).to_contain_text(f"accuracies rest on {len(truth.names)} images with a label")
    for outcome, words in {
        "rr": "right → right",
        "rw": "right → wrong",
        "wr": "wrong → right",
        "ww": "wrong → wrong",
    }.items():
        part = view.get_by_label("Outcomes of all classes").get_by_role(
            "button", name=re.compile(words)
        )
        count = truth.outcomes.count(outcome)
        assert number(part.inner_text().removeprefix(words)) == count
    rows = exported(page, tmp_path)
    assert [row["outcome"] for row in rows] == truth.outcomes
    page.page.screenshot(path=OUTPUT / "performance-flow.png")

    part = view.locator('.perf-flow-part[data-part="ww"]').first
    part.click()
    label = int(truth.labels[truth.outcomes.index("ww")])
    of_class = [
        outcome == "ww" and one == label
        for outcome, one in zip(truth.outcomes, truth.labels, strict=True)
    ]
    page.strip_holds(sum(of_class))
    expect(part).to_have_attribute("aria-pressed", "true")
    part.focus()
    part.press("Enter")
    page.strip_holds(len(truth.names))

    matrix = view.get_by_role("slider", name=re.compile("^Predicted by a and by b"))
    matrix.focus()
    matrix.press("Home")
    from_, to = int(a[0].argmax()), int(b[0].argmax())
    for _ in range(from_):
        matrix.press("ArrowDown")
    for _ in range(to):
        matrix.press("ArrowRight")
    matrix.press("Enter")
    page.strip_holds(int(((a.argmax(axis=1) == from_) & (b.argmax(axis=1) == to)).sum()))
    view.get_by_role("button", name="Clear", exact=True).click()

    choose(view, "Order", "gain in b")
    every = np.arange(len(truth.labels))
    gains = b[every, truth.labels] - a[every, truth.labels]
    page.strip.focus()
    page.strip.press("Home")
    expect(page.subtitle()).to_have_text(truth.names[int(gains.argmax())])
    page.strip.press("End")
    expect(page.subtitle()).to_have_text(truth.names[int(gains.argmin())])
    choose(view, "Order", "as listed")

    page.tab("Which layer")
    choose(view, "Outcome", "prediction changed")
    changed = int((a.argmax(axis=1) != b.argmax(axis=1)).sum())
    expect(view.get_by_role("button", name=f"Run on the {changed} images")).to_be_visible()
    view.get_by_role("button", name="Clear", exact=True).click()
    view.get_by_role("button", name=f"Run on all {len(truth.names)} images").click()
    bars = view.get_by_role("toolbar", name="Share by layer")
    expect(bars).to_be_visible(timeout=120_000)
    expect(view).to_contain_text("the layers interact")
    rows = exported(page, tmp_path)
    shares = {row["layer"]: float(row["carried"]) for row in rows}
    assert set(shares) == {layer.name for layer in truth.models[0].layers if layer.weights}
    assert shares == pytest.approx(carried(truth), abs=1e-4)
    total = view.locator(".perf-summary b").inner_text()
    assert number(total) == pytest.approx(100 * sum(shares.values()), rel=6e-3)

    view.get_by_role("button", name="Shade the network").click()
    expect(page.frame.get_by_role("combobox", name="Measure")).to_have_value("carried")
    box = page.frame.locator("g", has=page.frame.locator('.net-body[data-layer="fc8"]'))
    expect(box.locator(".net-value").first).to_contain_text("%")
    page.page.screenshot(path=OUTPUT / "performance-which-layer.png")
    bars.get_by_role("button", name=re.compile("^conv1 carries")).click()
    expect(page.frame.locator('.net-body[data-layer="conv1"]')).to_have_attribute(
        "aria-pressed", "true"
    )
    view.get_by_role("button", name="Split conv1 by groups of filters").click()
    groups = view.get_by_role("toolbar", name="Share by filters of conv1").get_by_role("button")
    expect(groups.first).to_be_visible(timeout=120_000)
    spoken = groups.first.get_attribute("aria-label") or ""
    groups.first.click()
    taken = re.match(r"filters? (.+) carries", spoken)
    assert taken is not None
    assert fragment(page.page)["filters"] == taken[1]
    expect(page.network.locator(".net-strip-header")).to_contain_text("selected")
    choose(page.frame.locator("body"), "Measure", "Euclidean distance")
    expect(view.get_by_role("button", name="Shade the network")).to_have_attribute(
        "aria-pressed", "false"
    )


def carried(truth: Truth) -> dict[str, float]:
    """The share of the change that each layer's weights of b bring about in a, by Keras."""
    import keras

    a, b = (p.astype(np.float64) for p in truth.probabilities)
    whole = b - a
    swapped = keras.models.load_model(truth.pair.a)
    shares = {}
    for layer in swapped.layers:
        if not layer.weights:
            continue
        own = layer.get_weights()
        layer.set_weights(truth.models[1].get_layer(layer.name).get_weights())
        part = swapped(truth.images, training=False).numpy().astype(np.float64) - a
        layer.set_weights(own)
        shares[layer.name] = float((part * whole).sum() / np.square(whole).sum())
    return shares


def test_pictures_are_uploaded_and_what_is_none_is_refused(
    open_compare: Open, truth: Truth, tmp_path: Path
) -> None:
    page = start(open_compare, truth.pair)
    picture = tmp_path / "own.png"
    Image.fromarray(truth.images[5].astype(np.uint8)).save(picture)
    text = tmp_path / "notes.png"
    text.write_text("no picture at all")
    given = page.view.get_by_label("Pictures to upload")
    given.set_input_files(picture)
    expect(page.subtitle()).to_have_text("own.png", timeout=30_000)
    settled(page.frame)
    rows = exported(page, tmp_path)
    assert [float(row["probability_b"]) for row in rows] == pytest.approx(
        truth.probabilities[1][5], abs=1e-5
    )
    given.set_input_files(text)
    problems = page.view.locator(".perf-problems")
    expect(problems).to_contain_text("notes.png")
    page.page.screenshot(path=OUTPUT / "performance-upload-refused.png")
    problems.get_by_role("button", name="Dismiss").click()
    expect(problems).to_have_count(0)
    refused(page.opened)


def test_a_child_that_is_killed_over_a_request_is_said_and_the_next_request_works(
    open_compare: Open, truth: Truth
) -> None:
    page = start(open_compare, truth.pair)
    expect(page.view.locator(".perf-butterfly")).to_be_visible(timeout=60_000)
    settled(page.frame)
    # With values that nothing has been computed for.
    page.view.get_by_role("button", name="Input", exact=True).click()
    with answer_of(page, "predictions"), answer_of(page, "channels"):
        choose(page.frame.get_by_role("dialog"), "Values", "0 to 1")
    page.page.keyboard.press("Escape")
    settled(page.frame)
    child = inference_child(truth.pair.server)
    os.kill(child, signal.SIGSTOP)
    try:
        page.tab("All images")
        expect(page.view.locator(".perf-progress")).to_be_visible()
        page.page.wait_for_timeout(5_000)  # until the request has reached the stopped process
    finally:
        os.kill(child, signal.SIGKILL)
    failure = page.view.get_by_role("alert")
    expect(failure).to_contain_text("The process that runs networks stopped", timeout=60_000)
    expect(failure).to_contain_text("SIGKILL")
    page.page.screenshot(path=OUTPUT / "performance-killed.png")
    failure.get_by_role("button", name="Try again").click()
    figures = page.view.locator(".perf-figure dd")
    expect(figures.first).to_be_visible(timeout=60_000)
    a, _ = truth.run(truth.images / 255)
    accuracy = float((a.argmax(axis=1) == truth.labels).mean())
    assert number(figures.first.inner_text()) == pytest.approx(100 * accuracy, rel=6e-3)
    assert inference_child(truth.pair.server) != child
    refused(page.opened)


def answer_of(page: Page, route: str) -> AbstractContextManager[Any]:
    """Waits at its end for what a route answers for values from 0 to 1."""
    asked = re.compile(rf"/{route}\?.*scale=unit")
    return page.page.expect_response(
        lambda answer: answer.status == 200 and asked.search(answer.url) is not None,
        timeout=60_000,
    )


def inference_child(server: TensorBoard) -> int:
    """The process that the server runs networks in."""
    found: list[int] = []

    def look() -> bool:
        found.clear()
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                command = (entry / "cmdline").read_bytes()
                if parent == server.pid and b"tb_snapshot_compare.inference" in command:
                    found.append(int(entry.name))
        return len(found) == 1

    wait_for(look)
    return found[0]


def refused(opened: Opened) -> None:
    """Takes note of the browser's own line about a refused request; there must be nothing else."""
    own = [text for text in opened.problems if "Failed to load resource" in text]
    assert own
    for text in own:
        opened.problems.remove(text)


def test_a_model_that_cannot_run_says_why_and_what_to_do(kinds: Kinds, open_compare: Open) -> None:
    for run, reason, remedy in (
        ("own_code", "Lambda", "--snapshot_compare_model"),
        ("words", "image", ""),
    ):
        pair = pair_of(kinds.server, kinds.logdir / run, 1, 2)
        opened = open_compare(kinds.server, keys=pair.keys, **LARGE)
        view = panel(opened.frame, "performance")
        state = view.locator(".empty-state")
        expect(state).to_contain_text("These snapshots cannot be run", timeout=60_000)
        expect(state).to_contain_text(re.compile(reason))
        expect(state).to_contain_text(remedy)
        expect(view.get_by_role("button", name="Look again")).to_be_visible()
        expect(opened.frame.locator(".histogram")).to_be_visible()
        opened.page.screenshot(path=OUTPUT / f"performance-unavailable-{run}.png")


def test_without_images_the_view_says_how_to_give_some(logdir: Path, open_compare: Open) -> None:
    with tensorboard(f"--logdir={logdir}", "--snapshot_compare_cache_dir=none") as server:
        opened = open_compare(server, **LARGE)
        state = panel(opened.frame, "performance").locator(".empty-state")
        expect(state).to_contain_text("No probe images yet", timeout=60_000)
        expect(state).to_contain_text("--snapshot_compare_images")
        expect(state.get_by_role("button", name="Upload", exact=True)).to_be_visible()
        opened.page.screenshot(path=OUTPUT / "performance-no-images.png")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 1920])
def test_every_sub_view_meets_wcag_2_aa_and_is_seen_in_either_theme(
    open_compare: Open, truth: Truth, dark: bool, width: int
) -> None:
    page = start(
        open_compare,
        truth.pair,
        key(max="performance", channel="o3"),
        dark=dark,
        width=width,
        height=800 if width == 1280 else 1080,
    )
    page.frame.evaluate(Axe().axe_script)
    shown = {
        "Predictions": ".perf-butterfly",
        "Patches": ".perf-columns",
        "Activations": ".perf-map-card canvas",
        "All images": ".perf-flow",
        "Which layer": ".perf-start, .perf-layers",
    }
    for tab, part in shown.items():
        page.tab(tab)
        expect(page.view.locator(part).first).to_be_visible(timeout=60_000)
        settled(page.frame)
        name = f"{tab.split()[0].lower()}-{width}-{'dark' if dark else 'light'}"
        if width == 1920:
            assert violations(page.frame) == {}, tab
        page.page.wait_for_timeout(200)
        page.page.screenshot(path=OUTPUT / f"performance-{name}.png")
