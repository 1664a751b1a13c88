import random

from tb_snapshot_compare.snapshot import Position, SnapshotRef, State
from tb_snapshot_compare.sources.order import in_training_order


def _ref(name: str, modified: float = 0.0, position: Position | None = None) -> SnapshotRef:
    return SnapshotRef(name, ".", name, position or Position(), modified, 1, (), "g", State.READY)


def _names(refs: list[SnapshotRef]) -> list[str]:
    shuffled = refs[:]
    random.Random(0).shuffle(shuffled)
    return [ref.name for ref in in_training_order(shuffled)]


def test_epochs_order_by_number_not_by_time() -> None:
    refs = [
        _ref(f"epoch-{n}", modified=-n, position=Position(epoch=n, epoch_source="file name"))
        for n in (1, 2, 9, 10, 40)
    ]
    assert _names(refs) == ["epoch-1", "epoch-2", "epoch-9", "epoch-10", "epoch-40"]


def test_without_figures_time_decides_and_names_break_ties_naturally() -> None:
    assert _names([_ref("w9", 5), _ref("w10", 5), _ref("w1", 9)]) == ["w9", "w10", "w1"]


def test_a_snapshot_without_a_figure_lies_where_its_time_puts_it() -> None:
    epochs = [
        _ref(f"epoch-{n}", modified=n, position=Position(epoch=n, epoch_source="file name"))
        for n in (1, 2, 3)
    ]
    assert _names([*epochs, _ref("best", 2.5), _ref("initial", 0.5)]) == [
        "initial", "epoch-1", "epoch-2", "best", "epoch-3",
    ]  # fmt: skip


def test_steps_of_different_sources_are_not_mixed() -> None:
    counted = [
        _ref(f"m{n}", modified=n, position=Position(step=1000 * n, step_source="optimizer"))
        for n in (1, 2, 3)
    ]
    broken = _ref("ckpt-4", 4, Position(step=4, step_source="file name"))
    assert _names([*counted, broken]) == ["m1", "m2", "m3", "ckpt-4"]


def test_steps_count_before_epochs() -> None:
    refs = [
        _ref("late", 1, Position(200, "s", 1, "file name")),
        _ref("early", 2, Position(100, "s", 1, "file name")),
    ]
    assert _names(refs) == ["early", "late"]
