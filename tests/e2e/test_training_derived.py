"""The Training page of a run that did not record itself: computed from snapshots, and said so."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from safetensors.numpy import save_file
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from benchmarks.planted_runs import LAYERS, training
from tests.e2e.conftest import Open, Opened
from tests.e2e.server import TensorBoard, tensorboard
from tests.e2e.steps import choose, press_segment
from tests.e2e.training_page import (
    NOTE_PROGRESS,
    drawn,
    dumps_told,
    forgive_stale_versions,
    has_dumps,
    open_training,
    opened_at,
    section,
    unit,
)

RUN, SINGLE, GROWING = "ordinary", "single", "growing"
EVERY, SNAPSHOTS = 10, 16
STEPS = tuple(EVERY * k for k in range(1, SNAPSHOTS + 1))
FIRST_FEW = 4
INDEX = (sys.executable, "-m", "tb_snapshot_compare", "index")
WITHOUT_CHARTS, ABOVE_CHARTS = "Pairs of snapshots", "Computing statistics from snapshots"
SEED = 5


def name_of(step: int) -> str:
    return f"step-{step}.safetensors"


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of ordinary checkpoints and scalars, one of its first few, and one of a single one."""
    folder = tmp_path_factory.mktemp("snapshots")
    run = folder / RUN
    run.mkdir()
    writer = EventFileWriter(str(run))
    for moment in training(SEED):
        if moment.step > STEPS[-1]:
            break
        loss = Summary(value=[Summary.Value(tag="loss", simple_value=moment.loss)])
        writer.add_event(Event(wall_time=1e9 + moment.step, step=moment.step, summary=loss))
        if moment.step in STEPS:
            save_file(moment.weights, run / name_of(moment.step))
    writer.close()
    for other, steps in ((SINGLE, STEPS[:1]), (GROWING, STEPS[:FIRST_FEW])):
        (folder / other).mkdir()
        for step in steps:
            shutil.copy(run / name_of(step), folder / other)
    return folder


@pytest.fixture(scope="module")
def computing(snapshots: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoard]:
    """A server that has computed nothing yet."""
    cache = tmp_path_factory.mktemp("computing")
    with tensorboard(f"--logdir={snapshots}", f"--snapshot_compare_cache_dir={cache}") as server:
        yield server


@pytest.fixture
def indexed(snapshots: Path, tmp_path: Path) -> Iterator[TensorBoard]:
    """A server whose cache was filled before it was started."""
    arguments = [str(snapshots), "--run", RUN, "--cache-dir", str(tmp_path)]
    done = subprocess.run([*INDEX, *arguments], check=True, capture_output=True, text=True)
    assert f"{SNAPSHOTS - 1} changes known" in done.stdout
    with tensorboard(f"--logdir={snapshots}", f"--snapshot_compare_cache_dir={tmp_path}") as server:
        yield server


@pytest.fixture
def nothing(tmp_path: Path) -> Iterator[TensorBoard]:
    """A server of an empty logdir."""
    with tensorboard(f"--logdir={tmp_path}", "--snapshot_compare_cache_dir=none") as server:
        yield server


def says_that_it_is_derived(opened: Opened, snapshots: int) -> None:
    found = section(opened.frame, "Findings")
    expect(found).to_contain_text(f"Computed from {snapshots} snapshots", timeout=60_000)
    expect(found).to_contain_text("SnapshotCallback(logdir)")


