"""Every 16-bit float there is, read by compiled code."""

import ml_dtypes
import numpy as np
import pytest

from tb_snapshot_compare.analysis import half_kernels

CODES = np.arange(1 << 16, dtype=np.uint16)


@pytest.mark.parametrize("of", [half_kernels.of_float16, half_kernels.of_float16_bits])
def test_every_float16_is_read_as_numpy_reads_it_by_the_processor_and_without(of: object) -> None:
    assert callable(of)
    found = np.array([of(code) for code in CODES.view(np.int16)], np.float32)
    assert_same(found, CODES.view(np.float16).astype(np.float32))


@pytest.mark.parametrize(
    ("codes", "dtype"), [(np.int16, np.float16), (np.uint16, ml_dtypes.bfloat16)]
)
def test_blocks_of_them_are_widened(codes: type, dtype: type) -> None:
    values = np.empty(CODES.size, np.float32)
    half_kernels.widen(CODES.view(codes), values)
    with np.errstate(invalid="ignore"):
        assert_same(values, CODES.view(dtype).astype(np.float32))


def assert_same(found: np.ndarray, wanted: np.ndarray) -> None:
    """Bit for bit, but for what a NaN carries."""
    nan = np.isnan(wanted)
    np.testing.assert_array_equal(np.isnan(found), nan)
    np.testing.assert_array_equal(found[~nan].view(np.uint32), wanted[~nan].view(np.uint32))
