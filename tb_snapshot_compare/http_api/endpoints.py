"""Every route of the comparison: parameters and answers, for the OpenAPI document."""

from dataclasses import dataclass
from typing import Any

from tb_snapshot_compare.http_api import contract
from tb_snapshot_compare.limits import BINS_MAX, LEVELS_MAX

TEXT = {"type": "string"}
PAIR = {
    "a": ("id of the first snapshot", TEXT),
    "ga": ("its generation", TEXT),
    "b": ("id of the second snapshot", TEXT),
    "gb": ("its generation", TEXT),
}

COMPARISON_FORMS = ("json", "columns")
_FORM = (
    "`columns` answers with a file in the safetensors layout: `layers` and `tensors` are float64 "
    "arrays of measures x things, NaN where undefined; the metadata's `comparison` is a JSON text "
    "with a list for each other field, or its different values and which of them each thing has"
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A route: its parameters by name, as (description, schema), and what it answers.

    `answer` None stands for arrays in the safetensors layout. `queued` routes may answer
    202 with a Job.
    """

    path: str
    summary: str
    answer: type[contract.Struct] | None
    required: dict[str, tuple[str, dict[str, Any]]]
    optional: dict[str, tuple[str, dict[str, Any]]]
    queued: bool = False
    body: type[contract.Struct] | None = None


def whole(low: int, high: int) -> dict[str, Any]:
    """The schema of a whole number."""
    return {"type": "integer", "minimum": low, "maximum": high}


ENDPOINTS = (
    Endpoint("/snapshots", "Every snapshot, by run.", contract.Listing, {}, {}),
    Endpoint("/changes", "Whether the listing has changed.", contract.Changes, {}, {}),
    Endpoint("/scan", "Look for snapshots now.", contract.Accepted, {}, {}, body=contract.Empty),
    Endpoint(
        "/curves",
        "The scalar curves of a run.",
        contract.Curves,
        {"run": ("name of a run", TEXT)},
        {},
    ),
    Endpoint(
        "/comparison",
        "The differences a -> b of the model, its layers and its tensors.",
        contract.Comparison,
        PAIR,
        {"form": (_FORM, {"enum": list(COMPARISON_FORMS)})},
        queued=True,
    ),
    Endpoint(
        "/architecture",
        "The layers of both snapshots as one graph.",
        contract.Architecture,
        PAIR,
        {},
        queued=True,
    ),
    Endpoint(
        "/filters",
        "The measures of every output filter of a layer's largest tensor: one vector of float64 "
        "for each measure, NaN where it is undefined.",
        None,
        {**PAIR, "layer": ("full path of a layer", TEXT)},
        {},
        queued=True,
    ),
    Endpoint(
        "/distribution",
        "The difference distribution of a layer, a tensor or the whole model.",
        contract.Distribution,
        PAIR,
        {
            "layer": ("full path of a layer; the whole model when absent", TEXT),
            "tensor": ("canonical name of a tensor; all of the layer when absent", TEXT),
            "bins": ("bins of the signed change", whole(2, BINS_MAX)),
            "levels": ("levels of the relative change", whole(1, LEVELS_MAX)),
        },
        queued=True,
    ),
    Endpoint(
        "/cancel",
        "Stop a job unless somebody else waits for it.",
        contract.Accepted,
        {},
        {},
        body=contract.Cancel,
    ),
)
