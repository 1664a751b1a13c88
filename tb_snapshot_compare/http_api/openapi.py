"""The HTTP interface as OpenAPI: `python -m tb_snapshot_compare.http_api.openapi FILE`."""

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from tb_snapshot_compare import __version__
from tb_snapshot_compare.http_api import (
    arrays,
    contract,
    contract_kernel,
    contract_matching,
    contract_probing,
    contract_training,
    contract_trend,
)
from tb_snapshot_compare.http_api.endpoints import ENDPOINTS as COMPARING
from tb_snapshot_compare.http_api.endpoints import Endpoint
from tb_snapshot_compare.http_api.endpoints_kernel import ENDPOINTS as KERNEL
from tb_snapshot_compare.http_api.endpoints_matching import ENDPOINTS as MATCHING
from tb_snapshot_compare.http_api.endpoints_probing import ENDPOINTS as PROBING
from tb_snapshot_compare.http_api.endpoints_training import ENDPOINTS as TRAINING
from tb_snapshot_compare.http_api.endpoints_trend import ENDPOINTS as TREND

_REF = "#/components/schemas/{name}"
ENDPOINTS = (*COMPARING, *KERNEL, *MATCHING, *PROBING, *TREND, *TRAINING)
_CONTRACTS = (
    contract,
    contract_kernel,
    contract_matching,
    contract_probing,
    contract_trend,
    contract_training,
)


def document() -> dict[str, Any]:
    """The OpenAPI 3.1 document of the routes and the contract's types."""
    types = [
        value
        for module in _CONTRACTS
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, contract.Struct)
        and value.__module__ == module.__name__
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
