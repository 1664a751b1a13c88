"""Answers are those of the rows, looked up one by one, whatever lies in which segment."""

import errno
import os
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tb_snapshot_compare import processors
from tb_snapshot_compare.errors import (
    InvalidRequestError,
    SnapshotChangedError,
    UnreadableSnapshotError,
)
from tb_snapshot_compare.store import log_answers, log_listing, log_matrices, log_rows
from tb_snapshot_compare.store.log_reader import Log, Thumbnail
from tb_snapshot_compare.store.log_tables import MEASURES, TABLES, Probe, encode_session
from tb_snapshot_compare.store.log_writer import LogWriter
from tests.store.logs import (
    IMAGES,
    LABELS,
    LAYERS,
    ROWS,
    UNITS,
    cells,
    event_rows,
    filter_rows,
    image_rows,
    layer_rows,
    opened,
    scalar_rows,
    session,
    shown,
    write_all,
)

STEPS = [*range(0, 170, 10), 175, 1000]


@pytest.fixture(scope="module", params=["single", "merged", "resumed"])
def log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Log:
    """The same rows: one segment a dump, merged, or by a training that was resumed at 60."""
    tmp_path = tmp_path_factory.mktemp("log")
    if request.param == "resumed":
        first = LogWriter(tmp_path, session("first", started=time.time() - 100))
        write_all(first, range(0, 100, 10), seed=9)
        write_all(first, range(0, 60, 10))
        while first.compact():
            pass
        overwritten = LogWriter(tmp_path, session("second", first_step=0))
        write_all(overwritten, range(0, 60, 10))
        last = LogWriter(tmp_path, session("third", first_step=60))
        write_all(last, STEPS[6:])
        last.compact()
    else:
        writer = LogWriter(tmp_path, session())
        write_all(writer, STEPS)
        while request.param == "merged" and writer.compact():
            pass
    return opened(tmp_path)


def expected(table: str, value: str) -> dict[Any, Any]:
    """By key, of all steps."""
    keys = {
        "filters": ("layer", "filter", "step"),
        "images": ("image", "step"),
        "layers": ("kind", "unit", "step"),
        "scalars": ("name", "step"),
    }[table]
    found: dict[Any, Any] = {}
    for step in STEPS:
        found |= cells(ROWS[table]([step]), keys, value)
    return found


def test_a_log_tells_its_steps_and_sessions(log: Log) -> None:
    for table in ROWS:
        assert log.steps(table).tolist() == STEPS
    assert log.steps("thumbnails").tolist() == []
    assert [unit.path for unit in log.units] == list(UNITS)
    assert log.probe is not None
    assert log.probe.labels == LABELS
    assert (log.origin, log.problems) == ("recorded", ())
    assert not log.refresh()


@pytest.mark.parametrize("measure", ["cosine", "w_l2", "g_relative_l2"])
@pytest.mark.parametrize(("first", "last"), [(None, None), (60, 175), (61, None), (5, 8)])
def test_a_measure_of_a_layer(log: Log, measure: str, first: int | None, last: int | None) -> None:
    steps = [step for step in STEPS if (first or 0) <= step <= (last or 10**9)]
    values = expected("filters", measure)
    for layer, count in LAYERS.items():
        answer = log.filter_measure(layer, measure, first, last)
        wanted = [[values[layer, number, step] for step in steps] for number in range(count)]
        if not steps:
            assert answer.size == 0
        elif measure == "cosine":
            assert answer.dtype == np.float64
            np.testing.assert_allclose(1 - answer, 1 - np.array(wanted), rtol=2**-23, atol=1e-16)
        else:
            assert answer.dtype == np.float32
            assert np.array_equal(answer, np.array(wanted, np.float32))
    assert log.filter_measure("other", measure).shape == (0, len(STEPS))


def test_all_filters_at_a_dump(log: Log) -> None:
    values = {measure: expected("filters", measure) for measure in MEASURES}
    for step in (0, 90, 1000):
        table = log.filters_at(step)
        assert table.schema.names == ["layer", "filter", *MEASURES]
        keys = [(layer, number) for layer, count in LAYERS.items() for number in range(count)]
        assert (
            list(zip(*(table[name].to_pylist() for name in ("layer", "filter")), strict=True))
            == keys
        )
        for measure in MEASURES[1:]:
            wanted = [values[measure][layer, number, step] for layer, number in keys]
            assert table[measure].to_pylist() == np.array(wanted, np.float32).tolist()
    only = log.filters_at(90, ["cosine"])
    assert only.schema.names == ["layer", "filter", "cosine"]
    assert len(log.filters_at(91)) == 0


