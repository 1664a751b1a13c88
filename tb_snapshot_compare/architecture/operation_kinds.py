"""What kind of layer some operations of TensorFlow make, in Keras's words.

Operations are those of `core/ops/nn_ops.cc`, `math_ops.cc` and `array_ops.cc` of TensorFlow.
"""

import re
from collections.abc import Iterable, Mapping, Set

from tb_snapshot_compare.architecture.values import UNKNOWN

_WITH_WEIGHTS = (
    ("DepthwiseConv2dNative", "DepthwiseConv2D"),
    ("Conv2DBackpropInput", "Conv2DTranspose"),
    ("Conv3DBackpropInputV2", "Conv3DTranspose"),
    ("Conv3D", "Conv3D"),
    ("Conv2D", "Conv2D"),
    ("FusedBatchNorm", "BatchNormalization"),
    ("FusedBatchNormV2", "BatchNormalization"),
    ("FusedBatchNormV3", "BatchNormalization"),
    ("Einsum", "EinsumDense"),
    ("MatMul", "Dense"),
    ("BatchMatMul", "Dense"),
    ("BatchMatMulV2", "Dense"),
    ("BatchMatMulV3", "Dense"),
    ("Gather", "Embedding"),
    ("GatherV2", "Embedding"),
    ("ResourceGather", "Embedding"),
    ("SparseSegmentMean", "Embedding"),
    ("SparseSegmentSum", "Embedding"),
    ("SparseSegmentSqrtN", "Embedding"),
    ("LRN", "LRN"),
)
_WITHOUT_WEIGHTS = (
    ("MaxPool", "MaxPooling2D"),
    ("MaxPoolV2", "MaxPooling2D"),
    ("MaxPool3D", "MaxPooling3D"),
    ("AvgPool", "AveragePooling2D"),
    ("AvgPool3D", "AveragePooling3D"),
    ("ResizeBilinear", "UpSampling2D"),
    ("ResizeNearestNeighbor", "UpSampling2D"),
    ("ResizeBicubic", "UpSampling2D"),
    ("LRN", "LRN"),
    ("Softmax", "Softmax"),
    ("LogSoftmax", "LogSoftmax"),
    ("Relu6", "ReLU"),
    ("Relu", "ReLU"),
    ("LeakyRelu", "LeakyReLU"),
    ("Elu", "ELU"),
    ("Selu", "Activation"),
    ("Sigmoid", "Activation"),
    ("Tanh", "Activation"),
    ("Softplus", "Activation"),
    ("Softsign", "Activation"),
    ("Erf", "Activation"),
    ("Pad", "ZeroPadding2D"),
    ("PadV2", "ZeroPadding2D"),
    ("MirrorPad", "Padding"),
    ("SpaceToDepth", "SpaceToDepth"),
    ("DepthToSpace", "DepthToSpace"),
    ("Transpose", "Permute"),
    ("ConcatV2", "Concatenate"),
    ("Concat", "Concatenate"),
    ("RandomUniform", "Dropout"),
    ("StatelessRandomUniformV2", "Dropout"),
    ("Reshape", "Reshape"),
    ("Einsum", "Einsum"),
    ("BatchMatMulV2", "MatMul"),
    ("BatchMatMulV3", "MatMul"),
    ("MatMul", "MatMul"),
)
_MERGING = (
    ("AddN", "Add"),
    ("AddV2", "Add"),
    ("Add", "Add"),
    ("Mul", "Multiply"),
    ("Sub", "Subtract"),
    ("Maximum", "Maximum"),
    ("Minimum", "Minimum"),
)
_POOLED_AXES = {3: "GlobalAveragePooling1D", 4: "GlobalAveragePooling2D"}
_GATES = {4: "LSTM", 3: "GRU", 1: "SimpleRNN"}
_CELLS = re.compile(r"(?:^|[/_])(lstm|gru|rnn)(?=[/_\d]|$)")
_CELL_KINDS = {"lstm": "LSTM", "gru": "GRU", "rnn": "SimpleRNN"}
_NORMALIZED = frozenset({"gamma", "beta"})

Shapes = Mapping[str, tuple[int, ...]]


def kind_with_weights(name: str, operations: Set[str], shapes: Shapes) -> str:
    """The kind of a layer that has weights.

    Args:
      name: its path.
      operations: the types of its operations.
      shapes: of its tensors, by role.
    """
    if "recurrent_kernel" in shapes and len(shapes["recurrent_kernel"]) == 2:
        units, width = shapes["recurrent_kernel"]
        return _GATES.get(width // max(units, 1), UNKNOWN)
    if "depthwise_kernel" in shapes:
        separable = "pointwise_kernel" in shapes
        return f"{'Separable' if separable else 'Depthwise'}Conv2D"
    if "embeddings" in shapes:
        return "Embedding"
    cells = _CELLS.findall(name.lower())
    if cells and "kernel" in shapes:
        return _CELL_KINDS[cells[-1]]
    if shapes.keys() <= {*_NORMALIZED, "moving_mean", "moving_variance"} and shapes:
        moving = "moving_mean" in shapes or "moving_variance" in shapes
        fused = any(operation.startswith("FusedBatchNorm") for operation in operations)
        return "BatchNormalization" if moving or fused else "LayerNormalization"
    found = _first(_WITH_WEIGHTS, operations)
    if found == "Conv2D" and len(shapes.get("kernel", ())) == 3:
        return "Conv1D"
    if found == "Dense" and len(shapes.get("kernel", ())) > 2:
        return "EinsumDense"
    return found or UNKNOWN


def kind_without_weights(
    operations: Set[str], inputs: int, ranks: tuple[int | None, int | None]
) -> str | None:
    """The kind of some operations without weights; None where they only pass data on.

    Args:
      operations: the types of the operations.
      inputs: how many layers they take data from.
      ranks: of what they take and of what they give, None where unknown.
    """
    before, after = ranks
    if "Mean" in operations and before is not None and after is not None:
        if before > after == 2:
            return _POOLED_AXES.get(before)
        if before == after == 4:
            return "GlobalAveragePooling2D"
    if inputs > 1 and (merged := _first(_MERGING, operations)) is not None:
        return merged
    found = _first(_WITHOUT_WEIGHTS, operations)
    return "Flatten" if found == "Reshape" and after == 2 else found


def _first(table: Iterable[tuple[str, str]], operations: Set[str]) -> str | None:
    return next((kind for operation, kind in table if operation in operations), None)
