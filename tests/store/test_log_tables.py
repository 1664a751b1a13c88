"""Tables, bands and sessions' files."""

import msgspec
import pytest

from tb_snapshot_compare.limits import LOG_SESSION_MAX_BYTES, LOG_UNITS_MAX
from tb_snapshot_compare.store.log_tables import (
    BAND_EDGES,
    BANDS,
    MEASURES,
    STORED,
    TABLES,
    DamagedSessionError,
    decode_session,
    encode_session,
)
from tests.store.logs import session


def test_bands_are_the_published_digits_of_six_decades() -> None:
    assert (len(BAND_EDGES), BANDS) == (56, 57)
    assert BAND_EDGES[:3] == (0.0, 1e-6, 2e-6)
    assert BAND_EDGES[-11:] == (0.09, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    assert list(BAND_EDGES) == sorted(set(BAND_EDGES))


def test_segments_hold_the_columns_of_the_tables_but_for_the_cosine() -> None:
    assert list(TABLES) == list(STORED)
    assert set(MEASURES) < set(TABLES["filters"].names)
    different = {
        (table, mine.name, other.name)
        for table in TABLES
        for mine, other in zip(TABLES[table], STORED[table], strict=True)
        if mine != other
    }
    assert different == {("filters", "cosine", "cosine_distance")}


def test_a_session_is_read_as_it_was_written() -> None:
    written = session(every=100)
    assert decode_session(encode_session(written)) == written


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"first_step": -1}, "with step -1"),
        ({"first_step": 10**12}, "with step 1000000000000"),
        ({"started": -1.0}, "starts at -1.0"),
        ({"started": 1e300}, "starts at 1e"),
        ({"origin": "guessed"}, "damaged"),
        ({"id": 3}, "damaged"),
        ({"probe": {"images": ["a"], "labels": [], "classes": []}}, "1 probe images and 0 labels"),
        ({"probe": {"images": ["a"], "labels": [-2], "classes": []}}, "classes -2 to -2"),
        ({"probe": {"images": ["a"], "labels": [2**40], "classes": []}}, "to 1099511627776"),
        ({"units": [["", None, "", 0, 0, 0]]}, "damaged"),
    ],
)
def test_a_file_that_is_no_session_is_refused(change: dict[str, object], reason: str) -> None:
    content = msgspec.json.decode(encode_session(session())) | change
    with pytest.raises(DamagedSessionError, match=reason):
        decode_session(msgspec.json.encode(content))


def test_a_session_of_any_size_is_refused() -> None:
    with pytest.raises(DamagedSessionError, match="at most"):
        decode_session(b" " * (LOG_SESSION_MAX_BYTES + 1))
    units = session().units * (LOG_UNITS_MAX // 4 + 1)
    with pytest.raises(DamagedSessionError, match=f"at most {LOG_UNITS_MAX}"):
        decode_session(encode_session(session(units=units)))
    with pytest.raises(DamagedSessionError, match="damaged"):
        decode_session(b"\xff\xfe")
