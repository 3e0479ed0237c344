# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""What is added up: integers only, so that parts added in any order give the same whole, digit for digit.

Times are milliseconds, pieces are pieces, ideal times are nanoseconds (an ideal cycle is a whole number of
nanoseconds a piece; a year of them fits a signed 64-bit column).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import TypeAlias

Key: TypeAlias = int | str

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums of a machine, a line, an order, an hour: add two and the result is one again.

    Milliseconds: the nine buckets, which sum to the window. Pieces: ``total``, ``good``, ``reject`` were
    made in production time; ``outside_*`` were made at any other time, ``unallocated`` is that part of
    ``outside_total`` that no order ran for. ``ideal_ns`` is the sum of ideal cycle × total,
    ``ideal_good_ns`` of ideal cycle × good; ``without_ideal`` pieces had no ideal cycle. Stops are
    counted where they began. ``startup_reject`` is that part of ``reject`` that was made while the machine
    started up, ``startup_ideal_ns`` its ideal time. ``maintenance_ms`` is that part of ``planned_ms`` in which the
    machine was maintained, ``failure_ms`` that part of the delays whose reason is a failure, ``failure_stops`` are
    the stops that are counted under such a reason.
    """

    not_scheduled_ms: int = 0
    no_data_ms: int = 0
    planned_ms: int = 0
    setup_ms: int = 0
    no_order_ms: int = 0
    production_ms: int = 0
    unplanned_ms: int = 0
    minor_ms: int = 0
    undetermined_ms: int = 0
    total: int = 0
    good: int = 0
    reject: int = 0
    outside_total: int = 0
    outside_good: int = 0
    outside_reject: int = 0
    unallocated: int = 0
    ideal_ns: int = 0
    ideal_good_ns: int = 0
    without_ideal: int = 0
    unplanned_stops: int = 0
    minor_stops: int = 0
    undetermined_stops: int = 0
    startup_reject: int = 0
    startup_ideal_ns: int = 0
    maintenance_ms: int = 0
    failure_ms: int = 0
    failure_stops: int = 0

    def __add__(self, other: Totals) -> Totals:
        """Both together."""
        return Totals(*(getattr(self, name) + getattr(other, name) for name in NAMES))

    def __bool__(self) -> bool:
        """Whether anything at all was added up."""
        return any(getattr(self, name) for name in NAMES)

    @property
    def calendar_ms(self) -> int:
        """The whole window."""
        return self.not_scheduled_ms + self.pot_ms

    @property
    def pot_ms(self) -> int:
        """Planned operation time: the shifts."""
        return self.pbt_ms + self.planned_ms + self.no_data_ms

    @property
    def pbt_ms(self) -> int:
        """Planned busy time: the shifts without planned stops and without what nobody watched."""
        return self.aubt_ms + self.no_order_ms

    @property
    def aubt_ms(self) -> int:
        """Actual unit busy time: an order ran."""
        return self.aupt_ms + self.adet_ms

    @property
    def aupt_ms(self) -> int:
        """Actual unit processing time: production and set-up."""
        return self.production_ms + self.setup_ms

    @property
    def adet_ms(self) -> int:
        """Actual unit delay time: every stop."""
        return self.unplanned_ms + self.minor_ms + self.undetermined_ms

    @property
    def coverage(self) -> Fraction | None:
        """The share of shift time that was watched; None without any shift time."""
        pot = self.pot_ms
        return Fraction(pot - self.no_data_ms, pot) if pot else None


NAMES: tuple[str, ...] = tuple(field.name for field in fields(Totals))


def add_up(parts: Iterable[Totals]) -> Totals:
    """All parts together: the totals of a line, of a day; Σ numerators ÷ Σ denominators follows."""
    return Totals(*(sum(column) for column in zip(*(_values(part) for part in parts), strict=True)))


def _values(totals: Totals) -> tuple[int, ...]:
    return tuple(getattr(totals, name) for name in NAMES)


@dataclass(frozen=True, slots=True)
class Ideal:
    """From ``start`` on, one piece of ``product`` (None: of any other) ideally takes ``ns`` nanoseconds.

    ISO 22400-2 calls it PRU, planned run time per unit. The product's own value beats the one for any.
    """

    product: Key | None
    start: int
    ns: int

    @classmethod
    def of_seconds(cls, product: Key | None, start: int, seconds: Decimal | str | int) -> Ideal:
        """An ideal cycle given in seconds a piece, rounded half-even to a nanosecond.

        :raises ValueError: the cycle is not a finite number above zero.
        """
        value = Decimal(seconds)
        if not value.is_finite() or value <= 0:
            raise ValueError(f"an ideal cycle of {seconds} s is not possible: give seconds above zero")
        return cls(product, start, int((value * NS_PER_S).to_integral_value(ROUND_HALF_EVEN)))


@dataclass(frozen=True, slots=True)
class Settings:
    """What a site or a machine chose.

    A closed stop shorter than ``minor_stop_ms`` is minor; ``minor_by_mode`` gives other thresholds by the
    mode in which the stop began. ``no_order_is_loss``: time without an order stays in planned busy time.
    Below ``coverage_limit`` no figure is given. The versions are printed beside every figure. ``failures`` and
    ``maintenance`` are the reasons that say so of a stop and of a planned stop. So long after a set-up as
    ``startup_ms`` rejected pieces count as start-up rejects.
    """

    minor_stop_ms: int = 60_000
    minor_by_mode: tuple[tuple[str, int], ...] = ()
    no_order_is_loss: bool = True
    coverage_limit: Fraction = Fraction(4, 5)
    calendar_version: str = ""
    startup_ms: int = 0
    failures: frozenset[Key] = frozenset()
    maintenance: frozenset[Key] = frozenset()

    def threshold(self, mode: str | None) -> int:
        """The minor-stop threshold in ``mode``, milliseconds."""
        return dict(self.minor_by_mode).get(mode or "", self.minor_stop_ms)
