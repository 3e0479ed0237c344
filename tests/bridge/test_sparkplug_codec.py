"""Sparkplug's wire format against the protocol buffers library; data types; addresses."""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given, settings
from hypothesis import strategies as st

from iot_bridge.drivers.sparkplug import datatypes, wire
from iot_bridge.drivers.sparkplug.payload import Metric, Payload, decode, encode
from iot_bridge.drivers.sparkplug.topics import Address, Source, parse_address, parse_topic

TYPES = {
    "double": 1, "float": 2, "uint64": 4, "bool": 8, "string": 9, "message": 11, "bytes": 12, "uint32": 13,
}  # fmt: skip
OPTIONAL, REPEATED = 1, 3
# name: (number, type), as the specification numbers them. The last of a list: the message's own oneof.
METRIC = {
    "name": (1, "string"), "alias": (2, "uint64"), "timestamp": (3, "uint64"), "datatype": (4, "uint32"),
    "is_historical": (5, "bool"), "is_transient": (6, "bool"), "is_null": (7, "bool"),
    "properties": (9, "PropertySet"),
}  # fmt: skip
METRIC_VALUE = {
    "int_value": (10, "uint32"), "long_value": (11, "uint64"), "float_value": (12, "float"),
    "double_value": (13, "double"), "boolean_value": (14, "bool"), "string_value": (15, "string"),
    "bytes_value": (16, "bytes"),
}  # fmt: skip
PROPERTY = {"type": (1, "uint32"), "is_null": (2, "bool")}
PROPERTY_VALUE = {
    "int_value": (3, "uint32"), "long_value": (4, "uint64"), "float_value": (5, "float"),
    "double_value": (6, "double"), "boolean_value": (7, "bool"), "string_value": (8, "string"),
}  # fmt: skip
PAYLOAD = {"timestamp": (1, "uint64"), "seq": (3, "uint64"), "uuid": (4, "string"), "body": (5, "bytes")}


def _message(file: Any, name: str, plain: dict[str, tuple[int, str]], oneof: dict[str, tuple[int, str]]) -> Any:
    made = file.message_type.add(name=name)
    if oneof:
        made.oneof_decl.add(name="value")
    for field, (number, kind) in {**plain, **oneof}.items():
        added = made.field.add(name=field, number=number, label=OPTIONAL, type=TYPES.get(kind, TYPES["message"]))
        if kind not in TYPES:
            added.type_name = f".test.{kind}"
        if field in oneof:
            added.oneof_index = 0
    return made


def _reference() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="sparkplug_test.proto", package="test", syntax="proto2")
    _message(file, "PropertyValue", PROPERTY, PROPERTY_VALUE)
    properties = _message(file, "PropertySet", {}, {})
    properties.field.add(name="keys", number=1, label=REPEATED, type=TYPES["string"])
    properties.field.add(
        name="values", number=2, label=REPEATED, type=TYPES["message"], type_name=".test.PropertyValue"
    )
    _message(file, "Metric", METRIC, METRIC_VALUE)
    payload = _message(file, "Payload", PAYLOAD, {})
    payload.field.add(name="metrics", number=2, label=REPEATED, type=TYPES["message"], type_name=".test.Metric")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("test.Payload"))


Reference = _reference()
u32, u64 = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
floats = st.floats(width=32, allow_nan=False)
texts = st.text(max_size=20)
values = st.one_of(
    st.tuples(st.just("int"), u32), st.tuples(st.just("long"), u64), st.tuples(st.just("float"), floats),
    st.tuples(st.just("double"), st.floats(allow_nan=False)), st.tuples(st.just("boolean"), st.booleans()),
    st.tuples(st.just("string"), texts), st.tuples(st.just("bytes"), st.binary(max_size=20)),
    st.just((None, None)),
)  # fmt: skip
properties = st.dictionaries(
    texts, st.one_of(st.booleans(), u64, st.floats(allow_nan=False), texts), max_size=3
)
metrics = st.builds(
    lambda value, **rest: Metric(member=value[0], value=value[1], **rest),
    values, name=st.none() | texts, alias=st.none() | u64, timestamp=st.none() | u64, datatype=st.none() | u32,
    is_historical=st.booleans(), is_transient=st.booleans(), is_null=st.booleans(), properties=properties,
)  # fmt: skip
payloads = st.builds(
    Payload, timestamp=st.none() | u64, metrics=st.lists(metrics, max_size=4), seq=st.none() | u64,
    uuid=st.none() | texts, body=st.none() | st.binary(max_size=20),
)  # fmt: skip


def reference_of(payload: Payload) -> Any:
    """The same content as a message of the library."""
    made = Reference()
    for name in PAYLOAD:
        if (value := getattr(payload, name)) is not None:
            setattr(made, name, value)
    for metric in payload.metrics:
        other = made.metrics.add()
        for name in ("name", "alias", "timestamp", "datatype"):
            if (value := getattr(metric, name)) is not None:
                setattr(other, name, value)
        for name in ("is_historical", "is_transient", "is_null"):
            if getattr(metric, name):
                setattr(other, name, True)
        if metric.member is not None:
            setattr(other, f"{metric.member}_value", metric.value)
        for key, value in metric.properties.items():
            other.properties.keys.append(key)
            held = other.properties.values.add()
            kinds = {bool: (11, "boolean"), int: (8, "long"), float: (10, "double"), str: (12, "string")}
            held.type, member = kinds[type(value)]
            setattr(held, f"{member}_value", value)
    return made


