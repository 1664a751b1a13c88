"""Clusters, classes and images of a recorded training over its validation passes."""

import re

from playwright.sync_api import expect

from tests.e2e.conftest import Open
from tests.e2e.recorded_run import CLASS_IMAGES, CLASSES, DUMP_EVERY, DUMPS, STEPS, Recorded
from tests.e2e.steps import press_segment
from tests.e2e.training_page import (
    address_has,
    at_share,
    classes,
    click_at,
    drawn,
    has_pins,
    looks_other,
    open_recorded,
    pinned,
    pixels,
    section,
    until,
)


def test_clusters_open_to_classes_and_classes_to_images(
    recorded: Recorded, open_compare: Open
) -> None:
    opened = open_recorded(open_compare, recorded)
    frame, press = opened.frame, opened.page.keyboard.press
    validation = section(frame, "Validation")
    expect(validation).to_contain_text(f"{DUMPS} passes · {len(CLASSES)} classes")
    grid = classes(frame)
    clusters = grid.get_by_role("rowheader", name=re.compile("^Cluster"))
    shown = clusters.count()
    assert 1 < shown < len(CLASSES)
    rows = grid.get_by_role("row")
    for cluster in clusters.all():
        cluster.get_by_role("button", name=re.compile("^Cluster")).click()
    expect(rows).to_have_count(shown + len(CLASSES))
    row = rows.filter(has_text=CLASSES[4])
    expect(row).to_have_accessible_name(
        re.compile(rf"^{CLASSES[4]}: error from [\d.]+\s% at step {DUMP_EVERY} to .*anomal")
    )
    before = pixels(grid)
    row.get_by_role("button", name=CLASSES[4], exact=True).click()
    drawn(frame)
    expect(grid).to_contain_text(f"{CLASS_IMAGES} images")
    outcomes = looks_other(grid, before)
    press_segment(validation, "Probability")
    address_has(opened.page, "told", "probability")
    looks_other(grid, outcomes)
    height = grid.get_by_role("slider", name=f"Height of the rows of {CLASSES[4]}")
    low = float(height.input_value())
    grid.focus()
    press("+")
    until(opened.page, lambda: float(height.input_value()) > low)
    press("Enter")
    expect(grid).not_to_contain_text(f"{CLASS_IMAGES} images")


def test_classes_are_ordered_and_found(recorded: Recorded, open_compare: Open) -> None:
    opened = open_recorded(open_compare, recorded)
    validation = section(opened.frame, "Validation")
    rows = classes(opened.frame).get_by_role("row")
    press_segment(validation, "Classes")
    expect(rows).to_have_count(len(CLASSES))
    similar = rows.all_inner_texts()
    press_segment(validation, "Peak")
    until(opened.page, lambda: rows.all_inner_texts() != similar)
    assert sorted(rows.all_inner_texts()) == sorted(similar)
    search = validation.get_by_role("searchbox", name="Find class")
    search.fill(CLASSES[7])
    expect(rows).to_have_count(1)
    expect(validation.get_by_role("status").filter(has_text="1 of 10 found")).to_be_visible()
    search.press("Escape")
    expect(rows).to_have_count(len(CLASSES))
    whole = validation.get_by_role("treegrid").first
    whole.get_by_role("button", name=re.compile("^All classes")).click()
    expect(classes(opened.frame)).to_have_count(0)
    address_has(opened.page, "validation", "off")


def test_the_threshold_changes_what_is_listed_and_marked(
    recorded: Recorded, open_compare: Open
) -> None:
    opened = open_recorded(open_compare, recorded, clusters="off")
    validation = section(opened.frame, "Validation")
    rows = classes(opened.frame).get_by_role("row")
    named = rows.filter(has_text=re.compile("|".join(CLASSES)))
    expect(named).not_to_have_count(0)
    strip = validation.get_by_role("treegrid").first
    before = pixels(strip)
    threshold = validation.get_by_role("spinbutton", name="Threshold")
    suggested = int(threshold.input_value())
    validation.get_by_role("button", name="More images").click()
    expect(threshold).to_have_value(str(suggested + 1))
    address_has(opened.page, "least", str(suggested + 1))
    threshold.fill(str(CLASS_IMAGES + 1))
    threshold.press("Enter")
    listed = validation.get_by_role("status").filter(has_text="reach the threshold")
    expect(listed).to_contain_text(f"0 of {len(CLASSES)}")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text(f"{len(CLASSES)} classes have no pass")
    drawn(opened.frame)
    looks_other(strip, before)
    listed.get_by_role("button", name="List all").click()
    expect(named).to_have_count(len(CLASSES))
    validation.get_by_role("button", name=f"Suggested {suggested}").click()
    expect(threshold).to_have_value(str(suggested))
    drawn(opened.frame)


