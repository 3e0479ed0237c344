"""OPC UA's variants and the bridge's values, both ways."""

from __future__ import annotations

import math
import uuid
from datetime import datetime, timedelta, timezone
from enum import IntEnum
from typing import Any

import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from iot_bridge.drivers.opcua.values import is_missing, reading, variant
from iot_bridge.errors import Rejected

NOW = datetime(2026, 11, 22, 10, 0, 0, 125_000, tzinfo=timezone.utc)


class Gear(IntEnum):
    HIGH = 3


def data(value: Any, kind: Any = None, status: int = 0, **more: Any) -> Any:
    return ua.DataValue(ua.Variant(value, kind), ua.StatusCode(status), **more)


@pytest.mark.parametrize(
    ("value", "kind", "read"),
    [
        (True, ua.VariantType.Boolean, True),
        (2**64 - 1, ua.VariantType.UInt64, 2**64 - 1),
        (1.5, ua.VariantType.Double, 1.5),
        ("Störung", ua.VariantType.String, "Störung"),
        (Gear.HIGH, ua.VariantType.Int32, 3),
        (ua.LocalizedText("läuft"), ua.VariantType.LocalizedText, "läuft"),
        (NOW, ua.VariantType.DateTime, "2026-11-22T10:00:00.125000+00:00"),
        (uuid.UUID(int=1), ua.VariantType.Guid, "00000000-0000-0000-0000-000000000001"),
    ],
)
def test_values(value: Any, kind: Any, read: Any) -> None:
    found = reading(data(value, kind))
    assert found.value == read and type(found.value) is type(read) and found.why == ""


@pytest.mark.parametrize(
    ("value", "kind", "why"),
    [
        (math.nan, ua.VariantType.Double, "no finite number"),
        (math.inf, ua.VariantType.Float, "no finite number"),
        ([1, 2], ua.VariantType.Int32, "it is an array"),
        (b"raw", ua.VariantType.ByteString, "it is a bytes"),
        (None, ua.VariantType.Null, "no value yet"),
        (ua.Range(0, 1), ua.VariantType.ExtensionObject, "it is a Range"),
    ],
)
def test_what_is_no_value_says_why(value: Any, kind: Any, why: str) -> None:
    found = reading(data(value, kind))
    assert found.value is None and why in found.why


def test_status_is_quality() -> None:
    assert reading(data(5, status=ua.StatusCodes.UncertainLastUsableValue)).quality == "uncertain"
    assert reading(data(5, status=ua.StatusCodes.BadSensorFailure))[:2] == (None, "good")
    assert reading(data(5, status=0x80FF_1234)).why == "Bad (0x80FF1234)"
    assert is_missing(reading(data(5, status=ua.StatusCodes.BadNodeIdUnknown)).why)
    # Good, with the overflow bit of a queue that was too small.
    found = reading(data(5, status=0x0000_0480))
    assert (found.value, found.overflow) == (5, True) and not reading(data(5)).overflow


def test_stamps() -> None:
    ms = 1_795_341_600_125
    assert reading(data(5, SourceTimestamp=NOW, ServerTimestamp=NOW + timedelta(1))).stamp == ms
    assert reading(data(5, ServerTimestamp=NOW.replace(tzinfo=None))).stamp == ms
    assert reading(data(5)).stamp is None
    # What a device without a clock says.
    assert reading(data(5, SourceTimestamp=datetime(1601, 1, 1, tzinfo=timezone.utc))).stamp is None


INTEGERS = {
    kind: (least, most)
    for kind, least, most in [
        (ua.VariantType.SByte, -128, 127), (ua.VariantType.Byte, 0, 255), (ua.VariantType.Int16, -32768, 32767),
        (ua.VariantType.UInt32, 0, 2**32 - 1), (ua.VariantType.Int64, -(2**63), 2**63 - 1),
    ]
}  # fmt: skip


@given(st.sampled_from(sorted(INTEGERS, key=int)), st.integers(-(2**64), 2**64))
def test_whole_numbers_are_written_as_they_are_or_rejected(kind: Any, value: int) -> None:
    least, most = INTEGERS[kind]
    if least <= value <= most:
        made = variant(value, kind)
        assert (made.Value, made.VariantType) == (value, kind)
    else:
        with pytest.raises(Rejected, match="no whole number from"):
            variant(value, kind)


@pytest.mark.parametrize(
    ("value", "kind", "written"),
    [
        (1, ua.VariantType.Boolean, True),
        (False, ua.VariantType.Boolean, False),
        (3.0, ua.VariantType.Int16, 3),
        (3, ua.VariantType.Double, 3.0),
        (5, ua.VariantType.String, "5"),
    ],
)
def test_written_in_the_nodes_type(value: Any, kind: Any, written: Any) -> None:
    made = variant(value, kind)
    assert made.Value == written and type(made.Value) is type(written)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (2, ua.VariantType.Boolean), ("on", ua.VariantType.Boolean), ("5", ua.VariantType.Int32),
        (2.5, ua.VariantType.UInt16), (math.nan, ua.VariantType.Int32), (math.inf, ua.VariantType.Int32),
        (math.nan, ua.VariantType.Double), (1e39, ua.VariantType.Float), ("1", ua.VariantType.Float),
        (5, ua.VariantType.DateTime), (5, ua.VariantType.Null),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_rejected(value: Any, kind: Any) -> None:
    with pytest.raises(Rejected):
        variant(value, kind)
