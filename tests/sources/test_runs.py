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
