import itertools
from dataclasses import replace
from typing import Any

import pytest

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


def _layer(path: str, layout: Any = "keras", **shapes: tuple[int, ...]) -> Layer:
    tensors = [
        TensorInfo(
            f"{path}/{role}", f"{path}/{role}", "float32", shape, (),
            layer=path, role=role, layout=layout,
        )
        for role, shape in shapes.items()
    ]  # fmt: skip
    return next(layer for layer in from_names(tensors).layers if layer.name == path)


@pytest.mark.parametrize(
    ("path", "layout", "shapes", "kind"),
    [
        ("c", "keras", {"kernel": (3, 3, 4, 8), "bias": (8,)}, "Conv2D"),
        ("c", "keras", {"kernel": (3, 3, 3, 4, 8)}, "Conv3D"),
        ("c", "keras", {"kernel": (3, 3, 8, 1)}, "Unknown"),
        ("c", "torch", {"kernel": (8, 4, 3, 3), "bias": (8,)}, "Conv2D"),
        ("c", "torch", {"kernel": (8, 4, 3)}, "Conv1D"),
        ("upconv", "torch", {"kernel": (8, 4, 3, 3)}, "Unknown"),
        ("mha/query", "keras", {"kernel": (16, 2, 8)}, "Unknown"),
        ("attn/out", "keras", {"kernel": (2, 8, 16), "bias": (16,)}, "Unknown"),
        ("d", "keras", {"kernel": (4, 8), "bias": (8,)}, "Dense"),
        ("d", "torch", {"kernel": (8, 4), "bias": (8,)}, "Dense"),
        ("d", "keras", {"kernel": (4, 8), "bias": (4,)}, "Unknown"),
        ("d", "keras", {"kernel": (8,)}, "Unknown"),
        ("w", "keras", {"depthwise_kernel": (3, 3, 4, 1), "bias": (4,)}, "DepthwiseConv2D"),
        (
            "w",
            "keras",
            {"depthwise_kernel": (3, 3, 4, 1), "pointwise_kernel": (1, 1, 4, 8)},
            "SeparableConv2D",
        ),
        ("n", "torch", {"gamma": (4,), "beta": (4,), "moving_mean": (4,), "moving_variance": (4,)},
         "BatchNormalization"),
        ("n", "keras", {"gamma": (4,), "beta": (4,)}, "LayerNormalization"),
        ("group_normalization_2", "keras", {"gamma": (4,), "beta": (4,)}, "Unknown"),
        ("block/gn1", "torch", {"gamma": (4,), "beta": (4,)}, "Unknown"),
        ("e", "keras", {"embeddings": (50, 8)}, "Embedding"),
        ("r", "keras", {"kernel": (3, 32), "recurrent_kernel": (8, 32), "bias": (32,)}, "LSTM"),
        ("r", "torch", {"kernel": (32, 3), "recurrent_kernel": (32, 8), "bias": (32,)}, "LSTM"),
        ("r", "keras", {"kernel": (3, 24), "recurrent_kernel": (8, 24), "bias": (2, 24)}, "GRU"),
        ("r", "torch", {"kernel": (8, 3), "recurrent_kernel": (8, 8)}, "SimpleRNN"),
        ("r", "torch", {"kernel": (32, 3), "recurrent_kernel": (32, 5)}, "Unknown"),
        ("r", "keras", {"kernel": (3, 0), "recurrent_kernel": (0, 0)}, "Unknown"),
        ("x", "keras", {"kernel": (4, 8), "scale": (8,)}, "Unknown"),
    ],
)  # fmt: skip
def test_weights_suggest_what_a_layer_is_called(
    path: str, layout: str, shapes: dict[str, tuple[int, ...]], kind: str
) -> None:
    layer = _layer(path, layout, **shapes)
    assert (layer.kind, layer.shown_kind) == ("Unknown", kind)


def test_what_decides_the_axis_of_filters_is_known_not_suggested() -> None:
    transposed = _layer("t", "torch", kernel=(8, 4, 3, 3), bias=(4,))
    assert (transposed.kind, transposed.likely) == ("Conv2DTranspose", None)
    assert _layer("w", kernel=(3, 3, 4, 2), bias=(8,)).kind == "DepthwiseConv2D"


def test_a_suggestion_never_replaces_a_configured_class() -> None:
    known = Layer("d", "MyDense", None, False, None, ("d/kernel",), 6)
    guessed = replace(known, kind="Unknown", likely="Dense")
    for one, other in itertools.permutations((known, guessed)):
        merged, _ = merge(*(Architecture("names", "", (layer,), ()) for layer in (one, other)))
        assert merged.layers[0].shown_kind == "MyDense"


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
