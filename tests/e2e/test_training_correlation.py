"""Layers against classes of a recorded training: numbers, mini-sets, and both over time."""

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.conftest import Open, Opened
from tests.e2e.recorded_run import CLASSES, Recorded
from tests.e2e.steps import press_segment
from tests.e2e.training_page import (
    address_has,
    click_at,
    drawn,
    has_pins,
    looks_other,
    open_recorded,
    pin_count,
    pinned,
    pixels,
    section,
    unit,
    until,
)

RULE = {"least": 4, "lasting": 5}
"""With which most classes have several anomalies."""
NAMED = re.compile("|".join(CLASSES))


def grid_of(part: Locator, form: str) -> Locator:
    """The drawing, which takes the keys."""
    return part.get_by_role("grid", name=re.compile(f"^{form}"))


def said(part: Locator) -> Locator:
    """What was chosen, in words."""
    return part.get_by_role("status").filter(has_text=re.compile("changed|mini-set"))


def open_correlation(open_compare: Open, recorded: Recorded, **choice: object) -> Opened:
    opened = open_recorded(open_compare, recorded, **{**RULE, **choice})
    section(opened.frame, "Correlation").scroll_into_view_if_needed()
    expect(section(opened.frame, "Correlation").get_by_role("grid")).to_be_visible()
    drawn(opened.frame)
    return opened


def test_the_matrix_pins_the_iterations_of_a_cell(recorded: Recorded, open_compare: Open) -> None:
    opened = open_correlation(open_compare, recorded, pin="off")
    frame, press = opened.frame, opened.page.keyboard.press
    part = section(frame, "Correlation")
    grid = grid_of(part, "Strongly changing filters")
    cell = grid.get_by_role("gridcell")
    grid.focus()
    press("ArrowDown")
    press("ArrowRight")
    expect(cell).to_contain_text(
        re.compile(r"\d+ filters? changed strongly over \d+ anomaly iterations?")
    )
    press("Enter")
    expect(said(part)).to_contain_text(re.compile(rf"changed .*of ({NAMED.pattern})"))
    part.get_by_role("button", name=re.compile(r"^Pin (the|\d+) iteration")).click()
    expect(pin_count(frame)).to_be_enabled()
    expect(part.get_by_role("button", name=re.compile("^Pin "))).to_have_count(0)
    part.get_by_role("button", name="Clear").click()
    expect(said(part)).to_have_count(0)
    pin_count(frame).click()
    has_pins(frame, 0)
    frame.get_by_role("button", name="Click pins").click()
    click_at(opened, grid, 0.02, 0.2)
    expect(frame.get_by_role("tooltip")).to_contain_text("×")
    expect(said(part)).to_contain_text(NAMED)
    expect(pin_count(frame)).to_be_enabled()


def test_what_is_counted_is_chosen(recorded: Recorded, open_compare: Open) -> None:
    opened = open_correlation(open_compare, recorded)
    part = section(opened.frame, "Correlation")
    grid = part.get_by_role("grid")
    rows = int(grid.get_attribute("aria-rowcount") or 0)
    look = pixels(grid)
    part.get_by_role("button", name="All layers").click()
    until(opened.page, lambda: int(grid.get_attribute("aria-rowcount") or 0) > rows)
    drawn(opened.frame)
    look = looks_other(grid, look)
    count = part.get_by_role("spinbutton", name="Top filters")
    count.fill("5")
    count.press("Enter")
    address_has(opened.page, "changed", "5")
    drawn(opened.frame)
    looks_other(grid, look)


def test_mini_sets_are_kept_pinned_and_compared(recorded: Recorded, open_compare: Open) -> None:
    opened = open_correlation(open_compare, recorded)
    frame, press = opened.frame, opened.page.keyboard.press
    part = section(frame, "Correlation")
    press_segment(part, "Mini-sets")
    grid = grid_of(part, "Mini-sets of filters")
    expect(grid).to_be_visible()
    drawn(frame)
    press_until(opened, grid, "ArrowRight", re.compile("changed (together )?here, and at"))
    press("Enter")
    expect(said(part)).to_contain_text(NAMED)
    has_pins(frame, 1)
    once = said(part).inner_text()
    press("Shift+Enter")
    expect(said(part)).not_to_have_text(once)
    assert set(steps_of(once)) <= set(pinned(opened.page))
    part.get_by_role("button", name=re.compile(r"^Compare (the|\d+) filter")).click()
    expect(frame.get_by_role("button", name=re.compile("^Snapshot a: "))).to_be_visible()
    expect(frame.locator('.net-body[aria-pressed="true"]')).to_have_count(1)


def steps_of(words: str) -> list[int]:
    """The steps that a sentence names."""
    return [int(step) for step in re.findall(r"step (\d+)", words)]


def press_until(opened: Opened, grid: Locator, key: str, words: re.Pattern[str]) -> None:
    """Moves until the cell under the cursor says so."""
    grid.focus()
    cell = grid.get_by_role("gridcell")
    for _ in range(100):
        if words.search(cell.inner_text()):
            return
        opened.page.keyboard.press(key)
    raise AssertionError(f"no cell says {words.pattern}")


@pytest.mark.parametrize("projection", ["flat", "oblique"])
def test_the_cube_shows_layers_classes_and_time(
    recorded: Recorded, open_compare: Open, projection: str
) -> None:
    opened = open_correlation(open_compare, recorded, relation="cube")
    frame = opened.frame
    part = section(frame, "Correlation")
    grid = grid_of(part, "Cube of")
    expect(grid).to_be_visible()
    drawn(frame)
    if projection == "oblique":
        flat = pixels(grid)
        press_segment(part, "Oblique")
        address_has(opened.page, "cube", "oblique")
        looks_other(grid, flat)
    press_until(opened, grid, "ArrowRight", re.compile("changed (together )?here, and at"))
    expect(frame.get_by_role("tooltip")).to_contain_text("×")
    opened.page.keyboard.press("Enter")
    expect(said(part)).to_contain_text(NAMED)
    has_pins(frame, 1)


def test_a_layer_is_highlighted_in_all_views(recorded: Recorded, open_compare: Open) -> None:
    opened = open_correlation(open_compare, recorded)
    frame, page = opened.frame, opened.page
    grid = section(frame, "Correlation").get_by_role("grid")
    marks = section(frame, "Layers").locator(".layers-row-frame")
    grid.focus()
    page.keyboard.press("ArrowDown")
    expect(marks).to_have_count(1)
    layer = grid.get_by_role("gridcell").inner_text().partition(" × ")[0]
    unit(frame, layer.partition("/")[0]).hover()
    expect(grid.locator("xpath=..").locator("[data-over]")).not_to_have_count(0)


def test_too_high_a_threshold_says_which_would_do(recorded: Recorded, open_compare: Open) -> None:
    opened = open_recorded(open_compare, recorded, least=41, lasting=5)
    part = section(opened.frame, "Correlation")
    part.scroll_into_view_if_needed()
    expect(part).to_contain_text("No class has two anomalies of 41 images")
    lower = part.get_by_role("button", name=re.compile(r"^Threshold \d+: \d+ iterations of"))
    lower.last.click()
    expect(part.get_by_role("grid")).to_be_visible()
    until(opened.page, lambda: "least=41" not in opened.page.url)
