"""What footers alone tell: which images were in a pass, and which quantities there are."""

from pathlib import Path

import numpy as np
import pytest

from tb_snapshot_compare.store.log_reader import Log
from tb_snapshot_compare.store.log_rows import SegmentRows
from tb_snapshot_compare.store.log_tables import Probe, Session
from tb_snapshot_compare.store.log_writer import LogWriter


def writer(directory: Path) -> LogWriter:
    names = tuple(str(number) for number in range(5))
    session = Session(
        id="one",
        started=1.0,
        first_step=0,
        origin="recorded",
        writer="tests",
        probe=Probe(names, (0, 1, 0, 1, 0), ("a", "b")),
    )
    return LogWriter(directory, session)


def read(directory: Path) -> Log:
    log = Log(directory)
    log.refresh()
    return log


def test_images_of_a_pass_are_known_without_reading_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing = writer(tmp_path)
    for step, images in ((10, [0, 1, 2, 3, 4]), (20, [1, 3]), (30, [4])):
        columns = {"step": [step] * len(images), "image": images, "predicted": [0] * len(images)}
        writing.write("images", columns)
    log = read(tmp_path)
    want = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 0], [1, 1, 0], [1, 0, 1]], bool)
    monkeypatch.setattr(SegmentRows, "read", None)
    np.testing.assert_array_equal(log.seen(), want)
    np.testing.assert_array_equal(log.seen(first=20, images=[3, 0]), want[[3, 0], 1:])
    assert log.images_seen().tolist() == [5, 2, 1]


def test_merging_changes_nothing_of_it(tmp_path: Path) -> None:
    writing = writer(tmp_path)
    random = np.random.default_rng(0)
    want = random.random((5, 40)) < 0.7
    for place in range(40):
        images = np.flatnonzero(want[:, place])
        rows = {"step": [place] * images.size, "image": images, "predicted": [0] * images.size}
        writing.write("images", rows)
        while writing.compact():
            pass
    log = read(tmp_path)
    found = log.seen()
    np.testing.assert_array_equal(found, want[:, log.steps("images")])
    assert log.images_seen().tolist() == found.sum(axis=0).tolist()


def test_images_that_were_written_twice_or_in_parts_count_once(tmp_path: Path) -> None:
    writing = writer(tmp_path)
    for step, images in ((10, [0, 0, 2]), (10, [2, 3]), (20, [4]), (20, [0, 1, 2, 3])):
        rows = {"step": [step] * len(images), "image": images, "predicted": [0] * len(images)}
        writing.write("images", rows)
    log = read(tmp_path)
    assert log.images_seen().tolist() == log.seen().sum(axis=0).tolist() == [3, 5]
    assert read(tmp_path / "nothing").images_seen().tolist() == []


def test_the_content_of_a_table_changes_with_its_rows_alone(tmp_path: Path) -> None:
    writing = writer(tmp_path)
    log = Log(tmp_path)
    seen, versions = [], set()
    for place in range(20):
        rows = {"step": [place] * 2, "image": [0, 1], "predicted": [0, 1]}
        writing.write("images", rows)
        log.refresh()
        versions.add(log.version)
        seen.append(log.content_of("images"))
        nothing = log.content_of("filters")
        while writing.compact():
            log.refresh()
            versions.add(log.version)
            assert log.content_of("images") == seen[-1]
        assert log.content_of("filters") == nothing
    assert len(set(seen)) == 20 < len(versions)
    writing.write("images", {"step": [19], "image": [2], "predicted": [0]})
    log.refresh()
    assert log.content_of("images") not in seen


def test_names_of_quantities(tmp_path: Path) -> None:
    assert read(tmp_path).scalar_names() == ()
    writing = writer(tmp_path)
    for step in range(20):
        writing.write(
            "scalars",
            {
                "step": [step] * 2,
                "time": [1.0, 1.0],
                "name": ["loss", f"m{step % 3}"],
                "value": [1, 2],
            },
        )
        writing.compact()
    log = read(tmp_path)
    assert log.scalar_names() == ("loss", "m0", "m1", "m2") == tuple(log.scalars())
