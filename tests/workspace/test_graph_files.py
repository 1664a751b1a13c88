"""Pairs of checkpoints of TensorFlow 1 and of SavedModels are compared as networks."""

import os
from pathlib import Path

import keras
import pytest

from tb_snapshot_compare.workspace import compare, open_snapshot
from tb_snapshot_compare.workspace.matching import pair_architecture
from tests.readers.tf1_models import saved, session, text_graph, trained, v1


@pytest.fixture
def pair(tmp_path: Path) -> tuple[str, str]:
    """Two checkpoints of one training, the second one without a graph of its own."""
    with session() as opened:
        trained(opened)
        first = saved(opened, tmp_path / "a")
        opened.run([v.assign(v * 1.5) for v in v1.trainable_variables()])
        second = saved(opened, tmp_path / "b")
        text_graph(opened, tmp_path / "text")
    Path(f"{second}.meta").unlink()
    return first, second


def test_the_graph_of_one_serves_both(pair: tuple[str, str]) -> None:
    a, b = map(open_snapshot, pair)
    for first, second in ((a, b), (b, a)):
        found = pair_architecture(first, second)
        assert found.graph.source == "graph"
        assert set(found.sides.values()) == {"both"}
        assert ("block1/conv1", "block1/bn") in {(e.source, e.target) for e in found.graph.edges}
    comparison = compare(a, b)
    assert {layer.name: layer.kind for layer in comparison.layers}["sep"] == "SeparableConv2D"
    kernel = next(t for t in comparison.tensors if t.name == "stem/kernel")
    assert kernel.layer == "stem"
    assert kernel.measures is not None
    assert kernel.measures.relative_l2 == pytest.approx(0.5)


def test_the_meta_file_is_preferred_to_the_text_graph(pair: tuple[str, str]) -> None:
    first, second = pair
    folder = Path(second).parent
    (folder.parent / "text" / "graph.pbtxt").rename(folder / "graph.pbtxt")
    assert "graph.pbtxt" in pair_architecture(*[open_snapshot(second)] * 2).graph.note
    assert ".meta" in pair_architecture(*[open_snapshot(first)] * 2).graph.note


def test_a_graph_that_turns_up_or_changes_is_used(pair: tuple[str, str]) -> None:
    first, second = pair
    b = open_snapshot(second)
    assert pair_architecture(b, b).graph.source == "names"
    content = Path(f"{first}.meta").read_bytes()
    Path(f"{second}.meta").write_bytes(content)
    assert pair_architecture(b, b).graph.source == "graph"
    Path(f"{second}.meta").write_bytes(content[:1000])
    damaged = pair_architecture(b, b).graph
    assert damaged.source == "names"
    assert f"{second}.meta cannot be used" in damaged.note
    os.unlink(f"{second}.meta")
    assert pair_architecture(b, b).graph.source == "names"


def test_saved_model_beside_a_checkpoint_of_the_same_network(tmp_path: Path) -> None:
    import tensorflow as tf

    i = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="conv1")(i)
    x = keras.layers.Add(name="add")([x, keras.layers.Conv2D(4, 3, name="conv2")(i)])
    model = keras.Model(
        i, keras.layers.Dense(2, name="fc")(keras.layers.Flatten(name="flatten")(x))
    )
    model.export(str(tmp_path / "exported"), verbose=False)
    prefix = tf.train.Checkpoint(model).write(str(tmp_path / "ckpt"))
    a, b = open_snapshot(tmp_path / "exported"), open_snapshot(prefix)
    found = pair_architecture(a, b)
    assert found.graph.source == "graph"
    assert set(found.sides.values()) == {"both"}
    edges = {(edge.source, edge.target) for edge in found.graph.edges}
    assert {("conv1", "add"), ("conv2", "add"), ("flatten", "fc")} <= edges
    assert compare(a, b).model.l2 == 0