def test_filters_at_several_dumps_of_some_layers(log: Log) -> None:
    steps, values = [0, 90, 1000], expected("filters", "w_l2")
    found = log.filters_over(steps, ["w_l2", "cosine"])
    names = [found.layers[code] for code in found.codes]
    assert list(zip(names, found.filters.tolist(), strict=True)) == [
        (layer, number) for layer, count in LAYERS.items() for number in range(count)
    ]
    for row, (layer, number) in enumerate(zip(names, found.filters.tolist(), strict=True)):
        wanted = [values[layer, number, step] for step in steps]
        assert found.values["w_l2"][row].tolist() == np.array(wanted, np.float32).tolist()
    for place, step in enumerate(steps):
        one = log.filters_at(step, ["cosine"])["cosine"].to_numpy()
        assert np.array_equal(found.values["cosine"][:, place], one)
    layer = next(reversed(LAYERS))
    some = log.filters_over(steps, ["w_l2"], {layer, "none"})
    assert (some.layers, len(some.filters)) == ((layer,), LAYERS[layer])
    assert np.array_equal(some.values["w_l2"], found.values["w_l2"][-LAYERS[layer] :])
    partly = log.filters_over([90, 91], ["w_l2"])
    assert np.isnan(partly.values["w_l2"][:, 1]).all()
    assert log.filters_over([], ["w_l2"]).values["w_l2"].shape == (0, 0)


def test_images_by_pass(log: Log) -> None:
    predicted, probability = log.images()
    right, sure = expected("images", "predicted"), expected("images", "probability")
    wanted = np.array([[right[image, step] for step in STEPS] for image in range(IMAGES)])
    assert np.array_equal(predicted, wanted)
    likely = [[sure[image, step] for step in STEPS] for image in range(IMAGES)]
    np.testing.assert_allclose(probability, np.array(likely), rtol=2**-11)
    assert np.array_equal(log.correct(), wanted == np.array(LABELS)[:, None])
    chosen = [6, 0, 3]
    part, likely_part = log.images(60, 175, chosen)
    columns = [number for number, step in enumerate(STEPS) if 60 <= step <= 175]
    assert np.array_equal(part, wanted[np.ix_(chosen, columns)])
    assert np.array_equal(likely_part, probability[np.ix_(chosen, columns)])
    assert np.array_equal(
        log.correct(60, 175, chosen), (wanted == np.array(LABELS)[:, None])[np.ix_(chosen, columns)]
    )


def test_images_that_nobody_has_recorded(log: Log) -> None:
    predicted, probability = log.images(images=[100, 2])
    assert (predicted[0] == -1).all()
    assert np.isnan(probability[0]).all()
    assert (predicted[1] >= 0).all()
    assert not log.correct(images=[100]).any()
    assert log.images(images=[])[0].shape == (0, len(STEPS))
    assert log.images(3, 4)[0].shape == (IMAGES, 0)


@pytest.mark.parametrize("images", [[1, 1], [-1], [[1]]])
def test_images_are_asked_for_by_different_indices(log: Log, images: Any) -> None:
    with pytest.raises(InvalidRequestError, match="different indices"):
        log.images(images=images)


def test_statistics_of_units(log: Log) -> None:
    means, counts = expected("layers", "mean"), expected("layers", "count")
    for kind in ("weight", "update"):
        wanted = [[means[kind, unit, step] for step in STEPS] for unit in UNITS]
        assert np.array_equal(log.layer_statistic(kind, "mean"), wanted)
        part = log.layer_statistic(kind, "count", ["stage", "none", ""], 10, 20)
        assert part[0].tolist() == [counts[kind, "stage", step] for step in (10, 20)]
        assert np.isnan(part[1]).all()
        assert part[2].tolist() == [counts[kind, "", step] for step in (10, 20)]
    both = log.layer_statistics("update", ["count", "mean"], ["", "stage"], 10, 20)
    for place, name in enumerate(("count", "mean")):
        wanted = log.layer_statistic("update", name, ["", "stage"], 10, 20)
        assert np.array_equal(both[place], wanted)
    assert log.layer_statistics("update", ["mean"], None, 5, 8).shape == (1, len(UNITS), 0)
    assert np.isnan(log.layer_statistic("gradient", "mean")).all()
    assert np.isnan(log.layer_statistic("weight", "median")).all()
    assert np.isnan(log.layer_statistic("weight", "dead")).all()


