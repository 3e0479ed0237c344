"""When a shift total falls to 0: local times of day. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAY_MS = 86_400_000
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


@dataclass(frozen=True, slots=True)
class ResetSchedule:
    """times: minutes after local midnight, rising; window_ms: how far the device may be off."""

    times: tuple[int, ...]
    zone: str
    window_ms: int

    def between(self, start: int, end: int) -> bool:
        """Whether a reset is due in [start - window, end + window], plant ms."""
        low, high = start - self.window_ms, end + self.window_ms
        if high - low >= DAY_MS:
            return True
        zone = _zone(self.zone)
        day = datetime.fromtimestamp(low / 1000, timezone.utc).astimezone(zone).date() - timedelta(days=1)
        for _ in range(4):
            for minutes in self.times:
                # A time that a clock change leaves out or doubles is tried both ways.
                local = datetime(day.year, day.month, day.day, minutes // 60, minutes % 60, tzinfo=zone)
                folds = (local, local.replace(fold=1))
                if any(low <= moment.timestamp() * 1000 <= high for moment in folds):
                    return True
            day += timedelta(days=1)
        return False


def schedule(times: tuple[str, ...], zone: str, window_ms: int) -> ResetSchedule:
    """``("06:00", …)`` in ``zone``; raises ValueError with the mend."""
    wrong = [text for text in times if not _TIME.fullmatch(text)]
    if wrong or not times:
        raise ValueError('reset_times: write the local times at which the device falls to 0, e.g. ["06:00", "14:00"]')
    try:
        _zone(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"time_zone {zone!r} is not known: write e.g. Europe/Berlin") from None
    minutes = sorted({int(text[:2]) * 60 + int(text[3:]) for text in times})
    return ResetSchedule(tuple(minutes), zone, window_ms)


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
