"""A user finds out how two differently named snapshots were matched, and corrects it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import keras
import pytest
from axe_playwright_python.sync_playwright import Axe
from keras import layers
from playwright.sync_api import Frame, Locator, expect

from tests.e2e.conftest import Open
from tests.e2e.server import OUTPUT, TensorBoard, tensorboard
from tests.e2e.steps import settled


def save(path: Path, names: list[str], classes: int) -> None:
    parts = [layers.Dense(6, name=name) for name in names]
    head = layers.Dense(classes, name=f"{names[0]}_head")
    keras.Sequential([keras.Input((6,)), *parts, head]).save(path)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoard]:
    folder = tmp_path_factory.mktemp("named")
    (folder / "run").mkdir()
    save(folder / "run" / "epoch-1.keras", ["first", "second", "third"], 4)
    save(folder / "run" / "epoch-2.keras", ["stem", "body", "neck"], 5)
    cache = tmp_path_factory.mktemp("cache")
    with tensorboard(f"--logdir={folder}", f"--snapshot_compare_cache_dir={cache}") as running:
        yield running


def open_matching(frame: Frame) -> Locator:
    frame.get_by_role("button", name=re.compile("tensors,.*compared")).click()
    frame.get_by_role("button", name="Show the matching").click()
    dialog = frame.get_by_role("dialog", name="Matching of tensors")
    expect(dialog).to_be_visible()
    return dialog


def row(dialog: Locator, name: str) -> Locator:
    return dialog.get_by_role("row").filter(has_text=name)


def change(dialog: Locator, name: str, side: str, partner: str) -> None:
    dialog.get_by_role("button", name=f"Choose a partner for {name} of {side}").click()
    other = "b" if side == "a" else "a"
    select = dialog.get_by_role("combobox", name=f"Partner of {name} in {other}")
    expect(select).to_be_focused()
    select.select_option(label=partner)


def test_the_matching_is_shown_corrected_saved_and_exported(
    server: TensorBoard, open_compare: Open, tmp_path: Path
) -> None:
    opened = open_compare(server)
    frame = opened.frame
    settled(frame)
    dialog = open_matching(frame)
    expect(row(dialog, "stem/kernel")).to_contain_text("first/kernel")
    expect(row(dialog, "stem/kernel")).to_contain_text("order and shape")
    expect(row(dialog, "stem_head/kernel")).to_contain_text("no partner")
    expect(row(dialog, "stem_head/kernel")).to_contain_text("No tensor of its role and shape")

    dialog.get_by_role("button", name=re.compile("^no partner")).click()
    expect(row(dialog, "stem/kernel")).to_have_count(0)
    dialog.get_by_role("button", name=re.compile("^no partner")).click()
    dialog.get_by_role("searchbox").fill("BODY")
    expect(dialog.locator("tbody tr")).to_have_count(2)
    dialog.get_by_role("searchbox").fill("")

    change(dialog, "stem/kernel", "b", "second/kernel (has a partner)")
    expect(row(dialog, "stem/kernel")).to_contain_text("second/kernel")
    expect(row(dialog, "stem/kernel")).to_contain_text("chosen")
    expect(row(dialog, "body/kernel")).to_contain_text("You gave its partner to another")
    dialog.get_by_role("button", name="Undo").click()
    expect(row(dialog, "body/kernel")).to_contain_text("second/kernel")
    change(dialog, "stem/kernel", "b", "second/kernel (has a partner)")
    change(dialog, "body/kernel", "b", "first/kernel")
    expect(dialog).to_contain_text("2 choices. Not saved")

    opened.page.keyboard.press("Escape")
    expect(dialog).to_contain_text("The choices are not saved.")
    dialog.get_by_role("button", name="Stay").click()
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(dialog).to_contain_text("They hold for all snapshots of these two networks.")
    with opened.page.expect_download() as download:
        dialog.get_by_role("button", name="Export file").click()
    download.value.save_as(tmp_path / "matches.json")
    written = json.loads((tmp_path / "matches.json").read_text())
    assert {"a": "second/kernel", "b": "stem/kernel"} in written["matches"]
    dialog.get_by_role("button", name="Close").click()
    expect(frame.locator("button.coverage")).to_be_focused()
    settled(frame)

    opened.reload()
    settled(opened.frame)
    dialog = open_matching(opened.frame)
    expect(row(dialog, "stem/kernel")).to_contain_text("second/kernel")
    dialog.get_by_role("button", name="Remove all choices").click()
    expect(row(dialog, "stem/kernel")).to_contain_text("first/kernel")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(dialog).to_contain_text("Nothing was chosen by hand.")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1920, 1080)])
def test_the_matching_is_accessible_in_both_themes(
    server: TensorBoard, open_compare: Open, dark: bool, width: int, height: int
) -> None:
    opened = open_compare(server, dark=dark, width=width, height=height)
    settled(opened.frame)
    dialog = open_matching(opened.frame)
    expect(row(dialog, "stem/kernel")).to_be_visible()
    dialog.get_by_role("button", name="Choose a partner for body/kernel of b").click()
    found = Axe().run(opened.frame)
    serious = [v for v in found.response["violations"] if v["impact"] in ("serious", "critical")]
    assert serious == [], [(v["id"], [n["html"] for n in v["nodes"]]) for v in serious]
    name = f"matching-{width}-{'dark' if dark else 'light'}.png"
    opened.page.screenshot(path=OUTPUT / name)
