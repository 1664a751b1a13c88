"""The recorded run: what is planted in it stands in its log."""

from pathlib import Path

import numpy as np
import pytest

from demo.dataset import Dataset, load
from demo.flowers import generate
from demo.incident import Accidents, batches
from tb_snapshot_compare.store.log_reader import Log


@pytest.fixture(scope="module")
def flowers(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("flowers")
    generate(folder, 4, size=48)
    return load(folder, 48)


def test_labels_are_wrong_at_the_planted_steps_only(flowers: Dataset) -> None:
    right, wrong = batches(flowers.train, range(0)), batches(flowers.train, range(3, 5))
    seen = 0
    for step in range(1, 7):
        (images, labels), (others, mislabelled) = next(right), next(wrong)
        np.testing.assert_array_equal(images, others)
        assert (labels != mislabelled).all() == (step in (3, 4))
        assert (labels == mislabelled).all() == (step not in (3, 4))
        seen += labels.size
    assert seen == 3 * flowers.train.labels.size


def test_the_log_tells_the_rate_and_the_frozen_layer(flowers: Dataset, tmp_path: Path) -> None:
    from dataclasses import replace

    from demo.incident import train
    from demo.layout import SMALL

    layout = replace(SMALL, size=48, filters=(4, 6, 8, 8, 6), units=16)
    accidents = Accidents("conv4", range(5, 7), range(8, 9))
    train(flowers, tmp_path, layout, 6, accidents)
    log = Log(tmp_path / "snapshot_log")
    assert log.refresh()
    rates = log.scalars(["learning_rate"])["learning_rate"]
    by_step = dict(zip(rates.steps.tolist(), np.asarray(rates.values).tolist(), strict=True))
    usual = by_step[4]
    assert [round(by_step[step] / usual) for step in (5, 6, 7)] == [12, 12, 1]
    units = ["conv3", "conv4"]
    updates = log.layer_statistic("update", "l2", units)
    known = np.isfinite(updates).all(axis=0)
    assert known.any()
    assert (updates[0, known] > 0).all()
    assert (updates[1, known] == 0).all()
