"""May this value be written? Two must allow it: the tag map (Odoo) and the bridge's own allow-list."""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..drivers.settings import ConnectionConfig, WriteRule
from ..events import Value
from ..tags import Tag

# Bits of a whole number type: (least, greatest).
_RANGES = {
    **{f"uint{bits}": (0, 2**bits - 1) for bits in (16, 32, 64)},
    **{f"int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (16, 32, 64)},
}
# A float32 keeps 24 bits: what is read back may differ by so much of the value.
_FLOAT_STEP = 1e-6


class NotAllowed(Exception):
    """The sentence says what would have to be changed, and where."""


def permit(config: ConnectionConfig, tag: Tag, value: Value, since_last_s: float | None) -> Value:
    """The raw value to write, or NotAllowed. since_last_s: plant seconds since the tag was last written."""
    if tag.safety or config.is_safety(tag.tag):
        raise NotAllowed(f"{tag.tag} belongs to a safety function: it is never written")
    if not tag.writable:
        raise NotAllowed(f"{tag.tag} is not writable in Odoo's tag map")
    rule = rule_of(config.write, tag.tag)
    if rule is None:
        raise NotAllowed(f"{tag.tag} is not in the bridge's allow-list (connections: {config.name}: write)")
    _check_rule(rule, value)
    if since_last_s is not None and 0 <= since_last_s < rule.every_s:
        raise NotAllowed(f"{tag.tag} was written {since_last_s:.1f} s ago: its rule allows once in {rule.every_s:g} s")
    return to_raw(tag, value)


def rule_of(rules: Iterable[WriteRule], tag: str) -> WriteRule | None:
    """The rule for a tag; at most one exists."""
    return next((rule for rule in rules if rule.tag == tag), None)


def _check_rule(rule: WriteRule, value: Value) -> None:
    if rule.values is not None and not any(_same_kind(value, allowed) and value == allowed for allowed in rule.values):
        raise NotAllowed(f"{rule.tag}: {value!r} is not one of {', '.join(map(repr, rule.values))}")
    if rule.min is None and rule.max is None:
        return
    if isinstance(value, bool | str):
        raise NotAllowed(f"{rule.tag}: {value!r} is no number, and its rule has bounds")
    if (rule.min is not None and value < rule.min) or (rule.max is not None and value > rule.max):
        low, high = ("" if bound is None else f"{bound:g}" for bound in (rule.min, rule.max))
        raise NotAllowed(f"{rule.tag}: {value!r} is outside {low}..{high}")


def _same_kind(value: Value, allowed: Value) -> bool:
    """True is no 1 here: a person who lists values means their kind."""
    return isinstance(value, bool) == isinstance(allowed, bool)


def to_raw(tag: Tag, value: Value) -> Value:
    """The value as the device holds it; NotAllowed when the tag's type can't."""
    if tag.type == "string":
        if not isinstance(value, str):
            raise NotAllowed(f"{tag.tag} is a text, {value!r} is none")
        return value
    if tag.type == "bool":
        if not isinstance(value, bool) and value not in (0, 1):
            raise NotAllowed(f"{tag.tag} is true or false, {value!r} is neither")
        return bool(value)
    if isinstance(value, str):
        if tag.type == "auto":
            return value
        raise NotAllowed(f"{tag.tag} is a number, {value!r} is a text")
    if isinstance(value, bool) and tag.type == "auto":
        return value
    try:
        scaled = value if tag.scale == 1 and tag.offset == 0 else (value - tag.offset) / tag.scale
        is_finite = math.isfinite(scaled)
    except OverflowError:
        is_finite = False
    if not is_finite:
        raise NotAllowed(f"{tag.tag}: the value is beyond all numbers that a device holds")
    return _whole(tag, scaled) if tag.type in _RANGES else scaled


def _whole(tag: Tag, scaled: float) -> int:
    raw = round(scaled)
    if not math.isclose(raw, scaled, abs_tol=1e-6):
        raise NotAllowed(f"{tag.tag} holds whole numbers, and the value would be {scaled:g} there")
    low, high = _RANGES[tag.type]
    if not low <= raw <= high:
        raise NotAllowed(f"{tag.tag} is {tag.type}: {raw} does not fit into it")
    return raw


def from_raw(tag: Tag, raw: Value | None) -> Value | None:
    """What a person reads: in the tag's unit."""
    if raw is None or isinstance(raw, bool | str) or (tag.scale == 1 and tag.offset == 0):
        return raw
    return raw * tag.scale + tag.offset


def matches(tag: Tag, rule: WriteRule | None, wanted: Value, found: Value | None) -> bool:
    """Whether the raw value read back is the one written, within the rule's tolerance (in the tag's unit)."""
    if found is None:
        return False
    if isinstance(wanted, str) or isinstance(found, str):
        return str(wanted) == str(found).rstrip("\0 ") or wanted == found
    if isinstance(wanted, bool) or isinstance(found, bool):
        return bool(wanted) == bool(found)
    allowed = (rule.tolerance if rule is not None else 0.0) / abs(tag.scale or 1.0)
    if isinstance(wanted, int) and isinstance(found, int):
        return abs(wanted - found) <= allowed
    return math.isclose(wanted, found, rel_tol=_FLOAT_STEP, abs_tol=max(allowed, 1e-12))
