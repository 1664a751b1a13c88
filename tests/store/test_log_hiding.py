"""Which rows count: the rules against a model that goes through them row by row."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tb_snapshot_compare.store.log_hiding import counting, unreplaced
from tb_snapshot_compare.store.log_segments import Segment, SegmentName, runs_of
from tb_snapshot_compare.store.log_tables import Session
from tests.store.logs import session

NAMES = ("a", "b", "c")


def segment(
    of: str,
    number: int,
    steps: Sequence[int],
    created: float = 1.0,
    replaces: Sequence[Segment] = (),
) -> Segment:
    if replaces:
        runs = np.concatenate([each.runs for each in replaces])
    else:
        runs = runs_of(sorted(set(steps)), created)
    name = SegmentName(min(steps), max(steps), of, number, "00000000")
    return Segment(
        "filters",
        name,
        1,
        len(runs),
        1 if replaces else 0,
        runs,
        frozenset(each.text for each in replaces),
        (),
        (),
    )


def visible(segments: Sequence[Segment], sessions: dict[str, Session]) -> set[tuple[str, int]]:
    """Segments and steps that count."""
    found = set()
    for part in counting(segments, sessions):
        steps = part.segment.steps() if part.steps is None else part.steps
        found |= {(part.segment.text, step) for step in steps.tolist()}
    return found


def model(segments: Sequence[Segment], sessions: dict[str, Session]) -> set[tuple[str, int]]:
    replaced = {
        (one.session, name)
        for one in segments
        for name in one.replaces
        for other in segments
        if other.text == name and other.session == one.session
        if other.name.number < one.name.number
    }
    left = [each for each in segments if (each.session, each.text) not in replaced]
    written: dict[tuple[str, int], float] = {}
    for each in left:
        for start, stride, count, created in each.runs.tolist():
            for place in range(count):
                key = (each.session, start + stride * place)
                written[key] = max(written.get(key, -1.0), created)
    writers = {each.session for each in left}

    def hidden(of: str, step: int) -> bool:
        return any(
            writer != of
            and writer in sessions
            and step >= sessions[writer].first_step
            and written[of, step] < sessions[writer].started
            for writer in writers
        )

    counted: dict[int, str] = {}
    for step in {step for _, step in written}:
        possible = [(written[of, step], of) for of, at in written if at == step]
        possible = [each for each in possible if not hidden(each[1], step)]
        if possible:
            counted[step] = max(possible)[1]
    return {
        (each.text, step)
        for each in left
        for step in each.steps().tolist()
        if counted.get(step) == each.session
    }


@st.composite
def logs(draw: st.DrawFn) -> tuple[list[Segment], dict[str, Session]]:
    """Segments of up to three sessions, some of them merged, some of those still there."""
    sessions = {
        name: session(
            name, started=float(draw(st.integers(0, 20))), first_step=draw(st.integers(0, 8))
        )
        for name in NAMES
        if draw(st.booleans())
    }
    segments: list[Segment] = []
    for name in NAMES:
        mine: list[Segment] = []
        for number in range(draw(st.integers(0, 4))):
            steps = draw(st.lists(st.integers(0, 9), min_size=1, max_size=4))
            mine.append(segment(name, number, steps, float(draw(st.integers(0, 25)))))
        if len(mine) > 1 and draw(st.booleans()):
            some = mine[: draw(st.integers(2, len(mine)))]
            steps = [step for each in some for step in each.steps().tolist()]
            merged = segment(name, 10, steps, replaces=some)
            gone = draw(st.integers(0, len(some)))
            mine = [*mine[gone:], merged]
        segments += mine
    return draw(st.permutations(segments)), sessions


@settings(max_examples=200)
@given(logs())
def test_what_counts_is_what_the_rules_say(log: tuple[list[Segment], dict[str, Session]]) -> None:
    segments, sessions = log
    assert visible(segments, sessions) == model(segments, sessions)


@settings(max_examples=100)
@given(logs(), st.data())
def test_merging_does_not_change_which_steps_of_whom_count(
    log: tuple[list[Segment], dict[str, Session]], data: st.DataObject
) -> None:
    segments, sessions = log
    left = unreplaced(segments)
    name = data.draw(st.sampled_from(NAMES))
    mine = [each for each in left if each.session == name]
    some = mine[: data.draw(st.integers(0, len(mine)))]
    if some:
        steps = [step for each in some for step in each.steps().tolist()]
        merged = [*left, segment(name, 99, steps, replaces=some)]
        of = {each.text: each.session for each in merged}
        before = {(of[text], step) for text, step in visible(left, sessions)}
        assert {(of[text], step) for text, step in visible(merged, sessions)} == before


def steps_of(name: str, parts: set[tuple[str, int]]) -> list[int]:
    return sorted(step for text, step in parts if f".{name}." in text)


def test_a_training_that_was_resumed_hides_what_it_does_again() -> None:
    sessions = {
        "a": session("a", started=0.0, first_step=0),
        "b": session("b", started=10.0, first_step=30),
    }
    before = [segment("a", step, [step], created=1.0) for step in (10, 20, 30, 40, 50)]
    assert steps_of("a", visible(before, sessions)) == [10, 20, 30, 40, 50]
    after = [*before, segment("b", 0, [30], created=11.0)]
    found = visible(after, sessions)
    assert (steps_of("a", found), steps_of("b", found)) == ([10, 20], [30])


def test_a_second_process_at_the_same_time_hides_nothing_that_is_written_beside_it() -> None:
    sessions = {
        "a": session("a", started=0.0, first_step=0),
        "b": session("b", started=5.0, first_step=0),
    }
    segments = [segment("a", step, [step], created=6.0 + step) for step in (1, 3)]
    segments += [segment("b", step, [step], created=6.0 + step) for step in (2, 4)]
    found = visible(segments, sessions)
    assert (steps_of("a", found), steps_of("b", found)) == ([1, 3], [2, 4])


def test_of_one_step_the_newest_writer_counts() -> None:
    segments = [segment("a", 0, [1, 2], created=5.0), segment("b", 0, [2, 3], created=4.0)]
    found = visible(segments, {})
    assert (steps_of("a", found), steps_of("b", found)) == ([1, 2], [3])


@pytest.mark.parametrize("created", [(1.0, 2.0, 3.0), (2.0, 2.0, 2.0)])
def test_what_was_written_last_comes_last_though_what_is_older_was_merged_since(
    created: tuple[float, float, float],
) -> None:
    """Also where the clock stood still."""
    first, second, last = (segment("a", k + 1, [0], created[k]) for k in range(3))
    merged = segment("a", 4, [0], replaces=[first, second])
    found = counting([first, second, last, merged], {"a": session("a", first_step=0)})
    assert [part.segment.name.number for part in found] == [4, 3]


def test_segments_that_say_they_replace_each_other_do_not_vanish() -> None:
    first = segment("a", 0, [1])
    name = SegmentName(1, 1, "a", 1, "00000000")
    second = Segment(
        "filters", name, 1, 1, 0, first.runs, frozenset({first.text, str(name)}), (), ()
    )
    looped = Segment("filters", first.name, 1, 1, 0, first.runs, frozenset({second.text}), (), ())
    assert unreplaced([looped, second]) == [second]
    foreign = segment("b", 5, [1], replaces=[first])
    assert unreplaced([first, foreign]) == [first, foreign]
