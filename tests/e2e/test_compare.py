"""A user compares two epochs in a real TensorBoard, in a real browser."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Frame, expect

from tests.e2e.conftest import Open, Opened
from tests.e2e.server import OUTPUT, TensorBoard, tensorboard
from tests.e2e.steps import Pair, pair_of, settled

MODES = {
    "fast": ["--load_fast=true"],
    "slow": ["--load_fast=false"],
    "fast, prefix": ["--load_fast=true", "--path_prefix=/some/where"],
    "slow, prefix": ["--load_fast=false", "--path_prefix=/some/where"],
}


@pytest.fixture(params=MODES.values(), ids=list(MODES))
def any_mode(request: pytest.FixtureRequest, logdir: Path, cache: Path) -> Iterator[TensorBoard]:
    flags = [f"--logdir={logdir}", f"--snapshot_compare_cache_dir={cache}", *request.param]
    with tensorboard(*flags) as server:
        yield server


def pick(frame: Frame, side: str, epoch: int) -> None:
    frame.get_by_role("button", name=re.compile(f"^Snapshot {side}:")).click()
    search = frame.get_by_role("combobox", name=f"Snapshot {side}: search")
    search.fill(f"epoch {epoch} ")
    search.press("Enter")
    expect(
        frame.get_by_role("button", name=re.compile(f"^Snapshot {side}: epoch {epoch} ·"))
    ).to_be_visible()


def layer_boxes(frame: Frame) -> Any:
    return frame.locator(".net-body[data-layer]")


def choose_layer(frame: Frame, name: str) -> None:
    """A click on the layer, unless it is the chosen one, which a click would deselect."""
    box = frame.locator(f'.net-body[data-layer="{name}"]')
    if box.get_attribute("aria-pressed") != "true":
        box.click()


def most_changed_layer(pair: Pair) -> str:
    """The layer of the largest Euclidean distance, from the server's own answer."""
    layers = pair.ask("comparison")["layers"]
    return str(max(layers, key=lambda layer: layer["measures"]["l2"])["name"])


def hash_keys(opened: Opened) -> dict[str, str]:
    opened.page.wait_for_timeout(400)  # the address is written a moment after the selection
    fragment = opened.page.url.partition("#")[2]
    pairs = [part.split("=", 1) for part in fragment.split("&") if "=" in part]
    return {name.rpartition(".")[2]: value for name, value in pairs}


def test_two_epochs_are_compared_and_the_selection_survives_a_reload(
    any_mode: TensorBoard, open_compare: Open, logdir: Path
) -> None:
    compare_two_epochs_and_reload(
        open_compare(any_mode), pair_of(any_mode, logdir / "alexnet", 10, 40)
    )


