"""The performance view's routes over real snapshots and images, beside Keras's own results."""

import json
import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from tb_snapshot_compare.http_api import contract_probing as contract
from tb_snapshot_compare.loader import SnapshotCompareLoader
from tb_snapshot_compare.workspace import Probing
from tests.http_api.test_routes import Flags, Site

EDGE, CLASSES = 32, ("daisy", "iris", "rose")


@dataclass(frozen=True)
class Probed:
    """Two snapshots of one network, as served and as Keras models, and the images of a set."""

    site: Site
    query: dict[str, str]
    a: keras.Model
    b: keras.Model
    images: contract.ImageSet
    pixels: dict[str, np.ndarray[Any, Any]]

    def ask(self, path: str, status: int = 200, **query: Any) -> Any:
        answer = self.site.ask(path, **self.query, **query)
        assert answer.status_code == status, answer.data
        return answer.data if answer.mimetype != "application/json" else json.loads(answer.data)

    def batch(self, *names: str) -> np.ndarray[Any, Any]:
        chosen = names or tuple(image.name for image in self.images.images)
        return np.stack([self.pixels[name] for name in chosen]).astype("float32")

    def id_of(self, name: str) -> str:
        return next(image.id for image in self.images.images if image.name == name)


def network() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((EDGE, EDGE, 3), name="image"),
            keras.layers.Rescaling(1 / 255, name="rescale"),
            keras.layers.Conv2D(6, 3, activation="relu", name="conv1"),
            keras.layers.BatchNormalization(name="norm1"),
            keras.layers.MaxPooling2D(name="pool1"),
            keras.layers.Conv2D(8, 3, activation="relu", name="conv2"),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dense(len(CLASSES), activation="softmax", name="fc"),
        ],
        name="net",
    )


def changed(model: keras.Model, layers: tuple[str, ...]) -> keras.Model:
    """A copy in which only these layers differ."""
    other = keras.models.clone_model(model)
    other.set_weights(model.get_weights())
    rng = np.random.default_rng(5)
    for name in layers:
        layer = other.get_layer(name)
        layer.set_weights([w + 0.3 * rng.random(w.shape) for w in layer.get_weights()])
    return other


def serve(folder: Path, **flags: str) -> tuple[Site, dict[str, str]]:
    images = folder.parent / "images"
    chosen = type("Chosen", (Flags,), {"snapshot_compare_images": str(images), **flags})
    site = Site(folder, chosen(folder))
    a, b = site.listing().runs[0].snapshots
    return site, {"a": a.id, "ga": a.generation, "b": b.id, "gb": b.generation}


