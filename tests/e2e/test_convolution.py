"""The kernel as a map, in a real browser: every gesture, and every link to the other views."""

import csv
import io
import re
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import FloatRect, Locator, expect

from tests.e2e.conftest import Kinds, Open, Opened
from tests.e2e.server import OUTPUT, TensorBoard, wait_for
from tests.e2e.steps import (
    Array,
    Pair,
    choose,
    enter_by_keyboard,
    export,
    fragment,
    in_cell,
    key,
    number,
    pair_of,
    panel,
    press_segment,
    seen,
    settled,
    unfolded,
)
from tests.e2e.test_compare import choose_layer, violations

LAYER = "conv4"
RED = (213, 0, 50)
TALL = {"width": 1920, "height": 1400}
"""High enough that the whole map shows single weights."""
SIDE = 3
"""Of the layer's slices."""


@pytest.fixture(scope="module")
def pair(probing: TensorBoard, logdir: Path) -> Pair:
    return pair_of(probing, logdir / "alexnet", 10, 40)


@pytest.fixture(scope="module")
def kernels(pair: Pair) -> tuple[Array, Array]:
    """The layer's kernel in a and in b, read by Keras."""
    import keras

    one, other = (
        keras.models.load_model(path).get_layer(LAYER).kernel.numpy() for path in (pair.a, pair.b)
    )
    return one, other


class Map:
    """The map of a layer on the page, as a user sees it: whole at first, in the middle."""

    def __init__(self, opened: Opened, rows: int, columns: int) -> None:
        self.page, self.frame = opened.page, opened.frame
        self.panel = panel(opened.frame, "convolution")
        self.surface = self.panel.get_by_role("application")
        self.picture = self.surface.locator("canvas").first
        self.rows, self.columns = rows, columns

    @cached_property
    def box(self) -> FloatRect:
        """Of the part of the screen that the map is drawn in."""
        box = self.surface.bounding_box()
        assert box is not None
        return box

    @cached_property
    def weight(self) -> float:
        """Width and height of a weight where all are seen, in CSS pixels."""
        return min(self.box["width"] / self.columns, self.box["height"] / self.rows)

    def middle(self, row: int, column: int) -> tuple[float, float]:
        """Of a weight of the whole map, from the surface's upper left."""
        left = (self.box["width"] - self.columns * self.weight) / 2
        top = (self.box["height"] - self.rows * self.weight) / 2
        return left + (column + 0.5) * self.weight, top + (row + 0.5) * self.weight

    def point(self, row: int, column: int) -> Locator:
        """Puts the pointer on a weight of the whole map; the read-out that comes up."""
        x, y = self.middle(row, column)
        self.surface.hover(position={"x": x, "y": y})
        return self.readout()

    def click(self, row: int, column: int) -> None:
        x, y = self.middle(row, column)
        self.surface.click(position={"x": x, "y": y})

    def readout(self) -> Locator:
        return self.frame.locator(".kernel-readout")

    def values(self) -> list[float]:
        """The exact values of the read-out, from top to bottom."""
        expect(self.readout()).not_to_contain_text("≈")
        expect(self.readout()).not_to_contain_text("…")
        return [number(text) for text in self.readout().locator("dd").all_inner_texts()]

    def chip(self, text: str) -> Locator:
        return self.panel.locator(".kernel-chip", has_text=re.compile(text))


def open_map(open_compare: Open, pair: Pair, more: str = "", **how: Any) -> tuple[Opened, Map]:
    opened = open_compare(pair.server, keys=pair.keys + key(layer=LAYER) + more, **{**TALL, **how})
    shown = Map(opened, 24 * SIDE, 24 * SIDE)
    expect(shown.surface).to_be_visible(timeout=60_000)
    settled(opened.frame)
    opened.page.wait_for_timeout(400)  # the tiles are drawn
    return opened, shown