def compare_two_epochs_and_reload(opened: Opened, pair: Pair) -> None:
    """Epochs 10 and 40 are compared down to one cell, which is still chosen after a reload."""
    frame = opened.frame
    expect(layer_boxes(frame).first).to_be_visible(timeout=30_000)
    pick(frame, "a", 10)
    pick(frame, "b", 40)
    settled(frame)

    layer = most_changed_layer(pair)
    choose_layer(frame, layer)
    expect(frame.locator(f'.net-body[data-layer="{layer}"]')).to_have_attribute(
        "aria-pressed", "true"
    )
    title = frame.locator("#panel-title-distribution").locator("..")
    expect(title).to_contain_text(layer)

    levels = frame.get_by_role("toolbar", name=re.compile("Relative change|Levels")).get_by_role(
        "button"
    )
    levels.nth(1).click()
    expect(levels.nth(1)).to_have_attribute("aria-pressed", "false")

    chart = frame.locator(".histogram")
    opened.page.wait_for_timeout(500)
    box = chart.bounding_box()
    assert box is not None
    chart.click(position={"x": box["width"] / 2 + 14, "y": box["height"] - 60})
    expect(frame.get_by_text(re.compile(r"^1 cell"))).to_be_visible()

    before = hash_keys(opened)
    assert before["layer"] == layer
    assert before["hidden"] == "1"
    assert re.fullmatch(r"\d+\.\d+", before["cells"])

    opened.reload()
    frame = opened.frame
    expect(frame.locator(f'.net-body[data-layer="{layer}"]')).to_have_attribute(
        "aria-pressed", "true", timeout=30_000
    )
    expect(frame.get_by_role("button", name=re.compile("^Snapshot a: epoch 10 ·"))).to_be_visible()
    expect(frame.get_by_role("button", name=re.compile("^Snapshot b: epoch 40 ·"))).to_be_visible()
    expect(frame.get_by_text(re.compile(r"^1 cell"))).to_be_visible()
    levels = frame.get_by_role("toolbar", name=re.compile("Relative change|Levels")).get_by_role(
        "button"
    )
    expect(levels.nth(1)).to_have_attribute("aria-pressed", "false")
    assert hash_keys(opened) == before


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 1920])
def test_the_page_has_something_in_every_view(
    served: TensorBoard, open_compare: Open, dark: bool, width: int
) -> None:
    height = 800 if width == 1280 else 1080
    opened = open_compare(served, dark=dark, width=width, height=height)
    frame = opened.frame
    expect(frame.locator('.net-body[data-layer="fc8"]')).to_be_visible(timeout=30_000)
    expect(frame.locator('.net-body[aria-pressed="true"]')).to_have_count(1)
    expect(frame.locator(".histogram")).to_be_visible()
    expect(frame.locator(".net-strip canvas").first).to_be_visible()
    expect(frame.locator(".curve").first).to_be_attached()
    settled(frame)
    opened.page.wait_for_timeout(500)
    opened.page.screenshot(path=OUTPUT / f"compare-{width}-{'dark' if dark else 'light'}.png")
    background = frame.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(48, 48, 48)" if dark else "rgb(245, 245, 245)")


def violations(frame: Frame) -> dict[str, list[str]]:
    frame.evaluate(
        "Promise.all(document.getAnimations()"
        ".filter(a => a.effect.getTiming().iterations !== Infinity).map(a => a.finished))"
    )
    result = frame.evaluate(
        "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'],"
        " rules: {'document-title': {enabled: false}, 'html-has-lang': {enabled: false}}})"
    )
    return {v["id"]: [n["html"][:160] for n in v["nodes"]][:3] for v in result["violations"]}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_and_what_opens_on_it_meet_wcag_2_aa(
    served: TensorBoard, open_compare: Open, dark: bool
) -> None:
    opened = open_compare(served, dark=dark)
    frame, press = opened.frame, opened.page.keyboard.press
    expect(frame.locator(".histogram")).to_be_visible(timeout=30_000)
    expect(frame.locator(".net-body").first).to_be_visible()
    settled(frame)
    frame.evaluate(Axe().axe_script)
    assert violations(frame) == {}, "at first"
    openers = {
        "the picker": frame.get_by_role("button", name=re.compile("^Snapshot a:")),
        "a menu": frame.get_by_role("button", name="Export: Timeline"),
        "the details": frame.get_by_role("button", name=re.compile("Details$")),
    }
    for what, opener in openers.items():
        opener.click()
        assert violations(frame) == {}, f"with {what} open"
        press("Escape")
    frame.locator('.net-body[data-layer="conv2"]').focus()
    press("ArrowRight")
    expect(frame.locator(".net-card")).to_be_visible()
    assert violations(frame) == {}, "with a hover card"
    for table in frame.get_by_role("button", name="Table", exact=True).all():
        table.click()
    expect(frame.get_by_role("table")).to_have_count(3)
    assert violations(frame) == {}, "with tables"


def test_the_theme_follows_tensorboards_switch(served: TensorBoard, open_compare: Open) -> None:
    opened = open_compare(served, dark=False)
    opened.page.evaluate("document.body.classList.add('dark-mode')")
    expect(opened.frame.locator("body")).to_have_css("background-color", "rgb(48, 48, 48)")
    opened.page.evaluate("document.body.classList.remove('dark-mode')")
    expect(opened.frame.locator("body")).to_have_css("background-color", "rgb(245, 245, 245)")


