"""SavedModels: one view of the weights, and names from `saved_model.pb` where needed."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.readers import TensorReader, open_contents
from tb_snapshot_compare.readers.bundle_index import parse_bundle_index
from tb_snapshot_compare.readers.object_graph import OBJECT_GRAPH_KEY
from tb_snapshot_compare.snapshot import Format
from tests.hostile.bundle_writer import BundleWriter


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="fc")])


def test_export_shows_every_weight_once(tmp_path: Path, model: keras.Model) -> None:
    model.export(str(tmp_path / "m"), verbose=False)
    contents = open_contents(str(tmp_path / "m"))
    assert contents.format is Format.SAVED_MODEL
    assert [tensor.name for tensor in contents.tensors if tensor.scope == "weights"] == [
        "fc/kernel",
        "fc/bias",
    ]
    assert len(contents.generation.stamps) == 3
    with TensorReader(contents.generation) as reader:
        assert np.array_equal(
            reader.read_array(contents.tensors[0]), model.layers[0].kernel.numpy()
        )


def test_file_inside_means_the_directory(tmp_path: Path, model: keras.Model) -> None:
    model.export(str(tmp_path / "m"), verbose=False)
    inside = open_contents(str(tmp_path / "m" / "saved_model.pb"))
    assert inside == open_contents(str(tmp_path / "m"))


def test_names_come_from_the_saved_object_graph_where_the_checkpoint_has_none(
    tmp_path: Path, model: keras.Model
) -> None:
    from tensorflow.core.protobuf import trackable_object_graph_pb2

    tf.saved_model.save(model, str(tmp_path / "m"))
    prefix = tmp_path / "m" / "variables" / "variables"
    checkpoint = tf.train.load_checkpoint(str(prefix))
    graph = trackable_object_graph_pb2.TrackableObjectGraph()
    graph.ParseFromString(checkpoint.get_tensor(OBJECT_GRAPH_KEY))
    for node in graph.nodes:
        for attribute in node.attributes:
            attribute.full_name = ""
    writer = BundleWriter()
    for tensor in parse_bundle_index(Path(f"{prefix}.index").read_bytes()).tensors:
        if tensor.key == OBJECT_GRAPH_KEY:
            writer.add_string(tensor.key, graph.SerializeToString())
        else:
            writer.add(tensor.key, checkpoint.get_tensor(tensor.key))
    writer.write(prefix)
    weights = {t.name for t in open_contents(str(tmp_path / "m")).tensors if t.scope == "weights"}
    assert weights == {"fc/kernel", "fc/bias"}
    for damage in (b"", b"\xff" * 40, (tmp_path / "m" / "saved_model.pb").read_bytes()[:200]):
        (tmp_path / "m" / "saved_model.pb").write_bytes(damage)
        roles = {t.role for t in open_contents(str(tmp_path / "m")).tensors}
        assert {"_kernel", "bias"} <= roles


def test_saved_model_without_variables_says_so(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "saved_model.pb").write_bytes(b"")
    with pytest.raises(UnreadableSnapshotError, match="without variables"):
        open_contents(str(tmp_path / "m"))
