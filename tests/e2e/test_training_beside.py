"""Two recorded runs on one time axis: rows of the second lie below those of the first."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tb_snapshot_compare.store.log_reader import Log
from tb_snapshot_compare.store.log_tables import DIRECTORY
from tests.e2e.conftest import Open, Opened
from tests.e2e.recorded_run import DUMP_EVERY, RUN, SEED, Recorded, Recording, steps_recorded
from tests.e2e.server import TensorBoard, tensorboard
from tests.e2e.steps import choose
from tests.e2e.training_page import (
    address_has,
    address_lacks,
    at_share,
    drawn,
    open_training,
    reload,
)

OTHER = "shorter"
OTHER_DUMPS = 40
OTHER_END = OTHER_DUMPS * DUMP_EVERY
TALL = 2600
"""All sections are in sight: rows that are not are not drawn."""


@pytest.fixture(scope="module")
def logdir(recorded: Recorded, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recorded run, and another that was ended half-way."""
    logdir = tmp_path_factory.mktemp("two-runs")
    shutil.copytree(recorded.folder, logdir / RUN)
    recording = Recording(logdir, OTHER, seed=SEED + 1)
    for _ in steps_recorded(recording, OTHER_DUMPS):
        pass
    recording.close()
    return logdir


@pytest.fixture(scope="module")
def two_runs(logdir: Path) -> Iterator[TensorBoard]:
    with tensorboard(f"--logdir={logdir}", "--snapshot_compare_cache_dir=none") as server:
        yield server


def test_a_second_run_lies_below_the_first_and_goes_with_one_click(
    two_runs: TensorBoard, open_compare: Open
) -> None:
    opened = open_training(open_compare, two_runs, RUN, height=TALL)
    choose(opened.frame, "Compare with", OTHER)
    paired(opened)
    address_has(opened.page, "beside", OTHER)
    expect(opened.frame.locator(".beside")).to_contain_text(f"to step {OTHER_END}")
    charts = layer_charts(opened)
    assert charts.count() == 2 * opened.frame.locator(".layers-other-name").count()
    own, other = (charts.nth(at).bounding_box() for at in (0, 1))
    assert own is not None
    assert other is not None
    assert (own["x"], own["width"]) == (other["x"], other["width"])
    assert other["y"] >= own["y"] + own["height"]
    opened.frame.get_by_role("button", name=f"Stop comparing with {OTHER}").click()
    expect(opened.frame.locator(".layers-other-name, .validation-other, .beside")).to_have_count(0)
    address_lacks(opened.page, "beside")


def test_both_are_read_at_one_step_until_the_shorter_ends(
    two_runs: TensorBoard, open_compare: Open, logdir: Path
) -> None:
    opened = open_training(open_compare, two_runs, RUN, height=TALL, beside=OTHER, chart="line")
    paired(opened)
    card = opened.frame.get_by_role("tooltip").locator(".layers-pair")
    opened.page.mouse.move(*at_share(layer_charts(opened).first, 0.25))
    expect(card).to_be_visible()
    told = opened.frame.get_by_role("tooltip").inner_text()
    assert "mean magnitude (L1) of gradients" in told
    layer, step = told.splitlines()[0], int(told.split("step ")[1].split(" ")[0])
    values = [float(each) for each in card.locator("tbody td").all_inner_texts()]
    recorded = [mean_gradient(logdir / run, layer, step) for run in (RUN, OTHER)]
    assert recorded[0] != pytest.approx(recorded[1], rel=1e-3)
    assert values == pytest.approx(recorded, rel=1e-4)
    opened.page.mouse.move(*at_share(layer_charts(opened).first, 0.75))
    expect(card).to_contain_text("no dump here")


def test_the_address_names_both_runs_and_says_which_is_gone(
    two_runs: TensorBoard, open_compare: Open
) -> None:
    opened = open_training(open_compare, two_runs, RUN, height=TALL, beside=OTHER)
    paired(opened)
    reload(opened)
    paired(opened)
    chooser = opened.frame.get_by_label("Compare with")
    expect(chooser).to_have_value(OTHER)
    gone = open_training(open_compare, two_runs, RUN, height=TALL, beside="gone")
    expect(gone.frame.locator(".beside-note")).to_contain_text("gone")
    expect(gone.frame.locator(".layers-other-name, .validation-other")).to_have_count(0)
    gone.frame.get_by_role("button", name="Stop comparing with gone").click()
    expect(gone.frame.locator(".beside")).to_have_count(0)
    gone.problems[:] = [each for each in gone.problems if "404 (NOT FOUND)" not in each]


def mean_gradient(run: Path, layer: str, step: int) -> float:
    """The mean magnitude of a layer's gradients, as the run's log has it."""
    log = Log(run / DIRECTORY)
    log.refresh()
    place = log.steps("layers").tolist().index(step)
    l1, count = (
        log.layer_statistic("gradient", name, [layer])[0, place] for name in ("l1", "count")
    )
    log.close()
    return float(l1 / count)


def paired(opened: Opened) -> None:
    """Waits until every section in sight has rows of the other run."""
    drawn(opened.frame)
    for rows in (".layers-other-name", ".validation-other"):
        expect(opened.frame.locator(rows).first).to_be_attached()
    expect(opened.frame.locator("[data-beside] .model-mark").first).to_be_attached()
    drawn(opened.frame)


def layer_charts(opened: Opened) -> Locator:
    """Of both runs, from above to below."""
    return opened.frame.locator(".layers-chart")