def test_bands_of_units(log: Log) -> None:
    bands = expected("layers", "bands")
    answer = log.bands("update")
    assert answer.shape == (len(UNITS), len(STEPS), 57)
    for row, unit in enumerate(UNITS):
        for column, step in enumerate(STEPS):
            assert np.array_equal(answer[row, column], bands["update", unit, step])
    assert not log.bands("weight").any()
    assert log.bands("update", ["stage"], 175, 175).shape == (1, 1, 57)
    joined = log.joined_bands("update", [0, 1, 30, 56], ["stage", "none"])
    assert joined.shape == (2, len(STEPS), 4)
    whole = log.bands("update", ["stage"])[0]
    parts = (whole[:, :1], whole[:, 1:30], whole[:, 30:56], whole[:, 56:])
    assert np.array_equal(joined[0], np.stack([part.sum(axis=1) for part in parts], axis=1))
    assert not joined[1].any()


def test_scalars_by_name(log: Log) -> None:
    values = expected("scalars", "value")
    found = log.scalars()
    assert list(found) == ["loss", "rate"]
    for name, scalar in found.items():
        assert scalar.steps.tolist() == STEPS
        assert scalar.times.tolist() == STEPS
        assert scalar.values.tolist() == [values[name, step] for step in STEPS]
    assert list(log.scalars(["rate", "none"])) == ["rate"]


def test_events_in_order(log: Log) -> None:
    assert [(event.step, event.text) for event in log.events()] == [
        (step, f"event 0 of {step}") for step in STEPS
    ]


def test_queries_see_the_same_rows(log: Log) -> None:
    for table, value in (("scalars", "value"), ("layers", "mean"), ("images", "predicted")):
        found = {
            tuple(sorted(map(str, key))): each for key, each in shown(log, table, value).items()
        }
        wanted = {
            tuple(sorted(map(str, key))): each for key, each in expected(table, value).items()
        }
        assert found == wanted


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda log: log.steps("weights"), "no table 'weights', but scalars"),
        (lambda log: log.filter_measure("conv1", "colour"), "no measure 'colour', but cosine"),
        (lambda log: log.filters_at(0, ["colour"]), "no measure 'colour'"),
        (lambda log: log.layer_statistic("noise", "mean"), "no kind 'noise', but weight"),
        (lambda log: log.layer_statistic("weight", "bands"), "no statistic 'bands', but count"),
        (lambda log: log.bands("noise"), "no kind 'noise'"),
    ],
)
def test_unknown_names_are_refused(tmp_path: Path, call: Any, reason: str) -> None:
    with pytest.raises(InvalidRequestError, match=reason):
        call(opened(tmp_path))


def test_a_log_that_is_not_there_is_empty(tmp_path: Path) -> None:
    log = Log(tmp_path / "none")
    assert not log.refresh()
    assert (log.sessions, log.units, log.probe, log.origin) == ((), (), None, None)
    assert log.steps("filters").tolist() == []
    assert log.filter_measure("conv1", "w_l2").shape == (0, 0)
    assert len(log.filters_at(0)) == 0
    assert log.images()[0].shape == (0, 0)
    assert (log.scalars(), log.events(), log.thumbnail(0)) == ({}, (), None)
    assert log.layer_statistic("weight", "mean").shape == (0, 0)
    for table, schema in TABLES.items():
        assert log.query(f"SELECT * FROM {table}").schema.names == schema.names


def test_a_log_grows_under_its_reader(tmp_path: Path) -> None:
    log = Log(tmp_path)
    writer = LogWriter(tmp_path, session(units=(), probe=None))
    assert log.refresh()
    versions = {log.version}
    for step in range(20):
        writer.write("filters", filter_rows([step]))
        writer.compact()
        assert log.refresh()
        assert not log.refresh()
        assert log.filter_measure("conv1", "w_l2").shape == (3, step + 1)
        versions.add(log.version)
    writer.update_session(session())
    assert log.refresh()
    assert len(log.units) == len(UNITS)
    assert len({*versions, log.version}) == 22


def test_what_was_merged_away_is_found_where_it_is_now(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path, session())
    write_all(writer, range(8))
    log = opened(tmp_path)
    wanted = log.filter_measure("conv1", "w_l2")
    writer.compact()  # the reader has not looked again
    assert np.array_equal(log.filter_measure("conv1", "w_l2"), wanted)
    writer = LogWriter(tmp_path, session("second", first_step=8))
    write_all(writer, range(8, 16))
    log.refresh()
    log.query("SELECT 1 FROM scalars")
    writer.compact()
    assert log.query("SELECT count(*) AS n FROM scalars").to_pylist() == [{"n": 32}]


