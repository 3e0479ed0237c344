"""Which units of one line are worth a request now. Pure; times are real seconds of one monotonic clock.

A dead unit behind a gateway costs a whole timeout, during which nobody else is read. So a unit that failed is
tried again ever more seldom, and all these tries together may take no more than :data:`SHARE` of the time. Only
one that has been well for long gets its first new try soon: a single lost answer is nobody's death.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

FIRST_PAUSE_S = 0.5
# Part of the line's time that trying dead units may take.
SHARE = 0.05


@dataclass(slots=True)
class _Failing:
    """failures in a row; next try not before ``retry``; last tried at ``tried``; rationed: within the share only."""

    failures: int
    retry: float
    tried: float
    rationed: bool


class Units:
    """The units of one line."""

    def __init__(self, units: Iterable[int], longest_s: float) -> None:
        self._all = frozenset(units)
        self._longest_s = longest_s
        self._failing: dict[int, _Failing] = {}
        self._tries_from = 0.0
        self._failed_at: dict[int, float] = {}
        # Units that fell silent since anybody answered: it may be the line and not they.
        self._suspects: set[int] = set()
        self._line_was_lost = False

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._all)

    def ready(self, unit: int, now: float) -> bool:
        """Whether to ask this unit now."""
        failing = self._failing.get(unit)
        if failing is None:
            return True
        if now < failing.retry:
            return False
        return not failing.rationed or (now >= self._tries_from and unit == self._longest_waiting())

    def _longest_waiting(self) -> int | None:
        """Of the rationed ones: else the first in order would get every ration."""
        rationed = [unit for unit, failing in self._failing.items() if failing.rationed]
        return min(rationed, key=lambda unit: self._failing[unit].tried, default=None)

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
        was_failing = unit in self._failing
        everybody = len(self._failing) == len(self._all)
        self._failing.pop(unit, None)
        if self._line_was_lost or everybody:
            # It was the line: those that it made silent are worth a try at once.
            for other in self._all if everybody else self._suspects:
                self._failing.pop(other, None)
            self._tries_from = 0.0
        self.line_answers()
        return was_failing

    def failed(self, unit: int, cost_s: float, now: float) -> bool:
        """It took ``cost_s`` to find out that it gives no answer; True when it had been well before."""
        before = self._failing.get(unit)
        failures = before.failures + 1 if before is not None else 1
        pause = min(self._longest_s, FIRST_PAUSE_S * 2 ** min(failures - 1, 16))
        rest_s = cost_s / SHARE
        rationed = before is not None or now - self._failed_at.get(unit, -math.inf) < rest_s
        self._failed_at[unit] = now
        self._failing[unit] = _Failing(failures, now + pause, now, rationed)
        if rationed:
            self._tries_from = max(self._tries_from, now + rest_s)
        if before is None:
            self._suspects.add(unit)
        return before is None

    @property
    def line_is_lost(self) -> bool:
        """Two units that were well fell silent one after the other, or none is left: it is not the units."""
        return len(self._suspects) >= 2 or len(self._failing) == len(self._all)

    def line_lost(self) -> None:
        """The line was given up."""
        self._line_was_lost = True

    def line_answers(self) -> None:
        """Somebody answered: who is silent now is so by himself."""
        self._suspects.clear()
        self._line_was_lost = False
