# Part of Gemba MES. License LGPL-3.0 or later.
"""RFC 3339 times as integer milliseconds since 1970 UTC.

The contract's form is ``2026-11-22T10:15:30.123Z``. It is read by three look-ups, because an event
carries up to three times and a batch thousands of events. Any other RFC 3339 form (no fraction, up
to nine digits, an offset, lower case) goes through :func:`_parse_any`; digits below a millisecond
are cut off, never rounded into the next one.
"""

import re
from datetime import datetime, timedelta, timezone

_SECONDS = {f":{second:02d}": second * 1000 for second in range(60)}
_MILLIS = {f".{milli:03d}Z": milli for milli in range(1000)}
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MINUTE_CACHE_SIZE = 20_000
_minutes: dict[str, int] = {}

_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))",
    re.ASCII,
)


def parse_time(text: str) -> int:
    """Milliseconds since 1970 UTC of an RFC 3339 ``text``; raises ValueError when it is none."""
    try:
        return _minutes[text[:16]] + _SECONDS[text[16:19]] + _MILLIS[text[19:]]
    except (KeyError, TypeError):
        return _parse_any(text)


def _parse_any(text: object) -> int:
    """The slow, complete way; remembers the minute of a text in the contract's own form."""
    match = _RFC3339.fullmatch(text) if isinstance(text, str) else None
    if match is None or not isinstance(text, str):
        raise ValueError("a time must look like 2026-11-22T10:15:30.123Z")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    instant = datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)
    milliseconds = (instant - _EPOCH) // timedelta(milliseconds=1)
    if text[10] == "T":
        _remember(text[:16], milliseconds - second * 1000)
    fraction, sign, offset_hours, offset_minutes = match.groups()[6:]
    milliseconds += int((fraction or "0").ljust(3, "0")[:3])
    if sign is None:
        return milliseconds
    if int(offset_hours) > 23 or int(offset_minutes) > 59:
        raise ValueError("the offset of a time must lie between -23:59 and +23:59")
    offset = (int(offset_hours) * 60 + int(offset_minutes)) * 60_000
    return milliseconds - offset if sign == "+" else milliseconds + offset


def _remember(minute: str, milliseconds: int) -> None:
    """Keep the start of a minute; the cache is emptied when full, so a hostile sender can't grow it."""
    if len(_minutes) >= _MINUTE_CACHE_SIZE:
        _minutes.clear()
    _minutes[minute] = milliseconds


def format_time(milliseconds: int) -> str:
    """The contract's form of ``milliseconds`` since 1970 UTC."""
    instant = _EPOCH + timedelta(milliseconds=milliseconds)
    return instant.strftime("%Y-%m-%dT%H:%M:%S.") + f"{milliseconds % 1000:03d}Z"
