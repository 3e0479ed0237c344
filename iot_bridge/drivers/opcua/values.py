"""Between OPC UA's variants and the bridge's values. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timezone
from enum import Enum
from typing import Any, NamedTuple
from uuid import UUID

from ...errors import Rejected
from ...events import Quality, Value
from .library import ua
from .settings import Address

# Older stamps are what a server says that has no clock.
EARLIEST_MS = 631_152_000_000  # 1990
_BAD, _UNCERTAIN = 0x8000_0000, 0x4000_0000
# InfoType DataValue and the overflow bit: the server's queue was too small.
_OVERFLOW = 0x0480
_INTEGERS = {
    ua.VariantType.SByte: (-(2**7), 2**7 - 1), ua.VariantType.Byte: (0, 2**8 - 1),
    ua.VariantType.Int16: (-(2**15), 2**15 - 1), ua.VariantType.UInt16: (0, 2**16 - 1),
    ua.VariantType.Int32: (-(2**31), 2**31 - 1), ua.VariantType.UInt32: (0, 2**32 - 1),
    ua.VariantType.Int64: (-(2**63), 2**63 - 1), ua.VariantType.UInt64: (0, 2**64 - 1),
}  # fmt: skip
_FLOATS = frozenset({ua.VariantType.Float, ua.VariantType.Double})
_NO_NODE = frozenset({"BadNodeIdUnknown", "BadNodeIdInvalid"})


class Reading(NamedTuple):
    """What a server says of a node. value None: nothing usable; ``why`` then says so. stamp: device ms."""

    value: Value | None
    quality: Quality
    stamp: int | None
    overflow: bool = False
    why: str = ""



def is_missing(why: str) -> bool:
    """Whether that means that the server has no such node."""
    return why in _NO_NODE


NOWHERE = Reading(None, "good", None, why="BadNodeIdUnknown")


def reading(data: Any) -> Reading:
    """A DataValue in the bridge's terms."""
    status = data.StatusCode.value if data.StatusCode is not None else 0
    moment = data.SourceTimestamp or data.ServerTimestamp
    stamp = None if moment is None else to_ms(moment)
    overflow = status & _OVERFLOW == _OVERFLOW
    if status & _BAD:
        name = data.StatusCode.name
        return Reading(None, "good", stamp, overflow, name if name != "Bad" else f"Bad (0x{status:08X})")
    variant = data.Value
    raw: Any = variant.Value if variant is not None else None
    kind: Any = type(raw)
    value: Value | None
    if kind is float:
        value = raw if math.isfinite(raw) else None
    elif kind is int or kind is bool or kind is str:
        value = raw
    else:
        value = _unusual(raw)
    why = "" if value is not None else _why_not(raw)
    return Reading(value, "uncertain" if status & _UNCERTAIN else "good", stamp, overflow, why)


def to_ms(moment: datetime) -> int | None:
    """Device ms since the epoch; None for what can be no time."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    ms = int(moment.timestamp() * 1000)
    return ms if ms >= EARLIEST_MS else None


def _unusual(raw: Any) -> Value | None:
    if isinstance(raw, bool | int | str):
        return int(raw) if isinstance(raw, Enum) else raw
    if isinstance(raw, float):
        return float(raw) if math.isfinite(raw) else None
    if isinstance(raw, ua.LocalizedText):
        return str(raw.Text or "")
    if isinstance(raw, datetime):
        return raw.isoformat()
    if isinstance(raw, UUID):
        return str(raw)
    return None


def _why_not(raw: Any) -> str:
    if raw is None:
        return "it has no value yet"
    if isinstance(raw, float):
        return "it is no finite number"
    if isinstance(raw, list | tuple):
        return "it is an array: name a node with one value"
    return f"it is a {type(raw).__name__}: name a node with one value"


def variant(value: Value, kind: Any) -> Any:
    """The value as the node's own type; raise Rejected when it does not fit."""
    if kind == ua.VariantType.Boolean:
        if value in (0, 1):
            return ua.Variant(bool(value), kind)
        raise Rejected(f"{value!r} is neither true nor false")
    if kind in _INTEGERS:
        least, most = _INTEGERS[kind]
        # NaN and infinity are in no range.
        if isinstance(value, str) or not least <= value <= most or value != int(value):
            raise Rejected(f"{value!r} is no whole number from {least} to {most}")
        return ua.Variant(int(value), kind)
    if kind in _FLOATS:
        if isinstance(value, str):
            raise Rejected(f"{value!r} is no number")
        if not math.isfinite(value) or (kind == ua.VariantType.Float and abs(value) > 3.4028235e38):
            raise Rejected(f"{value!r} does not fit into a {kind.name}")
        return ua.Variant(float(value), kind)
    if kind == ua.VariantType.String:
        return ua.Variant(str(value), kind)
    if kind == ua.VariantType.LocalizedText:
        return ua.Variant(ua.LocalizedText(str(value)), kind)
    raise Rejected(f"nodes of type {kind.name} can't be written")


def node_id(address: Address, namespaces: Sequence[str]) -> Any:
    """The node's id at a server with these namespaces; None when it does not have the address's."""
    index = address.index
    if address.uri is not None:
        if address.uri not in namespaces:
            return None
        index = list(namespaces).index(address.uri)
    return ua.NodeId.from_string(f"ns={index};{address.kind}={address.identifier}")


def address_text(node: Any, namespaces: Sequence[str]) -> str:
    """The address that a tag takes: by URI, so that a moved index does no harm."""
    text = str(node.to_string())
    identifier = text.partition(";")[2] if text.startswith("ns=") else text
    if node.NamespaceIndex == 0 or node.NamespaceIndex >= len(namespaces):
        return text
    uri = namespaces[node.NamespaceIndex].replace("%", "%25").replace(";", "%3B")
    return f"nsu={uri};{identifier}"
