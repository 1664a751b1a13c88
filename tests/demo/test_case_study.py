"""The planted twins: what the tools find behind a changed prediction, held against the truth.

The painters of two categories share a palette and differ in shape. The trace is given nothing
but two outputs of the network; the truth - the same flowers in other palettes, other flowers in
the same palette - is painted here and only measures what was found.
"""

import ast
import colorsys
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from PIL import Image
from scipy.stats import rankdata, spearmanr

from demo import bouquet, open_faced, tracing
from demo.canvas import Rgb
from demo.scene import paint_scene
from demo.species import Painter, Species
from tb_snapshot_compare.analysis.selective_search import selective_search
from tb_snapshot_compare.inference.values import Wanted
from tb_snapshot_compare.workspace import ProbeImages, Probing, Workspace
from tb_snapshot_compare.workspace.image_batches import prepared_pair
from tb_snapshot_compare.workspace.outcomes import SetOutcome
from tb_snapshot_compare.workspace.probed import Pair
from tests.demo import garden

SEED = 17
TWINS = ("Buttercup", "Daffodil")
PALE_PAIRS = (("Daisy", "Snowdrop"), ("Daisy", "Windflower"), ("Snowdrop", "Windflower"))
"""Categories that are white or pale, traced in the same way."""
TWIN_PAINTERS = (open_faced.daffodil, open_faced.buttercup)
OTHER_PAINTERS = (open_faced.sunflower, open_faced.colts_foot, open_faced.dandelion)
"""They take the twins' palette for petals of other shapes."""
TURNS = (0.0, 0.32, 0.46, 0.6, 0.78, 0.86)
"""Of the palette around the colour circle; 0 leaves it golden."""
SCENES = 12
BATCH = 64
IMAGES_CUT, PATCHES = 3, 200

Floats = np.ndarray[Any, np.dtype[np.float64]]


class NoEvents:
    def keras_configs(self, runs: Any) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True)
class Study:
    workspace: Workspace
    images: ProbeImages
    probing: Probing
    pair: Pair
    set_id: str
    classes: tuple[str, ...]
    outcome: SetOutcome

    def numbers(self, names: tuple[str, str]) -> tuple[int, int]:
        first, second = sorted(self.classes.index(name) for name in names)
        return first, second

    def trace(self, names: tuple[str, str], count: int = tracing.CHANNELS) -> tracing.Trace:
        classes = self.numbers(names)
        return tracing.trace(self.workspace, self.probing, self.pair, self.set_id, classes, count)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Study]:
    folder = tmp_path_factory.mktemp("garden")
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print("\n  Drawing and training the small garden (about a minute) ...", flush=True)
        grown = subprocess.run(
            [sys.executable, "-m", "tests.demo.garden", str(folder), str(SEED)],
            cwd=Path(__file__).parents[2],
            stderr=subprocess.PIPE,
            text=True,
        )
    assert grown.returncode == 0, grown.stderr
    with opened(folder) as study:
        yield study


