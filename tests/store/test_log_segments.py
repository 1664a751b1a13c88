"""Names, runs of steps, and descriptions that contradict themselves."""

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tb_snapshot_compare.limits import LOG_IMAGES_MAX, LOG_RUNS_MAX, LOG_SEGMENT_ROWS_MAX
from tb_snapshot_compare.store.log_segments import (
    Block,
    DamagedSegmentError,
    Description,
    Grid,
    Segment,
    SegmentName,
    described,
    encode_blocks,
    runs_of,
    steps_of,
)

NAME = SegmentName(10, 30, "one", 3, "0badcafe")
STEPS = np.array([10, 20, 30], "<i8")


def test_a_name_tells_its_parts() -> None:
    text = "000000000010-000000000030.one.00000003.0badcafe.parquet"
    assert str(NAME) == text
    assert SegmentName.parse(text) == NAME


@pytest.mark.parametrize(
    "text",
    [
        ".tmp-000000000010-000000000030.one.00000003.0badcafe.parquet",
        "10-30.one.3.0badcafe.parquet",
        "000000000010-000000000030.o.ne.00000003.0badcafe.parquet",
        "000000000010-000000000030.one.00000003.0badcafe.parquet.part",
        "000000000010-000000000030.one.00000003.0BADCAFE.parquet",
        "000000000010-000000000030.../x.00000003.0badcafe.parquet",
        "",
    ],
)
def test_other_files_are_no_segments(text: str) -> None:
    assert SegmentName.parse(text) is None


@given(st.sets(st.integers(0, 60), min_size=1), st.integers(0, 10**9))
def test_runs_are_the_steps_in_order(steps: set[int], start: int) -> None:
    wanted = [start + step for step in sorted(steps)]
    runs = runs_of(wanted, 7.5)
    assert steps_of(runs).tolist() == wanted
    assert set(runs["created"].tolist()) == {7.5}


def test_equal_distances_are_one_run() -> None:
    assert runs_of(range(5, 500, 5), 1.0).tolist() == [(5, 5, 99, 1.0)]
    assert runs_of([7], 1.0).tolist() == [(7, 1, 1, 1.0)]
    assert runs_of([0, 10, 20, 21, 22], 1.0).tolist() == [(0, 10, 3, 1.0), (21, 1, 2, 1.0)]


def description(**changes: Any) -> bytes:
    grids = changes.pop("grids", (Grid("conv1", 4, 0),))
    values: dict[str, Any] = {
        "session": "one",
        "runs": runs_of(STEPS, 5.0).tobytes(),
        "axes": (STEPS.tobytes(),),
        "blocks": encode_blocks([Block("conv1", 12, grids)]),
    }
    return msgspec.json.encode(Description(**(values | changes)))


def read(document: bytes, rows: int = 12) -> Segment:
    return described("filters", NAME, 1000, rows, document)


def test_a_description_is_read() -> None:
    segment = read(description(level=2, replaces=("a", "b")))
    assert (segment.session, segment.level, segment.rows) == ("one", 2, 12)
    assert segment.replaces == {"a", "b"}
    assert segment.steps().tolist() == [10, 20, 30]
    assert segment.axes[0].tolist() == [10, 20, 30]
    (block,) = segment.blocks
    assert block.grids[0].indices().tolist() == [0, 1, 2, 3]


def members(*indices: int) -> bytes:
    return np.array(indices, "<i4").tobytes()


def record(*run: float) -> bytes:
    return np.array([run], runs_of([1], 0.0).dtype).tobytes()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"schema": 2}, "newer version"),
        ({"session": "two"}, "another session"),
        ({"runs": b""}, "0 runs"),
        ({"runs": runs_of(np.arange(2 * LOG_RUNS_MAX + 2) ** 2, 1.0).tobytes()}, "runs of steps"),
        ({"runs": b"12345"}, "damaged"),
        ({"runs": record(10, 10, 4, 5.0)}, "not those of its name"),
        ({"runs": record(10, 10, 13, 5.0)}, "steps are none"),
        ({"runs": record(-10, 10, 3, 5.0)}, "steps are none"),
        ({"runs": record(10, 0, 3, 5.0)}, "steps are none"),
        ({"runs": record(10, 2**62, 3, 5.0)}, "steps are none"),
        ({"runs": record(10, 10, -1, 5.0)}, "steps are none"),
        ({"runs": record(10, 10, 3, float("nan"))}, "steps are none"),
        ({"runs": record(10, 10, 3, 1e300)}, "steps are none"),
        ({"axes": ()}, "as none can be"),
        ({"axes": (b"123",)}, "damaged"),
        ({"grids": (Grid("conv1", 4, -1),)}, "as none can be"),
        ({"grids": (Grid("conv1", 5, 0),)}, "not laid out as it says"),
        ({"grids": (Grid("conv1", 0, 0),)}, "as none can be"),
        ({"grids": (Grid("conv1", b"", 0),)}, "as none can be"),
        ({"grids": (Grid("conv1", b"123", 0),)}, "as none can be"),
        ({"grids": (Grid("conv1", members(0, 1, 2, -1), 0),)}, "as none can be"),
        ({"grids": (Grid("conv1", members(0, 1, 2, LOG_IMAGES_MAX), 0),)}, "as none can be"),
        ({"blocks": encode_blocks([Block(None, 11)])}, "do not have its rows"),
        ({"blocks": encode_blocks([Block(None, -1), Block(None, 13)])}, "do not have its rows"),
        ({"blocks": msgspec.Raw(b"[[1]]")}, "damaged"),
    ],
)
def test_a_description_that_contradicts_itself_is_refused(
    changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(DamagedSegmentError, match=reason) as caught:
        read(description(**changes))
    assert caught.value.name == str(NAME)


@pytest.mark.parametrize("rows", [0, -1, LOG_SEGMENT_ROWS_MAX + 1])
def test_a_segment_of_any_number_of_rows_is_refused(rows: int) -> None:
    with pytest.raises(DamagedSegmentError, match="rows, of at most"):
        read(description(), rows)


def test_more_parts_than_there_can_be_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tb_snapshot_compare.store.log_segments.LOG_GRIDS_MAX", 1)
    with pytest.raises(DamagedSegmentError, match="more than 1 parts"):
        read(description())


def test_noise_is_no_description() -> None:
    for document in (b"", b"{}", b"null", b"\xff", b'{"schema":1}', b"[" * 10_000):
        with pytest.raises(DamagedSegmentError, match="damaged"):
            read(document)
