# Part of Gemba MES. License LGPL-3.0 or later.
"""Checks of single fields: each returns the usable value or raises Refused with the mend.

The readers of the hot kinds test the usual case in line and call these only when it does not hold.
"""

import math
from collections.abc import Callable, Collection
from typing import Any

from .errors import Refused, missing, shown
from .limits import INT8
from .times import parse_time

Event = dict[str, Any]


def integer(event: Event, field: str, least: int, most: int) -> int:
    """A whole number; JSON writes 5 as 5.0 too."""
    value = event[field]
    if type(value) is float:
        if not math.isfinite(value):
            raise Refused("not_finite", f"{field} is {shown(value)}; it must be a whole number.")
        if value.is_integer():
            value = int(value)
    if type(value) is not int:
        raise Refused("bad_type", f"{field} is {shown(value)}; it must be a whole number.")
    if least == 0 and value < 0:
        raise Refused("negative_count", f"{field} is {shown(value)}; it can't be negative.")
    if not least <= value <= most:
        raise Refused("bad_value", f"{field} is {shown(value)}; it must lie in {least}..{most}.")
    return value


def number(event: Event, field: str) -> float:
    """A finite number."""
    value = event[field]
    if type(value) is not float and type(value) is not int:
        raise Refused("bad_type", f"{field} is {shown(value)}; it must be a number.")
    try:
        value = float(value)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise Refused("not_finite", f"{field} is {shown(event[field])}; it must be a finite number.")
    return value


def text(event: Event, field: str, longest: int | None = None, shortest: int = 1) -> str:
    """A text of ``shortest`` to ``longest`` characters."""
    value = event[field]
    if type(value) is not str:
        raise Refused("bad_type", f"{field} is {shown(value)}; it must be a text.")
    if len(value) < shortest or (longest is not None and len(value) > longest):
        most = "" if longest is None else f" and at most {longest}"
        raise Refused("bad_value", f"{field} must have at least {shortest}{most} characters.")
    return value


def word(event: Event, field: str, words: Collection[str]) -> str:
    """One of a fixed set of words."""
    value = event[field]
    if type(value) is not str:
        raise Refused("bad_type", f"{field} is {shown(value)}; it must be a text.")
    if value not in words:
        known = ", ".join(sorted(words))
        raise Refused("bad_value", f"{field} is {shown(value)}; it must be one of {known}.")
    return value


def truth(event: Event, field: str) -> bool:
    """True or false."""
    value = event[field]
    if type(value) is not bool:
        raise Refused("bad_type", f"{field} is {shown(value)}; it must be true or false.")
    return value


def moment(event: Event, field: str) -> int:
    """A time, in milliseconds."""
    value = event[field]
    if type(value) is not str:
        raise Refused("bad_type", f"{field} is {shown(value)}; it must be a text with a time.")
    try:
        return parse_time(value)
    except ValueError as error:
        raise Refused("bad_time", f"{field} is {shown(value)}; {error}.") from None


def bounds(event: Event) -> tuple[int, int | None]:
    """``[least, most or null]`` of a count's delta."""
    pair = event["bounds"]
    if type(pair) is not list:
        raise Refused("bad_type", f"bounds is {shown(pair)}; it must be a list [least, most].")
    if len(pair) != 2:
        raise Refused("bad_value", f"bounds is {shown(pair)}; it must hold two numbers.")
    ends = {"bounds[0]": pair[0], "bounds[1]": pair[1]}
    low = integer(ends, "bounds[0]", 0, INT8)
    high = None if pair[1] is None else integer(ends, "bounds[1]", 0, INT8)
    if high is not None and high < low:
        raise Refused("bad_value", f"bounds is {shown(pair)}; the least comes first.")
    return low, high


def number_bounds(event: Event, field: str) -> tuple[float, float | None]:
    """``[least, most or null]`` of a meter's growth."""
    pair = event[field]
    if type(pair) is not list or len(pair) != 2:
        raise Refused("bad_type", f"{field} is {shown(pair)}; it must be a list [least, most].")
    ends = {f"{field}[0]": pair[0], f"{field}[1]": pair[1]}
    return number(ends, f"{field}[0]"), None if pair[1] is None else number(ends, f"{field}[1]")


Check = Callable[[Event, str], object]


def one_of_types(*types: type) -> Check:
    """A check that a field holds one of some plain JSON types; numbers must be finite."""

    def check(event: Event, field: str) -> object:
        value = event[field]
        if type(value) is float and float not in types and int in types and value.is_integer():
            return int(value)
        if type(value) not in types:
            raise Refused("bad_type", f"{field} is {shown(value)}; that type is not allowed here.")
        return number(event, field) if type(value) is float else value

    return check


def at_least(least: float) -> Check:
    """A check that a field holds a finite number, ``least`` or more."""

    def check(event: Event, field: str) -> object:
        value = number(event, field)
        if value < least:
            raise Refused("bad_value", f"{field} is {shown(value)}; it must be {least} or more.")
        return value

    return check


def require(event: Event, fields: Collection[str]) -> None:
    """Raise when one of ``fields`` is missing."""
    for field in fields:
        if field not in event:
            raise missing(field)
