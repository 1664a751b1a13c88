"""Which snapshots are one network: built twice, exported twice, or exported and saved."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from tb_snapshot_compare.inference.client import Inference
from tb_snapshot_compare.inference.values import Mixture, Replacement, Wanted
from tb_snapshot_compare.workspace.config_forms import computed, structure
from tb_snapshot_compare.workspace.forward import PairNetworks, networks_of, run_mixtures, run_pair
from tb_snapshot_compare.workspace.opening import open_snapshot
from tests.http_api.test_probing import serve, write_images
from tests.http_api.test_routes import Flags, Site

CLASSES = 3
Model = Any


@pytest.fixture(scope="module")
def runner() -> Iterator[Inference]:
    inference = Inference()
    yield inference
    inference.close()


def automatic(units: int = CLASSES) -> Model:
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.Conv2D(4, 3),
            layers.Flatten(),
            layers.Dense(units, activation="softmax"),
        ]
    )


def branched(activation: str = "relu") -> Model:
    given = keras.Input((12, 12, 3))
    x = layers.Conv2D(4, 3, padding="same", activation=activation)(given)
    y = layers.Conv2D(4, 3, padding="same")(x)
    x = layers.Add()([x, y])
    x = keras.Sequential([layers.Conv2D(5, 3), layers.GlobalAveragePooling2D()])(x)
    x = layers.Dense(CLASSES, activation="softmax")(x)
    return keras.Model(given, x)


def named(activation: str = "relu", *, swapped: bool = False) -> Model:
    first, second = ("c2", "c1") if swapped else ("c1", "c2")
    return keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            layers.Conv2D(3, 3, name=first, activation=activation),
            layers.Conv2D(3, 3, name=second),
            layers.GlobalAveragePooling2D(name="mean"),
            layers.Dense(CLASSES, activation="softmax", name="fc"),
        ],
        name="net",
    )


def noise(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(2).random((2, *shape), np.float32)


def predictions(runner: Inference, pair: PairNetworks, images: Any) -> list[Any]:
    return [each.predictions for each in run_pair(runner, pair, (images, images))]


def networks(runner: Inference, a: Path, b: Path) -> PairNetworks:
    return networks_of(open_snapshot(a), open_snapshot(b), None, runner)


def saved(model: Model, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix:
        model.save(path)
    else:
        model.export(str(path), verbose=False)
    return path


@pytest.mark.parametrize("build", [automatic, branched])
def test_a_network_built_twice_is_one(
    build: Callable[[], Model], tmp_path: Path, runner: Inference
) -> None:
    a, b = build(), build()
    pair = networks(
        runner, saved(a, tmp_path / "r1" / "m.keras"), saved(b, tmp_path / "r2" / "m.keras")
    )
    images = noise(*a.input_shape[1:])
    assert pair.same
    found = predictions(runner, pair, images)
    np.testing.assert_allclose(found[0], a.predict(images, verbose=0), atol=1e-5)
    np.testing.assert_allclose(found[1], b.predict(images, verbose=0), atol=1e-5)


def test_names_of_layers_are_no_difference_and_what_they_do_is() -> None:
    first, second, other = branched(), branched(), branched("tanh")
    texts = [model.to_json() for model in (first, second, other)]
    assert computed(texts[0]) != computed(texts[1])
    assert structure(texts[0]) == structure(texts[1])
    assert structure(texts[0]) != structure(texts[2])


def test_precision_is_no_name() -> None:
    single = keras.Sequential([keras.Input((4,)), layers.Dense(2, name="fc")], name="net")
    half = keras.Sequential(
        [keras.Input((4,)), layers.Dense(2, name="fc", dtype="mixed_bfloat16")], name="net"
    )
    assert structure(single.to_json()) != structure(half.to_json())


def test_a_network_built_twice_is_probed_under_the_names_of_the_architecture(
    tmp_path: Path,
) -> None:
    logs = tmp_path / "logs"
    a, b = automatic(), automatic()
    saved(a, logs / "r1" / "m.keras")
    saved(b, logs / "r2" / "m.keras")
    pixels = write_images(tmp_path / "images")
    chosen = type("Chosen", (Flags,), {"snapshot_compare_images": str(tmp_path / "images")})
    site = Site(logs, chosen(logs))
    one, other = (run.snapshots[0] for run in site.listing().runs)
    query = {"a": one.id, "ga": one.generation, "b": other.id, "gb": other.generation}
    (image_set,) = json.loads(site.ask("/images", run="r1").data)["sets"]

    def ask(path: str, **more: Any) -> Any:
        answer = site.ask(path, **query, **more)
        assert answer.status_code == 200, answer.data
        return json.loads(answer.data)

    names = [layer.name for layer in b.layers]
    listed = {layer["name"]: layer for layer in ask("/probe_model")["layers"]}
    assert set(names) <= set(listed)
    assert set(names[:2]) <= {tensor["layer"] for tensor in ask("/comparison")["tensors"]}
    site.ask("/channels", image=image_set["images"][0]["id"], layer=names[1], **query)

    found = ask("/attribution", set=image_set["id"], scale="unit")
    batch = np.stack([pixels[Path(i["name"]).name] for i in image_set["images"]]) / 255.0
    of_a, of_b = (model.predict(batch, verbose=0) for model in (a, b))
    whole = of_b - of_a
    assert {part["name"] for part in found["parts"]} == {names[0], names[1], names[3]}
    for part in found["parts"]:
        place = names.index(part["name"])
        mixed = automatic()
        mixed.set_weights(a.get_weights())
        mixed.layers[place].set_weights(b.layers[place].get_weights())
        outcome = mixed.predict(batch, verbose=0)
        carried = float(((outcome - of_a) * whole).sum() / (whole**2).sum())
        assert part["carried"] == pytest.approx(carried, abs=1e-3)


def test_layers_of_networks_with_other_heads_go_by_the_names_of_the_pair(
    tmp_path: Path, runner: Inference
) -> None:
    a, b = automatic(3), automatic(5)
    pair = networks(
        runner, saved(a, tmp_path / "r1" / "m.keras"), saved(b, tmp_path / "r2" / "m.keras")
    )
    assert not pair.same
    assert "different networks" in pair.difference
    name = b.layers[1].name
    assert name in {layer.name for layer in pair.a.description.layers}
    images = noise(32, 32, 3)
    of_a, of_b = run_pair(runner, pair, (images, images), wanted=[Wanted(name)])
    for model, result in ((a, of_a), (b, of_b)):
        inner = keras.Model(model.inputs, model.layers[1].output)
        np.testing.assert_allclose(
            result.layers[0], inner.predict(images, verbose=0), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("change", [{"activation": "tanh"}, {"swapped": True}])
def test_saved_models_that_compute_differently_run_through_their_own_graphs(
    change: dict[str, Any], tmp_path: Path, runner: Inference
) -> None:
    a, b = named(), named(**change)
    b.set_weights(a.get_weights())
    pair = networks(runner, saved(a, tmp_path / "export-1"), saved(b, tmp_path / "export-2"))
    assert not pair.same
    images = noise(12, 12, 3)
    found = predictions(runner, pair, images)
    np.testing.assert_allclose(found[0], a.predict(images, verbose=0), atol=1e-5)
    np.testing.assert_allclose(found[1], b.predict(images, verbose=0), atol=1e-5)


def test_two_exports_of_one_network_share_its_graph(tmp_path: Path, runner: Inference) -> None:
    model = named()
    first = saved(model, tmp_path / "export-1")
    model.set_weights([weight + 0.1 for weight in model.get_weights()])
    assert networks(runner, first, saved(model, tmp_path / "export-2")).same


def test_a_saved_model_runs_through_the_configuration_that_it_was_exported_of(
    tmp_path: Path, runner: Inference
) -> None:
    a, b = named(), named()
    pair = networks(runner, saved(a, tmp_path / "a.keras"), saved(b, tmp_path / "export"))
    assert pair.same
    assert pair.a.source.kind == "keras"
    images = noise(12, 12, 3)
    np.testing.assert_allclose(
        predictions(runner, pair, images)[1], b.predict(images, verbose=0), atol=1e-5
    )
    (mixed,) = run_mixtures(
        runner, pair, [Mixture("a", (Replacement(("c1/kernel", "c1/bias")),))], images
    )
    a.get_layer("c1").set_weights(b.get_layer("c1").get_weights())
    assert mixed.predictions is not None
    np.testing.assert_allclose(mixed.predictions, a.predict(images, verbose=0), atol=1e-5)


def test_a_saved_model_of_another_network_runs_through_its_own_graph(
    tmp_path: Path, runner: Inference
) -> None:
    a, b = named(), named("tanh")
    pair = networks(runner, saved(a, tmp_path / "a.keras"), saved(b, tmp_path / "export"))
    assert not pair.same
    assert pair.difference.startswith("b is a SavedModel, which runs through its own graph")
    images = noise(12, 12, 3)
    np.testing.assert_allclose(
        predictions(runner, pair, images)[1], b.predict(images, verbose=0), atol=1e-5
    )


def wide(kind: str) -> Model:
    given = keras.Input((32, 32, 3), name="image")
    steps = layers.Reshape((32, 96), name="rows")(given)
    x = {
        "separable": lambda: layers.SeparableConv2D(5, 3, name="layer")(given),
        "conv": lambda: layers.Conv2D(5, 3, name="layer")(given),
        "lstm": lambda: layers.LSTM(5, name="layer")(steps),
        "gru": lambda: layers.GRU(5, name="layer")(steps),
        "attention": lambda: layers.MultiHeadAttention(2, 3, name="layer")(
            layers.Dense(6, name="narrow")(steps), layers.Dense(6, name="other")(steps)
        ),
    }[kind]()
    x = layers.Flatten(name="flat")(x)
    return keras.Model(given, layers.Dense(CLASSES, activation="softmax", name="fc")(x), name="net")


def exchanged(path: str, own: Any, other: Any, channels: int, chosen: list[int]) -> Any:
    """A weight with some output channels of another; whole where it has no output channels."""
    *_, part, role = path.split("/")
    if role == "depthwise_kernel" or part in ("query", "key", "value"):
        return other
    folded = (*own.shape[:-1], -1, channels)
    result = own.copy().reshape(folded)
    result[..., chosen] = other.reshape(folded)[..., chosen]
    return result.reshape(own.shape)


@pytest.mark.parametrize("kind", ["separable", "conv", "lstm", "gru", "attention"])
def test_filters_of_every_kind_of_layer_are_exchanged_by_output_channel(
    kind: str, tmp_path: Path
) -> None:
    logs = tmp_path / "logs"
    a, b = wide(kind), wide(kind)
    saved(a, logs / "epoch-1.keras")
    saved(b, logs / "epoch-2.keras")
    pixels = write_images(tmp_path / "images")
    site, query = serve(logs)
    (image_set,) = json.loads(site.ask("/images", run=".").data)["sets"]
    query |= {"set": image_set["id"], "layer": "layer", "scale": "unit"}
    channels = a.get_layer("layer").output.shape[-1]

    answer = site.ask("/attribution", **query)
    assert answer.status_code == 200, answer.data
    parts = json.loads(answer.data)["parts"]
    assert sorted(index for part in parts for index in part["filters"]) == list(range(channels))
    ranked = kind in ("conv", "lstm", "gru")
    assert all(("changed" in part["name"]) == ranked for part in parts)

    answer = site.ask("/attribution", filters="0,3", **query)
    (carried,) = (p["carried"] for p in json.loads(answer.data)["parts"] if p["filters"] == [0, 3])
    batch = np.stack([pixels[Path(i["name"]).name] for i in image_set["images"]]) / 255.0
    of_a, of_b = (model.predict(batch, verbose=0) for model in (a, b))
    layer, other = a.get_layer("layer"), b.get_layer("layer")
    layer.set_weights(
        [
            exchanged(own.path, own.numpy(), its.numpy(), channels, [0, 3])
            for own, its in zip(layer.weights, other.weights, strict=True)
        ]
    )
    whole = of_b - of_a
    expected = ((a.predict(batch, verbose=0) - of_a) * whole).sum() / (whole**2).sum()
    assert carried == pytest.approx(float(expected), abs=1e-3)

    refused = site.ask("/attribution", filters=f"1,{channels}", **query)
    assert refused.status_code == 400
    assert b"has no filter" in refused.data