@settings(max_examples=200, deadline=None)
@given(payloads)
def test_what_we_write_the_library_reads(payload: Payload) -> None:
    assert Reference.FromString(encode(payload)) == reference_of(payload)


@settings(max_examples=200, deadline=None)
@given(payloads)
def test_what_the_library_writes_we_read(payload: Payload) -> None:
    assert decode(reference_of(payload).SerializeToString()) == payload


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_as_the_library_does(data: bytes) -> None:
    try:
        ours: Payload | None = decode(data)
    except wire.Malformed:
        ours = None
    try:
        theirs = Reference.FromString(data)
    except Exception:
        return  # it may be stricter: groups, text that is no UTF-8
    assert ours is not None
    assert (ours.seq, ours.timestamp) == tuple(
        getattr(theirs, name) if theirs.HasField(name) else None for name in ("seq", "timestamp")
    )
    assert len(ours.metrics) == len(theirs.metrics)


@pytest.mark.parametrize(
    "data", [b"\x0a", b"\x12\x05\x0a", b"\x08" + b"\xff" * 10, b"\x00\x00", b"\x0b", b"\x19\x01", b"\x15\x01"]
)
def test_cut_or_broken_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(wire.Malformed):
        decode(data)


def test_an_endless_number_costs_nothing() -> None:
    with pytest.raises(wire.Malformed, match="too long"):
        decode(b"\x08" + b"\xff" * 1_000_000)


INTEGERS = [(number, bits, signed) for number, (_, bits, signed) in datatypes.INTEGERS.items()]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_integers_keep_their_sign(data: st.DataObject) -> None:
    number, bits, signed = data.draw(st.sampled_from(INTEGERS))
    least, most = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    value = data.draw(st.integers(least, most))
    written = decode(encode(Payload(metrics=[datatypes.put(Metric(name="x"), value, number)]))).metrics[0]
    assert datatypes.value_of(written, None) == value
    # A birth has named the type; the data come without it.
    written.datatype = None
    assert datatypes.value_of(written, number) == value
    # Encoders differ in how far they extend the sign, and use the wide field for narrow types.
    for width in (bits, 32, 64):
        if width >= bits:
            member = "int" if width <= 32 else "long"
            raw = Metric(member=member, value=value & (2**width - 1))
            assert datatypes.value_of(raw, number) == value


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_number_is_no_value(value: float) -> None:
    assert datatypes.value_of(Metric(member="double", value=value), datatypes.DOUBLE) is None
    assert datatypes.value_of(Metric(member="float", value=value), None) is None


def test_null_is_no_value() -> None:
    assert datatypes.value_of(Metric(is_null=True, member="int", value=3), 3) is None
    assert datatypes.value_of(Metric(), 3) is None


@pytest.mark.parametrize("number", [16, 17, 18, 19, 22, 33, 34])
def test_types_that_no_tag_can_take_are_named(number: int) -> None:
    with pytest.raises(datatypes.Unusable, match=datatypes.NAMES[number]):
        datatypes.value_of(Metric(member="bytes", value=b"x"), number)


def test_an_integer_without_a_type_is_not_guessed() -> None:
    with pytest.raises(datatypes.Unusable, match="birth"):
        datatypes.value_of(Metric(member="int", value=4_294_967_295), None)
    assert datatypes.value_of(Metric(member="boolean", value=True), None) is True
    assert datatypes.value_of(Metric(member="string", value="x"), 0) == "x"


def test_a_value_that_contradicts_its_type_is_unusable() -> None:
    for member, value, number in (("string", "7", 3), ("int", 7, 9), ("double", 7.0, 11), ("int", 1, 12)):
        with pytest.raises(datatypes.Unusable, match="its type is"):
            datatypes.value_of(Metric(member=member, value=value), number)


@pytest.mark.parametrize(
    ("value", "number"),
    [(128, 1), (-1, 6), (2**32, 7), (1.5, 3), ("x", 3), (2, 11), (5, 12), (math.nan, 10), (1e300, 9)],
)
def test_what_does_not_fit_is_not_written(value: Any, number: int) -> None:
    with pytest.raises(datatypes.Unusable):
        datatypes.put(Metric(name="x"), value, number)


def test_a_float_is_written_as_one() -> None:
    assert struct.pack("<f", 1.5) in encode(Payload(metrics=[datatypes.put(Metric(name="x"), 1.5, 9)]))


def test_addresses() -> None:
    assert parse_address("G/N/D:Status/State") == Address(Source("G", "N", "D"), "Status/State")
    assert parse_address("G/N:a:b") == Address(Source("G", "N"), "a:b")
    assert str(parse_address("G/N/D:x")) == "G/N/D:x"
    for wrong in ("G", "G/N", "G:x", "G/N/D/E:x", "G//D:x", "G/N:", "G/+:x", "G/N/#:x"):
        with pytest.raises(ValueError, match="address"):
            parse_address(wrong)


def test_topics() -> None:
    assert parse_topic("spBv1.0/G/DDATA/N/D") == ("DATA", Source("G", "N", "D"))
    assert parse_topic("spBv1.0/G/NBIRTH/N") == ("BIRTH", Source("G", "N"))
    assert Source("G", "N", "D").topic("CMD") == "spBv1.0/G/DCMD/N/D"
    for other in ("spBv1.0/STATE/h", "spAv1.0/G/NDATA/N", "spBv1.0/G/NDATA/N/D", "spBv1.0/G/DDATA/N", "spBv1.0/G//N"):
        assert parse_topic(other) is None
