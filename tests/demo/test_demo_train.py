"""The network's size, and what a training leaves behind."""

import zipfile

import keras
import pytest

from demo.layout import FULL, SMALL
from demo.train import build_model, train_demo

NAMES = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]


def test_the_full_network_has_alexnets_parameters():
    """AlexNet without its two groups, 17 outputs, layer normalization for its normalization.

    conv1 11*11*3*96 + 96       =     34,944      norm1 2*96  = 192
    conv2 5*5*96*256 + 256      =    614,656      norm2 2*256 = 512
    conv3 3*3*256*384 + 384     =    885,120
    conv4 3*3*384*384 + 384     =  1,327,488
    conv5 3*3*384*256 + 256     =    884,992
    fc6   6*6*256*4096 + 4096   = 37,752,832
    fc7   4096*4096 + 4096      = 16,781,312
    fc8   4096*17 + 17          =     69,649      sum 58,350,993 + 704

    With 1,000 outputs (fc8 4,097,000) the left column is the well-known 62,378,344.
    """
    assert FULL.parameters(17) == 58_350_993 + 704
    assert FULL.parameters(1000) == 62_378_344 + 704


@pytest.mark.parametrize("layout", [SMALL, FULL], ids=["small", "full"])
def test_keras_builds_as_many_parameters_as_the_layout_says(layout):
    model = build_model(layout, 17)
    assert model.count_params() == layout.parameters(17)
    assert [layer.name for layer in model.layers if layer.name in NAMES] == NAMES


def test_one_epoch_leaves_a_snapshot_the_curves_and_the_configuration(tmp_path):
    history = train_demo(tmp_path, epochs=1, images_per_class=2)
    run = tmp_path / "alexnet"
    assert sorted(history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert [p.name for p in run.glob("*.keras")] == ["epoch-01.keras"]
    with zipfile.ZipFile(run / "epoch-01.keras") as archive:
        assert set(archive.namelist()) == {"config.json", "metadata.json", "model.weights.h5"}
    model = keras.models.load_model(run / "epoch-01.keras")
    assert [layer.name for layer in model.layers if layer.name in NAMES] == NAMES
    for part in ("train", "validation"):
        assert list((run / part).glob("events.out.tfevents.*"))
    events = next((run / "train").glob("events*")).read_bytes()
    assert b"graph_keras_model" in events
    assert b"epoch_accuracy" in events
