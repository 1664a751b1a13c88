"""The matching over HTTP: what the page shows, and what a correction changes."""

import json
from collections.abc import Iterator
from pathlib import Path

import keras
import msgspec
import pytest
from keras import layers
from werkzeug.test import Client

from tb_snapshot_compare.http_api import contract
from tb_snapshot_compare.http_api import contract_matching as wire
from tests.http_api.test_routes import Flags, Site


class Cached(Flags):
    """With a cache directory."""

    def __init__(self, logdir: Path, cache: Path) -> None:
        super().__init__(logdir)
        self.snapshot_compare_cache_dir = str(cache)


def save(path: Path, names: list[str]) -> None:
    parts = [layers.Dense(4, name=name) for name in names]
    keras.Sequential([keras.Input((4,)), *parts, layers.Dense(2, name=f"{names[0]}_end")]).save(
        path
    )


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logs")
    (folder / "run").mkdir()
    save(folder / "run" / "one.keras", ["first", "second"])
    save(folder / "run" / "two.keras", ["upper", "lower"])
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def site(logdir: Path, cache: Path) -> Iterator[Site]:
    return Site(logdir, Cached(logdir, cache))


def matches(site: Site, pair: dict[str, str]) -> wire.Matches:
    answer = site.ask("/matches", **pair)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-cache"
    return msgspec.json.decode(answer.data, type=wire.Matches)


def rules(found: wire.Matches) -> dict[tuple[str, str], str]:
    return {(pair.a, pair.b): pair.rule for pair in found.pairs}


TURNED = [{"a": "first/kernel", "b": "lower/kernel"}, {"a": "second/kernel", "b": "upper/kernel"}]


def test_the_matching_tells_rules_shapes_and_what_is_left(site: Site) -> None:
    pair = site.pair("one", "two")
    found = matches(site, pair)
    assert rules(found)["first/kernel", "upper/kernel"] == "order"
    tensor = next(each for each in found.tensors_a if each.name == "first_end/kernel")
    assert (tensor.shape, tensor.role, tensor.layer) == ([4, 2], "kernel", "upper_end")
    assert (found.corrections, found.saved, found.matches) == ([], True, "")
    answer = site.post("/correct", {**pair, "matches": [{"a": "second/bias", "b": None}]})
    left = msgspec.json.decode(answer.data, type=wire.Matches)
    (only,) = left.unmatched_a
    assert (only.name, only.reason) == ("second/bias", "You left it without a partner.")
    assert "lower/bias" in {each.name for each in left.unmatched_b}


def test_a_correction_changes_every_answer_and_outlasts_the_process(
    site: Site, logdir: Path, cache: Path
) -> None:
    pair = site.pair("one", "two")
    before = site.ask("/comparison", **pair)
    assert "immutable" in before.headers["Cache-Control"]
    corrected = site.post("/correct", {**pair, "matches": TURNED})
    assert corrected.status_code == 200, corrected.text
    found = msgspec.json.decode(corrected.data, type=wire.Matches)
    assert rules(found)["first/kernel", "lower/kernel"] == "user"
    assert found.saved
    token = found.matches
    assert site.listing().matches == token

    after = site.ask("/comparison", **pair, m=token)
    assert "immutable" in after.headers["Cache-Control"]
    assert site.ask("/comparison", **pair).headers["Cache-Control"] == "no-cache"
    one, other = (msgspec.json.decode(x.data, type=contract.Comparison) for x in (before, after))
    assert one.model.l2 != other.model.l2
    by_name = {tensor.name: tensor for tensor in other.tensors}
    assert by_name["lower/kernel"].rule == "user"
    layer = by_name["lower/kernel"].layer or ""
    kernel = site.ask("/kernel", **pair, layer=layer, tensor="lower/kernel", m=token)
    assert kernel.status_code == 200, kernel.text

    again = Site(logdir, Cached(logdir, cache))
    assert rules(matches(again, again.pair("one", "two")))["first/kernel", "lower/kernel"] == "user"
    turned = matches(again, again.pair("two", "one"))
    assert rules(turned)["lower/kernel", "first/kernel"] == "user"

    gone = site.post("/correct", {**pair, "matches": []})
    assert msgspec.json.decode(gone.data, type=wire.Matches).matches == ""
    restored = msgspec.json.decode(site.ask("/comparison", **pair).data, type=contract.Comparison)
    assert restored.model.l2 == one.model.l2


def test_without_a_cache_the_page_is_told_that_nothing_is_saved(logdir: Path) -> None:
    site = Site(logdir)
    pair = site.pair("one", "two")
    answer = site.post("/correct", {**pair, "matches": TURNED})
    found = msgspec.json.decode(answer.data, type=wire.Matches)
    assert not found.saved
    assert rules(matches(site, pair))["second/kernel", "upper/kernel"] == "user"


def test_the_exported_file_is_what_the_command_line_takes(site: Site) -> None:
    answer = site.ask("/match_file", **site.pair("one", "two"))
    assert "matches.json" in answer.headers["Content-Disposition"]
    value = json.loads(answer.data)
    assert value["version"] == 1
    assert {"a": "first/kernel", "b": "upper/kernel"} in value["matches"]


@pytest.mark.parametrize(
    ("wrong", "status", "words"),
    [
        ([{"a": "nine/kernel", "b": "upper/kernel"}], 400, "no tensor 'nine/kernel'"),
        ([{"a": "first/kernel", "b": "nine"}], 400, "no tensor 'nine'"),
        ([{"a": "first/kernel", "b": "upper_end/kernel"}], 400, "not the shapes of one tensor"),
        ([*TURNED, {"a": "first_end/kernel", "b": "lower/kernel"}], 400, "is in two matches"),
        ([{"a": None, "b": None}], 400, "names no tensor"),
        ([{"a": 7, "b": "x"}], 400, "The body is no correction"),
        ("all", 400, "The body is no correction"),
    ],
)
def test_a_correction_that_cannot_be_is_refused_and_changes_nothing(
    wrong: object, status: int, words: str, site: Site
) -> None:
    pair = site.pair("one", "two")
    answer = site.post("/correct", {**pair, "matches": wrong})
    assert (answer.status_code, words in answer.text) == (status, True), answer.text
    assert matches(site, pair).corrections == []


def test_corrections_are_behind_the_guard(site: Site) -> None:
    pair = site.pair("one", "two")
    application = site._applications["/correct"]
    body = {**pair, "matches": []}
    plain = Client(application).post("/correct", json=body, headers={"Host": "localhost"})
    assert plain.status_code == 403
    foreign = Client(application).post("/correct", json=body, headers={"Host": "evil.example"})
    assert foreign.status_code == 403
    stale = site.post("/correct", {**body, "ga": "old"})
    assert stale.status_code == 409