def write_images(folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    rng = np.random.default_rng(1)
    pixels = {}
    for number, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for index in range(3):
            picture = rng.integers(0, 200, (EDGE, EDGE, 3)).astype(np.uint8)
            picture[8:24, 8:24, number] += 55
            Image.fromarray(picture).save(folder / name / f"{name}-{index}.png")
            pixels[f"{name}-{index}.png"] = picture
    return pixels


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> Probed:
    folder = tmp_path_factory.mktemp("probing") / "logs"
    folder.mkdir()
    pixels = write_images(folder.parent / "images")
    keras.utils.set_random_seed(3)
    a = network()
    b = changed(a, ("conv1", "norm1", "conv2", "fc"))
    a.save(folder / "epoch-1.keras")
    b.save(folder / "epoch-2.keras")
    site, query = serve(folder)
    sets = json.loads(site.ask("/images", run=".").data)["sets"]
    listed = [contract.ProbeImage(**image) for image in sets[0]["images"]]
    found = contract.ImageSet(**{**sets[0], "images": listed})
    short = {image.name: pixels[Path(image.name).name] for image in listed}
    return Probed(site, query, a, b, found, short)


def test_the_model_is_described(probed: Probed) -> None:
    model = probed.ask("/probe_model")
    assert (model["state"], model["runner"]) == ("ready", "keras")
    assert (model["input_size"], model["classes"]) == ([EDGE, EDGE, 3], 3)
    assert model["probabilities"] == "model"
    assert model["preprocessing"]["in_model"] == ["rescale"]
    assert model["preprocessing"]["scale"] == "none"
    layers = {layer["name"]: layer for layer in model["layers"]}
    assert layers["conv2"]["shape"] == [13, 13, 8]
    assert (layers["conv2"]["input_layer"], layers["conv2"]["input_channels"]) == ("pool1", 6)


def test_predictions_equal_keras(probed: Probed) -> None:
    name = probed.images.images[4].name
    found = probed.ask("/predictions", image=probed.id_of(name))
    np.testing.assert_allclose(
        found["a"], probed.a.predict(probed.batch(name), verbose=0)[0], atol=1e-5
    )
    np.testing.assert_allclose(
        found["b"], probed.b.predict(probed.batch(name), verbose=0)[0], atol=1e-5
    )
    assert found["classes"] == list(CLASSES)
    assert found["label"] == 1
    first = [probed.images.images[index].id for index in (0, 3, 6)]
    assert found["references"] == first


def activation(model: keras.Model, layer: str, images: Any) -> np.ndarray[Any, Any]:
    inner = keras.Model(model.inputs, model.get_layer(layer).output)
    return np.asarray(inner.predict(images, verbose=0))


def test_channel_differences_equal_keras(probed: Probed) -> None:
    name = probed.images.images[0].name
    strip = probed.ask("/channels", image=probed.id_of(name), layer="conv2")
    for side, layer in (("outputs", "conv2"), ("inputs", "pool1")):
        a, b = (activation(model, layer, probed.batch(name))[0] for model in (probed.a, probed.b))
        want = np.linalg.norm((b.astype(float) - a).reshape(-1, a.shape[-1]), axis=0)
        np.testing.assert_allclose(strip[side], want, rtol=1e-4)


def arrays(body: bytes) -> dict[str, np.ndarray[Any, Any]]:
    length = int.from_bytes(body[:8], "little")
    header = json.loads(body[8 : 8 + length])
    kinds = {"F32": "<f4", "F64": "<f8", "I32": "<i4"}
    return {
        name: np.frombuffer(
            body[8 + length + entry["data_offsets"][0] : 8 + length + entry["data_offsets"][1]],
            kinds[entry["dtype"]],
        ).reshape(entry["shape"])
        for name, entry in header.items()
        if name != "__metadata__"
    }


def test_activation_maps_equal_keras_most_different_first(probed: Probed) -> None:
    name = probed.images.images[0].name
    found = arrays(probed.ask("/activation_maps", image=probed.id_of(name), layer="conv1", count=4))
    a = activation(probed.a, "conv1", probed.batch(name))[0]
    assert found["a"].shape == (4, 30, 30)
    assert np.all(np.diff(found["difference"]) <= 0)
    for place, channel in enumerate(found["channels"]):
        np.testing.assert_allclose(found["a"][place], a[..., channel], atol=1e-5)
    small = arrays(
        probed.ask(
            "/activation_maps", image=probed.id_of(name), layer="conv1", channels="2", edge=10
        )
    )
    want = a[..., 2].reshape(10, 3, 10, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(small["a"][0], want, atol=1e-5)


def test_patch_scores_equal_keras_on_the_cut_out_patches(probed: Probed) -> None:
    name = probed.images.images[0].name
    found = probed.ask(
        "/patches", image=probed.id_of(name), layer="conv2", channel=3, way="crop", count=4
    )
    assert found["proposals"] >= len(found["a"]) > 0
    for side, model in (("a", probed.a), ("b", probed.b)):
        scores = [patch["score"] for patch in found[side]]
        assert scores == sorted(scores, reverse=True)
        for patch in found[side]:
            left, top, right, bottom = patch["box"]
            crop = probed.pixels[name][top:bottom, left:right].astype("float32")
            image = keras.ops.image.resize(crop, (EDGE, EDGE), interpolation="bilinear")
            want = activation(model, "conv2", np.asarray(image)[None])[0, ..., 3].max()
            assert patch["score"] == pytest.approx(want, abs=1e-5)


def test_direct_patches_lie_where_the_channel_is_most_active(probed: Probed) -> None:
    name = probed.images.images[0].name
    found = probed.ask(
        "/patches", image=probed.id_of(name), layer="conv1", channel=2, way="field", count=1
    )
    maps = activation(probed.b, "conv1", probed.batch(name))[0, ..., 2]
    row, column = np.unravel_index(np.argmax(maps), maps.shape)
    (patch,) = found["b"]
    assert patch["box"] == [column, row, column + 3, row + 3]
    assert patch["score"] == pytest.approx(maps.max(), abs=1e-5)


def test_the_flow_covers_every_image(probed: Probed) -> None:
    flow = probed.ask("/flow", set=probed.images.id)
    want_a = probed.a.predict(probed.batch(), verbose=0)
    want_b = probed.b.predict(probed.batch(), verbose=0)
    labels = [image.label for image in probed.images.images]
    assert [image["predicted_a"] for image in flow["images"]] == want_a.argmax(1).tolist()
    np.testing.assert_allclose(
        [image["truth_b"] for image in flow["images"]], want_b[range(9), labels], atol=1e-5
    )
    assert flow["labelled"] == 9
    assert flow["accuracy_a"] == pytest.approx(np.mean(want_a.argmax(1) == labels))


def test_attribution_equals_swapping_layers_in_keras(probed: Probed) -> None:
    found = probed.ask("/attribution", set=probed.images.id)
    a, b = (
        model.predict(probed.batch(), verbose=0).astype(float) for model in (probed.a, probed.b)
    )
    assert {part["name"] for part in found["parts"]} == {"conv1", "norm1", "conv2", "fc"}
    for part in found["parts"]:
        mixed = changed(probed.a, ())
        mixed.get_layer(part["name"]).set_weights(probed.b.get_layer(part["name"]).get_weights())
        outcome = mixed.predict(probed.batch(), verbose=0)
        want = np.sum((outcome - a) * (b - a)) / np.sum((b - a) ** 2)
        assert part["carried"] == pytest.approx(want, abs=1e-4)
    assert found["sum"] == pytest.approx(sum(part["carried"] for part in found["parts"]))
    norm = next(part for part in found["parts"] if part["name"] == "norm1")
    assert "norm1/moving_mean" in norm["tensors"]


def test_filter_groups_are_swapped_alone(probed: Probed) -> None:
    found = probed.ask("/attribution", set=probed.images.id, layer="conv2", filters="1,4-5")
    chosen = next(part for part in found["parts"] if part["filters"] == [1, 4, 5])
    mixed = changed(probed.a, ())
    weights = mixed.get_layer("conv2").get_weights()
    for own, others in zip(weights, probed.b.get_layer("conv2").get_weights(), strict=True):
        own[..., [1, 4, 5]] = others[..., [1, 4, 5]]
    mixed.get_layer("conv2").set_weights(weights)
    a, b = (
        model.predict(probed.batch(), verbose=0).astype(float) for model in (probed.a, probed.b)
    )
    outcome = mixed.predict(probed.batch(), verbose=0)
    want = np.sum((outcome - a) * (b - a)) / np.sum((b - a) ** 2)
    assert chosen["carried"] == pytest.approx(want, abs=1e-4)


def test_running_models_can_be_cancelled(probed: Probed, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, ended = threading.Event(), threading.Event()

    def endless(_self: object, *_arguments: object, **options: Any) -> None:
        begun.set()
        try:
            while True:
                options["progress"](1, 2)
                time.sleep(0.05)
        finally:
            ended.set()

    monkeypatch.setattr(Probing, "attribution", endless)
    query = {**probed.query, "set": probed.images.id, "layer": "conv1"}
    job = probed.site.ask_once("/attribution", **query)
    assert job.status_code == 202
    assert begun.wait(10)
    answer = probed.site.post("/cancel", {"job": json.loads(job.data)["id"]})
    assert json.loads(answer.data) == {"ok": True}
    assert ended.wait(10)


def test_where_only_one_layer_differs_it_carries_all(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    write_images(tmp_path / "images")
    keras.utils.set_random_seed(4)
    a = network()
    a.save(folder / "epoch-1.keras")
    changed(a, ("conv2",)).save(folder / "epoch-2.keras")
    site, query = serve(folder)
    sets = json.loads(site.ask("/images", run=".").data)["sets"]
    found = json.loads(site.ask("/attribution", set=sets[0]["id"], **query).data)
    (part,) = found["parts"]
    assert part["name"] == "conv2"
    assert part["carried"] == pytest.approx(1.0, abs=1e-9)
    assert found["sum"] == pytest.approx(1.0, abs=1e-9)


def test_folders_that_are_not_the_classes_of_the_network_are_no_labels(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    write_images(tmp_path / "images")
    shutil.rmtree(tmp_path / "images" / "iris")
    a = network()
    a.save(folder / "epoch-1.keras")
    changed(a, ("fc",)).save(folder / "epoch-2.keras")
    site, query = serve(folder)
    (found,) = json.loads(site.ask("/images", run=".").data)["sets"]
    flow = json.loads(site.ask("/flow", set=found["id"], **query).data)
    assert (flow["labelled"], flow["accuracy_a"]) == (0, None)
    assert "class_names.json" in flow["note"]
    image = found["images"][0]["id"]
    prediction = json.loads(site.ask("/predictions", image=image, **query).data)
    assert (prediction["label"], prediction["classes"]) == (None, ["class 0", "class 1", "class 2"])
    (tmp_path / "images" / "class_names.json").write_text('["daisy", "iris", "rose"]')
    (found,) = json.loads(site.ask("/images", run=".").data)["sets"]
    flow = json.loads(site.ask("/flow", set=found["id"], **query).data)
    assert (flow["labelled"], flow["note"]) == (6, None)
    assert {image["label"] for image in flow["images"]} == {0, 2}


def test_a_network_that_cannot_be_rebuilt_says_why_and_what_to_do(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    write_images(tmp_path / "images")
    for epoch in (1, 2):
        keras.utils.set_random_seed(epoch)
        model = keras.Sequential(
            [
                keras.Input((EDGE, EDGE, 3)),
                keras.layers.Lambda(lambda x: x / 255, name="scale"),
                keras.layers.Conv2D(4, 3, name="conv"),
                keras.layers.GlobalAveragePooling2D(),
            ]
        )
        model.save(folder / f"epoch-{epoch}.keras")
    site, query = serve(folder)
    found = json.loads(site.ask("/probe_model", **query).data)
    assert found["state"] == "unavailable"
    assert "Lambda" in found["reason"]
    assert "--snapshot_compare_model" in found["remedy"]
    sets = json.loads(site.ask("/images", run=".").data)["sets"]
    answer = site.ask("/predictions", image=sets[0]["images"][0]["id"], **query)
    assert answer.status_code == 422
    assert json.loads(answer.data)["error"]["code"] == "model_unavailable"


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/predictions", {"image": "nothing"}, 404),
        ("/channels", {"layer": "nothing"}, 404),
        ("/channels", {}, 400),
        ("/patches", {"layer": "conv1"}, 404),
        ("/patches", {"layer": "conv1", "channel": 6}, 404),
        ("/patches", {"layer": "conv1", "channel": "x"}, 400),
        ("/patches", {"layer": "conv1", "channel": 0, "way": "guess"}, 400),
        ("/patches", {"layer": "conv1", "channel": 0, "count": 51}, 400),
        ("/activation_maps", {"layer": "conv1", "channels": "9"}, 404),
        ("/activation_maps", {"layer": "conv1", "channels": "5-2"}, 400),
        ("/activation_maps", {"layer": "conv1", "edge": 0}, 400),
        ("/activation_maps", {"layer": "conv1", "side": "left"}, 400),
        ("/predictions", {"scale": "double"}, 400),
        ("/predictions", {"mean": "1,nan"}, 400),
        ("/predictions", {"std": "1,0,1"}, 400),
        ("/flow", {"set": "nothing"}, 404),
        ("/attribution", {"layer": "pool1"}, 404),
    ],
)
def test_absurd_parameters_are_refused(
    probed: Probed, path: str, query: dict[str, Any], status: int
) -> None:
    defaults = {"image": probed.images.images[0].id, "set": probed.images.id}
    body = probed.ask(path, status, **{**defaults, **query})
    assert body["error"]["message"]


def test_the_flag_is_declared() -> None:
    import argparse

    parser = argparse.ArgumentParser()
    SnapshotCompareLoader().define_flags(parser)
    assert parser.parse_args(["--snapshot_compare_model", "x:y"]).snapshot_compare_model == "x:y"
