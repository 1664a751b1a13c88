"""The TensorFlow operations that a SavedModel's graph may be made of: an allow-list.

Every one is a pure function of its inputs: it reads and writes no file, socket, variable, table,
queue or random state, calls nothing outside TensorFlow and is defined in TensorFlow itself.
Taken from the operation definitions of TensorFlow 2.21 (`core/ops/*_ops.cc`). Usable without
TensorFlow.
"""

from typing import Literal

_ELEMENTWISE = """
    Abs Acos Acosh Add AddN AddV2 Asin Asinh Atan Atan2 Atanh BiasAdd BitwiseAnd BitwiseOr
    BitwiseXor Cast Ceil ClipByValue Cos Cosh Digamma Div DivNoNan Elu Equal Erf Erfc Erfinv Exp
    Expm1 FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel Floor
    FloorDiv FloorMod Greater GreaterEqual Inv Invert IsFinite IsInf IsNan LeakyRelu LeftShift
    Less LessEqual Lgamma Log Log1p LogSoftmax LogicalAnd LogicalNot LogicalOr Maximum Minimum Mod
    Mul MulNoNan Ndtri Neg NextAfter NotEqual Pow RealDiv Reciprocal Relu Relu6 RightShift Rint
    Round Rsqrt Select SelectV2 Selu Sigmoid Sign Sin Sinh Softmax Softplus Softsign Sqrt Square
    SquaredDifference Sub Tan Tanh TruncateDiv TruncateMod Xdivy Xlog1py Xlogy Zeta
"""
_LINEAR = """
    AvgPool AvgPool3D BatchMatMul BatchMatMulV2 BatchMatMulV3 Conv2D Conv2DBackpropInput Conv3D
    Conv3DBackpropInputV2 Cross DepthwiseConv2dNative DepthwiseConv2dNativeBackpropInput Dilation2D
    Einsum FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 L2Loss LRN MatMul MaxPool MaxPool3D
    MaxPoolV2 MaxPoolWithArgmax
"""
_REDUCING = """
    All Any ArgMax ArgMin Bincount Bucketize Cumprod Cumsum CumulativeLogsumexp DenseBincount
    EuclideanNorm InTopKV2 Max Mean Min Prod SegmentMax SegmentMean SegmentMin SegmentProd
    SegmentSum Sum TopKV2 Unique UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentProd
    UnsortedSegmentSum
"""
_ARRANGING = """
    BatchToSpace BatchToSpaceND BroadcastArgs BroadcastTo CheckNumerics Concat ConcatV2 Const
    DepthToSpace Diag DiagPart EnsureShape ExpandDims ExtractImagePatches Fill Gather GatherNd
    GatherV2 Identity IdentityN InvertPermutation LinSpace MatrixBandPart MatrixDiag MatrixDiagPart
    MatrixDiagPartV2 MatrixDiagPartV3 MatrixDiagV2 MatrixDiagV3 MatrixSetDiag MatrixSetDiagV2
    MatrixSetDiagV3 MirrorPad OneHot OnesLike Pack Pad PadV2 PlaceholderWithDefault
    PreventGradient Range Rank Reshape ReverseSequence ReverseV2 Roll ScatterNd Shape ShapeN Size
    Slice Snapshot SpaceToBatch SpaceToBatchND SpaceToDepth Split SplitV Squeeze StopGradient
    StridedSlice TensorScatterAdd TensorScatterMax TensorScatterMin TensorScatterSub
    TensorScatterUpdate Tile Transpose Unpack UnravelIndex Where ZerosLike
"""
_IMAGES = """
    AdjustContrastv2 AdjustHue AdjustSaturation CropAndResize HSVToRGB ImageProjectiveTransformV2
    ImageProjectiveTransformV3 RGBToHSV ResizeArea ResizeBicubic ResizeBilinear
    ResizeNearestNeighbor ScaleAndTranslate
"""
_LISTS = """
    EmptyTensorList TensorListConcatV2 TensorListElementShape TensorListFromTensor TensorListGather
    TensorListGetItem TensorListLength TensorListPopBack TensorListPushBack TensorListReserve
    TensorListResize TensorListSetItem TensorListSplit TensorListStack
"""

