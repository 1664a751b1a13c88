"""SavedModels that try to do more than compute, written by TensorFlow itself.

Each function takes the image and the path of a file that must not come to be (`canary`), and
gives the image back changed.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

Body = Callable[[Any, str], Any]


def write_file(x: Any, canary: str) -> Any:
    tf.io.write_file(canary, "written")
    return x


def read_file(x: Any, canary: str) -> Any:
    return x * tf.cast(tf.strings.length(tf.io.read_file("/etc/passwd")), tf.float32)


def matching_files(x: Any, canary: str) -> Any:
    return x * tf.cast(tf.size(tf.io.matching_files("/etc/*")), tf.float32)


def py_function(x: Any, canary: str) -> Any:
    return tf.py_function(lambda v: Path(canary).write_text("called") and v, [x], tf.float32)


def numpy_function(x: Any, canary: str) -> Any:
    return tf.numpy_function(lambda v: v, [x], tf.float32)


def print_to_file(x: Any, canary: str) -> Any:
    tf.print("printed", output_stream=f"file://{canary}")
    return x


def data_pipeline(x: Any, canary: str) -> Any:
    lines = tf.data.TextLineDataset("/etc/passwd").map(tf.strings.length)
    return x * tf.cast(lines.reduce(0, lambda a, b: a + b), tf.float32)


def cache_to_file(x: Any, canary: str) -> Any:
    numbers = tf.data.Dataset.range(3).cache(canary)
    return x * tf.cast(numbers.reduce(tf.constant(0, tf.int64), lambda a, b: a + b), tf.float32)


def debug_dump(x: Any, canary: str) -> Any:
    return tf.raw_ops.DebugIdentityV2(input=x, debug_urls=[f"file://{canary}"])


def audio_summary(x: Any, canary: str) -> Any:
    writer = tf.raw_ops.SummaryWriter(shared_name="w", container="")
    tf.raw_ops.CreateSummaryFileWriter(
        writer=writer, logdir=canary, max_queue=1, flush_millis=1, filename_suffix="x"
    )
    return x


def save_checkpoint(x: Any, canary: str) -> Any:
    tf.raw_ops.SaveV2(prefix=canary, tensor_names=["x"], shape_and_slices=[""], tensors=[x])
    return x


def restore_checkpoint(x: Any, canary: str) -> Any:
    (value,) = tf.raw_ops.RestoreV2(
        prefix=canary, tensor_names=["x"], shape_and_slices=[""], dtypes=[tf.float32]
    )
    return x + value


def table_from_file(x: Any, canary: str) -> Any:
    table = tf.raw_ops.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64, shared_name="t")
    tf.raw_ops.InitializeTableFromTextFileV2(
        table_handle=table, filename="/etc/passwd", key_index=-2, value_index=-1
    )
    size = tf.raw_ops.LookupTableSizeV2(table_handle=table)
    return x + tf.cast(size, tf.float32)


def queue(x: Any, canary: str) -> Any:
    held = tf.raw_ops.FIFOQueueV2(component_types=[tf.float32], shared_name="q")
    return tf.raw_ops.QueueDequeueV2(handle=held, component_types=[tf.float32])[0] + x


def random_state(x: Any, canary: str) -> Any:
    return x + tf.random.uniform([])


def environment(x: Any, canary: str) -> Any:
    return tf.io.decode_raw(tf.io.serialize_tensor(x), tf.float32)[0] + x


def in_nested_functions(x: Any, canary: str) -> Any:
    @tf.function
    def innermost(y: Any) -> Any:
        return write_file(y, canary)

    @tf.function
    def inner(y: Any) -> Any:
        return innermost(y) + 1.0

    return tf.function(lambda y: inner(y) * 2.0)(x)


def in_a_branch(x: Any, canary: str) -> Any:
    return tf.cond(tf.reduce_sum(x) > 1e9, lambda: x, lambda: write_file(x, canary))


def in_a_case(x: Any, canary: str) -> Any:
    return tf.switch_case(tf.constant(1), [lambda: x, lambda: write_file(x, canary)])


def in_a_loop(x: Any, canary: str) -> Any:
    return tf.while_loop(lambda i, v: i < 2, lambda i, v: (i + 1, write_file(v, canary)), (0, x))[1]


def in_the_condition_of_a_loop(x: Any, canary: str) -> Any:
    def goes_on(i: Any, v: Any) -> Any:
        tf.io.write_file(canary, "written")
        return i < 2

    return tf.while_loop(goes_on, lambda i, v: (i + 1, v), (0, x))[1]


def after_a_control_input(x: Any, canary: str) -> Any:
    written = tf.raw_ops.WriteFile(filename=canary, contents="written")
    with tf.control_dependencies([written]):
        return tf.identity(x)


def in_a_gradient(x: Any, canary: str) -> Any:
    @tf.custom_gradient
    def doubled(v: Any) -> Any:
        def gradient(upstream: Any) -> Any:
            return write_file(upstream, canary)

        return v * 2.0, gradient

    return doubled(x)


def fill_bomb(x: Any, canary: str) -> Any:
    return tf.fill([2**20, 2**20], 1.0)[0, 0] + x


def hidden_fill_bomb(x: Any, canary: str) -> Any:
    return tf.fill(tf.stack([tf.size(x) * 0 + 2**20, 2**20]), 1.0)[0, 0] + x


def range_bomb(x: Any, canary: str) -> Any:
    return tf.reduce_sum(tf.range(0.0, 1e13, 1.0)) + x


def tile_bomb(x: Any, canary: str) -> Any:
    for _ in range(6):
        x = tf.tile(x, [1, 16, 16, 1])
    return x


def resize_bomb(x: Any, canary: str) -> Any:
    return tf.image.resize(x, [2**16, 2**16])


def endless_loop(x: Any, canary: str) -> Any:
    return tf.while_loop(lambda v: v[0, 0, 0, 0] < 1e30, lambda v: (v * 1.0,), (x,))[0]


def growing_loop(x: Any, canary: str) -> Any:
    return tf.while_loop(
        lambda v: tf.size(v) > 0,
        lambda v: (tf.concat([v, v], 0),),
        (x,),
        shape_invariants=(tf.TensorShape((None, 4, 4, 3)),),
    )[0]


REFUSED: dict[Body, str] = {
    write_file: "WriteFile",
    read_file: "ReadFile|StringLength",
    matching_files: "MatchingFiles",
    py_function: "EagerPyFunc",
    numpy_function: "PyFunc",
    print_to_file: "PrintV2|StringFormat",
    data_pipeline: r"\w*Dataset\w*",
    cache_to_file: r"\w*Dataset\w*|DummyMemoryCache",
    debug_dump: "DebugIdentityV2",
    audio_summary: "SummaryWriter|CreateSummaryFileWriter",
    save_checkpoint: "SaveV2",
    restore_checkpoint: "RestoreV2",
    table_from_file: "HashTableV2|InitializeTableFromTextFileV2|LookupTableSizeV2",
    queue: "QueueDequeueV2|FIFOQueueV2",
    random_state: "RandomUniform",
    environment: "DecodeRaw|SerializeTensor",
    in_nested_functions: "WriteFile",
    in_a_branch: "WriteFile",
    in_a_case: "WriteFile",
    in_a_loop: "WriteFile",
    in_the_condition_of_a_loop: "WriteFile",
    after_a_control_input: "WriteFile",
}
"""Each with the operations of which the message names one."""

BOMBS: dict[Body, str] = {
    fill_bomb: "1,099,511,627,776 elements or more at .*Fill",
    hidden_fill_bomb: "took longer than|more memory",
    range_bomb: "9,999,999,827,968 elements or more at .*range",
    tile_bomb: r"\(Tile\) of the network gives",
    resize_bomb: "4,294,967,296 elements or more at .*Resize",
    endless_loop: "took longer than",
}


class Network(tf.Module):
    """A scale, and what the attack does."""

    def __init__(self, body: Body, canary: str) -> None:
        super().__init__()
        self.scale = tf.Variable([1.0, 1.0, 1.0], name="scale")

        @tf.function(input_signature=[tf.TensorSpec((None, 4, 4, 3), tf.float32)])
        def serve(x: Any) -> Any:
            return tf.nn.relu(body(x, canary) * self.scale[0])

        self.serve = serve


def save(body: Body, path: Path, canary: Path) -> str:
    """Writes the SavedModel; the canary that TensorFlow makes on the way is removed."""
    module = Network(body, str(canary))
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=True)
    signatures = {"serving_default": module.serve}
    tf.saved_model.save(module, str(path), signatures=signatures, options=options)
    assert not canary.exists()
    return str(path)


class Labelled(tf.Module):
    """Classes by their line in a vocabulary file, which is saved as an asset."""

    def __init__(self, vocabulary: str) -> None:
        super().__init__()
        self.table = tf.lookup.StaticVocabularyTable(
            tf.lookup.TextFileInitializer(
                vocabulary,
                tf.string,
                tf.lookup.TextFileIndex.WHOLE_LINE,
                tf.int64,
                tf.lookup.TextFileIndex.LINE_NUMBER,
            ),
            num_oov_buckets=1,
        )

    @tf.function(input_signature=[tf.TensorSpec((None, 4, 4, 3), tf.float32)])
    def serve(self, x: Any) -> Any:
        return x * tf.cast(self.table.lookup(tf.constant(["first"])), tf.float32)


def harmless(x: Any, canary: str) -> Any:
    """What a graph may do: branches, loops and functions of pure operations."""
    y = tf.cond(tf.reduce_sum(x) > 0, lambda: x * 2.0, lambda: x)
    y = tf.while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, v + 1.0), (0, y))[1]
    tf.debugging.assert_all_finite(y, "finite")
    return tf.function(lambda v: v * 3.0, jit_compile=False)(y)
