"""What the Training page says without being asked, and the way from there to its evidence."""

import re

from playwright.sync_api import expect

from benchmarks.planted_runs import LAYERS
from tests.e2e.conftest import Open
from tests.e2e.recorded_run import DUMP_EVERY, DUMPS, Recorded
from tests.e2e.training_page import (
    address_has,
    drawn,
    findings,
    has_pins,
    open_recorded,
    pin_count,
    pinned,
    section,
    unit,
    until,
)


def test_findings_name_what_was_planted(recorded: Recorded, open_compare: Open) -> None:
    opened = open_recorded(open_compare, recorded)
    part = section(opened.frame, "Findings")
    expect(part).to_contain_text("Recorded by the training itself (tb-snapshot-compare")
    expect(part).to_contain_text(f"{DUMPS} times its weights, every {DUMP_EVERY} steps")
    part.get_by_role("button", name=re.compile("^Show all")).click()
    listed = findings(opened.frame)
    plan = recorded.planted
    for text in (
        f"{plan['nan'].layer}: weights were NaN or infinite at step {plan['nan'].step}",
        f"{plan['frozen'].layer} never trained",
        f"from step {plan['rate'].step} to {plan['rate'].last}, 100 times",
        f"at step {plan['labels'].step}:",
    ):
        expect(listed.filter(has_text=text)).to_have_count(1)
    first, last = plan["rate"].step, plan["rate"].last
    texts = listed.filter(has_text="The loss rose").all_inner_texts()
    starts = [int(found[1]) for text in texts if (found := re.search(r"from step (\d+)", text))]
    assert any(first <= start <= last + DUMP_EVERY for start in starts), texts
    count = listed.count()
    part.get_by_role("button", name="Show fewer").click()
    expect(listed).not_to_have_count(count)


def test_a_finding_pins_its_steps_and_shows_its_evidence(
    recorded: Recorded, open_compare: Open
) -> None:
    opened = open_recorded(open_compare, recorded)
    frame, nan = opened.frame, recorded.planted["nan"]
    layers = section(frame, "Layers")
    row = unit(frame, nan.layer)
    expect(row).to_have_count(0)
    findings(frame).filter(has_text=f"{nan.layer}: weights").get_by_role("button").click()
    has_pins(frame, 1)
    assert pinned(opened.page) == [nan.step]
    expect(row).to_be_in_viewport()
    expect(row).to_have_attribute("aria-expanded", "true")
    expect(layers.get_by_role("slider", name=f"Filters of {nan.layer}")).to_be_in_viewport()
    expect(layers.get_by_role("button", name="Layers", exact=True)).to_be_focused()

    spike = findings(frame).filter(has_text="The loss rose to").first
    spike.get_by_role("button").press("Enter")
    expect(pin_count(frame)).not_to_have_accessible_name("Delete all pins (1)")
    moved = section(frame, "What moved first")
    expect(moved.get_by_role("table")).to_be_in_viewport()
    drawn(frame)


def test_what_moved_first_is_told_with_its_lead_over_the_loss(
    recorded: Recorded, open_compare: Open
) -> None:
    rate = recorded.planted["rate"]
    opened = open_recorded(open_compare, recorded)
    frame = opened.frame
    moved = section(frame, "What moved first")
    expect(moved).to_contain_text("Pin a step")
    risen = findings(frame).filter(has_text="from step").filter(has_text="rose")
    risen.first.get_by_role("button").click()
    expect(moved).to_contain_text(re.compile(r"the loss moved at step \d+"))
    rows = moved.get_by_role("row")
    expect(rows.filter(has_text=re.compile("before|after|with it"))).not_to_have_count(0)
    told = [row.get_by_role("cell").nth(1).inner_text() for row in rows.all()[1:]]
    onsets = [int(text.removeprefix("≤ ")) for text in told]
    assert onsets == sorted(onsets)
    assert onsets[0] == rate.step
    expect(rows.nth(1)).to_contain_text("learning rate")
    named = {row.get_by_role("rowheader").inner_text() for row in rows.all()[1:]}
    assert named & set(LAYERS), named
    layer = min(named & set(LAYERS))
    moved.get_by_role("button", name=layer, exact=True).click()
    expect(unit(frame, layer)).to_be_in_viewport()

    own = rows.filter(has=frame.get_by_role("rowheader", name=layer, exact=True))
    mark = own.get_by_role("button", name=re.compile("pin it$")).first
    (after, onset) = map(int, re.findall(r"step (\d+)", mark.get_attribute("aria-label") or ""))
    assert onset - after == DUMP_EVERY
    mark.focus()
    expect(frame.get_by_role("tooltip")).to_contain_text(
        f"Left its usual range after step {after}, by step {onset}"
    )
    mark.press("Enter")
    until(opened.page, lambda: onset in pinned(opened.page))


def test_nothing_moved_around_a_quiet_step(recorded: Recorded, open_compare: Open) -> None:
    opened = open_recorded(open_compare, recorded, pins=120)
    moved = section(opened.frame, "What moved first")
    expect(moved).to_contain_text("Around step 120; the loss did not move")
    moved.get_by_role("button", name="What moved first").click()
    expect(moved).not_to_contain_text("usual range")
    address_has(opened.page, "closed", "forensics")