def test_a_cell_of_the_distribution_turns_its_weights_red_and_an_area_is_drawn_as_a_distribution(
    open_compare: Open, pair: Pair, kernels: tuple[Array, Array]
) -> None:
    opened, shown = open_map(open_compare, pair)
    frame = opened.frame
    histogram = frame.get_by_role("application", name=f"Difference distribution of {LAYER}")
    histogram.focus()
    for name in ("ArrowRight", "ArrowRight", "ArrowUp", "Enter"):
        histogram.press(name)
    expect(frame.get_by_text(re.compile(r"^1 cell"))).to_be_visible()
    cell = fragment(opened.page)["cells"]
    bin_, level = (int(part) for part in cell.split("."))

    distribution = pair.ask("distribution", layer=LAYER, bins=20, levels=5)
    marked = unfolded(in_cell(*kernels, distribution, bin_, level))
    slices = in_cell(*kernels, distribution, bin_, level).any(axis=(0, 1))
    assert 0 < marked.sum() < marked.size
    located = pair.ask("located", layer=LAYER, bins=20, levels=5, cells=cell)
    assert (located["weights"], located["slices"]) == (marked.sum(), slices.sum())
    noun = "weight" if marked.sum() == 1 else "weights"
    chip = shown.chip(f"^{marked.sum():,} {noun} in {slices.sum():,} of {slices.size:,} slices")
    expect(chip).to_be_visible()

    opened.page.mouse.move(5, 5)
    opened.page.wait_for_timeout(400)
    # Cells that are too small to be seen open are red as a whole.
    by_weight = shown.weight >= 3
    expected = marked if by_weight else np.kron(slices, np.ones((SIDE, SIDE), bool))
    wait_for(lambda: wrongly_red(shown, expected) == [], 10)
    opened.page.screenshot(path=OUTPUT / "convolution-red.png")
    chip.get_by_role("button", name="Clear").click()
    expect(frame.get_by_text(re.compile(r"^1 cell"))).to_have_count(0)

    distribution_panel = panel(frame, "distribution")
    shown.panel.get_by_role("button", name="Select area").click()
    x, y = shown.middle(0, 3 * SIDE)
    surface = shown.surface.bounding_box()
    assert surface is not None
    opened.page.mouse.move(surface["x"] + x, surface["y"] + y)
    opened.page.mouse.down()
    x, y = shown.middle(5 * SIDE, 10 * SIDE)
    opened.page.mouse.move(surface["x"] + x, surface["y"] + y, steps=4)
    opened.page.mouse.up()
    expect(shown.chip("^Area: 6 × 8 slices")).to_be_visible()
    assert shown.surface.bounding_box() == surface  # what is under the pointer stays there
    expect(distribution_panel).to_contain_text(f"Area: {6 * 8 * SIDE * SIDE} weights")
    expect(distribution_panel.locator(".area-line")).to_be_attached()
    opened.page.screenshot(path=OUTPUT / "convolution-area.png")
    assert fragment(opened.page)["area"] == "0-5,3-10"
    shown.panel.get_by_role("button", name="Select area").click()
    distribution_panel.get_by_title("Clear the area").click()
    expect(shown.chip("^Area")).to_have_count(0)
    expect(distribution_panel.locator(".area-line")).to_have_count(0)

    shown.surface.press("ArrowRight")
    shown.surface.press("Shift+ArrowDown")
    expect(shown.chip("^Area: 2 × 1 slices")).to_be_visible()
    expect(distribution_panel).to_contain_text("Area: 18 weights")
    shown.surface.press("Escape")
    expect(shown.chip("^Area")).to_have_count(0)


def wrongly_red(shown: Map, expected: Array) -> list[tuple[int, ...]]:
    """The weights that are red and should not be, or the other way round."""
    picture = seen(shown.surface)
    return [
        place
        for place, red in np.ndenumerate(expected)
        if is_red(picture, *shown.middle(*place)) != red
    ]


def is_red(picture: Image.Image, x: float, y: float, tolerance: int = 8) -> bool:
    colour = picture.getpixel((int(x), int(y)))
    assert isinstance(colour, tuple)
    return max(abs(one - other) for one, other in zip(colour, RED, strict=True)) < tolerance