def test_a_log_that_never_stays_is_said_to_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    LogWriter(tmp_path, session()).write("scalars", scalar_rows([1]))
    log = opened(tmp_path)

    def gone(*_: object) -> None:
        raise FileNotFoundError(errno.ENOENT, "gone")

    monkeypatch.setattr(log_answers, "events", gone)
    with pytest.raises(SnapshotChangedError, match="try again"):
        log.events()


def test_a_disk_that_fails_is_an_error_that_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    LogWriter(tmp_path, session()).write("scalars", scalar_rows([1]))
    log = opened(tmp_path)

    def fails(*_: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "pread", fails)
    with pytest.raises(UnreadableSnapshotError, match="Input/output error"):
        log.scalars()
    fresh = opened(tmp_path)
    (problem,) = fresh.problems
    assert "cannot be read (Input/output error)" in problem.reason
    monkeypatch.undo()
    assert list(log.scalars()) == ["loss", "rate"]
    assert fresh.refresh()
    assert fresh.problems == ()
    assert fresh.steps("scalars").tolist() == [1]


def test_more_numbers_than_an_answer_may_have_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = LogWriter(tmp_path, session())
    for step in range(4):
        writer.write("images", image_rows([step]))
    monkeypatch.setattr(log_matrices, "LOG_CELLS_MAX", 3 * IMAGES)
    log = opened(tmp_path)
    with pytest.raises(InvalidRequestError, match="has 28 numbers; 21 are given at once"):
        log.correct()
    assert log.correct(last=2).shape == (IMAGES, 3)


def test_thumbnails_are_found_the_newest_ones(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path, session())
    for seed in (0, 1):
        writer.write(
            "thumbnails",
            {
                "image": [*range(seed, 200)],
                "width": [8] * (200 - seed),
                "height": [6] * (200 - seed),
                "png": [f"{seed} {image}".encode() for image in range(seed, 200)],
            },
        )
    log = opened(tmp_path)
    assert log.thumbnail(150) == Thumbnail(8, 6, b"1 150")
    assert log.thumbnail(0) == Thumbnail(8, 6, b"0 0")
    assert log.thumbnail(200) is None


def test_images_of_another_probe_do_not_count(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path, session(started=time.time() - 10))
    writer.write("images", image_rows([1]))
    writer.write("scalars", scalar_rows([1]))
    other = session("second", first_step=5, probe=Probe(("x.png",), (0,), ("a",)))
    LogWriter(tmp_path, other).write("scalars", scalar_rows([5]))
    log = opened(tmp_path)
    assert log.steps("images").tolist() == []
    assert log.steps("scalars").tolist() == [1, 5]


def test_files_that_are_no_sessions_are_reported(tmp_path: Path) -> None:
    LogWriter(tmp_path, session()).write("scalars", scalar_rows([1]))
    folder = tmp_path / "sessions"
    (folder / "broken.json").write_bytes(b"{")
    (folder / "renamed.json").write_bytes(encode_session(session()))
    (folder / "folder.json").mkdir()
    (folder / "notes.txt").write_bytes(b"")
    log = opened(tmp_path)
    assert [session.id for session in log.sessions] == ["first"]
    reasons = {problem.name: problem.reason for problem in log.problems}
    assert list(reasons) == [f"sessions/{name}.json" for name in ("broken", "folder", "renamed")]
    assert "damaged" in reasons["sessions/broken.json"]
    assert "cannot be read" in reasons["sessions/folder.json"]
    assert reasons["sessions/renamed.json"] == "it is another session's file"
    (folder / "broken.json").unlink()
    assert log.refresh()
    assert len(log.problems) == 2


def test_rows_without_their_sessions_file_count(tmp_path: Path) -> None:
    LogWriter(tmp_path, session()).write("scalars", scalar_rows([1]))
    (tmp_path / "sessions" / "first.json").unlink()
    log = opened(tmp_path)
    assert (log.sessions, log.steps("scalars").tolist()) == ((), [1])


