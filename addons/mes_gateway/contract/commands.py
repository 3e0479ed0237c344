# Part of Gemba MES. License LGPL-3.0 or later.
"""What a command may write: pure. Limits are the tag's; the bridge has limits of its own beside them."""

from .limits import INT8

KINDS = ("write", "read", "rebirth")
EXACT = 2**53
"""Whole numbers beyond it are not exact on their way."""

_RANGES = {
    "uint16": (0, 2**16 - 1), "int16": (-(2**15), 2**15 - 1), "uint32": (0, 2**32 - 1),
    "int32": (-(2**31), 2**31 - 1), "uint64": (0, EXACT), "int64": (-EXACT, EXACT),
}  # fmt: skip

Value = bool | int | float | str


def value_kinds(tag_type: str) -> tuple[str, ...]:
    """What a value of this type may be: number, truth or text; more than one when only the source knows."""
    if tag_type == "bool":
        return ("truth",)
    if tag_type == "string":
        return ("text",)
    return ("number", "truth", "text") if tag_type == "auto" else ("number",)


def is_whole(tag_type: str) -> bool:
    """Whether the type holds whole numbers only."""
    return tag_type in _RANGES


def bounds(tag_type: str, low: float, high: float, is_scaled: bool) -> tuple[float, float]:
    """What a number may be: within the tag's limits and, unless it is scaled, the type's range."""
    least, most = _RANGES.get(tag_type, (-float(INT8), float(INT8))) if not is_scaled else (low, high)
    return max(low, least), min(high, most)


def as_sent(kind: str, number: float, truth: bool, text: str, is_whole_number: bool) -> Value:
    """The value as it travels."""
    if kind == "truth":
        return truth
    if kind == "text":
        return text
    return int(number) if is_whole_number or (float(number).is_integer() and abs(number) <= EXACT) else number
