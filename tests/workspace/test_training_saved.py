"""What was made of logs is there after a restart, and belongs to the log as it is."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tb_snapshot_compare.store import ResultStore
from tb_snapshot_compare.store.log_reader import Log
from tb_snapshot_compare.workspace.training_classes import error_series
from tb_snapshot_compare.workspace.training_saved import SavedParts
from tb_snapshot_compare.workspace.training_states import ImageStates, image_states
from tb_snapshot_compare.workspace.training_tops import filter_layers, top_index
from tests.workspace.made_logs import MadeLog

PASSES = 40


@pytest.fixture
def made() -> MadeLog:
    made = MadeLog.of(dumps=PASSES, passes=PASSES, seed=4)
    made.predicted = np.random.default_rng(4).integers(0, 3, made.predicted.shape)
    return made


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[int, int]]]:
    """The first and last steps of passes that are read."""
    found: list[tuple[int, int]] = []
    correct = Log.correct

    def counted(log: Log, first: int | None = None, last: int | None = None) -> np.ndarray:
        assert first is not None
        assert last is not None
        found.append((first, last))
        return correct(log, first, last)

    monkeypatch.setattr(Log, "correct", counted)
    return found


def opened(directory: Path) -> Log:
    log = Log(directory)
    log.refresh()
    return log


def assert_same(found: ImageStates, want: ImageStates) -> None:
    np.testing.assert_array_equal(found.correct(), want.correct())
    for one, other in ((found.known(), want.known()), (found.steps, want.steps)):
        np.testing.assert_array_equal(one, other)  # type: ignore[arg-type]
    assert (found.of, found.content, found.classes) == (want.of, want.content, want.classes)
    np.testing.assert_array_equal(found.counts, want.counts)


def test_only_new_passes_are_read_of_a_log_that_grows(
    made: MadeLog, tmp_path: Path, reads: list[tuple[int, int]]
) -> None:
    log = opened(made.write(tmp_path / "snapshot_log", 0, 25))
    states = image_states(log)
    assert image_states(log, states) is states
    for until in (26, 33, PASSES):
        made.write(tmp_path / "snapshot_log", states.steps.size, until)
        log.refresh()
        states = image_states(log, states)
        assert_same(states, image_states(log))
    assert reads[0] == (10, 250)
    assert reads[1::2] == [(260, 260), (270, 330), (340, 400)]
    correct = made.predicted == made.labels[:, None]
    np.testing.assert_array_equal(states.correct(), correct)


def test_a_pass_that_gets_more_images_is_read_again(
    made: MadeLog, tmp_path: Path, reads: list[tuple[int, int]]
) -> None:
    log = opened(made.write(tmp_path / "snapshot_log", 0, 5))
    assert made.writer is not None

    def add(step: int, images: list[int]) -> None:
        assert made.writer is not None
        rows = {"step": [step] * len(images), "image": images}
        made.writer.write("images", rows | {"predicted": made.labels[images]})
        log.refresh()

    add(55, [0, 1, 2])
    states = image_states(log)
    add(55, [7])
    add(60, list(range(60)))
    grown = image_states(log, states)
    assert_same(grown, image_states(log))
    assert reads == [(10, 55), (55, 60), (10, 60)]
    known = grown.known()
    assert known is not None
    assert np.flatnonzero(known[:, 5]).tolist() == [0, 1, 2, 7]


def test_a_log_of_another_session_is_read_anew(
    made: MadeLog, tmp_path: Path, reads: list[tuple[int, int]]
) -> None:
    directory = made.write(tmp_path / "snapshot_log", 0, 20)
    states = image_states(opened(directory))
    other = MadeLog.of(dumps=PASSES, passes=PASSES, seed=9)
    other.predicted = (made.predicted + 1) % 3
    other.write(directory, 9, 15, session="other")
    log = opened(directory)
    found = image_states(log, states)
    assert_same(found, image_states(log))
    assert reads == [(10, 200)] * 3
    want = made.predicted == made.labels[:, None]
    want[:, 9:15] = (other.predicted == other.labels[:, None])[:, 9:15]
    np.testing.assert_array_equal(found.correct(), want[:, :20])


def test_what_was_made_is_there_after_a_restart(
    made: MadeLog, tmp_path: Path, reads: list[tuple[int, int]]
) -> None:
    log = opened(made.write(tmp_path / "snapshot_log", 0, 30))
    states, layers = image_states(log), filter_layers(log, every=False)
    errors, tops = error_series(states), top_index(log, layers, 3)
    before = SavedParts(ResultStore(tmp_path / "cache"))
    assert before.states(log) is before.errors(log, states) is before.tops(log) is None
    before.keep_states(log, states)
    before.keep_errors(log, states, errors)
    before.keep_tops(log, tops)

    after, reads[:] = SavedParts(ResultStore(tmp_path / "cache")), []
    saved = after.states(log)
    assert saved is not None
    assert_same(saved, states)
    assert image_states(log, saved) is saved
    assert reads == []
    again = after.errors(log, saved)
    assert again is not None
    for name in ("classes", "model", "mds", "cluster"):
        np.testing.assert_array_equal(getattr(again, name), getattr(errors, name))
    kept = after.tops(log)
    assert kept is not None
    assert top_index(log, layers, 3, kept) is kept
    np.testing.assert_array_equal(kept.filters, tops.filters)

    made.write(tmp_path / "snapshot_log", 30, PASSES)
    log.refresh()
    grown = image_states(log, after.states(log))
    assert reads == [(310, 400)]
    assert_same(grown, image_states(log))
    assert after.errors(log, grown) is None


def test_states_of_passes_with_few_images_are_kept_too(made: MadeLog, tmp_path: Path) -> None:
    log = opened(made.write(tmp_path / "snapshot_log", 0, 5))
    assert made.writer is not None
    made.writer.write("images", {"step": [60], "image": [4], "predicted": [1]})
    log.refresh()
    saved = SavedParts(ResultStore(tmp_path / "cache"))
    saved.keep_states(log, image_states(log))
    found = saved.states(log)
    assert found is not None
    assert_same(found, image_states(log))
    assert found.seen is not None


def test_little_is_written_while_a_log_grows(made: MadeLog, tmp_path: Path) -> None:
    results = ResultStore(tmp_path / "cache")
    written: list[int] = []
    saved = SavedParts(results)
    directory = made.write(tmp_path / "snapshot_log", 0, 20)
    for until in range(20, PASSES):
        made.write(directory, until, until + 1)
        log = opened(directory)
        states = image_states(log)
        before = results.get(f"training states 2 {_version()} {directory}")
        saved.keep_states(log, states)
        after = results.get(f"training states 2 {_version()} {directory}")
        if after != before:
            written.append(until + 1)
    assert written == [21, 24, 27, 30, 33, 37]


def _version() -> str:
    from tb_snapshot_compare import __version__

    return __version__


@pytest.mark.parametrize("payload", [b"", b"nothing", b"PK\x03\x04 damaged"])
def test_an_entry_that_is_none_is_made_anew(made: MadeLog, tmp_path: Path, payload: bytes) -> None:
    log = opened(made.write(tmp_path / "snapshot_log", 0, 3))
    results = ResultStore(tmp_path / "cache")
    for kind in ("states", "errors", "tops"):
        results.put(f"training {kind} 1 {_version()} {log.directory}", payload)
    saved = SavedParts(results)
    assert saved.states(log) is saved.errors(log, image_states(log)) is saved.tops(log) is None


def test_without_a_cache_nothing_is_kept(made: MadeLog, tmp_path: Path) -> None:
    log = opened(made.write(tmp_path / "snapshot_log", 0, 3))
    saved = SavedParts(ResultStore(None))
    saved.keep_states(log, image_states(log))
    assert saved.states(log) is None
