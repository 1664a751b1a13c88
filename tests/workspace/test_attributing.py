import numpy as np
import pytest

from tb_snapshot_compare.errors import InvalidRequestError
from tb_snapshot_compare.inference.values import Mixture, Replacement
from tb_snapshot_compare.workspace.attributing import (
    Part,
    attribute,
    channel_distances,
    filter_parts,
)
from tb_snapshot_compare.workspace.results import FilterMeasures

A = np.array([[0.9, 0.1], [0.2, 0.8]])
B = np.array([[0.3, 0.7], [0.2, 0.8]])
CONV, DENSE = Part("conv", ("conv/kernel", "conv/bias")), Part("dense", ("dense/kernel",))


def measures(*distances: float) -> FilterMeasures:
    values = np.array(distances, dtype="<f8")
    return FilterMeasures("conv/kernel", "conv", len(values), {"l2": values.tobytes()})


def test_the_layer_that_alone_makes_b_of_a_carries_all() -> None:
    found = attribute([CONV, DENSE], [A, B], A, B, [0, 1])
    dense, conv = found.parts
    assert (dense.part, dense.carried) == (DENSE, pytest.approx(1.0))
    assert (conv.part, conv.carried) == (CONV, 0.0)
    assert found.sum == pytest.approx(1.0)
    assert found.whole_flips == dense.flips == 1
    assert found.whole_truth == pytest.approx(-0.3) == dense.truth


def test_a_part_that_moves_the_outcome_the_other_way_carries_a_negative_share() -> None:
    (part,) = attribute([CONV], [A - (B - A) / 2], A, B, [0, 1]).parts
    assert part.carried == pytest.approx(-0.5)


def test_without_a_change_in_outcome_there_are_no_shares() -> None:
    found = attribute([CONV], [A], A, A, [0, 1])
    assert (found.parts[0].carried, found.sum, found.distance) == (None, None, 0.0)


def test_without_labels_there_is_no_truth() -> None:
    found = attribute([CONV], [B], A, B, [None, None])
    assert found.whole_truth is None
    assert found.parts[0].truth is None
    assert found.parts[0].carried == pytest.approx(1.0)


def test_a_part_is_swapped_as_a_whole() -> None:
    assert CONV.mixture == Mixture("a", (Replacement(("conv/kernel", "conv/bias"), None),))


def test_filters_are_grouped_by_how_far_they_changed() -> None:
    groups = filter_parts(CONV, 20, [measures(*range(20))])
    assert len(groups) == 8
    assert groups[0].filters == (17, 18, 19)
    assert groups[0].name == "1st to 3rd most changed"
    assert groups[-1].filters == (0, 1)
    assert sorted(index for group in groups for index in group.filters or ()) == list(range(20))


def test_few_filters_make_groups_of_one() -> None:
    groups = filter_parts(CONV, 3, [measures(1.0, 3.0, np.nan)])
    assert [group.filters for group in groups] == [(1,), (0,), (2,)]


def test_chosen_filters_stand_against_the_rest() -> None:
    chosen, rest = filter_parts(CONV, 4, [measures(1, 2, 3, 4)], [3, 1])
    assert (chosen.filters, rest.filters) == ((1, 3), (0, 2))
    assert chosen.name == "2 chosen filters"


def test_a_filter_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="has no filter 4, 9"):
        filter_parts(CONV, 4, [measures(1, 2, 3, 4)], [3, 9, 4])


def test_the_gates_of_a_unit_count_together() -> None:
    gates = measures(3, 0, 0, 1, 4, 0, 0, 0)
    assert channel_distances(gates, 2) == pytest.approx([5, 1])


def test_tensors_without_the_layers_output_channels_rank_nothing() -> None:
    inner = FilterMeasures("mha/query/kernel", "mha", 4, measures(1, 2, 3, 4).arrays)
    depthwise = FilterMeasures("conv/depthwise_kernel", "conv", 4, inner.arrays)
    groups = filter_parts(CONV, 4, [inner, depthwise, measures(1, 2, 3)])
    assert [group.name for group in groups] == [f"Filters {i} to {i}" for i in range(4)]
    ranked = filter_parts(CONV, 4, [depthwise, measures(1, 4, 3, 2)])
    assert [group.filters for group in ranked] == [(1,), (2,), (3,), (0,)]
