"""The Keras classes a network may be made of: all built in, all pure functions of their input.

Left out on purpose are Lambda; text, lookup and hashing layers (they read vocabularies from
files); layers that call a library or another model (TorchModuleWrapper, TFSMLayer, FlaxLayer,
JaxLayer); operations that take functions (Map, Scan, Cond, WhileLoop, ...) or make arrays from
nothing (Arange, Full, Linspace, ...). Read from Keras 3.15.
"""

_RANKS = ("1D", "2D", "3D")


def _of_every_rank(*stems: str) -> frozenset[str]:
    return frozenset(stem.format(rank) for stem in stems for rank in _RANKS)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


MODELS = {"Functional": "Functional", "Model": "Functional", "Sequential": "Sequential"}
"""Model classes as written, and the one that they are rebuilt as."""

CELLS = frozenset({"GRUCell", "LSTMCell", "SimpleRNNCell", "StackedRNNCells"})

LAYERS = (
    CELLS
    | _of_every_rank(
        "AdaptiveAveragePooling{}",
        "AdaptiveMaxPooling{}",
        "AveragePooling{}",
        "Conv{}",
        "Conv{}Transpose",
        "ConvLSTM{}",
        "Cropping{}",
        "GlobalAveragePooling{}",
        "GlobalMaxPooling{}",
        "MaxPooling{}",
        "SpatialDropout{}",
        "UpSampling{}",
        "ZeroPadding{}",
    )
    | {
        "Activation",
        "ActivityRegularization",
        "Add",
        "AdditiveAttention",
        "AlphaDropout",
        "Attention",
        "Average",
        "BatchNormalization",
        "Bidirectional",
        "CategoryEncoding",
        "CenterCrop",
        "Concatenate",
        "Dense",
        "DepthwiseConv1D",
        "DepthwiseConv2D",
        "Discretization",
        "Dot",
        "Dropout",
        "ELU",
        "EinsumDense",
        "Embedding",
        "Flatten",
        "GRU",
        "GaussianDropout",
        "GaussianNoise",
        "GroupNormalization",
        "GroupQueryAttention",
        "Identity",
        "InputLayer",
        "LSTM",
        "LayerNormalization",
        "LeakyReLU",
        "Masking",
        "Maximum",
        "Minimum",
        "MultiHeadAttention",
        "Multiply",
        "Normalization",
        "PReLU",
        "Permute",
        "RMSNormalization",
        "RNN",
        "RandomBrightness",
        "RandomColorDegeneration",
        "RandomColorJitter",
        "RandomContrast",
        "RandomCrop",
        "RandomErasing",
        "RandomFlip",
        "RandomGaussianBlur",
        "RandomGrayscale",
        "RandomHue",
        "RandomInvert",
        "RandomPerspective",
        "RandomPosterization",
        "RandomRotation",
        "RandomSaturation",
        "RandomSharpness",
        "RandomShear",
        "RandomTranslation",
        "RandomZoom",
        "ReLU",
        "RepeatVector",
        "Rescaling",
        "Reshape",
        "Resizing",
        "ReversibleEmbedding",
        "SeparableConv1D",
        "SeparableConv2D",
        "SimpleRNN",
        "Softmax",
        "SpectralNormalization",
        "Subtract",
        "TimeDistributed",
        "UnitNormalization",
    }
)
LAYER_MODULES = ("keras.layers", "keras.src.layers", "tensorflow.keras.layers", "tf_keras.layers")
LEGACY_LAYER_MODULES = ("keras.engine", "tensorflow.python.keras", "keras.src.engine")
MODEL_MODULES = ("keras", "keras.models", "keras.src.models", "keras.engine", "keras.src.engine")

APPLICATION_LAYERS = {
    "CustomScaleLayer": "keras.src.applications.inception_resnet_v2",
    "LayerScale": "keras.src.applications.convnext",
}
"""Layers that models of keras.applications bring along, by the module that they come from."""

OPERATIONS = {
    "keras.src.ops.numpy": _names(
        "Abs Absolute Add All Amax Amin Any Append Arccos Arccosh Arcsin Arcsinh Arctan Arctan2 "
        "Arctanh Argmax Argmin Argsort Average BroadcastTo Cbrt Ceil Clip Concatenate Copy Cos "
        "Cosh CountNonzero Cross Cumprod Cumsum Deg2rad Diagonal Diff Divide DivideNoNan Dot "
        "Einsum Equal Exp Exp2 ExpandDims Expm1 Flip Floor FloorDivide FullLike GetItem Greater "
        "GreaterEqual Hstack Hypot Inner Isclose Isfinite Isinf Isnan Less LessEqual Log Log10 "
        "Log1p Log2 Logaddexp LogicalAnd LogicalNot LogicalOr LogicalXor Matmul Max Maximum Mean "
        "Median Min Minimum Mod Moveaxis Multiply NanToNum Negative NotEqual OnesLike Outer Pad "
        "Power Prod "
        "Rad2deg Ravel Reciprocal Repeat Reshape Roll Rot90 Round Sign Sin Sinc Sinh Sort Split "
        "Sqrt Square Squeeze Stack Std Subtract Sum Swapaxes Take TakeAlongAxis Tan Tanh Tensordot "
        "Tile Transpose Tril Triu TrueDivide Trunc Var Vdot Vstack Where ZerosLike"
    ),
    "keras.src.ops.nn": _names(
        "AdaptiveAveragePool AdaptiveMaxPool AveragePool BatchNorm Celu Conv ConvTranspose "
        "DepthToSpace DepthwiseConv DotProductAttention Elu Fold Gelu Glu HardShrink HardSigmoid "
        "HardSilu HardTanh LayerNorm LeakyRelu LogSigmoid LogSoftmax MaxPool Moments Normalize "
        "OneHot RMSNorm Relu Relu6 Selu SeparableConv Sigmoid Silu SoftShrink Softmax Softplus "
        "Softsign SpaceToDepth Sparsemax SparsePlus SparseSigmoid Squareplus TanhShrink Threshold "
        "Unfold"
    ),
    "keras.src.ops.math": _names("Erf Erfc Logsumexp Rsqrt TopK"),
    "keras.src.ops.core": _names("Cast SaturateCast Slice SliceUpdate StopGradient Unstack"),
    "keras.src.ops.image": _names(
        "CropImages ExtractPatches GaussianBlur HSVToRGB PadImages RGBToGrayscale RGBToHSV Resize "
        "SobelEdges"
    ),
    "keras.src.ops.linalg": frozenset({"Norm"}),
}

ACTIVATIONS = _names(
    "celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh "
    "leaky_relu linear log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink "
    "softmax softplus softsign sparse_plus sparse_sigmoid sparsemax squareplus swish tanh "
    "tanh_shrink threshold"
)
ACTIVATION_MODULES = (None, "builtins", "keras.activations", "keras.src.activations.activations")

POLICIES = frozenset(
    {"bfloat16", "float16", "float32", "float64", "mixed_bfloat16", "mixed_float16"}
)
VALUE_TYPES = frozenset(
    {"bfloat16", "bool", "float16", "float32", "float64", "int16", "int32", "int64", "int8"}
    | {"uint16", "uint32", "uint64", "uint8"}
)
