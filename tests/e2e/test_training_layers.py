"""Layers and filters of a recorded training: the tree, four kinds of charts, top filters."""

import re

from playwright.sync_api import Locator, expect

from benchmarks.planted_runs import LAYERS
from tests.e2e.conftest import Open, Opened
from tests.e2e.recorded_run import DUMP_EVERY, DUMPS, STEPS, Recorded
from tests.e2e.steps import choose, press_segment
from tests.e2e.training_page import (
    address_has,
    address_lacks,
    at_share,
    click_at,
    drawn,
    has_pins,
    looks_other,
    open_recorded,
    pinned,
    pixels,
    section,
    unit,
    until,
)


def chart_of(opened: Opened, path: str) -> Locator:
    """The small multiple of a unit."""
    return section(opened.frame, "Layers").get_by_role("img", name=re.compile(f"^{path}, "))


def at_a_dump(step: int) -> int:
    """The first dump at or after a step."""
    return -(-step // DUMP_EVERY) * DUMP_EVERY


def test_layers_are_charted_in_four_ways(recorded: Recorded, open_compare: Open) -> None:
    opened = open_recorded(open_compare, recorded)
    layers = section(opened.frame, "Layers")
    chart = chart_of(opened, "body")
    expect(chart).to_have_accessible_name(re.compile(r"mean magnitude \(L1\) of gradients, from"))
    seen = {pixels(chart)}
    for kind, words in (
        ("Line", "mean magnitude (L1) of gradients"),
        ("Box plot", "spread of gradients"),
        ("Change ratio", "gradients relative to weights, |g ∕ w|"),
    ):
        press_segment(layers, kind)
        expect(chart).to_have_accessible_name(re.compile(re.escape(words) + ", (from|at most)"))
        drawn(opened.frame)
        seen.add(pixels(chart))
    assert len(seen) == 4


def test_what_is_charted_and_on_which_scale(recorded: Recorded, open_compare: Open) -> None:
    opened = open_recorded(open_compare, recorded, of="weight")
    layers = section(opened.frame, "Layers")
    chart = chart_of(opened, "body")
    choose(layers, "Statistic", "Minimum")
    expect(chart).to_have_accessible_name(re.compile("minimum of weights, from"))
    drawn(opened.frame)
    look = pixels(chart)
    layers.get_by_role("button", name="Same scale").click()
    look = looks_other(chart, look)
    layers.get_by_role("button", name="More bands").click()
    expect(layers).to_contain_text("4 bands")
    looks_other(chart, look)
    press_segment(layers, "From lowest")
    drawn(opened.frame)
    look = pixels(chart)
    press_segment(layers, "From zero")
    look = looks_other(chart, look)
    layers.get_by_role("button", name="Mirror").click()
    address_has(opened.page, "mirror", "off")
    looks_other(chart, look)


def test_the_edges_of_change_ratios_are_chosen(recorded: Recorded, open_compare: Open) -> None:
    opened = open_recorded(open_compare, recorded, chart="bands", of="update")
    frame = opened.frame
    layers = section(frame, "Layers")
    chart = chart_of(opened, "body")
    expect(chart).to_have_accessible_name(re.compile("at most .* above 0.1"))
    look = pixels(chart)
    layers.get_by_role("button", name=re.compile("^Bands")).click()
    edges = frame.get_by_role("group", name="Edges of the bands")
    edges.get_by_role("button", name="Remove 0.1").click()
    expect(chart).to_have_accessible_name(re.compile("at most .* above 0.01"))
    drawn(frame)
    look = looks_other(chart, look)
    edges.get_by_role("combobox", name="Edge 3").select_option(label="0.03")
    expect(chart).to_have_accessible_name(re.compile("at most .* above 0.03"))
    address_has(opened.page, "edges", "0.0001,0.001,0.03")
    edges.get_by_role("button", name="Decades").click()
    address_lacks(opened.page, "edges")
    expect(chart).to_have_accessible_name(re.compile("at most .* above 0.1"))


def test_the_tree_opens_and_closes(recorded: Recorded, open_compare: Open) -> None:
    opened = open_recorded(open_compare, recorded)
    frame, press = opened.frame, opened.page.keyboard.press
    layers = section(frame, "Layers")
    unit(frame, "body").focus()
    press("ArrowRight")
    expect(unit(frame, "body/dense3")).to_be_visible()
    expect(unit(frame, "body")).to_have_attribute("aria-expanded", "true")
    press("ArrowDown")
    expect(unit(frame, "body/dense2")).to_be_focused()
    press("ArrowLeft")
    press("ArrowLeft")
    expect(unit(frame, "body/dense3")).to_have_count(0)
    layers.get_by_role("button", name="All layers").click()
    for layer in LAYERS:
        expect(unit(frame, layer)).to_be_visible()
    layers.get_by_role("button", name="Close all").click()
    for layer in LAYERS:
        expect(unit(frame, layer)).to_have_count(0)
    opened.page.mouse.move(*at_share(chart_of(opened, "body"), 0.5))
    expect(frame.get_by_role("tooltip")).to_contain_text("mean magnitude (L1) of gradients")
    expect(layers.locator("[data-hit], .layers-row-hit")).not_to_have_count(0)


def test_a_layer_opens_to_its_filters(recorded: Recorded, open_compare: Open) -> None:
    opened = open_recorded(open_compare, recorded, units="body")
    frame, press = opened.frame, opened.page.keyboard.press
    layers = section(frame, "Layers")
    unit(frame, "body/dense3").click()
    filters = layers.get_by_role("slider", name="Filters of body/dense3")
    expect(filters).to_have_attribute("aria-valuetext", re.compile(r"filter 0.*cosine", re.I))
    drawn(frame)
    look = pixels(filters)
    for scale in ("Global", "Per dump", "Per filter"):
        press_segment(layers, scale)
        look = looks_other(filters, look)
    choose(layers, "Filters", "Euclidean distance ‖Δw‖₂")
    expect(filters).to_have_attribute("aria-valuetext", re.compile("Euclidean"))
    drawn(frame)
    before = filters.bounding_box()
    layers.get_by_role("button", name="Zoom in: filters of body/dense3").click()
    until(opened.page, lambda: filters.bounding_box() != before)
    filters.focus()
    press("ArrowDown")
    expect(filters).to_have_attribute("aria-valuetext", re.compile("filter 1"))
    press("End")
    expect(filters).to_have_attribute("aria-valuenow", str(2 * DUMPS - 1))
    press("Enter")
    has_pins(frame, 1)
    assert pinned(opened.page) == [STEPS]


def test_a_filter_is_selected_where_clicks_do_not_pin(
    recorded: Recorded, open_compare: Open
) -> None:
    opened = open_recorded(open_compare, recorded, units="body", open="body%2Fdense3", pin="off")
    frame, press = opened.frame, opened.page.keyboard.press
    layers = section(frame, "Layers")
    filters = layers.get_by_role("slider", name="Filters of body/dense3")
    filters.focus()
    press("ArrowDown")
    press("Enter")
    expect(layers).to_contain_text("Filter 1 of body/dense3 is selected.")
    address_has(opened.page, "filters", "1")
    click_at(opened, filters, 0.5, 0.9)
    expect(layers).not_to_contain_text("Filter 1 of body/dense3")
    expect(layers).to_contain_text(re.compile(r"Filter \d+ of body/dense3 is selected\."))
    has_pins(frame, 0)


def test_the_top_filters_of_the_pinned_steps(recorded: Recorded, open_compare: Open) -> None:
    at = at_a_dump(recorded.planted["rate"].step)
    opened = open_recorded(open_compare, recorded, pins=at)
    frame = opened.frame
    layers = section(frame, "Layers")
    layers.get_by_role("button", name="Top filters").click()
    top = frame.get_by_role("region", name="Top filters of the pinned steps")
    expect(top).to_contain_text(re.compile(r"among the \d+ most changed at the pinned"))
    listed = top.get_by_role("row").filter(has=frame.get_by_role("rowheader"))
    assert listed.count() >= 10
    layer, _, filter_ = listed.first.get_by_role("rowheader").inner_text().partition(" · ")
    assert layer in LAYERS
    assert layer != recorded.planted["frozen"].layer
    expect(unit(frame, layer)).to_be_visible()
    lines = layers.get_by_role("button", name=re.compile(r"^filter \d+$"))
    expect(lines).to_have_count(listed.count())
    listed.first.get_by_role("button", name="Compare").click()
    expect(frame.get_by_role("button", name=re.compile("^Snapshot a: "))).to_be_visible()
    expect(frame.locator(f'.net-body[data-layer="{layer}"]')).to_have_attribute(
        "aria-pressed", "true"
    )
    address_has(opened.page, "filters", filter_)


def test_top_filters_are_those_of_every_pinned_step(recorded: Recorded, open_compare: Open) -> None:
    first = at_a_dump(recorded.planted["rate"].step)
    opened = open_recorded(open_compare, recorded, pins=f"{first},{first + DUMP_EVERY}", top="on")
    frame = opened.frame
    top = frame.get_by_role("region", name="Top filters of the pinned steps")
    expect(top).to_contain_text("at every one of 2 pinned steps")
    expect(top.get_by_role("columnheader", name=re.compile(r"step \d+"))).to_have_count(2)
    frame.get_by_role("button", name=re.compile("^Delete all pins")).click()
    expect(top).to_have_count(0)
    toggle = section(frame, "Layers").get_by_role("button", name="Top filters")
    expect(toggle).to_be_disabled()
