"""The routes of the Training page."""

from typing import Any, get_args

from tb_snapshot_compare.http_api import contract_training as training
from tb_snapshot_compare.http_api.endpoints import TEXT, Endpoint, whole
from tb_snapshot_compare.limits import TRAINING_CLUSTERS_MAX, TRAINING_TOP_MAX

_RUN = {"run": ("name of a run", TEXT)}
_LOG = {**_RUN, "v": ("the version of the log, from `training`", TEXT)}
STATISTICS = (
    "l1", "l2", "sum", "mean", "std", "variance", "maximum", "median", "minimum", "q1", "q3",
)  # fmt: skip
MEASURES = (
    "cosine", "euclidean", "manhattan", "relative_l1", "relative_l2", "w_l2", "w_std", "g_l1",
    "g_l2", "g_relative_l1", "g_relative_l2",
)  # fmt: skip
_KIND = ("of what: weights, updates, gradients, moments", {"enum": list(get_args(training.Kind))})
_UNITS = ("paths of units, as a JSON list; all of them when absent", TEXT)
_STEPS = "steps, joined by commas"
_RUN_LENGTH = ("passes that a state lasted before it broke (d); 0 for every change", whole(0, 99))
_STEP = {"type": "integer"}
_ALL_LAYERS = ("1 to consider the first convolution and the last layer too", whole(0, 1))


def _enum(*names: str) -> dict[str, Any]:
    return {"enum": list(names)}


ENDPOINTS = (
    Endpoint(
        "/training", "What is known of the training of a run.", training.Training, _RUN, {}
    ),
    Endpoint(
        "/training_curves",
        "The scalar series of a run, over steps.",
        training.TrainingCurves,
        _RUN,
        {},
    ),
    Endpoint(
        "/training_layers",
        "A statistic of units over time: `values` float32 units x dumps, NaN where unknown. l1 and "
        "l2 are divided by the number of finite values. `quartiles` gives units x dumps x "
        "(minimum, q1, mean, q3, maximum). Statistics are over finite values; where some are not, "
        "`not_finite` float64 units x dumps counts those that are NaN or infinite, and `count` "
        "float64 units x dumps all of them, 0 where nothing was recorded.",
        None,
        {**_LOG, "kind": _KIND, "statistic": ("which", _enum(*STATISTICS, "quartiles"))},
        {"units": _UNITS},
        queued=True,
    ),
    Endpoint(
        "/training_bands",
        "The share of parameters per band of |x/w|: `values` float32 units x dumps x bands, bands "
        "from the smallest ratio up; one more than there are edges. `not_finite` and `count` as of "
        "`training_layers`.",
        None,
        {
            **_LOG,
            "kind": ("update or gradient", _enum("update", "gradient")),
            "edges": ("ascending, joined by commas; each of the recorded ones", TEXT),
        },
        {"units": _UNITS},
        queued=True,
    ),
    Endpoint(
        "/training_filters",
        "A measure of every filter of a layer: `values` float32 filters x dumps, NaN where "
        "unknown.",
        None,
        {**_LOG, "layer": ("path of a layer", TEXT), "measure": ("which", _enum(*MEASURES))},
        {"filters": ("only these, joined by commas", TEXT)},
        queued=True,
    ),
    Endpoint(
        "/training_top",
        "The filters that changed most at every one of some dumps.",
        training.TopFilters,
        {**_LOG, "steps": (_STEPS, TEXT)},
        {
            "count": ("how many at each dump", whole(1, TRAINING_TOP_MAX)),
            "all_layers": _ALL_LAYERS,
        },
        queued=True,
    ),
    Endpoint(
        "/training_classes",
        "Validation by class: `error` float32 classes x passes, NaN where unknown; `left` and "
        "`right` int32 classes x passes, images that broke a state of d + 1 passes, or began one "
        "(at the pass at which it is drawn); `model_error` float32 passes, `model_left`, "
        "`model_right` int32 passes, of all images; `mds` and `peak` int32 classes, two orders; "
        "`cluster` int32 classes, best cluster first; `first_image` int32 classes, the first probe "
        "image of the class that has a picture, -1 where none has one.",
        None,
        _LOG,
        {
            "run_length": _RUN_LENGTH,
            "clusters": ("how many clusters", whole(1, TRAINING_CLUSTERS_MAX)),
        },
        queued=True,
    ),
    Endpoint(
        "/training_images",
        "The images of a class: `image` int32 n, indices of probe images; `predicted` int32 n x "
        "passes, -1 where unknown; `probability` float16 n x passes, of the true class; `order` "
        "int32 n, rows in order of similarity. The metadata's `names` is a JSON list, `left_out` "
        "how many images the class has besides.",
        None,
        {**_LOG, "class": ("index of a class; -1 for images without a label", whole(-1, 10**6))},
        {},
        queued=True,
    ),
    Endpoint(
        "/training_image",
        "The history of a probe image.",
        training.ImageHistory,
        {**_LOG, "image": ("index of a probe image", whole(0, 10**8))},
        {},
        queued=True,
    ),
    Endpoint(
        "/training_thumbnail",
        "A probe image, as a small PNG file.",
        None,
        {
            **_RUN,
            "pictures": ("the version of the log's pictures, from `training`", TEXT),
            "image": ("index of a probe image", whole(0, 10**8)),
        },
        {},
    ),
    Endpoint(
        "/training_correlation",
        "Which filters changed most when which class had an anomaly.",
        training.Correlation,
        {**_LOG, "threshold": ("images that make an anomaly", whole(1, 10**6))},
        {
            "run_length": _RUN_LENGTH,
            "count": ("how many filters are the most changed", whole(1, TRAINING_TOP_MAX)),
            "keep": ("a mini-set is kept from this occurrences x size on", whole(1, 10**6)),
            "all_layers": _ALL_LAYERS,
        },
        queued=True,
    ),
    Endpoint(
        "/training_forensics",
        "What moved first around a step.",
        training.Forensics,
        {**_LOG, "step": ("the step", _STEP)},
        {},
        queued=True,
    ),
)  # fmt: skip
