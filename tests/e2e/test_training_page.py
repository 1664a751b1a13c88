"""The Training page as a whole: for everybody, in both themes, at every size."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.e2e.conftest import Open
from tests.e2e.recorded_run import CLASSES, Recorded
from tests.e2e.server import OUTPUT
from tests.e2e.steps import press_segment
from tests.e2e.test_compare import violations
from tests.e2e.training_page import at_share, drawn, open_recorded, section

SIZES = {1280: 800, 1920: 1080}
REACHED = (
    "Click pins",
    "Hide pins",
    "Delete all pins (1)",
    "Compare before and after",
    "Zoom in",
    "slider Step: arrows move",
    "slider First step in sight",
    "weights were NaN",
    "slider Loss and error by step",
    "spinbutton Threshold",
    "treegrid Classes over time",
    "treeitem stem",
    "slider Charts of units",
    "grid Strongly changing filters",
)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_meets_wcag_2_aa_in_both_themes(
    recorded: Recorded, open_compare: Open, dark: bool
) -> None:
    step = recorded.planted["rate"].step
    opened = open_recorded(
        open_compare, recorded, dark=dark, pins=step, open="body%2Fdense3", units="body"
    )
    frame, page = opened.frame, opened.page
    background = frame.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(48, 48, 48)" if dark else "rgb(245, 245, 245)")
    frame.evaluate(Axe().axe_script)
    assert violations(frame) == {}, "at first"
    layers, validation = section(frame, "Layers"), section(frame, "Validation")
    layers.get_by_role("button", name="Top filters").scroll_into_view_if_needed()
    page.mouse.move(*at_share(layers.get_by_role("img").first, 0.5))
    expect(frame.get_by_role("tooltip")).to_be_visible()
    assert violations(frame) == {}, "with a hover card"
    press_segment(validation, "Classes")
    validation.get_by_role("button", name=CLASSES[2], exact=True).click()
    layers.get_by_role("button", name="Top filters").click()
    drawn(frame)
    assert violations(frame) == {}, "with images and top filters"
    validation.get_by_role("button", name="Gallery").click()
    expect(frame.get_by_role("dialog").get_by_role("heading", level=2)).to_be_visible()
    drawn(frame)
    assert violations(frame) == {}, "with an image"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", list(SIZES))
def test_every_section_has_something_to_show(
    recorded: Recorded, open_compare: Open, width: int, dark: bool
) -> None:
    opened = open_recorded(
        open_compare,
        recorded,
        dark=dark,
        width=width,
        height=SIZES[width],
        pins=recorded.planted["rate"].step,
        least=4,
        lasting=5,
    )
    frame = opened.frame
    for title in (
        "Findings",
        "Model",
        "What moved first",
        "Validation",
        "Layers",
        "Correlation",
    ):
        part = section(frame, title)
        part.scroll_into_view_if_needed()
        drawn(frame)
        expect(part.locator(".empty-state")).to_have_count(0)
        expect(part.locator("canvas, svg").first).to_be_visible()
        name = f"training-{title.lower().replace(' ', '-')}-{width}-{'dark' if dark else 'light'}"
        opened.page.screenshot(path=OUTPUT / f"{name}.png")


def test_everything_is_reachable_by_keyboard(recorded: Recorded, open_compare: Open) -> None:
    opened = open_recorded(open_compare, recorded, pins=100, least=4, lasting=5)
    frame = opened.frame
    frame.get_by_role("group", name="Page").get_by_role("button", name="Training").focus()
    seen = []
    for _ in range(110):
        seen.append(
            frame.evaluate(
                "(e => `${e.getAttribute('role') ?? e.tagName} "
                "${e.getAttribute('aria-label') ?? e.textContent}`)(document.activeElement)"
            )
        )
        opened.page.keyboard.press("Tab")
    text = "\n".join(seen)
    for expected in REACHED:
        assert expected in text, (expected, seen)


def test_at_200_percent_zoom_everything_is_there_and_nothing_is_cut_off(
    recorded: Recorded, open_compare: Open
) -> None:
    opened = open_recorded(open_compare, recorded, width=640, height=400)
    frame = opened.frame
    wide = frame.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert wide[0] <= wide[1]
    for title in ("Model", "Validation", "Layers"):
        section(frame, title).scroll_into_view_if_needed()
        expect(section(frame, title).locator("canvas, svg").first).to_be_visible()