def test_single_weights_of_the_chosen_cells_are_outlined_in_red_where_they_are_large(
    open_compare: Open, pair: Pair, kernels: tuple[Array, Array]
) -> None:
    more = key(max="convolution", cells="11-12.1")
    _, shown = open_map(open_compare, pair, more)
    distribution = pair.ask("distribution", layer=LAYER, bins=20, levels=5)
    marked = unfolded(
        in_cell(*kernels, distribution, 11, 1) | in_cell(*kernels, distribution, 12, 1)
    )
    expect(shown.chip(f"^{marked.sum():,} weights in")).to_be_visible()
    shown.page.wait_for_timeout(400)
    assert shown.weight > 8

    def wrongly_outlined() -> list[tuple[int, ...]]:
        picture = seen(shown.surface)
        wrong = []
        for (row, column), red in np.ndenumerate(marked):
            x, y = shown.middle(row, column)
            edge = x - shown.weight / 2
            # Lines between pixels are smoothed.
            line = [is_red(picture, edge + inset, y, tolerance=90) for inset in (0.5, 1, 1.5, 2)]
            if any(line) != red:
                wrong.append((row, column))
        return wrong

    wait_for(lambda: wrongly_outlined() == [], 10)
    shown.page.screenshot(path=OUTPUT / "convolution-outlined.png")
    shown.point(30, 30)
    shown.page.mouse.wheel(0, -200)  # without Ctrl where the page does not scroll
    assert fragment(shown.page)["view"]


def test_filters_and_channels_are_one_selection_of_the_network_the_map_and_the_performance(
    open_compare: Open, pair: Pair
) -> None:
    opened, shown = open_map(open_compare, pair)
    frame = opened.frame
    subtitle = panel(frame, "performance").locator(".panel-subtitle-text")
    header = frame.locator(".net-strip-header")
    strip = frame.get_by_role("slider", name=re.compile(f"^Filters of {LAYER}"))
    top, left = (shown.panel.locator(f".kernel-strip-{side}") for side in ("top", "left"))
    expect(subtitle).not_to_be_empty(timeout=60_000)

    overlay = shown.surface.locator("canvas").nth(1)
    before = overlay.evaluate("canvas => canvas.toDataURL()")
    strip.focus()
    for name in ("Home", "ArrowRight", "Enter"):
        strip.press(name)
    expect(header).to_contain_text("selected")
    assert fragment(opened.page)["filters"] == "1"
    assert overlay.evaluate("canvas => canvas.toDataURL()") != before
    strip.press("Escape")

    column, _ = shown.middle(0, 7 * SIDE + 1)
    _, row = shown.middle(5 * SIDE + 1, 0)
    top.click(position={"x": column, "y": 20})
    expect(shown.chip("^filter 7")).to_be_visible()
    expect(header.get_by_role("button", name="Clear")).to_be_visible()
    expect(subtitle).to_contain_text(f"{LAYER} output channel 7")
    state = fragment(opened.page)
    assert (state["filters"], state["channel"]) == ("7", "o7")
    top.hover(position={"x": column, "y": 20})
    strip_card = frame.locator(".kernel-readout")
    expect(strip_card).to_contain_text("Difference of its activation", timeout=60_000)
    channels = pair.ask("channels", layer=LAYER, image=state["image"])
    shown_value = number(strip_card.inner_text().partition("‖:")[2])
    assert shown_value == pytest.approx(channels["outputs"][7], rel=5e-3)
    top.click(position={"x": column, "y": 20})
    expect(shown.chip("^filter 7")).to_have_count(0)
    expect(header).not_to_contain_text("selected")

    left.click(position={"x": 48, "y": row})
    expect(shown.chip("^input channel 5")).to_be_visible()
    expect(subtitle).to_contain_text(f"{LAYER} input channel 5")
    shown.panel.get_by_title("Clear the channel").click()
    expect(subtitle).not_to_contain_text("channel")

    enter_by_keyboard(shown.surface)
    for name in ("Home", "c"):
        shown.surface.press(name)
    expect(shown.chip("^filter 0")).to_be_visible()
    shown.surface.press("r")
    expect(shown.chip("^input channel 12")).to_be_visible()

    choose_layer(frame, "conv2")
    expect(shown.panel.locator(".panel-subtitle")).to_contain_text("conv2/kernel")
    press_segment(panel(frame, "performance"), "Activations")
    expect(panel(frame, "performance")).to_contain_text("channels of conv2", timeout=60_000)
    choose_layer(frame, "fc8")
    expect(shown.panel.locator(".panel-subtitle")).to_contain_text("fc8/kernel")
    expect(panel(frame, "performance")).to_contain_text("channels of fc8")


