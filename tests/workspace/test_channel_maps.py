import numpy as np
import pytest

from tb_snapshot_compare.workspace.byte_lru import ByteLru
from tb_snapshot_compare.workspace.channel_maps import as_maps, channel_maps, shrunk


@pytest.mark.parametrize(
    ("shape", "want"),
    [
        ((5, 7, 3), (3, 5, 7)),
        ((4,), (4, 1, 1)),
        ((6, 4), (4, 1, 6)),
        ((2, 5, 7, 3), (3, 10, 7)),
    ],
)
def test_outputs_of_every_rank_become_maps(
    shape: tuple[int, ...], want: tuple[int, int, int]
) -> None:
    output = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    maps = as_maps(output)
    assert maps.shape == want
    np.testing.assert_array_equal(maps[1].ravel(), output[..., 1].ravel())


def test_difference_is_the_distance_of_the_maps() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 5, 4, 3)).astype(np.float32)
    found = channel_maps(a, b)
    want = [np.linalg.norm(b[..., c].astype(np.float64) - a[..., c]) for c in range(3)]
    np.testing.assert_allclose(found.difference, want, rtol=1e-12)
    assert found.by_difference().tolist() == np.argsort(want)[::-1].tolist()


def test_a_map_that_is_not_finite_has_no_difference_and_comes_last() -> None:
    a = np.zeros((2, 2, 3), dtype=np.float32)
    b = a.copy()
    b[0, 0, 0] = np.inf
    b[0, 0, 2] = 1
    found = channel_maps(a, b)
    assert np.isnan(found.difference[0])
    assert found.by_difference().tolist() == [2, 1, 0]


def test_maps_of_different_sizes_have_no_difference() -> None:
    found = channel_maps(np.zeros((2, 2, 3), np.float32), np.zeros((4, 4, 2), np.float32))
    assert found.channels == 2
    assert np.isnan(found.difference).all()


def test_shrinking_averages_by_whole_factors() -> None:
    maps = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
    np.testing.assert_array_equal(shrunk(maps, 2), [[[2.5, 4.5], [10.5, 12.5]]])
    assert shrunk(maps, 4) is maps
    assert shrunk(np.ones((2, 5, 3), np.float32), 2).shape == (2, 2, 2)


def test_what_was_used_last_is_kept_within_its_bytes() -> None:
    kept: ByteLru[np.ndarray] = ByteLru(20)
    made: list[str] = []

    def make(name: str) -> np.ndarray:
        return kept.get(name, lambda: (made.append(name), np.zeros(8, np.uint8))[1])

    for name in ("x", "y", "x", "z", "x", "y"):
        make(name)
    assert made == ["x", "y", "z", "y"]
