"""A short race of every kind: what is read is of one save, the newest, or refused."""

import pytest

from benchmarks.races import MODES, OK, UNHANDLED, WRONG, race, table
from benchmarks.report import show

READS = 240


@pytest.mark.filterwarnings("default")
def test_no_read_beside_a_writer_is_wrong_mixed_or_unhandled() -> None:
    outcomes = race(READS, writers=1)
    ours = [outcome for outcome in outcomes if outcome.reader == "ours"]
    show([table(outcomes)])
    assert [outcome.mode for outcome in ours] == list(MODES)
    assert sum(outcome.reads for outcome in ours) >= READS
    for outcome in ours:
        assert outcome.counts[WRONG] == 0, outcome.examples[WRONG]
        assert outcome.counts[UNHANDLED] == 0, outcome.examples[UNHANDLED]
        assert outcome.saves > 0
    assert sum(outcome.counts[OK] for outcome in ours)