LISTS = frozenset(_LISTS.split())
"""Lists of tensors, which recurrent layers collect their steps in; values, not references."""

PURE = LISTS | frozenset(" ".join((_ELEMENTWISE, _LINEAR, _REDUCING, _ARRANGING, _IMAGES)).split())

CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})

CONTROL_FLOW = {
    "Case": "StatelessCase",
    "If": "StatelessIf",
    "StatelessCase": "StatelessCase",
    "StatelessIf": "StatelessIf",
    "StatelessWhile": "StatelessWhile",
    "While": "StatelessWhile",
}
"""Each with what it is imported as: all that their functions may hold is pure."""

FUNCTION_ATTRIBUTES = {
    "PartitionedCall": ("f",),
    "StatefulPartitionedCall": ("f",),
    "Case": ("branches",),
    "StatelessCase": ("branches",),
    "If": ("then_branch", "else_branch"),
    "StatelessIf": ("then_branch", "else_branch"),
    "While": ("cond", "body"),
    "StatelessWhile": ("cond", "body"),
}

VARIABLES = frozenset({"VarHandleOp", "ReadVariableOp"})
"""Never imported: a variable's value is fed instead."""

DROPPED = frozenset({"NoOp", "Assert"})
"""May be there and is never imported: nothing but the order of others depends on it."""

ALLOWED = PURE | CALLS | CONTROL_FLOW.keys() | VARIABLES | DROPPED

OUTPUTS = {
    "FusedBatchNorm": ("y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2"),
    "FusedBatchNormV2": ("y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2"),
    "FusedBatchNormV3": (
        "y",
        "batch_mean",
        "batch_variance",
        "reserve_space_1",
        "reserve_space_2",
        "reserve_space_3",
    ),
    "MaxPoolWithArgmax": ("output", "argmax"),
    "TensorListConcatV2": ("tensor", "lengths"),
    "TensorListPopBack": ("output_handle", "tensor"),
    "TopKV2": ("values", "indices"),
    "Unique": ("y", "idx"),
}
"""The outputs of those that have several of different names, each a single tensor."""

SizeRule = Literal["product", "largest", "range"]

SIZED_BY: dict[str, tuple[SizeRule, tuple[int, ...]]] = {
    "Bincount": ("product", (1,)),
    "BroadcastTo": ("product", (1,)),
    "Conv2DBackpropInput": ("product", (0,)),
    "Conv3DBackpropInputV2": ("product", (0,)),
    "CropAndResize": ("product", (3,)),
    "DenseBincount": ("product", (1,)),
    "DepthwiseConv2dNativeBackpropInput": ("product", (0,)),
    "Fill": ("product", (0,)),
    "LinSpace": ("product", (2,)),
    "MatrixDiagV2": ("product", (2, 3)),
    "MatrixDiagV3": ("product", (2, 3)),
    "MirrorPad": ("largest", (1,)),
    "OneHot": ("product", (1,)),
    "Pad": ("largest", (1,)),
    "PadV2": ("largest", (1,)),
    "Range": ("range", (0, 1, 2)),
    "ResizeArea": ("product", (1,)),
    "ResizeBicubic": ("product", (1,)),
    "ResizeBilinear": ("product", (1,)),
    "ResizeNearestNeighbor": ("product", (1,)),
    "ScaleAndTranslate": ("product", (1,)),
    "ScatterNd": ("product", (2,)),
    "TensorListReserve": ("product", (1,)),
    "TensorListResize": ("product", (1,)),
    "Tile": ("product", (1,)),
    "UnsortedSegmentMax": ("product", (2,)),
    "UnsortedSegmentMin": ("product", (2,)),
    "UnsortedSegmentProd": ("product", (2,)),
    "UnsortedSegmentSum": ("product", (2,)),
}
"""The inputs whose values are the size of the output."""