class opened:
    """The tools on a trained garden."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> Study:
        logs, images = self.folder / "logs", self.folder / "validation"
        self.workspace = Workspace.of_directories(str(logs), "", "", "none", NoEvents())
        deadline = time.monotonic() + 30
        while not any(run.snapshots for run in self.workspace.catalog().runs):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        (run,) = self.workspace.catalog().runs
        at = {ref.position.epoch: ref for ref in run.snapshots}
        pair = Pair(at[garden.EARLY], at[garden.EPOCHS])
        probe_images = ProbeImages.of_flags(self.workspace, str(images), "none", None)
        probing = Probing.of_flags(self.workspace, probe_images, "")
        found = probe_images.sets(run.name)[0]
        outcome = probing.outcome(pair, found.id, {})[1]
        return Study(
            self.workspace, probe_images, probing, pair, found.id, tuple(found.classes), outcome
        )

    def __exit__(self, *_: object) -> None:
        self.workspace.close()


def turned(colour: Rgb, by: float) -> Rgb:
    """The colour with its hue moved around the circle; 1 is once around."""
    hue, saturation, value = colorsys.rgb_to_hsv(*colour)
    return colorsys.hsv_to_rgb((hue + by) % 1, saturation, value)


def painted(painter: Painter, turn: float, scene: int) -> np.ndarray[Any, Any]:
    """A picture whose every random choice depends on `scene` alone."""

    def palette(rng: bouquet.Rng) -> tuple[Rgb, Rgb, Rgb]:
        base, tip, centre = bouquet.golden(rng)
        return turned(base, turn), turned(tip, turn), turned(centre, turn)

    with patch.object(open_faced, "golden", palette):
        picture = paint_scene(
            Species("", painter), np.random.default_rng([5, scene]), garden.IMAGE_SIZE
        )
    return np.asarray(picture)


@dataclass(frozen=True)
class Truth:
    """How a layer's channels respond in b, each the largest activation.

    `twins` is [painters, turns, scenes, channels], golden first; `others` [images, channels] are
    golden flowers of other shapes.
    """

    twins: Floats
    others: Floats

    @property
    def colour(self) -> Floats:
        """How surely a response tells golden twins from the same twins in other colours.

        The area under the ROC curve of each channel: 0.5 is chance, 1 is certain.
        """
        return np.mean(
            [area(each[0], each[1:].reshape(-1, each.shape[-1])) for each in self.twins], axis=0
        )

    @property
    def shape(self) -> Floats:
        """How surely it tells golden twins from other flowers that are golden."""
        golden = self.twins[:, 0].reshape(-1, self.others.shape[-1])
        return area(golden, self.others)


def indices(found: tracing.Trace) -> list[int]:
    return [channel.index for channel in found.channels]


def area(yes: Floats, no: Floats) -> Floats:
    above = (yes[:, None] > no[None]).mean(axis=(0, 1))
    return np.asarray(above + 0.5 * (yes[:, None] == no[None]).mean(axis=(0, 1)))


@pytest.fixture(scope="module")
def pictures() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    twins = [
        painted(painter, turn, scene)
        for painter in TWIN_PAINTERS
        for turn in TURNS
        for scene in range(SCENES)
    ]
    others = [painted(painter, 0.0, scene) for painter in OTHER_PAINTERS for scene in range(SCENES)]
    return np.stack(twins), np.stack(others)


def truth_of(study: Study, layer: str, pictures: tuple[Any, Any]) -> Truth:
    twins, others = (responses(study, layer, part) for part in pictures)
    return Truth(twins.reshape(len(TWIN_PAINTERS), len(TURNS), SCENES, -1), others)


def responses(study: Study, layer: str, pictures: Sequence[np.ndarray[Any, Any]]) -> Floats:
    """The largest activation of each channel in b, [pictures, channels]."""
    probed = study.probing.probed(study.pair)
    found = []
    for start in range(0, len(pictures), BATCH):
        images = prepared_pair(
            probed.networks, list(pictures[start : start + BATCH]), probed.prepared_as({})
        )
        _, b = study.probing.run(probed, images, (Wanted(layer, None, "max"),))
        found.append(b.layers[0])
    return np.concatenate(found).astype(np.float64)


def test_tracing_knows_nothing_of_flowers() -> None:
    tree = ast.parse(Path(tracing.__file__).read_text(encoding="utf-8"))
    imported = {
        node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert not {name for name in imported if name is None or name.split(".")[0] == "demo"}


def test_the_images_are_those_of_the_two_classes_whose_prediction_changed(study: Study) -> None:
    twins = study.numbers(TWINS)
    images = {image.image: image for image in study.outcome.images}
    found = study.trace(TWINS)
    assert found.images
    for name in found.images:
        image = images[name]
        assert image.label in twins
        assert image.predicted_b in twins
        assert image.predicted_a != image.predicted_b


def test_the_traced_channels_follow_the_twins_colour(study: Study, pictures: Any) -> None:
    found = study.trace(TWINS)
    truth = truth_of(study, found.layer, pictures)
    traced, layer = truth.colour[indices(found)].mean(), np.median(truth.colour)
    print(f"{found.layer} {indices(found)}: colour {traced:.2f}, layer's median {layer:.2f}")
    assert traced > layer + 0.2


def test_channels_drawn_by_chance_hardly_ever_follow_it_as_much(
    study: Study, pictures: Any
) -> None:
    found = study.trace(TWINS)
    colour, count = truth_of(study, found.layer, pictures).colour, len(found.channels)
    rng = np.random.default_rng(0)
    drawn = [colour[rng.choice(len(colour), count, replace=False)].mean() for _ in range(2000)]
    assert np.mean(np.array(drawn) >= colour[indices(found)].mean()) < 0.05


def test_the_more_a_channel_changed_the_more_it_follows_it(study: Study, pictures: Any) -> None:
    every = study.trace(TWINS, count=10_000)
    colour = truth_of(study, every.layer, pictures).colour[indices(every)]
    correlation = spearmanr([channel.difference for channel in every.channels], colour)
    print(f"rank correlation {correlation.statistic:.2f} over {len(colour)} channels")
    assert correlation.statistic > 0.3
    assert correlation.pvalue < 0.05


def test_they_follow_it_more_than_the_twins_shape(study: Study, pictures: Any) -> None:
    found = study.trace(TWINS)
    truth = truth_of(study, found.layer, pictures)
    colour, shape = (each[indices(found)].mean() for each in (truth.colour, truth.shape))
    print(f"colour {colour:.2f}, shape {shape:.2f}")
    assert colour > max(shape, 1 - shape) + 0.05


def test_channels_traced_from_pale_flowers_follow_it_less(study: Study, pictures: Any) -> None:
    followed = []
    for names in (TWINS, *PALE_PAIRS):
        found = study.trace(names)
        followed.append(truth_of(study, found.layer, pictures).colour[indices(found)].mean())
    twins, *pale = followed
    print(f"twins {twins:.2f}, pale pairs {[round(float(each), 2) for each in pale]}")
    assert np.mean(pale) < twins - 0.1


def golden_share(pixels: np.ndarray[Any, Any]) -> float:
    """The part of a picture that has the palette's hue, clear and bright."""
    hue, saturation, value = np.moveaxis(
        np.asarray(Image.fromarray(pixels).convert("HSV")) / 255.0, -1, 0
    )
    return float(np.mean((abs(hue - 0.135) < 0.045) & (saturation > 0.5) & (value > 0.5)))


def test_the_more_golden_a_patch_the_higher_the_traced_channels_score_it(study: Study) -> None:
    found = study.trace(TWINS)
    followed = []
    for image in found.images[:IMAGES_CUT]:
        pixels = study.images.pixels(image)
        boxes = selective_search(pixels, limit=PATCHES)
        patches = [pixels[top:bottom, left:right] for left, top, right, bottom in boxes]
        golden = rankdata([golden_share(patch) for patch in patches])
        scores = rankdata(responses(study, found.layer, patches), axis=0)
        varied = scores.std(axis=0) > 0
        correlation = np.zeros(scores.shape[1])
        correlation[varied] = np.corrcoef(golden, scores[:, varied], rowvar=False)[0, 1:]
        followed.append(correlation)
    of_channel = np.mean(followed, axis=0)
    traced, layer = of_channel[indices(found)].mean(), np.median(of_channel)
    print(f"score and golden pixels: {traced:.2f}, layer's median {layer:.2f}")
    assert traced > layer
