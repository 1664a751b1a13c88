"""How much of a file in a store is fetched to compare one of its layers."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tb_snapshot_compare import cli
from tb_snapshot_compare.limits import MIB
from tb_snapshot_compare.storage import remote_file
from tb_snapshot_compare.storage.block_cache import BlockCache
from tests.object_store import ObjectStore, Proxy, connected, object_store, proxy_to

LAYERS = 12
CHOSEN = "conv07"
FORMS = (".keras", ".weights.h5", "-tf", "-export", ".safetensors", ".npz")


def network() -> Any:
    import keras

    image = keras.Input((32, 32, 3))
    x = image
    for number in range(LAYERS):
        x = keras.layers.Conv2D(160, 3, padding="same", name=f"conv{number:02}")(x)
        x = keras.layers.BatchNormalization(name=f"norm{number:02}")(x)
    x = keras.layers.Dense(10, name="head")(keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Model(image, x)
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def save_all(model: Any, folder: Path, stem: str) -> None:
    import numpy as np
    import tensorflow as tf
    from safetensors.numpy import save_file

    arrays = {variable.path: variable.numpy() for variable in model.weights}
    model.save(folder / f"{stem}.keras")
    model.save_weights(folder / f"{stem}.weights.h5")
    tf.train.Checkpoint(model=model, optimizer=model.optimizer).write(str(folder / f"{stem}-tf"))
    model.export(str(folder / f"{stem}-export"), verbose=False)
    save_file(arrays, folder / f"{stem}.safetensors")
    np.savez(folder / f"{stem}.npz", **arrays)


@pytest.fixture(scope="module")
def layer_bytes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Proxy, int, int]]:
    """A proxy before a store of two networks in every format; the bytes of the layer, and all."""
    import keras

    folder = tmp_path_factory.mktemp("networks")
    for stem, seed in (("a", 1), ("b", 2)):
        keras.utils.set_random_seed(seed)
        model = network()
        save_all(model, folder, stem)
    one = sum(4 * variable.value.numpy().size for variable in model.get_layer(CHOSEN).weights)
    with object_store() as store, proxy_to(store.address) as proxy, connected(proxy.address):
        upload(store, folder)
        yield proxy, 2 * one, (folder / "a.keras").stat().st_size


def upload(store: ObjectStore, folder: Path) -> None:
    store.upload(folder, "networks")


@pytest.mark.parametrize("form", FORMS)
def test_a_layer_costs_its_bytes_and_less_than_a_megabyte_more(
    form: str,
    layer_bytes: tuple[Proxy, int, int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    proxy, layer, archive = layer_bytes
    monkeypatch.setattr(remote_file, "CACHE", BlockCache(512 * MIB))
    proxy.reset()
    a, b = (f"s3://models/networks/{stem}{form}" for stem in "ab")
    assert cli.main(["diff", a, b, "--layer", CHOSEN, "--json"]) == 0
    compared = json.loads(capsys.readouterr().out)
    assert compared["coverage"]["elements_compared"] * 4 * 2 == layer
    more = proxy.bytes_out - layer
    with capsys.disabled():
        print(
            f"\n{form}: {proxy.bytes_out:,} bytes in {len(proxy.requests)} answers, "
            f"{layer:,} of the layer and {more:,} more, of archives of {archive:,}"
        )
    assert more <= MIB
