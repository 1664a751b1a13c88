"""Learning rate, loss, error and events of a recorded training, and what is exported of it."""

import csv
from pathlib import Path

from playwright.sync_api import Locator, expect

from benchmarks.planted_runs import LAYERS
from tests.e2e.conftest import Open, Opened
from tests.e2e.recorded_run import CLASSES, DUMPS, STEPS, Recorded
from tests.e2e.steps import export, press_segment
from tests.e2e.training_page import (
    address_has,
    at_share,
    go_to,
    looks_other,
    open_recorded,
    pixels,
    section,
)


def plot(opened: Opened) -> Locator:
    return section(opened.frame, "Model").get_by_role("slider")


def read_at(opened: Opened, step: int) -> str:
    """What is read out at a dump's step."""
    go_to(plot(opened), step)
    return plot(opened).get_attribute("aria-valuetext") or ""


def test_curves_rate_and_events_are_read_out(recorded: Recorded, open_compare: Open) -> None:
    opened = open_recorded(open_compare, recorded)
    section(opened.frame, "Model").get_by_text("Learning rate", exact=False).first.wait_for()
    quiet = read_at(opened, 100)
    assert quiet.startswith("step 100, learning rate 0.003, loss")
    assert "error" in quiet
    assert "loss is" not in quiet
    broken = read_at(opened, recorded.planted["nan"].step)
    assert "no finite number" in broken
    assert f"step-{recorded.planted['nan'].step}.safetensors was written" in broken
    card = opened.frame.get_by_role("tooltip")
    expect(card).to_contain_text("no finite number")
    opened.page.mouse.move(*at_share(plot(opened), 0.5))
    expect(card).to_contain_text("learning rate")


def test_curves_change_their_scale_and_their_height(recorded: Recorded, open_compare: Open) -> None:
    opened = open_recorded(open_compare, recorded)
    model = section(opened.frame, "Model")
    linear = pixels(plot(opened))
    press_segment(model, "Log")
    address_has(opened.page, "values", "log")
    looks_other(plot(opened), linear)
    before = plot(opened).bounding_box()
    model.get_by_role("button", name="Higher charts").click()
    after = plot(opened).bounding_box()
    assert before is not None
    assert after is not None
    assert after["height"] > before["height"]
    model.get_by_role("button", name="Lower charts").click()
    assert plot(opened).bounding_box() == before


def test_values_are_exported(recorded: Recorded, open_compare: Open, tmp_path: Path) -> None:
    opened = open_recorded(open_compare, recorded, pins=recorded.planted["rate"].step)
    for part, expected, least in (
        ("Model", {"loss", str(STEPS)}, STEPS),
        ("Validation", {*CLASSES, f"error_at_{STEPS}"}, len(CLASSES)),
        ("Layers", {"stem", "body", "head", str(STEPS)}, DUMPS),
        ("What moved first", set(LAYERS), len(LAYERS)),
    ):
        text = export(opened.page, section(opened.frame, part), "CSV", tmp_path).decode()
        rows = list(csv.reader(text.splitlines()))
        assert len({len(row) for row in rows}) == 1, part
        assert {cell for row in rows for cell in row} >= expected, (part, rows[:4])
        assert len(rows) > least, (part, len(rows))
