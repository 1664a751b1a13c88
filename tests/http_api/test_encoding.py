"""Answers are encoded once, compressed for who takes that, and not sent again when unchanged."""

import gzip

import msgspec
import numpy as np
import pytest
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from tb_snapshot_compare.analysis import Measures
from tb_snapshot_compare.http_api import contract
from tb_snapshot_compare.http_api.columns import MEASURES, comparison_columns
from tb_snapshot_compare.http_api.encoding import Encodings, encoded
from tb_snapshot_compare.workspace import Comparison
from tb_snapshot_compare.workspace.results import (
    Coverage,
    LayerDifference,
    LeftOut,
    SnapshotSummary,
    TensorDifference,
)

TEXT = b'{"name": "' + b"layer" * 10_000 + b'"}'


def request(**headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(EnvironBuilder(headers=Headers(named)).get_environ())


def test_text_is_compressed_for_a_browser_that_takes_it() -> None:
    answer = encoded(TEXT).respond(request(Accept_Encoding="gzip, br"))
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.data) == TEXT
    assert len(answer.data) < len(TEXT) / 50


def test_text_is_plain_for_others_and_when_short() -> None:
    assert encoded(TEXT).respond(request()).data == TEXT
    assert "Content-Encoding" not in encoded(b"{}").respond(request(Accept_Encoding="gzip")).headers


@pytest.mark.parametrize("accepted", ["gzip", "identity"])
def test_what_the_browser_has_is_not_sent_again(accepted: str) -> None:
    first = encoded(TEXT).respond(request(Accept_Encoding=accepted))
    tag = first.headers["ETag"]
    again = encoded(TEXT).respond(request(Accept_Encoding=accepted, If_None_Match=tag))
    assert (again.status_code, again.data) == (304, b"")
    other = encoded(TEXT + b" ").respond(request(Accept_Encoding=accepted, If_None_Match=tag))
    assert other.status_code == 200


def test_a_result_is_encoded_once_until_there_is_no_room() -> None:
    calls: list[object] = []

    def ask(encodings: Encodings, result: object) -> None:
        def encode() -> bytes:
            calls.append(result)
            return bytes(20_000)

        encodings.of(result, encode, "application/octet-stream")

    roomy, narrow = Encodings(), Encodings(kept_bytes=30_000)
    one, other = [1], [1]
    for result in (one, one, other, one):
        ask(roomy, result)
    assert len(calls) == 2
    for result in (one, other, one):
        ask(narrow, result)
    assert len(calls) == 5


def test_a_thousand_layers_take_a_third_less_in_columns() -> None:
    found, side = comparison(1_000), snapshot()
    columns = comparison_columns(found, side, side, str)
    wire = msgspec.json.encode([msgspec.to_builtins(entry) for entry in found.tensors])
    assert len(columns) < 2 * len(wire) / 3
    length = int.from_bytes(columns[:8], "little")
    header = msgspec.json.decode(columns[8 : 8 + length])
    table = np.frombuffer(columns[8 + length :], "<f8")[: 1_000 * len(MEASURES)]
    text = msgspec.json.decode(header["__metadata__"]["comparison"])
    assert text["tensors"]["role"] == {"values": ["kernel"], "codes": [0] * 1_000}
    l2 = table.reshape(len(MEASURES), 1_000)[text["measures"].index("l2")]
    np.testing.assert_array_equal(l2, [layer.measures.l2 for layer in found.layers])


def comparison(layers: int) -> Comparison:
    values = np.random.default_rng(1).random((layers, len(MEASURES))).tolist()
    measures = [Measures(**dict(zip(MEASURES, row, strict=True))) for row in values]
    names = [f"model/layers/{place}/mlp/up_proj" for place in range(layers)]
    summary = SnapshotSummary("x", "safetensors", 1, None, None, None, 1)  # type: ignore[arg-type]
    return Comparison(
        a=summary,
        b=summary,
        coverage=Coverage(layers, layers, layers, layers),
        left_out=LeftOut(0, 0),
        model=measures[0],
        layers=tuple(
            LayerDifference(name, "Dense", 4, found)
            for name, found in zip(names, measures, strict=True)
        ),
        tensors=tuple(
            TensorDifference(
                name=f"{name}/kernel",
                layer=name,
                role="kernel",
                scope="weights",
                dtype_a="float32",
                dtype_b="float32",
                shape_a=(2, 2),
                shape_b=(2, 2),
                status="compared",
                count=4,
                measures=found,
            )
            for name, found in zip(names, measures, strict=True)
        ),
        filters=(),
    )


def snapshot() -> contract.Snapshot:
    return contract.Snapshot(
        id="a",
        generation="g",
        run="run",
        name="x",
        label="x",
        step=1,
        step_source=None,
        epoch=None,
        epoch_source=None,
        modified=0.0,
        size=1,
        formats=["safetensors"],
        state="ready",
        reason=None,
    )
