"""Sparkplug's data types: what a value on the wire means, and how a value is put onto it. Pure."""

from __future__ import annotations

import math

from ...events import Value
from .payload import Metric, Raw

# Number of an integer type -> (name, bits, signed).
INTEGERS: dict[int, tuple[str, int, bool]] = {
    1: ("Int8", 8, True), 2: ("Int16", 16, True), 3: ("Int32", 32, True), 4: ("Int64", 64, True),
    5: ("UInt8", 8, False), 6: ("UInt16", 16, False), 7: ("UInt32", 32, False), 8: ("UInt64", 64, False),
    13: ("DateTime", 64, False),
}  # fmt: skip
FLOAT, DOUBLE, BOOLEAN = 9, 10, 11
TEXTS = {12: "String", 14: "Text", 15: "UUID"}
NAMES = {
    **{number: name for number, (name, _, _) in INTEGERS.items()}, **TEXTS,
    FLOAT: "Float", DOUBLE: "Double", BOOLEAN: "Boolean", 0: "Unknown", 16: "DataSet", 17: "Bytes", 18: "File",
    19: "Template", 20: "PropertySet", 21: "PropertySetList", 22: "Int8Array", 23: "Int16Array", 24: "Int32Array",
    25: "Int64Array", 26: "UInt8Array", 27: "UInt16Array", 28: "UInt32Array", 29: "UInt64Array", 30: "FloatArray",
    31: "DoubleArray", 32: "BooleanArray", 33: "StringArray", 34: "DateTimeArray",
}  # fmt: skip
NUMBERS = {name: number for number, name in NAMES.items()}


class Unusable(ValueError):
    """A metric whose value can't become a sample; the message says why."""


def value_of(metric: Metric, datatype: int | None) -> Value | None:
    """The metric's value by its data type (its own, or the birth's); None: it is null, or no finite number.

    Raises Unusable for types that no tag can take, and for a value that does not fit its type.
    """
    kind = metric.datatype if metric.datatype is not None else datatype
    raw = metric.value
    if metric.is_null or (metric.member is None and kind not in TEXTS):
        return None
    if metric.member is None:
        return ""
    if kind in INTEGERS:
        return _integer(raw, kind, metric.member)
    if kind in (FLOAT, DOUBLE) and isinstance(raw, float):
        return raw if math.isfinite(raw) else None
    if kind == BOOLEAN and isinstance(raw, bool):
        return raw
    if kind in TEXTS and isinstance(raw, str):
        return raw
    if kind is None or kind == 0:
        return _untyped(metric)
    name = NAMES.get(kind, f"number {kind}")
    if kind in NAMES and kind not in (FLOAT, DOUBLE, BOOLEAN, *TEXTS):
        raise Unusable(f"type {name} can't be used by a tag")
    raise Unusable(f"its value is a {metric.member}, its type is {name}")


def _untyped(metric: Metric) -> Value | None:
    """Without a type only those values are sure that say themselves what they are."""
    raw = metric.value
    if metric.member in ("float", "double") and isinstance(raw, float):
        return raw if math.isfinite(raw) else None
    if isinstance(raw, (bool, str)):
        return raw
    raise Unusable("its data type is not known before the next birth")


def _integer(raw: Raw | None, kind: int, member: str) -> int:
    """Two's complement of the type's own width; encoders differ in how far they extend the sign."""
    name, bits, signed = INTEGERS[kind]
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise Unusable(f"its value is a {member}, its type is {name}")
    value = raw & ((1 << bits) - 1)
    return value - (1 << bits) if signed and value >> (bits - 1) else value


def put(metric: Metric, value: Value | None, datatype: int) -> Metric:
    """Set the metric's type and value; raise Unusable, saying the mend, when the value does not fit."""
    metric.datatype = datatype
    name = NAMES.get(datatype, f"number {datatype}")
    if value is None:
        metric.is_null = True
    elif datatype in INTEGERS:
        metric.member, metric.value = _encoded_integer(value, datatype)
    elif datatype in (FLOAT, DOUBLE) and isinstance(value, (int, float)) and math.isfinite(value):
        metric.member, metric.value = ("float" if datatype == FLOAT else "double"), float(value)
        if datatype == FLOAT and abs(metric.value) > 3.4028235e38:
            raise Unusable(f"{value} is too large for a Float")
    elif datatype == BOOLEAN and value in (0, 1):
        metric.member, metric.value = "boolean", bool(value)
    elif datatype in TEXTS and isinstance(value, str):
        metric.member, metric.value = "string", value
    else:
        raise Unusable(f"{value!r} can't be written to a metric of type {name}")
    return metric


def _encoded_integer(value: Value, datatype: int) -> tuple[str, int]:
    name, bits, signed = INTEGERS[datatype]
    if isinstance(value, str) or value != int(value):
        raise Unusable(f"{value!r} can't be written to a metric of type {name}: it takes whole numbers")
    whole = int(value)
    half = 1 << (bits - 1)
    least, most = (-half, half - 1) if signed else (0, 2 * half - 1)
    if not least <= whole <= most:
        raise Unusable(f"{value} is outside of {name} ({least} to {most})")
    # 32 bits wide on the wire up to Int32 and UInt32.
    return ("int", whole & (2**32 - 1)) if bits <= 32 else ("long", whole & (2**64 - 1))
