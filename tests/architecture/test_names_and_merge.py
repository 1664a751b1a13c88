import itertools
from typing import Any

from tb_snapshot_compare.architecture import (
    Architecture,
    Edge,
    Layer,
    from_keras_config,
    from_names,
    layer_of,
    merge,
)
from tb_snapshot_compare.snapshot import TensorInfo


def _tensors(*paths: str, shape: tuple[int, ...] = (2, 3), scope: Any = "weights") -> list[Any]:
    return [
        TensorInfo(p, p, "float32", shape, (), layer=p.rpartition("/")[0] or None, scope=scope)
        for p in paths
    ]


def _shown(architecture: Architecture) -> list[tuple[str, str | None, bool, int]]:
    return [(la.name, la.parent, la.is_group, la.parameters) for la in architecture.layers]


# --- names alone


def test_names_give_a_hierarchy_in_stored_order_without_edges() -> None:
    architecture = from_names(
        _tensors(
            "encoder/conv2/kernel", "encoder/conv1/kernel", "encoder/conv1/bias", "head/kernel"
        )
    )
    assert _shown(architecture) == [
        ("encoder", None, True, 18),
        ("encoder/conv2", "encoder", False, 6),
        ("encoder/conv1", "encoder", False, 12),
        ("head", None, False, 6),
    ]
    assert (architecture.source, architecture.edges) == ("names", ())
    assert architecture.note == (
        "No configuration was found: layers are listed in stored order; connections are not known."
    )


def test_a_layer_with_tensors_of_its_own_keeps_those_of_its_parts() -> None:
    architecture = from_names(_tensors("mha/query/kernel", "mha/scale", "mha/key/kernel"))
    assert _shown(architecture) == [("mha", None, False, 18)]
    assert layer_of(architecture)["mha/query/kernel"] == "mha"


def test_only_weights_are_layers_and_a_lone_tensor_is_one_too() -> None:
    tensors = [
        *_tensors("optimizer/conv1/momentum", scope="optimizer"),
        *_tensors("counter", scope="state", shape=()),
        *_tensors("temperature", shape=()),
    ]
    assert _shown(from_names(tensors)) == [("temperature", None, False, 1)]


def test_no_tensors_give_no_layers() -> None:
    assert from_names([]).layers == ()


def test_strange_names_make_neither_errors_nor_endless_hierarchies() -> None:
    names = ["/a//b/kernel", "///", "x/" * 5000 + "kernel", "a#2/kernel", "#/k", "a#x/k", ""]
    architecture = from_names(_tensors(*names))
    assert len(layer_of(architecture)) == len(names)
    assert len(architecture.layers) < 100


# --- two architectures


def _chain(*names: str, kind: str = "Dense", **shapes: Any) -> Architecture:
    layers = tuple(
        Layer(name, kind, None, False, shapes.get(name), (f"{name}/kernel",), 5) for name in names
    )
    edges = tuple(Edge(a, b) for a, b in itertools.pairwise(names))
    return Architecture("keras_config", "From a configuration.", layers, edges)


def test_equal_architectures_merge_into_themselves(specimens: Any) -> None:
    specimen = specimens["nested"]
    one = from_keras_config(specimen.config, specimen.tensors, "keras_config")
    merged, sides = merge(one, one)
    assert merged is one
    assert sides == {layer.name: "both" for layer in one.layers}


def test_layers_of_either_side_are_kept_where_they_belong() -> None:
    merged, sides = merge(_chain("in", "old", "mid", "out"), _chain("in", "mid", "new", "out"))
    assert [layer.name for layer in merged.layers] == ["in", "old", "mid", "new", "out"]
    assert sides == {"in": "both", "old": "a", "mid": "both", "new": "b", "out": "both"}
    assert {(e.source, e.target) for e in merged.edges} == {
        ("in", "old"), ("old", "mid"), ("in", "mid"), ("mid", "new"), ("new", "out"),
        ("mid", "out"),
    }  # fmt: skip
    assert "Only a has 1 of the layers." in merged.note
    assert "Only b has 1 of the layers." in merged.note


def test_where_both_have_a_layer_it_is_described_as_in_b() -> None:
    merged, _ = merge(_chain("x", kind="Conv2D", x=(None, 1)), _chain("x", kind="Dense"))
    (layer,) = merged.layers
    assert (layer.kind, layer.output_shape) == ("Dense", (None, 1))


def test_opposite_orders_make_no_cycle() -> None:
    merged, _ = merge(_chain("p", "q", "r"), _chain("r", "q", "p"))
    assert [layer.name for layer in merged.layers] == ["r", "q", "p"]
    assert merged.edges == (Edge("r", "q"), Edge("q", "p"))


def test_a_group_on_one_side_and_a_layer_on_the_other_stay_consistent() -> None:
    grouped = from_names(_tensors("enc/conv/kernel", "out/kernel"))
    flat = _chain("enc", "out")
    for a, b in ((grouped, flat), (flat, grouped)):
        merged, sides = merge(a, b)
        by_name = {layer.name: layer for layer in merged.layers}
        assert set(sides) == set(by_name) == {"enc", "enc/conv", "out"}
        for layer in merged.layers:
            assert layer.parent is None or by_name[layer.parent].is_group
        assert all(not by_name[e.source].is_group for e in merged.edges)
        assert all(not by_name[e.target].is_group for e in merged.edges)


def test_merging_real_networks_keeps_order_and_edges(specimens: Any) -> None:
    one, two = (
        from_keras_config(specimens[name].config, specimens[name].tensors, "keras_config")
        for name in ("nested", "residual")
    )
    merged, sides = merge(one, two)
    rank = {layer.name: number for number, layer in enumerate(merged.layers)}
    assert all(rank[e.source] < rank[e.target] for e in merged.edges)
    assert set(merged.edges) == {*one.edges, *two.edges}
    assert len(merged.layers) == len(sides) == len(rank)


def test_tensors_of_both_sides_are_known(specimens: Any) -> None:
    a = from_names(_tensors("enc/kernel", "enc/old_bias"))
    b = from_names(_tensors("enc/kernel", "enc/new_bias"))
    merged, _ = merge(a, b)
    assert layer_of(merged) == dict.fromkeys(("enc/kernel", "enc/new_bias", "enc/old_bias"), "enc")
