"""Match files, the command line that takes them, and corrections that the workspace keeps."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import layers

from tb_snapshot_compare import cli
from tb_snapshot_compare.errors import InvalidRequestError
from tb_snapshot_compare.workspace import Match, format_matches, parse_matches
from tb_snapshot_compare.workspace.corrections import SavedCorrections
from tb_snapshot_compare.workspace.match_files import digest
from tests.workspace.stored_tensors import snapshot
from tests.workspace.test_matching import small

names = st.text(min_size=1, max_size=20)


@given(st.dictionaries(names, names, max_size=8).filter(lambda d: len(set(d.values())) == len(d)))
def test_what_is_written_is_read(matches: dict[str, str]) -> None:
    given_matches = tuple(Match(a, b) for a, b in matches.items())
    assert parse_matches(format_matches(given_matches).encode(), "f") == given_matches


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f is not JSON"),
        ("[" * 100_000, "f is not JSON"),
        ("[]", "f is not a match file"),
        ('{"version": 2, "matches": []}', "f is not a match file"),
        ('{"version": 1}', "matches must be a list"),
        ('{"version": 1, "matches": [7]}', "f, match 1 must be"),
        ('{"version": 1, "matches": [{"a": "x", "c": "y"}]}', "f, match 1 must be"),
        ('{"version": 1, "matches": [{"a": "x", "b": 3}]}', "f, match 1, b must be a name or null"),
        ('{"version": 1, "matches": [{"a": null, "b": null}]}', "f, match 1 names no tensor"),
        ('{"version": 1, "matches": [{"a": "x", "b": "y"}, {"a": "z", "b": "y"}]}',
         "Tensor 'y' of b is in two matches"),
        (f'{{"version": 1, "matches": [{{"a": "{"x" * 5000}"}}]}}', "longer than 4,096"),
        (" " * (9 << 20), "a match file has at most"),
    ],
)  # fmt: skip
def test_what_is_no_match_file_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        parse_matches(text.encode(), "f")


def test_corrections_hold_for_all_snapshots_of_two_networks_in_both_directions(
    tmp_path: Path,
) -> None:
    a, b = small(one=(4, 4)), small(x=(4, 4), y=(4, 4))
    first, second = (snapshot(tmp_path / f"a{n}", a).contents for n in (1, 2))
    other = snapshot(tmp_path / "b", b).contents
    saved = SavedCorrections(tmp_path / "cache")
    matches = (Match("one/kernel", "x/kernel"), Match(None, "y/kernel"))
    assert saved.token == ""
    assert saved.put(first, other, matches)
    assert SavedCorrections(tmp_path / "cache").get(second, other) == matches
    assert saved.get(other, first) == (
        Match("x/kernel", "one/kernel"), Match("y/kernel", None),
    )  # fmt: skip
    assert saved.get(other, other) == ()
    token = saved.token
    assert token
    assert saved.put(other, first, ())
    assert saved.get(first, other) == ()
    assert saved.token == ""


def test_without_a_cache_corrections_are_kept_in_memory(tmp_path: Path) -> None:
    a, b = (snapshot(tmp_path / n, small(**{n: (4, 4)})).contents for n in "xy")
    saved = SavedCorrections(None)
    assert not saved.put(a, b, (Match("x/kernel", "y/kernel"),))
    assert saved.get(a, b) == (Match("x/kernel", "y/kernel"),)
    assert saved.token
    saved.put(a, b, ())
    assert (saved.get(a, b), saved.token) == ((), "")


def test_a_cache_that_cannot_be_written_keeps_them_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_bytes(b"a file, not a directory")
    a, b = (snapshot(tmp_path / n, small(**{n: (4, 4)})).contents for n in "xy")
    saved = SavedCorrections(tmp_path / "cache")
    assert not saved.put(a, b, (Match("x/kernel", "y/kernel"),))
    assert saved.get(a, b) == (Match("x/kernel", "y/kernel"),)
    assert "last until TensorBoard ends" in caplog.text


def test_saved_matches_that_were_damaged_are_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    a, b = (snapshot(tmp_path / n, small(**{n: (4, 4)})).contents for n in "xy")
    saved = SavedCorrections(tmp_path / "cache")
    saved.put(a, b, (Match("x/kernel", "y/kernel"),))
    (file,) = (tmp_path / "cache" / "matches").iterdir()
    file.write_text("{")
    assert saved.get(a, b) == ()
    assert "The saved matches" in caplog.text


def test_the_digest_tells_corrections_apart() -> None:
    assert digest(()) == ""
    assert digest((Match("a", "b"),)) != digest((Match("b", "a"),))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Two Keras networks that name their equal layers otherwise and in another order."""
    folder = tmp_path_factory.mktemp("pair")

    def save(name: str, units: Sequence[str]) -> str:
        parts = [layers.Dense(4, name=each) for each in units]
        keras.Sequential([keras.Input((4,)), *parts]).save(folder / name)
        return str(folder / name)

    return save("a.keras", ["first", "second"]), save("b.keras", ["upper", "lower"])


def diff(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code = cli.main(["diff", *arguments, "--json"])
    output = capsys.readouterr()
    return code, json.loads(output.out) if code == 0 else output.err


def test_the_command_line_takes_and_writes_match_files(
    pair: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written, turned = str(tmp_path / "written.json"), tmp_path / "turned.json"
    _, plain = diff(capsys, *pair, "--write-match", written)
    found = json.loads(Path(written).read_text())
    assert {"a": "first/kernel", "b": "upper/kernel"} in found["matches"]
    assert {tensor["rule"] for tensor in plain["tensors"]} == {"order"}
    turned.write_text(
        json.dumps(
            {
                "version": 1,
                "matches": [
                    {"a": f"{one}/{role}", "b": f"{other}/{role}"}
                    for one, other in (("first", "lower"), ("second", "upper"))
                    for role in ("kernel", "bias")
                ],
            }
        )
    )
    code, corrected = diff(capsys, *pair, "--match", str(turned))
    assert code == 0
    by_name = {tensor["name"]: tensor for tensor in corrected["tensors"]}
    assert by_name["lower/kernel"]["name_a"] == "first/kernel"
    assert by_name["lower/kernel"]["rule"] == "user"
    assert corrected["model"]["l2"] != plain["model"]["l2"]
    code, same = diff(capsys, *pair, "--match", written)
    assert same["model"] == plain["model"]


def test_a_match_file_that_cannot_be_used_is_wrong_usage(
    pair: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "m.json"
    file.write_text('{"version": 1, "matches": [{"a": "nine/kernel", "b": "upper/kernel"}]}')
    code, message = diff(capsys, *pair, "--match", str(file))
    assert (code, "no tensor 'nine/kernel'" in message) == (2, True)
    file.write_text("{")
    assert diff(capsys, *pair, "--match", str(file))[0] == 2
    assert diff(capsys, *pair, "--match", str(tmp_path / "missing"))[0] == 1
    assert diff(capsys, *pair, "--write-match", str(tmp_path / "no" / "where"))[0] == 1