def test_what_the_pointer_reads_and_what_a_click_opens_are_the_snapshots_own_numbers(
    open_compare: Open, pair: Pair, kernels: tuple[Array, Array]
) -> None:
    opened, shown = open_map(open_compare, pair)
    frame = opened.frame
    a, b = kernels
    expected = {
        "a": unfolded(a),
        "b": unfolded(b),
        "difference": unfolded(b.astype(np.float64) - a),
    }
    for row, column in ((0, 0), (40, 17), (71, 71)):
        readout = shown.point(row, column)
        position = f"filter {column // SIDE}, input channel {row // SIDE}"
        expect(readout).to_contain_text(position)
        expect(readout).to_contain_text(f"weight {row % SIDE}, {column % SIDE}")
        assert shown.values() == pytest.approx(
            [matrix[row, column] for matrix in expected.values()], rel=1e-4, abs=1e-8
        )

    shown.click(20, 31)
    card = frame.get_by_role("dialog", name="filter 10, input channel 6")
    expect(card).to_be_visible()
    expect(card).to_contain_text(f"{LAYER}/kernel [:, :, 6, 10]")
    matrices = card.locator("table")
    expect(matrices).to_have_count(3)
    for at, side in enumerate((a, b, b.astype(np.float64) - a)):
        cells = (
            matrices.nth(at)
            .locator("td")
            .evaluate_all("cells => cells.map(cell => [cell.title, cell.textContent])")
        )
        slice_ = side[:, :, 6, 10].ravel()
        titles = [float(title.partition(": ")[2]) for title, _ in cells]
        assert titles == pytest.approx(slice_, rel=1e-6, abs=1e-9)
        assert [number(text) for _, text in cells] == pytest.approx(slice_, rel=5e-3)
    distance = np.linalg.norm((b.astype(np.float64) - a)[:, :, 6, 10])
    euclidean = card.locator("dl > div", has_text=re.compile("^Euclidean distance"))
    assert number(euclidean.locator("dd").inner_text()) == pytest.approx(distance, rel=1e-3)
    opened.page.screenshot(path=OUTPUT / "convolution-card.png")
    opened.page.keyboard.press("Escape")
    expect(card).to_have_count(0)
    expect(shown.surface).to_be_focused()

    shown.surface.press("Home")
    for name in ("ArrowRight", "ArrowDown", "Enter"):
        shown.surface.press(name)
    expect(frame.get_by_role("dialog", name=re.compile("^filter"))).to_be_visible()
    frame.get_by_role("button", name="Close", exact=True).click()
    expect(shown.surface).to_be_focused()


def test_every_quantity_order_tensor_and_the_table(
    open_compare: Open, pair: Pair, kernels: tuple[Array, Array]
) -> None:
    opened, shown = open_map(open_compare, pair)
    frame = opened.frame

    def picture() -> str:
        return str(shown.picture.evaluate("canvas => canvas.toDataURL()"))

    first = picture()
    pictures = {first}
    for quantity, legend in {
        "Signed b − a": "b − a",
        "Relative %": "Relative difference",
        "Values of a": "Weights of a",
        "Values of b": "Weights of b",
        "Difference": "Euclidean distance",
    }.items():
        choose(shown.panel, "Show", quantity)
        expect(shown.panel.locator(".kernel-footer")).to_contain_text(legend)
        if quantity == "Difference":
            wait_for(lambda: picture() == first)
        else:
            wait_for(lambda: picture() not in pictures)
            opened.page.wait_for_timeout(500)
            pictures.add(picture())
    assert len(pictures) == 5

    a, b = (kernel.astype(np.float64) for kernel in kernels)
    slices = np.sqrt(np.square(b - a).sum(axis=(0, 1)))
    for order in ("difference", "similarity"):
        for axis in ("Rows by", "Columns by"):
            choose(shown.panel, axis, order)
        settled(frame)
        opened.page.wait_for_timeout(600)
        found = re.search(r"filter (\d+), input channel (\d+)", shown.point(0, 0).inner_text())
        assert found is not None
        filter_, row = int(found[1]), int(found[2])
        if order == "difference":
            assert filter_ == np.square(slices).sum(axis=0).argmax()
            assert row == np.square(slices).sum(axis=1).argmax()
        position = shown.point(1, 1).inner_text()
        values = shown.values()
        assert f"filter {filter_}" in position
        assert values[:2] == pytest.approx([a[1, 1, row, filter_], b[1, 1, row, filter_]], rel=1e-4)
        opened.page.screenshot(path=OUTPUT / f"convolution-by-{order}.png")
    for axis in ("Rows by", "Columns by"):
        choose(shown.panel, axis, "index")

    press_segment(shown.panel, "Table")
    rows = shown.panel.get_by_role("row")
    expect(rows.nth(3)).to_be_visible()
    largest = np.argsort(-slices, axis=None)[:3]
    for place, flat in enumerate(largest):
        row, column = np.unravel_index(flat, slices.shape)
        texts = rows.nth(place + 1).locator("td").all_inner_texts()
        assert [int(text) for text in texts[:2]] == [column, row]
        # The map's measure is given per weight.
        assert number(texts[2]) == pytest.approx(slices[row, column] / SIDE, rel=2e-3)
    press_segment(shown.panel, "Map")

    choose(shown.panel, "Tensor", "bias")
    expect(shown.panel.locator(".panel-subtitle")).to_contain_text(f"{LAYER}/bias · 24 weights")
    expect(shown.panel.get_by_role("application")).to_have_attribute(
        "aria-label", re.compile(r"1 × 24 weights")
    )