def test_immediate_changes_have_a_threshold_of_their_own(
    recorded: Recorded, open_compare: Open
) -> None:
    opened = open_recorded(open_compare, recorded)
    validation = section(opened.frame, "Validation")
    strip = validation.get_by_role("treegrid").first
    lasting = validation.get_by_role("spinbutton", name="Stable run")
    expect(lasting).to_have_value(re.compile(r"\d+"))
    before = pixels(strip)
    lasting.fill("6")
    lasting.press("Enter")
    address_has(opened.page, "lasting", "5")
    drawn(opened.frame)
    shorter = looks_other(strip, before)
    validation.get_by_role("button", name="Immediate").click()
    validation.get_by_role("button", name="Published 30").click()
    expect(validation.get_by_role("spinbutton", name="Threshold")).to_have_value("30")
    expect(lasting).to_have_count(0)
    drawn(opened.frame)
    immediate = looks_other(strip, shorter)
    validation.get_by_role("button", name="Anomalies").click()
    expect(validation).not_to_contain_text("broke a lasting state")
    looks_other(strip, immediate)
    validation.get_by_role("button", name="Immediate").click()
    expect(lasting).to_have_value(re.compile(r"\d+"))


def test_anomalies_are_found_by_keys_told_and_pinned(
    recorded: Recorded, open_compare: Open
) -> None:
    opened = open_recorded(open_compare, recorded)
    frame, press = opened.frame, opened.page.keyboard.press
    strip = section(frame, "Validation").get_by_role("treegrid").first
    strip.focus()
    press("Home")
    press(".")
    card = frame.get_by_role("tooltip")
    expect(card).to_contain_text(re.compile("changed (after a stable run|and then stayed so)"))
    found = re.search(r"Step (\d+)", card.inner_text())
    assert found is not None
    press("p")
    has_pins(frame, 1)
    assert pinned(opened.page) == [int(found[1])]
    press("End")
    press(",")
    nan = recorded.planted["nan"].step
    expect(card).to_contain_text(f"Step {nan}")
    expect(card).to_contain_text("changed after a stable run of at least")


def test_an_image_tells_its_history(recorded: Recorded, open_compare: Open) -> None:
    opened = open_recorded(open_compare, recorded, clusters="off", class_images="2")
    frame, press = opened.frame, opened.page.keyboard.press
    section(frame, "Validation").get_by_role("button", name="Gallery").click()
    dialog = frame.get_by_role("dialog")
    title = dialog.get_by_role("heading", level=2)
    expect(title).to_have_text(re.compile(r"^point \d+$"))
    expect(dialog).to_contain_text(re.compile(r"in \d+ of \d+ passes"))
    image = dialog.locator("img").first
    expect(image).to_be_visible()
    until(opened.page, lambda: image.evaluate("image => image.naturalWidth") == 8)
    first = title.inner_text()
    dialog.get_by_role("button", name="Next image of the class").click()
    expect(title).not_to_have_text(first)
    expect(dialog).to_contain_text(f"2 of {CLASS_IMAGES}")
    gallery = dialog.get_by_role("toolbar", name=f"Images of {CLASSES[2]}")
    gallery.get_by_role("button", name=re.compile(f"^{first}: (correct|wrong)")).click()
    expect(title).to_have_text(first)
    history = dialog.get_by_role("slider", name=re.compile("^Predictions over the passes"))
    history.focus()
    press("Home")
    expect(history).to_have_attribute(
        "aria-valuetext", re.compile(rf"^step {DUMP_EVERY}: predicted \w+, (correct|wrong)")
    )
    press("p")
    dialog.get_by_role("button", name="Close", exact=True).press("Escape")
    expect(dialog).to_have_count(0)
    has_pins(frame, 1)
    assert pinned(opened.page) == [DUMP_EVERY]


def test_a_click_on_a_pixel_opens_its_image_where_clicks_do_not_pin(
    recorded: Recorded, open_compare: Open
) -> None:
    opened = open_recorded(open_compare, recorded, clusters="off", class_images="2", pin="off")
    frame, page = opened.frame, opened.page
    grid = classes(frame)
    key = grid.get_by_text("wrong").first
    down = at_share(key, 0.5, 1)[1] + 40
    x = at_share(section(frame, "Validation").get_by_role("treegrid").first, 0.5)[0]
    page.mouse.move(x, down)
    card = frame.get_by_role("tooltip")
    expect(card).to_contain_text(re.compile(rf"True class\s*{CLASSES[2]}"))
    told = card.inner_text()
    name, step = told.splitlines()[0], told.split("Step ")[1].split()[0]
    page.mouse.click(x, down)
    dialog = frame.get_by_role("dialog")
    expect(dialog.get_by_role("heading", level=2)).to_have_text(name)
    address_has(page, "picture", name.removeprefix("point "))
    address_has(page, "picture_at", step)
    expect(dialog).to_contain_text(f"At step {step}")
    assert 0 < int(step) < STEPS
    click_at(opened, dialog.get_by_role("slider"), 0.9)
    dialog.get_by_role("button", name="Close", exact=True).click()
    has_pins(frame, 1)
