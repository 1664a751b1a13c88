"""What a user does on the Training page and reads from it."""

import re
from collections.abc import Callable
from urllib.parse import unquote

from playwright.sync_api import Frame, Locator, Page, expect

from tests.e2e.conftest import Open, Opened, compare_frame
from tests.e2e.recorded_run import RUN, Recorded
from tests.e2e.server import TensorBoard, wait_for
from tests.e2e.steps import key

HEADING = 'role=button[name="Findings"]'
NOTE_PROGRESS = """
    window.progressSeen = [];
    new MutationObserver(() => {
      for (const bar of document.querySelectorAll('[role=progressbar]')) {
        window.progressSeen.push(bar.getAttribute('aria-label'));
      }
    }).observe(document, {childList: true, subtree: true, attributes: true});
"""
"""A script that notes the names of all progress bars that are ever shown."""
_OPTIONS = ("dark", "width", "height", "script")
Point = tuple[float, float]


def open_recorded(open_compare: Open, recorded: Recorded, **choice: object) -> Opened:
    """The recorded run's page, once its charts are drawn; `choice` are keys of the address."""
    return open_training(open_compare, recorded.server, RUN, **choice)


def open_training(open_compare: Open, server: TensorBoard, run: str, **choice: object) -> Opened:
    """The page of a run, once its charts are drawn."""
    opened = opened_at(open_compare, server, run, HEADING, **choice)
    drawn(opened.frame)
    return opened


def opened_at(
    open_compare: Open, server: TensorBoard, run: str, ready: str, **choice: object
) -> Opened:
    """The page of a run, once `ready` is there."""
    options = {"height": 1000} | {name: choice.pop(name) for name in _OPTIONS if name in choice}
    keys = key(page="training", run=run, **{name: str(value) for name, value in choice.items()})
    return open_compare(server, keys=keys, ready=ready, **options)


def reload(opened: Opened) -> None:
    """Loads the same address anew."""
    opened.page.reload()
    opened.frame = compare_frame(opened.page, HEADING)
    drawn(opened.frame)


def drawn(frame: Frame) -> None:
    """Waits until findings are known and no chart waits for its values."""
    expect(section(frame, "Findings")).not_to_contain_text("Looking for anything unusual")
    expect(frame.locator("[data-busy]")).to_have_count(0)
    expect(frame.locator("[data-loading], [role=status][aria-label^=Reading]")).to_have_count(0)


def until(page: Page, condition: Callable[[], bool], seconds: float = 60) -> None:
    """Waits for a condition that nothing on the page alone can tell."""
    wait_for(lambda: page.wait_for_timeout(20) or condition(), seconds)


def section(frame: Frame, title: str) -> Locator:
    """One of the page's parts."""
    return frame.get_by_role("region", name=title, exact=True)


def findings(frame: Frame) -> Locator:
    """What is listed without being asked for."""
    return section(frame, "Findings").get_by_role("listitem")


def classes(frame: Frame) -> Locator:
    """The rows of clusters, classes and images."""
    validation = section(frame, "Validation")
    return validation.get_by_role("treegrid", name="Classes over time", exact=True)


def unit(frame: Frame, path: str) -> Locator:
    """The name of a row of Layers."""
    return section(frame, "Layers").get_by_role("treeitem", name=f"{path}, ")


def axis(frame: Frame) -> Locator:
    """The shared time axis."""
    return frame.get_by_role("slider", name=re.compile("^(Step|Epoch): arrows move"))


def step_under_crosshair(frame: Frame) -> int:
    """What the axis tells."""
    return number_of(axis(frame))


def number_of(slider: Locator) -> int:
    """The value of a slider."""
    return int(slider.get_attribute("aria-valuenow") or -1)


def go_to(slider: Locator, step: int) -> None:
    """Moves a chart's crosshair to a step by keyboard."""
    slider.focus()
    slider.press("Home")
    while number_of(slider) < step:
        slider.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuenow", str(step))


def at_share(element: Locator, across: float, down: float = 0.5) -> Point:
    """A point of an element, on screen."""
    element.scroll_into_view_if_needed()
    box = element.bounding_box()
    assert box is not None
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def click_at(opened: Opened, element: Locator, across: float, down: float = 0.5) -> None:
    """Clicks a point of an element."""
    opened.page.mouse.click(*at_share(element, across, down))


def drag(page: Page, start: Point, end: Point) -> None:
    """Presses at the one point, and lets go at the other."""
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=5)
    page.mouse.up()


def pin_at(opened: Opened, across: float) -> int:
    """Clicks the time axis; the step that is pinned then."""
    click_at(opened, axis(opened.frame), across, 0.7)
    expect(axis(opened.frame)).to_have_attribute("aria-valuetext", re.compile(", pinned$"))
    return step_under_crosshair(opened.frame)


def pin_count(frame: Frame) -> Locator:
    """The button whose name says how many pins there are."""
    return frame.get_by_role("button", name=re.compile("^Delete all pins"))


def has_pins(frame: Frame, count: int) -> None:
    """Waits for so many pins."""
    name = "Delete all pins" if count == 0 else f"Delete all pins ({count})"
    expect(frame.get_by_role("button", name=name, exact=True)).to_be_visible()


def pinned(page: Page) -> list[int]:
    """Pinned steps, ascending, once the address has them."""
    until(page, lambda: "pins" in choices(page))
    return sorted(int(step) for step in choices(page)["pins"].split(","))


def choices(page: Page) -> dict[str, str]:
    """What of the page's state is in the address, which is written a moment after a change."""
    pairs = (part.split("=", 1) for part in page.url.partition("#")[2].split("&") if "=" in part)
    return {name.rpartition(".")[2]: unquote(value) for name, value in pairs}


def address_has(page: Page, name: str, value: str) -> None:
    """Waits until the address tells a choice."""
    until(page, lambda: choices(page).get(name) == value)


def address_lacks(page: Page, name: str) -> None:
    """Waits until the address tells no such choice any more."""
    until(page, lambda: name not in choices(page))


def looks_other(element: Locator, before: bytes) -> bytes:
    """Waits until the element has other pixels than `before`; which."""
    until(element.page, lambda: pixels(element) != before)
    return pixels(element)


def pixels(element: Locator) -> bytes:
    """How the element looks."""
    return element.screenshot(animations="disabled")


def dumps_told(frame: Frame) -> int:
    """How many dumps the head of the page tells of; 0 before there are any."""
    text = frame.get_by_text(re.compile(r"^[\d,]+ dumps?( |$)"))
    if text.count() == 0:
        return 0
    return int(text.inner_text().split()[0].replace(",", ""))


def has_dumps(opened: Opened, count: int) -> None:
    """Waits until the head of the page tells of so many."""
    until(opened.page, lambda: dumps_told(opened.frame) == count)


def forgive_stale_versions(opened: Opened) -> None:
    """A log that has grown is asked for anew: browsers call the answer that says so an error."""
    opened.problems[:] = [each for each in opened.problems if "409 (CONFLICT)" not in each]
