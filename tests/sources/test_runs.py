import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tb_snapshot_compare.sources import Scan, parse_roots, scan

EVENTS = "events.out.tfevents.1700000000.host.1.0.v2"


def _event_runs(result: Scan) -> dict[str, tuple[str, ...]]:
    return {run.name: run.event_runs for run in result.runs}


@pytest.fixture
def in_logdir(tmp_path: Path, clock: Any) -> Callable[[], Scan]:
    return lambda: scan(parse_roots(os.fspath(tmp_path), None, None), clock=clock)


def test_event_runs_below_the_snapshots_belong_to_them(in_logdir: Any, write: Any) -> None:
    write("vgg/m.keras", f"vgg/train/{EVENTS}", f"vgg/validation/{EVENTS}", f"other/{EVENTS}")
    assert _event_runs(in_logdir()) == {"vgg": ("vgg/train", "vgg/validation")}


def test_snapshots_beside_the_events_belong_to_those_of_their_parent(
    in_logdir: Any, write: Any
) -> None:
    write("alexnet/checkpoints/m.keras", f"alexnet/train/{EVENTS}", f"vgg/train/{EVENTS}")
    assert _event_runs(in_logdir()) == {"alexnet/checkpoints": ("alexnet/train",)}


def test_events_in_the_snapshots_own_directory_count(in_logdir: Any, write: Any) -> None:
    write("a/m.keras", f"a/{EVENTS}", "m.keras", f"a/eval/{EVENTS}")
    assert _event_runs(in_logdir()) == {".": ("a", "a/eval"), "a": ("a", "a/eval")}


def test_the_roots_own_events_are_called_a_dot(in_logdir: Any, write: Any) -> None:
    write("m.keras", EVENTS, "ckpts/m.keras")
    assert _event_runs(in_logdir()) == {".": (".",), "ckpts": (".",)}


def test_trees_of_snapshots_and_events_are_tied_by_the_name_they_share(
    in_logdir: Any, write: Any
) -> None:
    write(
        "ckpts/exp1/m.keras", "ckpts/exp2/train/m.keras",
        f"tb/exp1/train/{EVENTS}", f"tb/exp2/train/{EVENTS}", f"tb/exp2/validation/{EVENTS}",
    )  # fmt: skip
    assert _event_runs(in_logdir()) == {
        "ckpts/exp1": ("tb/exp1/train",),
        "ckpts/exp2/train": ("tb/exp2/train", "tb/exp2/validation"),
    }


def test_events_of_another_run_are_not_taken(in_logdir: Any, write: Any) -> None:
    write("a/m.keras", f"a/train/{EVENTS}", "b/m.keras", "c/d/m.keras", f"c/tb/{EVENTS}")
    assert _event_runs(in_logdir()) == {"a": ("a/train",), "b": ("c/tb",), "c/d": ("c/tb",)}
    write("e/m.keras", "c/tb/m.keras")
    assert _event_runs(in_logdir()) == {
        "a": ("a/train",), "b": (), "c/d": (), "c/tb": ("c/tb",), "e": ()
    }  # fmt: skip


def test_events_of_another_run_are_not_those_of_a_log_alone(in_logdir: Any, write: Any) -> None:
    write("a/m.keras", f"a/train/{EVENTS}", "live/snapshot_log/sessions/one.json")
    assert _event_runs(in_logdir()) == {"a": ("a/train",), "live": ()}


def test_a_name_that_only_begins_like_the_run_is_not_below_it(in_logdir: Any, write: Any) -> None:
    write("vgg/m.keras", f"vgg/train/{EVENTS}", f"vgg-2/train/{EVENTS}", f"vgg0/train/{EVENTS}")
    assert _event_runs(in_logdir()) == {"vgg": ("vgg/train",)}


def test_no_events_at_all_is_no_error(in_logdir: Any, write: Any) -> None:
    write("a/m.keras", "a/events.out.tfevents.1.profile-empty")
    assert _event_runs(in_logdir()) == {"a": ()}


