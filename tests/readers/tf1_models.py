"""Graphs and checkpoints of TensorFlow 1, made by TensorFlow itself with its old API."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
_CONFIG = v1.ConfigProto(
    device_count={"CPU": 3}, intra_op_parallelism_threads=2, inter_op_parallelism_threads=2
)


@contextmanager
def session() -> Iterator[Any]:
    """A session on a graph of its own, with three virtual devices."""
    with tf.Graph().as_default(), v1.Session(config=_CONFIG) as opened:
        v1.set_random_seed(3)
        yield opened


def conv(x: Any, filters: int, name: str, words: tuple[str, str] = ("kernel", "bias")) -> Any:
    with v1.variable_scope(name):
        kernel = v1.get_variable(words[0], (3, 3, x.shape[-1], filters))
        bias = v1.get_variable(words[1], (filters,))
        return tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "SAME"), bias))


def batch_norm(x: Any, name: str) -> Any:
    shape = (x.shape[-1],)
    with v1.variable_scope(name):
        gamma = v1.get_variable("gamma", shape, initializer=v1.ones_initializer())
        beta = v1.get_variable("beta", shape, initializer=v1.zeros_initializer())
        mean = v1.get_variable("moving_mean", shape, trainable=False)
        variance = v1.get_variable("moving_variance", shape, trainable=False)
        normal, batch_mean, _ = v1.nn.fused_batch_norm(x, gamma, beta)
        update = v1.assign(mean, 0.9 * mean + 0.1 * batch_mean)
        v1.add_to_collection(v1.GraphKeys.UPDATE_OPS, update)
        v1.add_to_collection(v1.GraphKeys.UPDATE_OPS, v1.assign(variance, 0.9 * variance))
        return normal


def dense(x: Any, units: int, name: str, words: tuple[str, str] = ("kernel", "bias")) -> Any:
    with v1.variable_scope(name):
        kernel = v1.get_variable(words[0], (x.shape[-1], units))
        return tf.matmul(x, kernel) + v1.get_variable(words[1], (units,))


def residual_network(x: Any) -> Any:
    """Two convolutions with a connection around them, a separable one, pooling, two outputs."""
    stem = conv(x, 4, "stem")
    with v1.variable_scope("block1"):
        inner = conv(batch_norm(conv(stem, 4, "conv1"), "bn"), 4, "conv2")
        joined = tf.add(inner, stem, name="add")
    pooled = tf.nn.max_pool2d(joined, 2, 2, "SAME", name="pool")
    with v1.variable_scope("sep"):
        depthwise = v1.get_variable("depthwise_kernel", (3, 3, 4, 2))
        pointwise = v1.get_variable("pointwise_kernel", (1, 1, 8, 6))
        separable = v1.nn.separable_conv2d(pooled, depthwise, pointwise, (1, 1, 1, 1), "SAME")
    flat = tf.reshape(separable, (-1, 4 * 4 * 6), name="flat")
    logits = dense(tf.nn.relu(dense(flat, 8, "fc1")), 3, "logits")
    tf.nn.softmax(logits, name="probabilities")
    return logits


def trained(
    opened: Any, network: Callable[[Any], Any] = residual_network, optimizer: Any = None
) -> None:
    """Builds a training program around a network and takes one step."""
    images = v1.placeholder(tf.float32, (None, 8, 8, 3), name="images")
    labels = v1.placeholder(tf.int32, (None,), name="labels")
    logits = network(images)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    loss = tf.reduce_mean(losses, name="loss")
    loss += 1e-4 * sum(tf.nn.l2_loss(variable) for variable in v1.trainable_variables())
    v1.summary.scalar("loss", loss)
    tf.equal(tf.argmax(logits, 1, output_type=tf.int32), labels, name="correct")
    step = v1.train.get_or_create_global_step()
    optimizer = optimizer or v1.train.AdamOptimizer()
    with tf.control_dependencies(v1.get_collection(v1.GraphKeys.UPDATE_OPS)):
        train = optimizer.minimize(loss, global_step=step)
    opened.run(v1.global_variables_initializer())
    random = np.random.default_rng(1)
    feed = {images: random.normal(size=(5, 8, 8, 3)), labels: [0, 1, 2, 0, 1]}
    opened.run(train, feed)


def saved(opened: Any, folder: Path, **options: Any) -> str:
    """Saves with a Saver and returns the prefix; `model.ckpt-1.meta` is the graph."""
    folder.mkdir(parents=True, exist_ok=True)
    step = v1.train.get_global_step()
    prefix: str = v1.train.Saver(**options).save(opened, str(folder / "model.ckpt"), step)
    return prefix


def text_graph(opened: Any, folder: Path) -> Path:
    """Writes `graph.pbtxt` as an Estimator does."""
    graph = opened.graph.as_graph_def(add_shapes=True)
    return Path(tf.io.write_graph(graph, str(folder), "graph.pbtxt"))