def test_zooming_and_panning_by_every_means_and_the_view_survives_a_reload(
    open_compare: Open, pair: Pair, kernels: tuple[Array, Array]
) -> None:
    opened, shown = open_map(open_compare, pair)
    page, surface = opened.page, shown.surface

    def zoom() -> float:
        view = fragment(page).get("view")
        return float(view.split(",")[2]) if view else 1.0

    x, y = shown.middle(30, 30)
    surface.hover(position={"x": x, "y": y})
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    by_wheel = zoom()
    assert by_wheel > 1
    for label in ("Zoom in", "Zoom out", "Whole map"):
        before = zoom()
        shown.panel.get_by_role("button", name=label, exact=True).click()
        after = zoom()
        assert (after > before) == (label == "Zoom in"), label
    assert zoom() == 1
    surface.focus()
    for _ in range(12):
        surface.press("+")
    by_keys = zoom()
    assert by_keys > 4
    surface.press("-")
    assert 1 < zoom() < by_keys
    surface.press("+")

    before = fragment(page)["view"]
    box = surface.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 80, y - 60, steps=5)
    page.mouse.up()
    after = fragment(page)["view"]
    assert after != before
    assert after.split(",")[2] == before.split(",")[2]
    expect(opened.frame.get_by_role("dialog")).to_have_count(0)

    surface.hover(position={"x": shown.box["width"] / 2, "y": shown.box["height"] / 2})
    text = shown.readout().locator("strong").inner_text()
    match = re.fullmatch(r"filter (\d+), input channel (\d+) · weight (\d), (\d)", text)
    assert match is not None, text
    column, row, inner_row, inner_column = (int(part) for part in match.groups())
    assert shown.values()[:2] == pytest.approx(
        [kernel[inner_row, inner_column, row, column] for kernel in kernels], rel=1e-4
    )
    page.screenshot(path=OUTPUT / "convolution-zoomed.png")
    page.mouse.move(5, 5)

    choose(shown.panel, "Show", "Signed b − a")
    choose(shown.panel, "Rows by", "similarity")
    state = fragment(page)
    opened.reload()
    again = Map(opened, 24 * SIDE, 24 * SIDE)
    expect(again.surface).to_be_visible(timeout=60_000)
    settled(opened.frame)
    assert fragment(page) == state
    expect(again.panel.get_by_role("combobox", name="Show")).to_have_value("signed")
    expect(again.panel.get_by_role("combobox", name="Rows by")).to_have_value("similarity")

    again.surface.focus()
    again.surface.press("0")
    assert zoom() == 1
    session = page.context.new_cdp_session(page)
    box = again.surface.bounding_box()
    assert box is not None
    for step, kind in enumerate(["touchStart", *["touchMove"] * 6, "touchEnd"]):
        points = [
            {
                "x": box["x"] + box["width"] / 2 + sign * (20 + 12 * step),
                "y": box["y"] + 150,
                "id": at,
            }
            for at, sign in enumerate((-1, 1))
        ]
        session.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [] if kind == "touchEnd" else points},
        )
    assert zoom() > 1


