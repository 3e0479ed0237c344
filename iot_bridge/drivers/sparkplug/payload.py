"""Sparkplug B payloads: bytes to :class:`Payload` and back. Pure; the field numbers are the specification's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from . import wire
from .wire import BYTES, FIXED32, FIXED64

# A value as it lies on the wire: integers unsigned, without their sign.
Raw = bool | int | float | str | bytes


@dataclass(slots=True)
class Metric:
    """One metric. ``member`` names the one of the value's oneof that is set: int, long, float, double, boolean,
    string, bytes, dataset, template or extension; None: no value. ``properties`` holds the scalar ones."""

    name: str | None = None
    alias: int | None = None
    timestamp: int | None = None
    datatype: int | None = None
    is_historical: bool = False
    is_transient: bool = False
    is_null: bool = False
    member: str | None = None
    value: Raw | None = None
    properties: dict[str, Raw] = field(default_factory=dict)


@dataclass(slots=True)
class Payload:
    """A message's content. timestamp: ms since the epoch; seq: 0 to 255."""

    timestamp: int | None = None
    metrics: list[Metric] = field(default_factory=list)
    seq: int | None = None
    uuid: str | None = None
    body: bytes | None = None


# Number of a value's field -> (its name, its wire type, how it is read).
_VALUES: dict[int, tuple[str, int, Callable[[bytes], Raw]]] = {
    12: ("float", FIXED32, wire.to_float),
    13: ("double", FIXED64, wire.to_double),
    15: ("string", BYTES, lambda data: data.decode("utf-8", "replace")),
    16: ("bytes", BYTES, bytes),
    17: ("dataset", BYTES, bytes),
    18: ("template", BYTES, bytes),
    19: ("extension", BYTES, bytes),
}
_NUMBERS = {"int": 10, "long": 11, "boolean": 14, **{name: number for number, (name, _, _) in _VALUES.items()}}
_FLAGS = {5: "is_historical", 6: "is_transient", 7: "is_null"}
_MASK32 = 2**32 - 1


def decode(data: bytes) -> Payload:
    """Raise wire.Malformed (a ValueError) for what is no payload. Fields of a wrong wire type are passed over."""
    payload = Payload()
    for number, kind, value in wire.fields(data):
        if isinstance(value, int):
            if number == 1:
                payload.timestamp = value
            elif number == 3:
                payload.seq = value
        elif kind == BYTES:
            if number == 2:
                payload.metrics.append(_metric(value))
            elif number == 4:
                payload.uuid = value.decode("utf-8", "replace")
            elif number == 5:
                payload.body = value
    return payload


def _metric(data: bytes) -> Metric:
    metric = Metric()
    for number, kind, value in wire.fields(data):
        if isinstance(value, int):
            _number(metric, number, value)
        elif number == 1 and kind == BYTES:
            metric.name = value.decode("utf-8", "replace")
        elif number == 9 and kind == BYTES:
            metric.properties.update(_properties(value))
        elif number in _VALUES:
            name, wanted, read = _VALUES[number]
            if kind == wanted:
                metric.member, metric.value = name, read(value)
    return metric


def _number(metric: Metric, number: int, value: int) -> None:
    if number == 2:
        metric.alias = value
    elif number == 3:
        metric.timestamp = value
    elif number == 4:
        metric.datatype = value & _MASK32
    elif number in _FLAGS:
        setattr(metric, _FLAGS[number], value != 0)
    elif number == 10:
        metric.member, metric.value = "int", value & _MASK32
    elif number == 11:
        metric.member, metric.value = "long", value
    elif number == 14:
        metric.member, metric.value = "boolean", value != 0


def _properties(data: bytes) -> dict[str, Raw]:
    """Keys and values lie in two lists of the same order; sets inside sets are left out."""
    keys: list[str] = []
    values: list[Raw | None] = []
    for number, kind, value in wire.fields(data):
        if kind == BYTES and isinstance(value, bytes):
            if number == 1:
                keys.append(value.decode("utf-8", "replace"))
            elif number == 2:
                values.append(_property(value))
    return {key: value for key, value in zip(keys, values) if value is not None}


def _property(data: bytes) -> Raw | None:
    found: Raw | None = None
    for number, kind, value in wire.fields(data):
        if isinstance(value, int):
            if number == 3:
                found = value & _MASK32
            elif number == 4:
                found = value
            elif number == 7:
                found = value != 0
        elif number == 5 and kind == FIXED32:
            found = wire.to_float(value)
        elif number == 6 and kind == FIXED64:
            found = wire.to_double(value)
        elif number == 8 and kind == BYTES:
            found = value.decode("utf-8", "replace")
    return found


def encode(payload: Payload) -> bytes:
    """The inverse of :func:`decode`."""
    out = bytearray()
    if payload.timestamp is not None:
        out += wire.put_varint(1, payload.timestamp)
    for metric in payload.metrics:
        out += wire.put_bytes(2, _encoded(metric))
    if payload.seq is not None:
        out += wire.put_varint(3, payload.seq)
    if payload.uuid is not None:
        out += wire.put_bytes(4, payload.uuid.encode())
    if payload.body is not None:
        out += wire.put_bytes(5, payload.body)
    return bytes(out)


def _encoded(metric: Metric) -> bytes:
    out = bytearray()
    if metric.name is not None:
        out += wire.put_bytes(1, metric.name.encode())
    for number, value in ((2, metric.alias), (3, metric.timestamp), (4, metric.datatype)):
        if value is not None:
            out += wire.put_varint(number, value)
    for number, name in _FLAGS.items():
        if getattr(metric, name):
            out += wire.put_varint(number, 1)
    if metric.properties:
        out += wire.put_bytes(9, _encoded_properties(metric.properties))
    if metric.member is not None and metric.value is not None:
        out += _encoded_value(_NUMBERS[metric.member], metric.value)
    return bytes(out)


def _encoded_value(number: int, value: Raw) -> bytes:
    if isinstance(value, int):
        return wire.put_varint(number, int(value))
    if isinstance(value, float):
        return wire.put_float(number, value) if number == 12 else wire.put_double(number, value)
    return wire.put_bytes(number, value.encode() if isinstance(value, str) else value)


def _encoded_properties(properties: dict[str, Raw]) -> bytes:
    out = bytearray()
    for key in properties:
        out += wire.put_bytes(1, key.encode())
    for value in properties.values():
        out += wire.put_bytes(2, _encoded_property(value))
    return bytes(out)


def _encoded_property(value: Raw) -> bytes:
    """With the type's number, as the specification demands."""
    if isinstance(value, bool):
        return wire.put_varint(1, 11) + wire.put_varint(7, int(value))
    if isinstance(value, int):
        return wire.put_varint(1, 8) + wire.put_varint(4, value)
    if isinstance(value, float):
        return wire.put_varint(1, 10) + wire.put_double(6, value)
    return wire.put_varint(1, 12) + wire.put_bytes(8, value.encode() if isinstance(value, str) else value)