def test_everything_is_reachable_by_keyboard(served: TensorBoard, open_compare: Open) -> None:
    opened = open_compare(served)
    frame, page = opened.frame, opened.page
    expect(layer_boxes(frame).first).to_be_visible(timeout=30_000)
    frame.get_by_role("button", name=re.compile("^Snapshot a:")).focus()
    seen = []
    for _ in range(60):
        seen.append(
            frame.evaluate(
                "(e => `${e.getAttribute('role') ?? e.tagName} "
                "${e.getAttribute('aria-label') ?? e.textContent}`)(document.activeElement)"
            )
        )
        page.keyboard.press("Tab")
    text = "\n".join(seen)
    for expected in (
        "Snapshot b:",
        "Swap a and b",
        "slider Snapshot a",
        "slider Snapshot b",
        "conv1",
        "Difference distribution",
    ):
        assert expected in text, (expected, seen)


def test_layers_and_cells_are_chosen_by_keyboard(served: TensorBoard, open_compare: Open) -> None:
    opened = open_compare(served)
    frame, press = opened.frame, opened.page.keyboard.press
    chosen = frame.locator('.net-body[aria-pressed="true"]')
    expect(chosen).to_have_count(1, timeout=30_000)
    frame.get_by_role("button", name="Swap a and b").press("Escape")
    expect(chosen).to_have_count(0)
    frame.locator('.net-body[data-layer="conv1"]').focus()
    press("ArrowRight")
    press("ArrowRight")
    press("Enter")
    expect(chosen).to_have_attribute("data-layer", "conv2")
    frame.get_by_role("slider", name=re.compile("^Filters of conv2")).focus()
    press("End")
    press("Enter")
    expect(frame.locator(".net-strip-header")).to_contain_text("selected")
    histogram = frame.get_by_role("application", name="Difference distribution of conv2")
    expect(histogram).to_be_visible()
    expect(frame.locator("[data-busy]")).to_have_count(0)
    histogram.focus()
    press("ArrowRight")
    press("Enter")
    expect(frame.get_by_text(re.compile(r"^1 cell"))).to_be_visible()
    press("Escape")
    expect(frame.get_by_text(re.compile(r"^1 cell"))).to_have_count(0)


def test_a_layer_without_weights_says_so_in_every_view(
    served: TensorBoard, open_compare: Open
) -> None:
    opened = open_compare(served)
    frame = opened.frame
    expect(frame.locator(".histogram")).to_be_visible(timeout=30_000)
    frame.locator('.net-body[data-layer="pool1"]').focus()
    opened.page.keyboard.press("Enter")
    expect(frame.locator(".net-strip")).to_contain_text("pool1 has no weights")
    expect(frame.locator('[data-panel="distribution"] .empty-state')).to_contain_text(
        "pool1 has no weights to compare"
    )


def test_a_deselected_layer_stays_deselected_after_a_reload(
    served: TensorBoard, open_compare: Open
) -> None:
    opened = open_compare(served)
    chosen = '.net-body[aria-pressed="true"]'
    expect(opened.frame.locator(chosen)).to_have_count(1, timeout=30_000)
    opened.frame.locator(".net-svg").click(position={"x": 3, "y": 3})
    expect(opened.frame.locator(chosen)).to_have_count(0)
    assert "layer" not in hash_keys(opened)
    opened.reload()
    expect(layer_boxes(opened.frame).first).to_be_visible(timeout=30_000)
    expect(opened.frame.locator("#panel-title-distribution").locator("..")).to_contain_text(
        "whole model"
    )
    expect(opened.frame.locator(chosen)).to_have_count(0)


