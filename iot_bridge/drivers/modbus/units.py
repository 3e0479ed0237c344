"""Which units of one line are worth a request now. Pure; times are real seconds of one monotonic clock.

A dead unit behind a gateway costs a whole timeout, during which nobody else is read. So a unit that failed is
tried again ever more seldom, and all these tries together may take no more than :data:`SHARE` of the time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

FIRST_PAUSE_S = 0.5
# Part of the line's time that trying dead units may take.
SHARE = 0.05


@dataclass(slots=True)
class _Failing:
    """failures in a row; next try not before ``retry``; last tried at ``tried``."""

    failures: int
    retry: float
    tried: float


class Units:
    """The units of one line."""

    def __init__(self, units: Iterable[int], longest_s: float) -> None:
        self._all = frozenset(units)
        self._longest_s = longest_s
        self._failing: dict[int, _Failing] = {}
        self._tries_from = 0.0
        self._silent_in_a_row = 0

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._all)

    def ready(self, unit: int, now: float) -> bool:
        """Whether to ask this unit now."""
        failing = self._failing.get(unit)
        if failing is None:
            return True
        return now >= failing.retry and now >= self._tries_from

    def is_failing(self, unit: int) -> bool:
        """Whether it gave no answer when it was asked last."""
        return unit in self._failing

    @property
    def failing(self) -> list[int]:
        """Units that gave no answer when they were asked last."""
        return sorted(self._failing)

    def last_resort(self, among: Iterable[int]) -> int | None:
        """When every unit of the line fails: the one of ``among`` that has waited longest, else None."""
        if len(self._failing) < len(self._all):
            return None
        return min(among, key=lambda unit: self._failing[unit].tried, default=None)

    def answered(self, unit: int) -> bool:
        """It answered; True when it had been failing."""
        self._silent_in_a_row = 0
        if unit not in self._failing:
            return False
        if len(self._failing) == len(self._all):
            # The line itself had been gone: everybody is worth a try again, at once.
            self._failing.clear()
            self._tries_from = 0.0
        self._failing.pop(unit, None)
        return True

    def failed(self, unit: int, cost_s: float, now: float) -> bool:
        """It took ``cost_s`` to find out that it gives no answer; True when it had been well before."""
        before = self._failing.get(unit)
        failures = before.failures + 1 if before is not None else 1
        pause = min(self._longest_s, FIRST_PAUSE_S * 2 ** min(failures - 1, 16))
        self._failing[unit] = _Failing(failures, now + pause, now)
        self._tries_from = max(self._tries_from, now + cost_s / SHARE)
        if before is None:
            self._silent_in_a_row += 1
        return before is None

    @property
    def line_is_lost(self) -> bool:
        """Two units that were well fell silent one after the other, or none is left: it is not the units."""
        return self._silent_in_a_row >= 2 or len(self._failing) == len(self._all)

    def line_answers(self) -> None:
        """The link was closed and opened anew: judge it by what comes now."""
        self._silent_in_a_row = 0
