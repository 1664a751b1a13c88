"""Which tensors are one another's, where names alone do not say so."""

from collections.abc import Callable
from itertools import product
from pathlib import Path

import keras
import pytest
from keras import layers

from tb_snapshot_compare import compare, open_snapshot
from tb_snapshot_compare.snapshot import TensorInfo
from tb_snapshot_compare.workspace.matching import pair_architecture
from tb_snapshot_compare.workspace.pairing import pair_tensors
from tests.workspace.networks import automatic, custom, in_code, in_sequence, nested, saved_twice

WEIGHTS = frozenset({"weights"})


def _saved(model: keras.Model, path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    model.save(path)
    return str(path)


def _partners(a: str, b: str) -> dict[str, tuple[str | None, str]]:
    """What is paired with each tensor of b, and by which rule."""
    of_a, of_b = open_snapshot(a), open_snapshot(b)
    pairs = pair_tensors(
        of_a.contents.tensors,
        of_b.contents.tensors,
        pair_architecture(of_a, of_b).layer_of,
        WEIGHTS,
    )
    return {p.b.name: (p.a.name if p.a else None, p.rule) for p in pairs if p.b is not None}


def test_two_copies_of_a_network_with_automatic_names_are_compared_in_full(tmp_path: Path) -> None:
    keras.utils.clear_session()
    a = _saved(automatic(), tmp_path / "a" / "m.keras")
    b = _saved(automatic(), tmp_path / "b" / "m.keras")
    partners = _partners(a, b)
    assert partners["conv2d_2/kernel"] == ("conv2d/kernel", "order")
    assert partners["dense_1/bias"] == ("dense/bias", "order")
    result = compare(open_snapshot(a), open_snapshot(b))
    assert result.coverage.tensors_compared == result.coverage.tensors_total == 6
    assert [layer.name for layer in result.layers] == ["conv2d_2", "conv2d_3", "dense_1"]
    graph = pair_architecture(open_snapshot(a), open_snapshot(b))
    assert set(graph.sides.values()) == {"both"}


def test_nested_models_with_automatic_names_are_aligned_too(tmp_path: Path) -> None:
    def build() -> keras.Model:
        given = keras.Input((4,))
        inner = keras.Sequential([keras.Input((4,)), layers.Dense(4), layers.Dense(4)])
        return keras.Model(given, layers.Dense(2)(inner(given)))

    keras.utils.clear_session()
    a = _saved(build(), tmp_path / "a" / "m.keras")
    b = _saved(build(), tmp_path / "b" / "m.keras")
    architecture = pair_architecture(open_snapshot(a), open_snapshot(b))
    assert set(architecture.sides.values()) == {"both"}
    result = compare(open_snapshot(a), open_snapshot(b))
    assert result.coverage.tensors_compared == result.coverage.tensors_total == 6


def test_a_layer_of_another_shape_is_left_and_the_others_are_compared(tmp_path: Path) -> None:
    keras.utils.clear_session()
    a = _saved(automatic(3), tmp_path / "a" / "m.keras")
    b = _saved(automatic(5), tmp_path / "b" / "m.keras")
    partners = _partners(a, b)
    assert partners["conv2d_3/kernel"][0] == "conv2d_1/kernel"
    assert partners["dense_1/kernel"] == (None, "name")


def test_networks_of_another_depth_are_not_aligned(tmp_path: Path) -> None:
    keras.utils.clear_session()
    a = _saved(automatic(), tmp_path / "a" / "m.keras")
    deeper = keras.Sequential(
        [keras.Input((8, 8, 3)), *(layers.Conv2D(4, 3) for _ in range(3)), layers.Flatten()]
    )
    b = _saved(deeper, tmp_path / "b" / "m.keras")
    assert {partner for partner, _ in _partners(a, b).values()} == {None}


def test_names_that_both_have_are_never_changed(tmp_path: Path) -> None:
    """a has conv2d, conv2d_1 and b conv2d_1, conv2d_2: order would cross what names say."""

    def build(first: int) -> keras.Model:
        names = ["conv2d" if n == 0 else f"conv2d_{n}" for n in (first, first + 1)]
        given = [layers.Conv2D(3, 1, name=name) for name in names]
        return keras.Sequential([keras.Input((8, 8, 3)), *given])

    a = _saved(build(0), tmp_path / "a" / "m.keras")
    b = _saved(build(1), tmp_path / "b" / "m.keras")
    partners = _partners(a, b)
    assert partners["conv2d_1/kernel"] == ("conv2d_1/kernel", "name")
    assert partners["conv2d_2/kernel"] == (None, "name")


def test_layers_that_somebody_named_are_not_taken_for_one_another(tmp_path: Path) -> None:
    def build(name: str) -> keras.Model:
        return keras.Sequential([keras.Input((4,)), layers.Dense(3, name=name)])

    a = _saved(build("block_1"), tmp_path / "a" / "m.keras")
    b = _saved(build("block_2"), tmp_path / "b" / "m.keras")
    assert _partners(a, b)["block_2/kernel"] == (None, "name")


@pytest.mark.parametrize("build", [nested, in_sequence, in_code], ids=lambda build: build.__name__)
def test_any_two_formats_give_the_same_numbers(
    build: Callable[[], keras.Model], tmp_path: Path
) -> None:
    keras.utils.clear_session()
    paths = saved_twice(build, tmp_path)
    reference = compare(*(open_snapshot(path) for path in paths["m.keras"]))
    assert reference.model.l2 is not None
    for one, other in product(paths, paths):
        result = compare(open_snapshot(paths[one][0]), open_snapshot(paths[other][1]))
        assert result.coverage == reference.coverage, (one, other)
        assert result.model.l2 == pytest.approx(reference.model.l2, rel=1e-12), (one, other)


def test_weights_of_a_custom_layer_are_paired_by_shape_where_one_format_has_no_roles(
    tmp_path: Path,
) -> None:
    keras.utils.clear_session()
    paths = saved_twice(custom, tmp_path)
    partners = _partners(paths["m.keras"][0], paths["checkpoint"][1])
    assert partners["s1/factor"] == ("s1/variable_0", "order")
    reference = compare(*(open_snapshot(path) for path in paths["checkpoint"]))
    for one, other in product(("m.keras", "m.weights.h5", "m.h5", "checkpoint"), repeat=2):
        result = compare(open_snapshot(paths[one][0]), open_snapshot(paths[other][1]))
        assert result.model.l2 == pytest.approx(reference.model.l2 or 0, rel=1e-12), (one, other)


def test_what_an_export_cannot_tell_apart_is_listed_and_never_guessed(tmp_path: Path) -> None:
    """An export calls both layers inside `s1` alike, and their shapes are equal."""
    keras.utils.clear_session()
    paths = saved_twice(custom, tmp_path)
    result = compare(open_snapshot(paths["m.keras"][0]), open_snapshot(paths["export"][1]))
    compared = {tensor.name for tensor in result.tensors if tensor.status == "compared"}
    assert compared == {"s1/factor", "s2/factor", "out/kernel", "out/bias"}


def _tensor(name: str, shape: tuple[int, ...]) -> TensorInfo:
    layer, _, role = name.rpartition("/")
    return TensorInfo(name, name, "float32", shape, (), layer, role)


def test_two_candidates_of_one_shape_are_no_pair() -> None:
    a = [_tensor("own/variable_0", (4,)), _tensor("own/variable_1", (4,))]
    b = [_tensor("own/u", (4,)), _tensor("own/v", (4,))]
    layer_of = {tensor.name: "own" for tensor in (*a, *b)}
    pairs = pair_tensors(a, b, layer_of, WEIGHTS)
    assert [pair.status for pair in pairs] == ["only_b", "only_b", "only_a", "only_a"]
