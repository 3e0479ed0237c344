"""What a sample's value is as a number, a whole number or a text. Pure; nothing here raises."""

from __future__ import annotations

import math

from ..events import Value
from .words import LARGEST, LONGEST_RAW, LONGEST_TEXT


def usable(value: Value | None) -> bool:
    """Whether the value says anything: it is there, and no NaN or infinity."""
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))


def number(value: Value | None) -> float | None:
    """A finite number, of a text too; None when it is none."""
    if value is None:
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def whole(value: Value | None) -> int | None:
    """A whole number that fits 64 bits (cut off behind the point); None when it is none."""
    if isinstance(value, str):
        found = number(value)
        value = found if "." in value or "e" in value.lower() else _integer(value)
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    result = int(value)
    return result if -LARGEST - 1 <= result <= LARGEST else None


def exact(value: Value | None) -> int | None:
    """A whole number; None when it is none, or would lose something behind the point."""
    found = whole(value)
    return found if found is not None and (isinstance(value, str) or found == value) else None


def raw(value: Value) -> int | str:
    """The raw value of a state or mode: a whole number, else a text of at most 64 characters."""
    if isinstance(value, str):
        return value[:LONGEST_RAW]
    found = whole(value)
    return str(value)[:LONGEST_RAW] if found is None else found


def text(value: Value | None, longest: int = LONGEST_TEXT) -> str | None:
    """What a code, lot or serial says; None for nothing: no value, 0, false or blanks."""
    if isinstance(value, str):
        return value.strip()[:longest] or None
    if not value:
        return None
    return str(int(value) if isinstance(value, bool) or value == whole(value) else value)[:longest]


def scaled(value: Value | None, scale: float, offset: float) -> float | None:
    """value * scale + offset; None when the value is no number or the result is not finite."""
    found = number(value)
    if found is None:
        return None
    found = found * scale + offset
    return found if math.isfinite(found) else None


def bits(value: Value | None) -> int | None:
    """The value as a set of bits: negative whole numbers by their two's complement of 64 bits."""
    found = whole(value)
    return None if found is None else found & 0xFFFF_FFFF_FFFF_FFFF


def _integer(value: str) -> int | None:
    try:
        return int(value[:LONGEST_RAW])
    except ValueError:
        return None
