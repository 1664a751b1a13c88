"""The interpreter of pickles: plain values as Python's own, everything else as data."""

import argparse
import collections
import io
import pickle
import random
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tb_snapshot_compare import limits
from tb_snapshot_compare.readers.pickle_numpy import NUMPY_GLOBALS, NumpyArray
from tb_snapshot_compare.readers.pickle_values import (
    PYTHON_GLOBALS,
    Constructor,
    Payload,
    PersistentId,
    PickleFormatError,
    Source,
    Unknown,
    interpret,
)

PROTOCOLS = pytest.mark.parametrize("protocol", range(6))


def value_of(data: bytes, **options: Any) -> Any:
    return interpret(Source.of(data), **options).value


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.complex_numbers(allow_nan=False)
)
KEYS = st.none() | st.booleans() | st.text() | st.integers(-(2**59), 2**59)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(KEYS, inner)
        | st.dictionaries(KEYS, inner).map(collections.OrderedDict)
        | st.sets(st.text())
        | st.frozensets(st.integers(0, 100))
    ),
    max_leaves=20,
)


@given(value=VALUES, protocol=st.integers(0, 5))
@settings(max_examples=300, deadline=None)
def test_plain_values_come_back(value: object, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    found = interpret(Source.of(b"before" + data + b"after"), start=6)
    assert found.value == value
    assert found.end == 6 + len(data)


@PROTOCOLS
@pytest.mark.parametrize("length", [0, 10, 100_000])
def test_bytes_are_a_place_in_the_source(protocol: int, length: int) -> None:
    content = bytes(range(256)) * (length // 256 + 1)
    content = content[:length]
    for value in (content, bytearray(content)):
        data = pickle.dumps(value, protocol)
        found = value_of(data)
        assert found.length == length
        assert (found.offset is not None) == (protocol > 2) or not length
        if found.offset is None or length <= limits.PICKLE_INLINE_MAX_BYTES:
            assert found.content == content
        else:
            assert found.content is None
            assert data[found.offset : found.offset + length] == content


@PROTOCOLS
def test_objects_of_unknown_classes_keep_what_was_given_to_them(protocol: int) -> None:
    value = argparse.Namespace(rate=0.5, names=["a"])
    found = value_of(pickle.dumps([value, value], protocol))
    assert found[0] is found[1]
    assert isinstance(found[0], Unknown)
    assert found[0].name == "argparse.Namespace"
    assert found[0].state == {"rate": 0.5, "names": ["a"]}
    queue = value_of(pickle.dumps(collections.deque([1, 2]), protocol))
    assert (queue.name, queue.items or list(queue.args[0])) == ("collections.deque", [1, 2])


@PROTOCOLS
def test_lists_that_hold_themselves(protocol: int) -> None:
    value: list[object] = []
    value.append(value)
    found = value_of(pickle.dumps(value, protocol))
    assert found[0] is found


@PROTOCOLS
def test_numbers_and_arrays_of_numpy(protocol: int) -> None:
    table = {**PYTHON_GLOBALS, **NUMPY_GLOBALS}
    for number in (np.float64(3.5), np.int32(-7), np.bool_(True), np.complex64(1 + 2j)):
        assert value_of(pickle.dumps(number, protocol), table=table) == number.item()
    array = np.asfortranarray(np.arange(12, dtype=">i8").reshape(3, 4))
    found = value_of(pickle.dumps(array, protocol), table=table)
    assert isinstance(found, NumpyArray)
    assert found.dtype is not None
    assert found.dtype.numpy == array.dtype
    assert isinstance(found.data, Payload)
    values = np.frombuffer(found.data.content or b"", found.dtype.numpy)
    assert (values.reshape(found.shape, order="F" if found.fortran else "C") == array).all()


class Referring(pickle.Pickler):
    def persistent_id(self, obj: object) -> object:
        return ("storage", "0") if isinstance(obj, complex) else None


def test_persistent_ids_are_the_callers() -> None:
    stream = io.BytesIO()
    Referring(stream, 2).dump([1j, 1])
    found, one = value_of(stream.getvalue())
    assert isinstance(found, PersistentId)
    assert (found.id, one) == (("storage", "0"), 1)
    assert value_of(b"Pname\n.").id == "name"


def test_the_table_says_what_a_name_stands_for() -> None:
    table = {"fractions.Fraction": Constructor(lambda text: f"fraction {text}"), "math.pi": 3}
    assert value_of(b"cfractions\nFraction\n(S'1/2'\ntR.", table=table) == "fraction 1/2"
    assert value_of(b"cmath\npi\n.", table=table) == 3
    with pytest.raises(PickleFormatError, match="wrong types"):
        value_of(b"cfractions\nFraction\n)R.", table=table)


def test_a_container_of_what_it_cannot_hold_is_unknown() -> None:
    for data in (b"cbuiltins\ndict\n]K\x01a\x85R.", b"cbuiltins\nset\nK\x01\x85R."):
        assert isinstance(value_of(data), Unknown)


MALFORMED = {
    "nothing": b"",
    "no instruction": b"\xff.",
    "no end": b"\x80\x02}",
    "an empty stack": b".",
    "a mark that is not there": b"N0000.",
    "a memo that is not there": b"h\x07.",
    "a line without end": b"c" + b"a" * 100_000,
    "text longer than the file": b"X\xff\xff\xff\x7fabc.",
    "bytes longer than the file": b"\x8e" + b"\xff" * 8 + b".",
    "a negative integer length": b"\x8b\xff\xff\xff\xffabc.",
    "an integer of a gigabyte": b"\x8b\x00\x00\x00\x40abc.",
    "digits without end": b"I" + b"9" * 50_000 + b"\n.",
    "text that is no text": b"X\x02\x00\x00\x00\xff\xfe.",
    "an item for a number": b"K\x01K\x02a.",
    "an entry for a list": b"]K\x01K\x02s.",
    "a key without a value": b"}(K\x01u.",
    "a call without arguments": b"cos\nsystem\nNR.",
    "a tuple of too much": b"N\x87.",
    "a global of numbers": b"K\x01K\x02\x93.",
}


@pytest.mark.parametrize("story", MALFORMED)
def test_malformed_pickles_are_one_error(story: str) -> None:
    with pytest.raises(PickleFormatError):
        value_of(MALFORMED[story])


def test_every_truncation_and_flip_is_a_value_or_that_error() -> None:
    value = {"a": [1, 2.5, (None, True)], "b": {"c": b"bytes", 3: "\u00e9"}, "d": {1, 2}}
    flips = random.Random(3)
    for protocol in range(6):
        data = pickle.dumps([value, argparse.Namespace(x=1)], protocol)
        for end in range(len(data)):
            with pytest.raises(PickleFormatError):
                value_of(data[:end])
        for _ in range(1_000):
            damaged = bytearray(data)
            damaged[flips.randrange(len(data))] ^= 1 << flips.randrange(8)
            with suppress(PickleFormatError):
                value_of(bytes(damaged))


@given(data=st.binary(max_size=200))
@settings(max_examples=500, deadline=None)
def test_any_bytes_are_a_value_or_that_error(data: bytes) -> None:
    with suppress(PickleFormatError):
        value_of(data)


BOMBS = {
    "dicts": b"}" * 5_000_000 + b".",
    "marks": b"(" * 5_000_000,
    "sets": b"\x8f" * 5_000_000 + b".",
    "memo entries": b"N" + b"\x94" * 5_000_000 + b".",
    "nested tuples": b")" + b"\x85" * 5_000_000 + b".",
    "unknown objects": b"cos\nx\n" + b")\x81" * 2_500_000 + b".",
}


@pytest.mark.parametrize("story", BOMBS)
def test_a_pickle_makes_no_more_objects_than_its_size_allows(story: str) -> None:
    with pytest.raises(PickleFormatError, match=r"make more than \d+ bytes of objects"):
        value_of(BOMBS[story])


def test_shared_tuples_are_not_hashed_as_keys() -> None:
    """A tuple of a tuple of ... twice each: its hash would take 2 to the 200 steps."""
    shared = b")" + b"2\x86" * 200
    found = value_of(b"}" + shared + b"K\x01s.")
    assert [key.name for key in found] == ["key"]
    colliding = {n * (2**61 - 1): n for n in range(1, 2_000)}
    found = value_of(pickle.dumps(colliding))
    assert len(found) == len(colliding)
    assert all(isinstance(key, Unknown) for key in found)