def test_statistics_are_computed_from_snapshots_with_progress(
    computing: TensorBoard, open_compare: Open
) -> None:
    opened = opened_at(open_compare, computing, RUN, "role=main", script=NOTE_PROGRESS)
    frame = opened.frame
    says_that_it_is_derived(opened, SNAPSHOTS)
    bars = frame.get_by_role("progressbar", name=re.compile(f"{WITHOUT_CHARTS}|{ABOVE_CHARTS}"))
    expect(bars).to_have_count(0, timeout=60_000)
    drawn(frame)
    has_dumps(opened, SNAPSHOTS)
    assert set(frame.evaluate("window.progressSeen")) & {WITHOUT_CHARTS, ABOVE_CHARTS}
    layers = section(frame, "Layers")
    expect(layers).to_contain_text(f"× {SNAPSHOTS} dumps")
    expect(layers.get_by_role("img", name=re.compile("of updates, from"))).not_to_have_count(0)
    choose(layers, "Of", "Weights")
    expect(layers.get_by_role("img", name=re.compile("of weights, from"))).not_to_have_count(0)
    expect(layers.get_by_role("combobox", name="Of", exact=True)).not_to_contain_text("Gradients")
    expect(section(frame, "Model").get_by_role("slider")).to_have_attribute(
        "aria-valuetext", re.compile("loss")
    )
    expect(section(frame, "Validation")).to_contain_text("No validation passes were recorded")
    forgive_stale_versions(opened)


def test_filters_pins_and_compare_work_without_a_recording(
    computing: TensorBoard, open_compare: Open
) -> None:
    opened = opened_at(open_compare, computing, RUN, "role=main", pins=f"{STEPS[3]},{STEPS[9]}")
    frame = opened.frame
    has_dumps(opened, SNAPSHOTS)
    drawn(frame)
    layers = section(frame, "Layers")
    layers.get_by_role("button", name="All layers").click()
    unit(frame, LAYERS[2]).click()
    expect(layers.get_by_role("slider", name=f"Filters of {LAYERS[2]}")).to_have_attribute(
        "aria-valuetext", re.compile("cosine", re.I)
    )
    layers.get_by_role("button", name="Top filters").click()
    top = frame.get_by_role("region", name="Top filters of the pinned steps")
    expect(top).to_contain_text("at every one of 2 pinned steps")
    frame.get_by_role("button", name="Compare these").click()
    for side, step in (("a", STEPS[3]), ("b", STEPS[9])):
        name = re.compile(f"^Snapshot {side}: step {step}\\b")
        expect(frame.get_by_role("button", name=name)).to_be_visible()
    press_segment(frame.get_by_role("group", name="Page"), "Training")
    expect(top).to_be_visible()
    forgive_stale_versions(opened)


def test_a_single_snapshot_says_what_would_record_more(
    computing: TensorBoard, open_compare: Open
) -> None:
    opened = opened_at(open_compare, computing, SINGLE, "text=Nothing is known of this training")
    frame = opened.frame
    expect(frame.get_by_text("Two snapshots of a run are enough")).to_be_visible()
    expect(frame.locator("pre")).to_contain_text("SnapshotCallback(")
    choose(frame.locator("body"), "Run", RUN)
    expect(frame.get_by_role("button", name="Findings")).to_be_visible(timeout=60_000)
    drawn(frame)
    forgive_stale_versions(opened)


def test_a_snapshot_that_comes_later_is_computed_without_a_reload(
    computing: TensorBoard, snapshots: Path, open_compare: Open
) -> None:
    opened = opened_at(open_compare, computing, GROWING, "role=main")
    has_dumps(opened, FIRST_FEW)
    later = name_of(STEPS[FIRST_FEW])
    partial = snapshots / GROWING / "partial"
    shutil.copy(snapshots / RUN / later, partial)
    partial.rename(partial.with_name(later))
    has_dumps(opened, FIRST_FEW + 1)
    says_that_it_is_derived(opened, FIRST_FEW + 1)
    drawn(opened.frame)
    forgive_stale_versions(opened)


def test_an_index_computed_beforehand_is_there_at_once(
    indexed: TensorBoard, open_compare: Open
) -> None:
    opened = open_training(open_compare, indexed, RUN, script=NOTE_PROGRESS)
    assert dumps_told(opened.frame) == SNAPSHOTS
    assert WITHOUT_CHARTS not in opened.frame.evaluate("window.progressSeen")
    forgive_stale_versions(opened)


def test_an_empty_logdir_says_so(nothing: TensorBoard, open_compare: Open) -> None:
    opened = opened_at(open_compare, nothing, "none", "text=No snapshots in the logdir yet")
    expect(opened.frame.get_by_text("New snapshots appear here by themselves.")).to_be_visible()
