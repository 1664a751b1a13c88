"""From the Training page to Compare and back: on the snapshots around what is pinned."""

import re
from collections.abc import Sequence

from playwright.sync_api import expect

from tests.e2e.conftest import Open, Opened
from tests.e2e.recorded_run import Recorded
from tests.e2e.steps import press_segment
from tests.e2e.training_page import (
    address_lacks,
    findings,
    has_pins,
    open_recorded,
    pin_at,
    pin_count,
    section,
    unit,
)


def kept(recorded: Recorded) -> Sequence[int]:
    """The steps of the snapshots that were written around anomalies."""
    paths = recorded.folder.glob("step-*.*")
    return sorted(int(path.stem.partition("-")[2]) for path in paths)


def compares(opened: Opened, a: int, b: int) -> None:
    """Waits until Compare shows these two snapshots, and their difference."""
    frame = opened.frame
    for side, step in (("a", a), ("b", b)):
        name = re.compile(f"^Snapshot {side}: step {step}\\b")
        expect(frame.get_by_role("button", name=name)).to_be_visible()
    expect(frame.locator(".histogram")).to_be_visible(timeout=30_000)
    address_lacks(opened.page, "page")


def back(opened: Opened) -> None:
    """Returns to the Training page."""
    press_segment(opened.frame.get_by_role("group", name="Page"), "Training")


def test_an_anomaly_opens_compare_before_and_after_it(
    recorded: Recorded, open_compare: Open
) -> None:
    opened = open_recorded(open_compare, recorded)
    frame, nan = opened.frame, recorded.planted["nan"]
    findings(frame).filter(has_text=f"{nan.layer}: weights").get_by_role("button").click()
    has_pins(frame, 1)
    expect(unit(frame, nan.layer)).to_be_visible()
    frame.get_by_role("button", name="Compare before and after").click()
    steps = kept(recorded)
    compares(
        opened,
        max(step for step in steps if step < nan.step),
        min(step for step in steps if step >= nan.step),
    )
    expect(frame.locator('.net-body[aria-pressed="true"]')).to_have_count(1)
    back(opened)
    has_pins(frame, 1)
    expect(unit(frame, nan.layer)).to_be_visible()


def test_two_pins_open_compare_on_their_snapshots(recorded: Recorded, open_compare: Open) -> None:
    steps = kept(recorded)
    first, last = recorded.planted["rate"].step, recorded.planted["labels"].step
    opened = open_recorded(open_compare, recorded, pins=f"{first},{last}")
    frame = opened.frame
    button = frame.get_by_role("button", name="Compare these")
    button.click()
    compares(
        opened,
        max(step for step in steps if step <= first),
        min(step for step in steps if step >= last),
    )


def test_why_nothing_can_be_compared_is_said(recorded: Recorded, open_compare: Open) -> None:
    opened = open_recorded(open_compare, recorded)
    frame = opened.frame
    button = frame.get_by_role("button", name=re.compile("^Compare (these|before)"))
    expect(button).to_be_disabled()
    expect(button).to_have_attribute("title", "Pin one or two steps first.")
    pin_at(opened, 0.02)
    expect(button).to_be_disabled()
    expect(button).to_have_attribute("title", re.compile("^No snapshot was kept before step"))
    pin_count(frame).click()
    step = pin_at(opened, 0.99)
    assert step > max(kept(recorded))
    expect(button).to_be_disabled()
    expect(button).to_have_attribute("title", re.compile("^No snapshot was kept after step"))


def test_the_pages_share_the_layer_that_is_looked_at(
    recorded: Recorded, open_compare: Open
) -> None:
    opened = open_recorded(
        open_compare, recorded, units="body", open="body%2Fdense3", pin="off", pins=240
    )
    frame = opened.frame
    layers = section(frame, "Layers")
    layers.get_by_role("slider", name="Filters of body/dense3").focus()
    opened.page.keyboard.press("Enter")
    expect(layers).to_contain_text("Filter 0 of body/dense3 is selected.")
    press_segment(frame.get_by_role("group", name="Page"), "Compare")
    expect(frame.locator('.net-body[data-layer="body/dense3"]')).to_have_attribute(
        "aria-pressed", "true", timeout=30_000
    )
    back(opened)
    expect(layers).to_contain_text("Filter 0 of body/dense3 is selected.")