def test_event_runs_of_named_roots_are_called_as_tensorboard_calls_them(
    tmp_path: Path, write: Any, clock: Any
) -> None:
    write("x/m.keras", f"x/{EVENTS}", f"x/train/{EVENTS}", "y/c/m.keras", f"y/t/{EVENTS}")
    roots = parse_roots(None, f"a:{tmp_path}/x,b:{tmp_path}/y", None)
    ours = _event_runs(scan(roots, clock=clock))
    assert ours == {"a": ("a/.", "a/train"), "b/c": ("b/t",)}


def test_event_runs_agree_with_tensorboards_own_multiplexer(
    tmp_path: Path, write: Any, clock: Any
) -> None:
    from tensorboard.backend.event_processing import plugin_event_multiplexer

    write("x/m.keras", f"x/{EVENTS}", f"x/train/{EVENTS}", f"x/train/deep/{EVENTS}", content=b"")
    for name, roots in (
        ("", parse_roots(os.fspath(tmp_path / "x"), None, None)),
        ("a", parse_roots(None, f"a:{tmp_path}/x", None)),
        ("", parse_roots(None, f"{tmp_path}/x", None)),
    ):
        multiplexer = plugin_event_multiplexer.EventMultiplexer()
        multiplexer.AddRunsFromDirectory(os.fspath(tmp_path / "x"), name)
        (run,) = scan(roots, clock=clock).runs
        assert set(run.event_runs) == set(multiplexer.Runs())


def test_an_extra_directory_joins_the_run_and_events_of_its_name(
    tmp_path: Path, write: Any, clock: Any
) -> None:
    write("logs/vgg/m.keras", f"logs/vgg/train/{EVENTS}", f"logs/alex/train/{EVENTS}")
    write("disk/n.keras", "disk/deep/o.keras", "spare/p.keras", f"disk/{EVENTS}")
    roots = parse_roots(f"{tmp_path}/logs", None, f"vgg:{tmp_path}/disk,q:{tmp_path}/spare")
    result = scan(roots, clock=clock)
    assert _event_runs(result) == {
        "q": (),
        "vgg": ("vgg/train",),
        "vgg/deep": ("vgg/train",),
    }
    vgg = next(run for run in result.runs if run.name == "vgg")
    assert sorted(ref.name for ref in vgg.snapshots) == ["m", "n"]


def test_runs_are_in_natural_order(in_logdir: Any, write: Any) -> None:
    write("run10/m.keras", "run9/m.keras", "run1/m.keras")
    assert [run.name for run in in_logdir().runs] == ["run1", "run9", "run10"]


def _logs(result: Scan) -> dict[str, str | None]:
    return {run.name: run.log for run in result.runs}


def test_a_log_in_the_runs_directory_is_the_runs(
    in_logdir: Any, write: Any, tmp_path: Path
) -> None:
    write("a/ckpt-1.keras", "a/snapshot_log/sessions/x.json", "b/ckpt-1.keras")
    assert _logs(in_logdir()) == {"a": str(tmp_path / "a" / "snapshot_log"), "b": None}


def test_snapshots_below_a_log_belong_to_it_unless_others_lie_beside_it(
    in_logdir: Any, write: Any, tmp_path: Path
) -> None:
    write("a/snapshot_log/sessions/x.json", "a/snapshots/s-1.keras", "a/deep/er/s-2.keras")
    write("b/snapshot_log/sessions/x.json", "b/s-1.keras", "b/other/s-2.keras")
    of_a = str(tmp_path / "a" / "snapshot_log")
    assert _logs(in_logdir()) == {
        "a/deep/er": of_a,
        "a/snapshots": of_a,
        "b": str(tmp_path / "b" / "snapshot_log"),
        "b/other": None,
    }


def test_a_log_without_snapshots_is_a_run(in_logdir: Any, write: Any, tmp_path: Path) -> None:
    write("a/snapshot_log/sessions/x.json", "snapshot_log/sessions/y.json")
    runs = in_logdir().runs
    assert [(run.name, run.snapshots) for run in runs] == [(".", ()), ("a", ())]
    assert runs[0].log == str(tmp_path / "snapshot_log")


def test_nothing_in_a_log_is_a_snapshot_or_counts_as_seen(
    in_logdir: Any, write: Any, tmp_path: Path
) -> None:
    write("a/snapshot_log/layers/epoch-1.keras", "a/snapshot_log/events.out.tfevents.1")
    (run,) = in_logdir().runs
    assert (run.snapshots, run.event_runs) == ((), ())
