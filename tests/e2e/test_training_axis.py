"""The one time axis of the Training page: crosshair, pins and zoom of all charts together."""

import re

from playwright.sync_api import expect

from tests.e2e.conftest import Open, Opened
from tests.e2e.recorded_run import DUMP_EVERY, STEPS, Recorded
from tests.e2e.steps import choose, press_segment
from tests.e2e.training_page import (
    address_has,
    address_lacks,
    at_share,
    axis,
    choices,
    classes,
    click_at,
    drag,
    drawn,
    has_pins,
    looks_other,
    number_of,
    open_recorded,
    pin_at,
    pin_count,
    pinned,
    pixels,
    reload,
    section,
    step_under_crosshair,
    unit,
    until,
)

COLUMN = 16
"""Pixels: more than a dump is wide."""


def test_steps_are_pinned_by_click_and_by_keyboard(recorded: Recorded, open_compare: Open) -> None:
    opened = open_recorded(open_compare, recorded)
    frame, press = opened.frame, opened.page.keyboard.press
    has_pins(frame, 0)
    first = pin_at(opened, 0.25)
    has_pins(frame, 1)
    click_at(opened, section(frame, "Model").get_by_role("slider"), 0.6)
    has_pins(frame, 2)
    axis(frame).focus()
    press("End")
    press("ArrowLeft")
    press("Enter")
    has_pins(frame, 3)
    assert step_under_crosshair(frame) == STEPS - DUMP_EVERY
    press("[")
    expect(axis(frame)).to_have_attribute("aria-valuetext", re.compile(", pinned$"))
    second = step_under_crosshair(frame)
    address_has(opened.page, "pins", f"{first},{second},{STEPS - DUMP_EVERY}")
    press("Enter")
    has_pins(frame, 2)
    press("]")
    expect(axis(frame)).to_have_attribute("aria-valuenow", str(STEPS - DUMP_EVERY))


def test_every_charts_keys_pin_steps(recorded: Recorded, open_compare: Open) -> None:
    opened = open_recorded(open_compare, recorded)
    frame, press = opened.frame, opened.page.keyboard.press
    section(frame, "Model").get_by_role("slider").focus()
    press("Home")
    press("Enter")
    has_pins(frame, 1)
    section(frame, "Layers").get_by_role("slider", name=re.compile("^Charts of units")).focus()
    for _ in range(3):
        press("ArrowLeft")
    press("Enter")
    has_pins(frame, 2)
    classes(frame).focus()
    press("ArrowLeft")
    press("ArrowLeft")
    press("p")
    has_pins(frame, 3)
    first = int(axis(frame).get_attribute("aria-valuemin") or 0)
    expected = [first, STEPS - 3 * DUMP_EVERY, STEPS - 2 * DUMP_EVERY]
    until(opened.page, lambda: pinned(opened.page) == expected)


def test_pins_are_hidden_and_deleted(recorded: Recorded, open_compare: Open) -> None:
    opened = open_recorded(open_compare, recorded, pins="100,300")
    frame = opened.frame
    lines = frame.locator(".pin-line")
    expect(lines).to_have_count(2)
    frame.get_by_role("button", name="Hide pins").click()
    expect(lines).to_have_count(0)
    address_has(opened.page, "marks", "off")
    frame.get_by_role("button", name="Show pins").click()
    expect(lines).to_have_count(2)
    pin_count(frame).click()
    expect(lines).to_have_count(0)
    expect(pin_count(frame)).to_be_disabled()
    address_lacks(opened.page, "pins")


def test_the_pin_mode_says_what_a_click_on_a_chart_does(
    recorded: Recorded, open_compare: Open
) -> None:
    opened = open_recorded(open_compare, recorded)
    frame = opened.frame
    row = section(frame, "Layers").get_by_role("img", name=re.compile("^body, "))
    click_at(opened, row, 0.5)
    has_pins(frame, 1)
    expect(unit(frame, "body/dense3")).to_have_count(0)
    frame.get_by_role("button", name="Click pins").click()
    address_has(opened.page, "pin", "off")
    click_at(opened, row, 0.5)
    expect(unit(frame, "body/dense3")).to_be_visible()
    rows = classes(frame).get_by_role("row")
    before = rows.count()
    click_at(opened, rows.first, 0.5)
    expect(rows.first).to_have_attribute("aria-expanded", "true")
    assert rows.count() > before
    has_pins(frame, 1)


def test_the_crosshair_goes_through_all_charts(recorded: Recorded, open_compare: Open) -> None:
    opened = open_recorded(open_compare, recorded)
    frame, page = opened.frame, opened.page
    charts = [
        section(frame, "Model").get_by_role("slider"),
        section(frame, "Validation").get_by_role("treegrid").first,
        section(frame, "Layers").get_by_role("slider", name=re.compile("^Charts of units")),
    ]
    seen = []
    x = at_share(axis(frame), 0.5)[0]
    line = frame.locator(".crosshair")
    for chart in charts:
        page.mouse.move(x, at_share(chart, 0.5)[1])
        expect(line).to_be_visible()
        expect(axis(frame)).not_to_have_attribute("aria-valuenow", str(STEPS))
        across, whole = line.bounding_box(), section(frame, "Layers").bounding_box()
        assert across is not None
        assert whole is not None
        assert across["y"] + across["height"] >= whole["y"] + whole["height"]
        seen.append((step_under_crosshair(frame), round(across["x"])))
    assert len(set(seen)) == 1, seen
    assert abs(seen[0][1] - x) <= COLUMN
    expect(frame.get_by_text(f"Step {seen[0][0]}", exact=True)).to_be_visible()


