"""Which dumps a derived log lacks: every story that a directory of snapshots can tell."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tb_snapshot_compare.snapshot import SnapshotRef, State
from tb_snapshot_compare.workspace.derived_plan import DerivedPlan, KnownDump, plan
from tests.workspace.snapshot_refs import ref

Known = dict[int, KnownDump]


def steps(*numbers: int, generation: str = "g", since: float = 0.0) -> list[SnapshotRef]:
    """Snapshots of these steps, each a second after the one before."""
    return [
        ref(f"ckpt-{step}", step=step, modified=since + step, generation=generation)
        for step in numbers
    ]


def computed(found: DerivedPlan, known: Known) -> Known:
    """The log once everything missing was computed, and what no longer counts is gone."""
    kept = {s: each for s, each in known.items() if found.restart is None or s < found.restart}
    for task in found.missing:
        dump, before = task.dump, task.before
        kept[dump.step] = KnownDump(
            dump.step,
            dump.content,
            dump.ref.modified,
            None if before is None else before.content,
        )
    return kept


def after(refs: Sequence[SnapshotRef], known: Known | None = None) -> Known:
    """The log after a look at these snapshots."""
    return computed(plan(refs, known or {}), known or {})


def missing(found: DerivedPlan) -> list[tuple[int | None, int]]:
    return [
        (None if task.before is None else task.before.step, task.dump.step)
        for task in found.missing
    ]


def test_every_snapshot_is_a_dump_newest_first() -> None:
    found = plan(steps(10, 20, 30), {})
    assert missing(found) == [(20, 30), (10, 20), (None, 10)]
    assert (found.axis, found.total, found.restart) == ("step", 2, None)


def test_what_is_known_is_not_computed_again() -> None:
    known = after(steps(10, 20))
    assert missing(plan(steps(10, 20), known)) == []
    assert missing(plan(steps(10, 20, 30), known)) == [(20, 30)]


def test_deleted_snapshots_stay_in_the_log() -> None:
    known = after(steps(10, 20, 30))
    found = plan(steps(30, 40), known)
    assert (missing(found), found.restart, found.total) == ([(30, 40)], None, 3)


def test_a_snapshot_after_deleted_ones_has_no_changes_of_its_own() -> None:
    known = after(steps(10, 20))
    assert missing(plan(steps(40), known)) == [(None, 40)]


def test_one_that_comes_in_between_changes_what_follows() -> None:
    known = after(steps(10, 30))
    assert missing(plan(steps(10, 20, 30), known)) == [(20, 30), (10, 20)]


def test_a_training_that_begins_anew_drops_what_came_later() -> None:
    known = after(steps(10, 20, 30))
    anew = steps(10, 20, generation="h", since=100)
    found = plan(anew, known)
    assert (found.restart, missing(found)) == (10, [(10, 20), (None, 10)])
    resumed = plan([*steps(10), *steps(20, generation="h", since=100)], known)
    assert (resumed.restart, missing(resumed)) == (20, [(10, 20)])
    assert plan(steps(10, 20), after(steps(10, 20, 30))).restart is None


def test_a_name_that_is_always_overwritten_keeps_its_history() -> None:
    known: Known = {}
    for step in (10, 20, 30):
        best = ref("best", step=step, modified=step, generation=f"g{step}")
        known = after([best], known)
    assert sorted(known) == [10, 20, 30]


def test_two_snapshots_of_one_step_are_one_dump_and_stay_that() -> None:
    regular = steps(10, 20)
    best = ref("best", step=20, modified=19.5, generation="b")
    known = after([regular[0], best, regular[1]])
    assert known[20].content == ("best", "b")
    later = ref("best", step=30, modified=29.5, generation="c")
    found = plan([*regular, later], known)
    assert found.restart is None
    assert sorted(after([*regular, later], known)) == [10, 20, 30]


def test_what_cannot_be_read_yet_is_no_dump() -> None:
    refs = [*steps(10), ref("ckpt-20", step=20, state=State.BEING_WRITTEN)]
    assert missing(plan(refs, {})) == [(None, 10)]


def test_epochs_count_where_there_are_no_steps_and_become_steps_where_others_tell() -> None:
    epochs = [ref(f"e{n}", epoch=n, modified=n) for n in (1, 2)]
    found = plan(epochs, {})
    assert (found.axis, missing(found)) == ("epoch", [(1, 2), (None, 1)])
    both = [*epochs, ref("e3", epoch=3, step=300, modified=3)]
    found = plan(both, after(epochs))
    assert (found.axis, found.restart) == ("step", 1)
    assert missing(found) == [(200, 300), (100, 200), (None, 100)]


def test_snapshots_without_a_figure_are_counted_and_keep_their_number() -> None:
    names = [ref(name, modified=n) for n, name in enumerate(("a", "b", "c"), 1)]
    known = after(names)
    assert (plan(names, {}).axis, sorted(known)) == ("save", [1, 2, 3])
    left = [*names[1:], ref("d", modified=4)]
    found = plan(left, known)
    assert (missing(found), found.restart) == ([(3, 4)], None)


def test_save_counters_are_no_steps() -> None:
    refs = [ref(f"ckpt-{n}", step=n, source="save_counter", modified=n) for n in (3, 4)]
    found = plan(refs, {})
    assert (found.axis, missing(found)) == ("save", [(3, 4), (None, 3)])


def test_what_tells_nothing_among_others_is_left_out_by_name() -> None:
    refs = [*steps(10, 20), ref("final", modified=30)]
    assert plan(refs, {}).unplaced == ("final",)


@given(st.lists(st.sets(st.integers(1, 12), max_size=6), max_size=6))
def test_a_log_is_complete_after_one_round_whatever_was_there_before(
    rounds: list[set[int]],
) -> None:
    known: Known = {}
    for number, present in enumerate(rounds):
        refs = steps(*sorted(present), generation=f"g{number}", since=100.0 * number)
        known = after(refs, known)
        found = plan(refs, known)
        assert (found.missing, found.restart) == ((), None)
        assert {dump.step: dump.content for dump in found.dumps} == {
            step: known[step].content for step in present
        }
        for before, dump in zip(found.dumps, found.dumps[1:], strict=False):
            between = [step for step in known if before.step < step < dump.step]
            assert between or known[dump.step].previous == before.content
