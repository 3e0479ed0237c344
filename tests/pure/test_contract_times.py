"""RFC 3339 times: the contract's form fast, every other form right."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import contract
import pytest
from hypothesis import given
from hypothesis import strategies as st

instants = st.integers(0, 253_402_300_799_999)  # 1970 to the end of 9999


@given(instants)
def test_written_and_read_back(ms: int) -> None:
    """What is written is read back to the millisecond, the first time and from memory."""
    assert contract.parse_time(contract.format_time(ms)) == ms
    assert contract.parse_time(contract.format_time(ms)) == ms


@given(instants, st.integers(-1439, 1439), st.integers(0, 9))
def test_any_offset_and_precision(ms: int, offset: int, digits: int) -> None:
    """Offsets are taken off; digits below the millisecond are cut, those that are missing are zero."""
    local = datetime(1970, 1, 1) + timedelta(milliseconds=ms)
    if not timedelta(days=1) < local - datetime(1970, 1, 1) < timedelta(days=2_900_000):
        return
    local += timedelta(minutes=offset)
    fraction = f"{ms % 1000:03d}999999"[:digits]
    sign, minutes = ("-" if offset < 0 else "+"), abs(offset)
    text = local.strftime("%Y-%m-%dT%H:%M:%S") + (f".{fraction}" if digits else "")
    text += f"{sign}{minutes // 60:02d}:{minutes % 60:02d}"
    kept = int((fraction[:3] or "0").ljust(3, "0"))
    assert contract.parse_time(text) == ms - ms % 1000 + kept


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T10:15:30Z", "2026-11-22T10:15:30.000Z"),
        ("2026-11-22T10:15:30.1Z", "2026-11-22T10:15:30.100Z"),
        ("2026-11-22t10:15:30.1239999z", "2026-11-22T10:15:30.123Z"),
        ("2026-11-22 10:15:30.5+05:30", "2026-11-22T04:45:30.500Z"),
        ("2024-02-29T23:59:59.999-00:01", "2024-03-01T00:00:59.999Z"),
    ],
)
def test_other_forms(text: str, expected: str) -> None:
    """Every form of RFC 3339 is understood."""
    assert contract.format_time(contract.parse_time(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-22",
        "2026-11-22T10:15:30",
        "2026-11-22T10:15:30.Z",
        "2026-11-22T10:15:30.1234567890Z",
        "2026-02-29T10:15:30Z",
        "2026-13-01T10:15:30Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T10:15:60Z",
        "2026-11-22T10:60:00Z",
        "0000-01-01T00:00:00Z",
        "2026-11-22T10:15:30+24:00",
        "2026-11-22T10:15:30+01:60",
        "2026-11-22T10:15:30.123Z ",
        " 2026-11-22T10:15:30.123Z",
        "٢٠٢٦-11-22T10:15:30Z",
        "+026-11-22T10:15:30Z",
    ],
)
def test_what_is_no_time(text: str) -> None:
    """Anything else is refused."""
    with pytest.raises(ValueError):
        contract.parse_time(text)


def test_the_zone_is_utc() -> None:
    """An independent reading of one instant."""
    known = datetime(2026, 3, 28, 1, 30, tzinfo=timezone.utc)
    assert contract.parse_time("2026-03-28T02:30:00+01:00") == int(known.timestamp() * 1000)