class Zoom:
    """The commands and the readings of the zoom; `start` is the first step there is."""

    def __init__(self, opened: Opened) -> None:
        frame = opened.frame
        self.start = int(axis(frame).get_attribute("aria-valuemin") or 0)
        self.tools = frame.get_by_role("group", name="Zoom")
        self.reset = self.tools.get_by_role("button", name="Reset zoom")
        self.first = frame.get_by_role("slider", name="First step in sight")
        self.last = frame.get_by_role("slider", name="Last step in sight")

    def shows(self, first: int, last: int) -> None:
        """Waits until this is what is in sight."""
        expect(self.first).to_have_attribute("aria-valuenow", str(first))
        expect(self.last).to_have_attribute("aria-valuenow", str(last))


def test_zoom_by_buttons_and_by_keyboard(recorded: Recorded, open_compare: Open) -> None:
    opened = open_recorded(open_compare, recorded)
    frame, press = opened.frame, opened.page.keyboard.press
    zoom = Zoom(opened)
    zoom.shows(zoom.start, STEPS)
    expect(zoom.reset).to_be_disabled()
    chart = section(frame, "Layers").locator("canvas").first
    before = pixels(chart)
    zoom.tools.get_by_role("button", name="Zoom in").click()
    expect(zoom.tools).to_contain_text("1.5×")
    expect(zoom.first).not_to_have_attribute("aria-valuenow", str(zoom.start))
    looks_other(chart, before)
    zoom.tools.get_by_role("button", name="Zoom out").click()
    expect(zoom.tools).to_contain_text("1×")
    expect(zoom.reset).to_be_disabled()

    axis(frame).focus()
    press("Home")
    press("+")
    expect(zoom.tools).to_contain_text("1.5×")
    expect(zoom.first).to_have_attribute("aria-valuenow", str(zoom.start))
    press("Shift+ArrowRight")
    expect(zoom.first).not_to_have_attribute("aria-valuenow", str(zoom.start))
    press("0")
    expect(zoom.tools).to_contain_text("1×")

    zoom.last.focus()
    press("PageDown")
    press("PageUp")
    zoom.shows(zoom.start, STEPS - 20 * DUMP_EVERY)
    zoom.reset.click()
    zoom.shows(zoom.start, STEPS)
    address_lacks(opened.page, "steps")


def test_zoom_by_wheel_and_by_dragging(recorded: Recorded, open_compare: Open) -> None:
    opened = open_recorded(open_compare, recorded)
    frame, page = opened.frame, opened.page
    zoom = Zoom(opened)
    page.mouse.move(*at_share(section(frame, "Model").get_by_role("slider"), 0.6))
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    expect(zoom.reset).to_be_enabled()
    start = number_of(zoom.first)
    assert start > zoom.start
    page.keyboard.down("Shift")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Shift")
    until(page, lambda: number_of(zoom.first) < start)

    left, right = number_of(zoom.first), number_of(zoom.last)
    drag(page, at_share(axis(frame), 0.6), at_share(axis(frame), 0.4))
    until(page, lambda: number_of(zoom.first) > left and number_of(zoom.last) > right)
    assert "pins" not in choices(page)
    right = number_of(zoom.last)
    x, y = at_share(zoom.last, 0.5)
    drag(page, (x, y), (x - 5 * COLUMN, y))
    until(page, lambda: number_of(zoom.last) < right)
    zoom.reset.click()
    zoom.shows(zoom.start, STEPS)


def test_the_address_restores_everything(recorded: Recorded, open_compare: Open) -> None:
    opened = open_recorded(open_compare, recorded)
    frame, page = opened.frame, opened.page
    step = pin_at(opened, 0.4)
    frame.get_by_role("button", name="Zoom in").click()
    press_segment(section(frame, "Model"), "Log")
    validation, layers = section(frame, "Validation"), section(frame, "Layers")
    press_segment(validation, "Classes")
    press_segment(validation, "Peak")
    threshold = validation.get_by_role("spinbutton", name="Threshold")
    threshold.fill("12")
    threshold.press("Enter")
    press_segment(layers, "Line")
    choose(layers, "Of", "Weights")
    choose(layers, "Statistic", "Standard deviation")
    layers.get_by_role("button", name="Same scale").click()
    layers.get_by_role("button", name="All layers").click()
    unit(frame, "stem/dense1").click()
    section(frame, "Findings").get_by_role("button", name="Findings").click()
    address_has(page, "open", "stem/dense1")
    address_has(page, "closed", "findings")
    address_has(page, "least", "12")
    before = page.url

    reload(opened)
    frame = opened.frame
    assert page.url == before
    has_pins(frame, 1)
    assert pinned(page) == [step]
    expect(frame.get_by_role("group", name="Zoom")).to_contain_text("1.5×")
    validation, layers = section(frame, "Validation"), section(frame, "Layers")
    for part, name in (
        (section(frame, "Model"), "Log"),
        (validation, "Classes"),
        (validation, "Peak"),
        (layers, "Line"),
        (layers, "Same scale"),
    ):
        expect(part.get_by_role("button", name=name, exact=True)).to_have_attribute(
            "aria-pressed", "true"
        )
    expect(validation.get_by_role("spinbutton", name="Threshold")).to_have_value("12")
    expect(layers.get_by_role("combobox", name="Of", exact=True)).to_have_value("weight")
    expect(layers.get_by_role("combobox", name="Statistic")).to_have_value("std")
    expect(layers.get_by_role("slider", name="Filters of stem/dense1")).to_be_visible()
    expect(section(frame, "Findings").get_by_role("list")).to_have_count(0)
    drawn(frame)
