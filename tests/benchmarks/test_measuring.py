"""What the benchmarks measure with: processes, turns, inputs and errors."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import inputs, models, reference
from benchmarks.contestants import ours
from benchmarks.measuring import FailedError, interleaved, make_cold, make_warm, ratio, run
from benchmarks.report import Table, significant, spread


def test_the_peak_of_a_small_process_does_not_count_what_its_parent_holds() -> None:
    ballast = np.ones(64 * 2**20, np.uint8)
    small = run([sys.executable, "-c", "print('here')"])
    large = run([sys.executable, "-c", "x = bytes(range(256)) * 2**18"])
    assert small.output == "here\n"
    assert small.peak_mib < 40 < 64 <= large.peak_mib
    assert ballast.all()


def test_a_program_that_fails_is_an_error_with_what_it_said() -> None:
    with pytest.raises(FailedError, match=r"ended with 3: no such thing"):
        run(
            [
                sys.executable,
                "-c",
                "import sys; print('no such thing', file=sys.stderr); sys.exit(3)",
            ]
        )


def test_a_program_that_takes_too_long_is_killed_with_what_it_has_started() -> None:
    inner = "import time; time.sleep(60)"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    with pytest.raises(FailedError, match="no answer within 1 s"):
        run([sys.executable, "-c", outer], limit=1)


def test_works_take_turns_and_each_begins_a_round() -> None:
    seen: list[str] = []
    works = {name: lambda name=name: seen.append(name) or len(seen) for name in "abc"}
    found = interleaved(works, {"a": 3, "b": 3, "c": 1}, uncounted=1)
    assert seen == [*"cab", *"abc", *"ba", *"ab"]
    assert {name: len(results) for name, results in found.items()} == {"a": 3, "b": 3, "c": 1}


def test_ratios_compare_the_rounds_of_both() -> None:
    assert ratio([1.0, 2.0, 9.0], [3.0, 8.0]) == 3.5


def test_files_can_be_dropped_from_the_cache_and_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"weights" * 1000)
    make_warm([path])
    make_cold([path])
    assert path.read_bytes() == b"weights" * 1000


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.98765, "0.988"), (12.345, "12.3"), (1234.5, "1,234"), (3e-7, "3.00e-07")],
)
def test_three_digits(value: float, text: str) -> None:
    assert significant(value) == text


def test_a_spread_is_the_median_and_the_range() -> None:
    assert spread([3.0, 1.0, 2.0]) == "2.00 s (1.00 to 3.00)"
    assert spread([1.0], "") == "1.00"
    assert spread([]) == "-"


def test_a_row_of_too_few_cells_is_refused() -> None:
    with pytest.raises(ValueError, match="2 cells in 3 columns"):
        Table("t", ("a", "b", "c"), (("1", "2"),))


@pytest.mark.parametrize(
    ("build", "tensors", "weights"),
    [
        (models.transformer, 146, 259_310_592),
        (models.resnet18, 102, 11_699_112),
        (models.many, 12_345, 790_080),
        (models.vgg16, 32, 138_357_544),
    ],
)
def test_the_models_have_the_sizes_that_the_tables_say(
    build: inputs.Build, tensors: int, weights: int
) -> None:
    model = build(False)
    assert (len(model.shapes), model.weights) == (tensors, weights)


def test_every_weight_changes_or_those_of_one_tensor_only() -> None:
    for model in (models.transformer(True), models.transformer(True, changing="norm.weight")):
        first, second = model.snapshots(2)
        same = [name for name in model.shapes if np.array_equal(first[name], second[name])]
        changed = [name for name in model.shapes if not (first[name] == second[name]).any()]
        assert len(same) == (145 if model.changing else 0)
        assert model.changing in (None, *changed)


def test_values_are_the_same_every_time_and_of_every_number_of_snapshots() -> None:
    model = models.resnet18(True)
    few, many = list(model.snapshots(2)), list(model.snapshots(4))
    for one, other in zip(few, many, strict=False):
        assert all(np.array_equal(one[name], other[name]) for name in model.shapes)


def test_what_was_used_least_recently_makes_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCHMARKS_CACHE", str(tmp_path))
    monkeypatch.setattr(inputs, "KEPT_BYTES", 250)
    made: list[str] = []

    def use(name: str) -> None:
        def make(folder: Path) -> None:
            made.append(name)
            (folder / "file").write_bytes(bytes(100))

        inputs.kept(name, make, lambda _: 100)

    for number, name in enumerate(("first", "second", "first", "third", "first")):
        use(name)
        (tmp_path / "inputs" / name).touch()
        import os

        os.utime(tmp_path / "inputs" / name, (number, number))
    assert made == ["first", "second", "third"]
    assert sorted(path.name for path in (tmp_path / "inputs").iterdir()) == ["first", "third"]


def test_relative_errors() -> None:
    assert reference.relative_error(1.1, 1.0) == pytest.approx(0.1)
    assert reference.relative_error(0.0, 0.0) == 0
    assert reference.relative_error(1e-9, 0.0) == math.inf
    assert reference.relative_error(None, 1.0) == math.inf
    assert reference.relative_error(math.nan, 1.0) == math.inf


def test_errors_say_of_how_many_tensors_there_are_values() -> None:
    wanted = {"x": {"l2": 2.0, "cosine": 1.0}, "y": {"l2": 4.0, "cosine": 1.0}}
    found = reference.errors({"x": {"l2": 2.2, "cosine": 1.0, "name": "x"}}, wanted)
    assert (found.tensors, found.of) == (1, 2)
    assert found.text == "l2 1e-01; exact: cosine"
    assert found.summary == "1e-01 (l2)"
    assert reference.errors({}, wanted).text == "gives none"


def test_the_reference_of_filters_is_that_of_each_column() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 600 * 3))
    axis = models.axis_of("layer.weight", (600, 3), "bundle")
    found = reference.filter_measures(x, y, axis)
    for column in range(3):
        want = reference.measures(x[column::3], y[column::3])
        assert found["l2"][column] == pytest.approx(want["l2"], rel=1e-14)
    torch = models.axis_of("layer.weight", (3, 600), "torch")
    assert (torch.count, torch.stride) == (3, 600)


def test_directories_are_given_to_programs_that_want_them(tmp_path: Path) -> None:
    assert ours("torch").paths(tmp_path) == (
        str(tmp_path / "checkpoint-1" / "model.pt"),
        str(tmp_path / "checkpoint-2" / "model.pt"),
    )