@pytest.mark.parametrize(("item", "start"), [("SVG", b"<"), ("PNG", b"\x89PNG"), ("CSV", None)])
def test_the_map_is_exported(
    open_compare: Open,
    pair: Pair,
    kernels: tuple[Array, Array],
    tmp_path: Path,
    item: str,
    start: bytes | None,
) -> None:
    opened, shown = open_map(open_compare, pair)
    content = export(opened.page, shown.panel, item, tmp_path)
    if start is not None:
        assert content.startswith(start)
        return
    header, *rows = csv.reader(io.StringIO(content.decode()))
    assert header[:2] == ["filter", "input channel"]
    assert len(rows) == kernels[0].size
    for filter_, channel, _, _, column, row, value in rows[::997]:
        at = (int(row), int(column), int(channel), int(filter_))
        distance = abs(float(kernels[1][at]) - float(kernels[0][at]))
        assert float(value) == pytest.approx(distance, rel=2e-3, abs=1e-6)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_map_meets_wcag_2_aa_and_is_seen_in_either_theme(
    open_compare: Open, pair: Pair, dark: bool
) -> None:
    opened, shown = open_map(open_compare, pair, key(max="convolution"), dark=dark)
    frame = opened.frame
    theme = "dark" if dark else "light"
    opened.page.screenshot(path=OUTPUT / f"convolution-1920-{theme}.png")
    frame.evaluate(Axe().axe_script)
    assert violations(frame) == {}, "at first"
    shown.click(20, 20)
    expect(frame.get_by_role("dialog")).to_be_visible()
    expect(frame.locator(".kernel-measures")).to_be_visible()
    assert violations(frame) == {}, "with a card"
    opened.page.keyboard.press("Escape")
    press_segment(shown.panel, "Table")
    expect(shown.panel.get_by_role("row").nth(3)).to_be_visible()
    assert violations(frame) == {}, "with the table"


@pytest.mark.parametrize("run", ["pictures", "words"])
def test_every_tensor_of_a_layer_of_every_kind_has_a_map_of_its_own_numbers(
    kinds: Kinds, open_compare: Open, run: str
) -> None:
    import keras

    compared = pair_of(kinds.server, kinds.logdir / run, 1, 2)
    models = [keras.models.load_model(path) for path in (compared.a, compared.b)]
    opened = open_compare(kinds.server, keys=compared.keys, **TALL)
    frame = opened.frame
    view = panel(frame, "convolution")
    find = panel(frame, "network").get_by_role("searchbox")
    expect(frame.locator(".net-body").first).to_be_visible(timeout=60_000)
    for layer in models[0].layers:
        if not layer.weights:
            continue
        find.fill(layer.name)
        if (
            frame.locator(f'.net-body[data-layer="{layer.name}"]').get_attribute("aria-pressed")
            != "true"
        ):
            find.press("Enter")
        expect(view.locator(".panel-subtitle")).to_contain_text(f"{layer.name}/")
        settled(frame)
        tensors = view.get_by_role("combobox", name="Tensor").locator("option")
        names = tensors.all_inner_texts() if tensors.count() else [None]
        for name in names:
            if name is not None:
                choose(view, "Tensor", name)
            surface = view.get_by_role("application")
            expect(surface).to_have_attribute("aria-label", re.compile(name or layer.name))
            settled(frame)
            surface.click()
            card = frame.get_by_role("dialog")
            expect(card.locator("table")).to_have_count(3)
            index = parsed_index(card.locator("p").inner_text())
            for at, model in enumerate(models):
                shown = numbers_of(card.locator("table").nth(at))
                candidates = [
                    weight[index].ravel()
                    for weight in (v.numpy() for v in model.get_layer(layer.name).weights)
                    if fits(index, weight)
                ]
                assert any(
                    np.allclose(np.sort(shown), np.sort(known), rtol=1e-6)
                    for known in candidates
                    if known.size == len(shown)
                ), (layer.name, name, index)
            opened.page.keyboard.press("Escape")
            expect(card).to_have_count(0)
    opened.page.screenshot(path=OUTPUT / f"convolution-kinds-{run}.png")


def numbers_of(table: Locator) -> list[float]:
    titles = table.locator("td").evaluate_all("cells => cells.map(cell => cell.title)")
    return [float(title.partition(": ")[2]) for title in titles]


def parsed_index(text: str) -> tuple[int | slice, ...]:
    """`conv/kernel [:, :, 3, 17]` as an index of the stored tensor."""
    inside = re.search(r"\[(.*)\]", text)
    assert inside is not None, text
    return tuple(
        slice(None) if part == ":" else int(part) for part in inside[1].replace(" ", "").split(",")
    )


def fits(index: tuple[int | slice, ...], weight: Array) -> bool:
    return len(index) == weight.ndim and all(
        isinstance(part, slice) or part < size
        for part, size in zip(index, weight.shape, strict=True)
    )
