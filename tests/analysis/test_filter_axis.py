import numpy as np
import pytest

from tb_snapshot_compare.analysis import FilterAxis, filter_axis
from tb_snapshot_compare.limits import FILTERS_MAX


@pytest.mark.parametrize(
    ("role", "kind", "shape", "want"),
    [
        ("kernel", "Conv2D", (3, 3, 16, 32), FilterAxis(32, 1)),
        ("kernel", "Conv1D", (5, 16, 8), FilterAxis(8, 1)),
        ("kernel", "Dense", (784, 10), FilterAxis(10, 1)),
        ("kernel", "DepthwiseConv2D", (3, 3, 16, 2), FilterAxis(32, 1)),
        ("depthwise_kernel", "SeparableConv2D", (3, 3, 16, 2), FilterAxis(32, 1)),
        ("pointwise_kernel", "SeparableConv2D", (1, 1, 32, 8), FilterAxis(8, 1)),
        ("kernel", "Conv2DTranspose", (3, 3, 32, 16), FilterAxis(32, 16)),
        ("kernel", "Conv1DTranspose", (3, 32, 16), FilterAxis(32, 16)),
        ("bias", "Conv2DTranspose", (32,), FilterAxis(32, 1)),
        ("gamma", "BatchNormalization", (64,), FilterAxis(64, 1)),
        ("moving_variance", "BatchNormalization", (64,), FilterAxis(64, 1)),
        ("embeddings", "Embedding", (1000, 64), FilterAxis(64, 1)),
        ("recurrent_kernel", "LSTM", (32, 128), FilterAxis(128, 1)),
        ("kernel", "EinsumDense", (64, 8, 16), FilterAxis(128, 1)),
        ("bias", "EinsumDense", (8, 16), FilterAxis(128, 1)),
        ("kernel", "MultiHeadAttention", (64, 8, 16), FilterAxis(128, 1)),
        ("momentum", "Unknown", (3, 3, 16, 32), FilterAxis(32, 1)),
    ],
)
def test_output_channels_of_keras_layouts(
    role: str, kind: str, shape: tuple[int, ...], want: FilterAxis
) -> None:
    assert filter_axis(role, kind, shape) == want


def test_scalars_empty_tensors_and_hostile_widths_have_no_filters() -> None:
    assert filter_axis("iteration", "Adam", ()) is None
    assert filter_axis("kernel", "Dense", (4, 0)) is None
    assert filter_axis("kernel", "Dense", (1, FILTERS_MAX + 1)) is None


def test_index_formula_matches_the_axis() -> None:
    shape = (2, 3, 5, 4)
    axis = filter_axis("kernel", "Conv2DTranspose", shape)
    assert axis is not None
    got = (np.arange(np.prod(shape)) // axis.stride) % axis.count
    assert np.array_equal(got.reshape(shape), np.broadcast_to(np.arange(5)[:, None], shape))


@pytest.mark.parametrize(("count", "stride"), [(0, 1), (1, 0), (-3, 1)])
def test_impossible_axes_are_refused(count: int, stride: int) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        FilterAxis(count, stride)
