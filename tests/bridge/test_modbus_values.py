"""Registers to values and back: every type, every order, and what is no value."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modbus_rig import flag, measurement

from iot_bridge.drivers.modbus.decode import CODES, BlockDecoder
from iot_bridge.drivers.modbus.encode import as_flag, encode
from iot_bridge.events import Value
from iot_bridge.simulator.layout import MACHINES
from iot_bridge.simulator.modbus_device import encode as plc_encode
from iot_bridge.tags import Tag

ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
# Where each byte of the value stands on the wire.
PLACES = {
    2: {"ABCD": [0, 1], "CDAB": [0, 1], "BADC": [1, 0], "DCBA": [1, 0]},
    4: {"ABCD": [0, 1, 2, 3], "CDAB": [2, 3, 0, 1], "BADC": [1, 0, 3, 2], "DCBA": [3, 2, 1, 0]},
    8: {
        "ABCD": [0, 1, 2, 3, 4, 5, 6, 7],
        "CDAB": [6, 7, 4, 5, 2, 3, 0, 1],
        "BADC": [1, 0, 3, 2, 5, 4, 7, 6],
        "DCBA": [7, 6, 5, 4, 3, 2, 1, 0],
    },
}


def read(tag: Tag, payload: bytes, start: int = 0) -> Value | None:
    """The value of one tag in a block that begins at ``start``."""
    decoder = BlockDecoder(tag.table, start, [tag])
    assert decoder.names == [tag.tag]
    return decoder.values(payload)[0]


def wire(tag: Tag, value: Value) -> bytes:
    words = encode(tag, value)
    return struct.pack(f">{len(words)}H", *words)


@st.composite
def typed_values(draw: st.DrawFn) -> tuple[str, int | float]:
    kind = draw(st.sampled_from(sorted(CODES)))
    if kind.startswith("float"):
        width = int(kind[5:])
        return kind, draw(st.floats(width=width, allow_nan=False, allow_infinity=False))
    bits = int(kind.removeprefix("u")[3:])
    low, high = (0, 2**bits - 1) if kind.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return kind, draw(st.integers(low, high))


@given(typed_values(), st.sampled_from(ORDERS), st.integers(0, 3))
def test_every_type_in_every_order(typed: tuple[str, int | float], order: str, before: int) -> None:
    """The letters of the order say where each byte stands; written is what is read."""
    kind, value = typed
    tag = measurement(before, kind, order)
    plain = struct.pack(">" + CODES[kind], value)
    payload = bytes(plain[place] for place in PLACES[len(plain)][order])
    got = read(tag, b"\xab\xcd" * before + payload)
    assert got == value and type(got) is type(value)
    assert wire(tag, value) == payload


@pytest.mark.parametrize(
    ("kind", "words"),
    [("float32", [0x7FC0, 0]), ("float32", [0x7F80, 0]), ("float32", [0xFF80, 0]), ("float64", [0x7FF8, 0, 0, 0])],
)
def test_nan_and_infinity_are_no_values(kind: str, words: list[int]) -> None:
    assert read(measurement(0, kind), struct.pack(f">{len(words)}H", *words)) is None


@given(st.integers(0, 65535), st.integers(0, 15))
def test_bits_of_a_register(word: int, bit: int) -> None:
    tag = flag(3, "holding", bit=bit)
    assert read(tag, b"\xff\xff" + word.to_bytes(2, "big"), 2) is bool(word >> bit & 1)


@given(st.integers(0, 2**40 - 1), st.integers(0, 39))
def test_coils(pattern: int, place: int) -> None:
    payload = pattern.to_bytes(5, "little")
    assert read(flag(100 + place), payload, 100) is bool(pattern >> place & 1)


printable = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), max_size=10)


@given(printable, st.sampled_from(ORDERS), st.sampled_from([b"\0", b" ", b"\0 \0", b"\0rest\xff"]))
def test_texts(text: str, order: str, filler: bytes) -> None:
    """Up to the first NUL, without trailing spaces; the two characters of each register may be exchanged."""
    raw = (text.encode() + filler).ljust(60, b"\0")
    if order in ("BADC", "DCBA"):
        raw = b"".join(raw[at : at + 2][::-1] for at in range(0, 60, 2))
    tag = measurement(0, "string", order, length=30)
    assert read(tag, raw) == text
    assert read(tag, wire(tag, text)) == text


@pytest.mark.parametrize("raw", [b"\xff\xfeAB", b"A\x01BC", b"\x80ABC"])
def test_what_is_no_text_is_no_value(raw: bytes) -> None:
    assert read(measurement(0, "string", length=2), raw) is None


@given(st.lists(st.tuples(st.integers(0, 20), typed_values(), st.sampled_from(ORDERS)), min_size=1, max_size=12))
def test_tags_that_overlap_are_read_each_for_itself(places: list[tuple[int, tuple[str, int | float], str]]) -> None:
    """One register may be part of several tags, of any type and order."""
    payload = bytes(range(7, 7 + 2 * 30))
    tags = [measurement(at, kind, order).model_copy(update={"tag": f"t{i}"})
            for i, (at, (kind, _), order) in enumerate(places)]  # fmt: skip
    together = BlockDecoder("holding", 0, tags)
    values = dict(zip(together.names, together.values(payload), strict=True))
    assert values == {tag.tag: read(tag, payload) for tag in tags}


@pytest.mark.parametrize(
    ("kind", "value", "says"),
    [
        ("uint16", 65536, "takes 0 to 65535"),
        ("uint16", -1, "takes 0 to 65535"),
        ("int16", 32768, "takes -32768 to 32767"),
        ("int64", 2**63, "takes -9223372036854775808"),
        ("uint32", 1.5, "takes a whole number"),
        ("uint32", "7", "takes a number"),
        ("uint32", True, "takes a number"),
        ("float32", 1e39, "too great"),
        ("float32", math.inf, "finite"),
        ("float64", math.nan, "finite"),
        ("string", "four!", "takes 4 bytes, the text has 5"),
        ("string", 4, "takes a text"),
        ("string", "a\n", "can't be printed"),
    ],
)
def test_what_a_type_can_not_hold_is_refused(kind: str, value: Value, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        encode(measurement(0, kind, length=2), value)


def test_whole_floats_are_whole_numbers() -> None:
    assert encode(measurement(0, "int16"), -2.0) == [0xFFFE]


def test_flags() -> None:
    tag = flag(0)
    assert [as_flag(tag, value) for value in (True, False, 1, 0, 1.0)] == [True, False, True, False, True]
    for wrong in ("true", 2, 0.5):
        with pytest.raises(ValueError, match="takes true or false"):
            as_flag(tag, wrong)


def test_simulators_encoder_is_the_inverse_of_the_decoder() -> None:
    for machine in MACHINES:
        register = machine.counters[0].register
        words = plc_encode(register, 51234)
        tag = measurement(0, register.type, register.word_order)
        assert read(tag, struct.pack(f">{len(words)}H", *words)) == 51234