def test_a_listing_that_misses_a_merge_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The merged segment is named behind the listing's place; those it replaces are gone before."""
    writer = LogWriter(tmp_path, session())
    for step in range(8):
        writer.write("scalars", scalar_rows([step]))
    folder = log_listing._Folder(tmp_path / "scalars")
    listings = []

    def listed() -> frozenset[str]:
        if not listings:
            writer.compact()
        names = frozenset() if not listings else frozenset(os.listdir(tmp_path / "scalars"))
        listings.append(names)
        return names

    monkeypatch.setattr(folder, "_listed", listed)
    assert len(folder.names()) == 1
    assert len(listings) == 3


def test_an_unchanged_directory_is_not_listed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = LogWriter(tmp_path, session())
    writer.write("scalars", scalar_rows([1]))
    hour_ago = time.time() - 3600
    os.utime(tmp_path / "scalars", (hour_ago, hour_ago))
    log = opened(tmp_path)
    monkeypatch.setattr(log_listing._Folder, "_listed", lambda self: pytest.fail("listed"))
    assert not log.refresh()
    monkeypatch.undo()
    writer.write("scalars", scalar_rows([2]))
    assert log.refresh()
    assert log.steps("scalars").tolist() == [1, 2]


def test_many_threads_read_while_one_writes(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path, session())
    write_all(writer, [0])
    log = opened(tmp_path)
    failures: list[BaseException] = []
    stop = threading.Event()

    def read() -> None:
        try:
            while not stop.is_set():
                log.refresh()
                measure = log.filter_measure("conv1", "w_l2")
                for column in range(measure.shape[1]):
                    wanted = cells(filter_rows([column]), ("layer", "filter"), "w_l2")
                    assert measure[:, column].tolist() == [
                        np.float32(wanted["conv1", number]) for number in range(3)
                    ]
                counts = log.query("SELECT step, count(*) AS n FROM images GROUP BY step")
                assert set(counts["n"].to_pylist()) == {IMAGES}
                assert not np.isnan(log.layer_statistic("weight", "mean")).any()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for step in range(1, 17):
        write_all(writer, [step])
        writer.compact()
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert log.problems == ()


def test_values_may_be_missing(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path, session(probe=None))
    writer.write("filters", {"step": [1, 2], "layer": ["conv1"] * 2, "filter": [1, 0]})
    writer.write("images", {"step": [1], "image": [3]})
    writer.write("layers", layer_rows([1]) | {"bands": [None] * 8})
    writer.write("events", event_rows([1]) | {"text": [None], "detail": [None]})
    writer.write("scalars", {"step": [1], "name": ["loss"]})
    log = opened(tmp_path)
    assert np.isnan(log.filter_measure("conv1", "w_l2")).all()
    assert log.filter_measure("conv1", "w_l2").shape == (2, 2)
    predicted, probability = log.images()
    assert predicted.shape == (4, 1)
    assert (predicted == -1).all()
    assert np.isnan(probability).all()
    assert not log.correct().any()
    assert not log.bands("update").any()
    assert (log.events()[0].text, log.events()[0].detail) == ("", "")
    assert np.isnan(log.scalars()["loss"].values).all()


def test_of_steps_that_were_written_again_the_last_rows_are_shown_whatever_is_read_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first segments come last from the disk."""
    for folder, seeds in (("again", range(4)), ("once", [3])):
        writer = LogWriter(tmp_path / folder, session())
        for seed in seeds:
            write_all(writer, [0, 10], seed)
    read = log_rows.SegmentRows.read

    def slowly(rows: log_rows.SegmentRows, columns: Any, blocks: Any = None) -> Any:
        found = read(rows, columns, blocks)
        time.sleep(0.02 / (1 + rows._segment.name.number))
        return found

    monkeypatch.setattr(log_rows.SegmentRows, "read", slowly)
    monkeypatch.setattr(processors, "available", lambda: 2)
    again, once = opened(tmp_path / "again"), opened(tmp_path / "once")
    for kind in ("weight", "update"):
        answers = [log.layer_statistic(kind, "mean", UNITS) for log in (again, once)]
        np.testing.assert_array_equal(*answers)
    np.testing.assert_array_equal(*[log.bands("update", UNITS) for log in (again, once)])
    for layer in LAYERS:
        answers = [log.filter_measure(layer, "w_l2") for log in (again, once)]
        np.testing.assert_array_equal(*answers)
    for step in (0, 10):
        assert again.filters_at(step).equals(once.filters_at(step))
    for shown_again, shown_once in zip(again.images(), once.images(), strict=True):
        np.testing.assert_array_equal(shown_again, shown_once)
