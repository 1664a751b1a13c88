"""The HTTP interface as OpenAPI: `python -m tb_snapshot_compare.http_api.openapi FILE`."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tb_snapshot_compare import __version__
from tb_snapshot_compare.http_api import arrays, contract
from tb_snapshot_compare.limits import BINS_MAX, LEVELS_MAX

_REF = "#/components/schemas/{name}"
_TEXT = {"type": "string"}
_PAIR = {
    "a": ("id of the first snapshot", _TEXT),
    "ga": ("its generation", _TEXT),
    "b": ("id of the second snapshot", _TEXT),
    "gb": ("its generation", _TEXT),
}


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


def _whole(low: int, high: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": low, "maximum": high}


ENDPOINTS = (
    Endpoint("/snapshots", "Every snapshot, by run.", contract.Listing, {}, {}),
    Endpoint("/changes", "Whether the listing has changed.", contract.Changes, {}, {}),
    Endpoint("/scan", "Look for snapshots now.", contract.Accepted, {}, {}, body=contract.Empty),
    Endpoint(
        "/curves",
        "The scalar curves of a run.",
        contract.Curves,
        {"run": ("name of a run", _TEXT)},
        {},
    ),
    Endpoint(
        "/comparison",
        "The differences a -> b of the model, its layers and its tensors.",
        contract.Comparison,
        _PAIR,
        {},
        queued=True,
    ),
    Endpoint(
        "/architecture",
        "The layers of both snapshots as one graph.",
        contract.Architecture,
        _PAIR,
        {},
        queued=True,
    ),
    Endpoint(
        "/filters",
        "The measures of every output filter of a layer's largest tensor: one vector of float64 "
        "for each measure, NaN where it is undefined.",
        None,
        {**_PAIR, "layer": ("full path of a layer", _TEXT)},
        {},
        queued=True,
    ),
    Endpoint(
        "/distribution",
        "The difference distribution of a layer, a tensor or the whole model.",
        contract.Distribution,
        _PAIR,
        {
            "layer": ("full path of a layer; the whole model when absent", _TEXT),
            "tensor": ("canonical name of a tensor; all of the layer when absent", _TEXT),
            "bins": ("bins of the signed change", _whole(2, BINS_MAX)),
            "levels": ("levels of the relative change", _whole(1, LEVELS_MAX)),
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


def document() -> dict[str, Any]:
    """The OpenAPI 3.1 document of the routes and the contract's types."""
    types = [
        value
        for value in vars(contract).values()
        if isinstance(value, type)
        and issubclass(value, contract.Struct)
        and value is not contract.Struct
    ]
    _, schemas = msgspec.json.schema_components(types, ref_template=_REF)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "tb_snapshot_compare",
            "version": __version__,
            "description": "Paths are relative to data/plugin/snapshot_compare of TensorBoard.",
        },
        "paths": {endpoint.path: _path(endpoint) for endpoint in ENDPOINTS},
        "components": {"schemas": schemas},
    }


def _path(endpoint: Endpoint) -> dict[str, Any]:
    responses = {"200": _answer(endpoint), "default": _json("Why it failed.", contract.ErrorBody)}
    if endpoint.queued:
        responses["202"] = _json("Under way: ask again.", contract.Job)
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "parameters": [
            {
                "name": name,
                "in": "query",
                "required": name in endpoint.required,
                "description": description,
                "schema": schema,
            }
            for name, (description, schema) in {**endpoint.required, **endpoint.optional}.items()
        ],
        "responses": responses,
    }
    if endpoint.body is not None:
        content = {"application/json": {"schema": _reference(endpoint.body)}}
        operation["requestBody"] = {"required": True, "content": content}
    return {"post" if endpoint.body is not None else "get": operation}


def _answer(endpoint: Endpoint) -> dict[str, Any]:
    if endpoint.answer is not None:
        return _json(endpoint.summary, endpoint.answer)
    schema = {"type": "string", "format": "binary"}
    return {"description": endpoint.summary, "content": {arrays.MIMETYPE: {"schema": schema}}}


def _json(description: str, kind: type[contract.Struct]) -> dict[str, Any]:
    content = {"application/json": {"schema": _reference(kind)}}
    return {"description": description, "content": content}


def _reference(kind: type[contract.Struct]) -> dict[str, str]:
    return {"$ref": _REF.format(name=kind.__name__)}


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(document(), indent=2) + "\n", encoding="utf-8")