def test_one_tensor_of_a_layer_is_shown_and_kept_in_the_address(
    served: TensorBoard, open_compare: Open
) -> None:
    opened = open_compare(served)
    distribution = opened.frame.locator('[data-panel="distribution"]')
    select = distribution.get_by_role("combobox", name="Tensor")
    select.select_option(label="bias", timeout=30_000)
    title = opened.frame.locator("#panel-title-distribution").locator("..")
    expect(title).to_contain_text("/bias")
    assert hash_keys(opened)["tensor"].endswith("/bias")
    opened.reload()
    distribution = opened.frame.locator('[data-panel="distribution"]')
    expect(distribution.get_by_role("combobox", name="Tensor")).to_have_value(
        re.compile("/bias$"), timeout=30_000
    )


def test_at_200_percent_zoom_everything_is_there_and_nothing_is_cut_off(
    served: TensorBoard, open_compare: Open
) -> None:
    opened = open_compare(served, width=640, height=400)
    frame = opened.frame
    expect(frame.locator(".histogram")).to_be_visible(timeout=30_000)
    expect(layer_boxes(frame).first).to_be_visible()
    wide = frame.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert wide[0] <= wide[1]
    frame.locator(".histogram").scroll_into_view_if_needed()
    opened.page.screenshot(path=OUTPUT / "zoom-200.png")


def test_nothing_moves_for_those_who_prefer_reduced_motion(
    served: TensorBoard, open_compare: Open
) -> None:
    opened = open_compare(served, reduced_motion=True)
    expect(opened.frame.locator(".histogram")).to_be_visible(timeout=30_000)
    opened.frame.get_by_role("button", name="0–40", exact=True).click()
    moving = opened.frame.evaluate(
        "document.getAnimations().filter(a => a.effect.getComputedTiming().duration > 0).length"
    )
    assert moving == 0


def test_the_timelines_handles_move_by_keyboard(served: TensorBoard, open_compare: Open) -> None:
    opened = open_compare(served)
    frame = opened.frame
    expect(layer_boxes(frame).first).to_be_visible(timeout=30_000)
    pick(frame, "a", 10)
    handle = frame.get_by_role("slider", name="Snapshot a")
    handle.focus()
    handle.press("ArrowRight")
    handle.press("Enter")
    expect(frame.get_by_role("button", name=re.compile("^Snapshot a: epoch 11 ·"))).to_be_visible()


@pytest.mark.parametrize(("item", "suffix"), [("SVG", "svg"), ("PNG", "png"), ("CSV", "csv")])
@pytest.mark.parametrize("view", ["timeline", "network", "distribution"])
def test_every_view_is_exported(
    served: TensorBoard, open_compare: Open, view: str, item: str, suffix: str, tmp_path: Path
) -> None:
    opened = open_compare(served)
    frame = opened.frame
    expect(layer_boxes(frame).first).to_be_visible(timeout=30_000)
    expect(frame.locator(".histogram")).to_be_visible()
    settled(frame)
    panel = frame.locator(f'[aria-labelledby="panel-title-{view}"]')
    panel.get_by_role("button", name=re.compile("More|Export|Menu", re.IGNORECASE)).first.click()
    with opened.page.expect_download() as download:
        frame.get_by_role("menuitem", name=re.compile(item)).click()
    path = tmp_path / f"export.{suffix}"
    download.value.save_as(path)
    assert download.value.suggested_filename.endswith("." + suffix)
    content = path.read_bytes()
    if suffix == "svg":
        assert content.startswith(b"<")
        assert b"</svg>" in content
    elif suffix == "png":
        assert content.startswith(b"\x89PNG")
    else:
        assert len(content.splitlines()) > 3


def test_an_empty_logdir_says_what_to_do(tmp_path: Path, open_compare: Open) -> None:
    with tensorboard(f"--logdir={tmp_path}", "--snapshot_compare_cache_dir=none") as server:
        listing = json.loads(server.get("data/plugins_listing"))
        assert "snapshot_compare" in listing
        opened = open_compare(server, ready=".empty-state")
        expect(opened.frame.locator(".empty-state")).to_contain_text("ModelCheckpoint")
        opened.page.screenshot(path=OUTPUT / "empty.png")
