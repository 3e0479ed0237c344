# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""What lost time and lost pieces are worth. Exact fractions of the company's currency; rounded only when shown.

    contribution = price − cost                                    currency a piece
    lost pieces  = lost time ÷ ideal cycle                         pieces
    lost time    = lost pieces × contribution × share              while a product was to be made
                 = lost hours × cost of the machine's hour         otherwise
    rejects      = rejected pieces × price                         contribution and material are gone
                 = rejected pieces × cost + their ideal hours × cost of the machine's hour   without contribution

A product that is sold at or below its cost, or has no price, has no contribution: then a lost hour costs what the
machine costs. A piece earns its contribution once, however many machines of a line it passes: ``share`` is
the part that this machine's time bears (1 for the bottleneck or a machine that stands alone, 0 for the other units
of a line with a bottleneck, one n-th for each of the n units of a line without). A rejected piece is lost whole,
wherever that happens. All is linear in time and pieces: what is lost in parts adds up to what is lost in the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

NS_PER_HOUR = 3_600_000_000_000


@dataclass(frozen=True, slots=True)
class Worth:
    """What one product on one machine is worth: all in one currency.

    ``price`` and ``cost`` are of a piece, None where no product ran; ``hour_cost`` is of the machine's hour.
    """

    price: Fraction | None = None
    cost: Fraction | None = None
    hour_cost: Fraction = Fraction(0)
    share: Fraction = Fraction(1)

    @property
    def contribution(self) -> Fraction | None:
        """Currency a piece; None if there is none."""
        if self.price is None or self.cost is None or self.price <= self.cost:
            return None
        return self.price - self.cost

    def by_contribution(self, cycle_ns: int | None) -> bool:
        """Whether lost time is valued by the pieces that were not made, not by the machine's hour."""
        return self.contribution is not None and bool(cycle_ns) and self.share > 0

    def of_time(self, ns: int, cycle_ns: int | None) -> Fraction:
        """Currency lost with so many nanoseconds, at an ideal cycle; a gain is negative."""
        contribution = self.contribution
        if contribution is None or not cycle_ns or self.share <= 0:
            return self.hour_cost * Fraction(ns, NS_PER_HOUR)
        return Fraction(ns, cycle_ns) * contribution * self.share

    def of_idle(self, ns: int) -> Fraction:
        """Currency lost with time in which nothing was to be made."""
        return self.hour_cost * Fraction(ns, NS_PER_HOUR)

    def of_rejects(self, pieces: int, ideal_ns: int) -> Fraction:
        """Currency lost with rejected pieces, which ideally took so many nanoseconds to make."""
        if self.contribution is not None and self.price is not None:
            return pieces * self.price
        return pieces * (self.cost or Fraction(0)) + self.hour_cost * Fraction(ideal_ns, NS_PER_HOUR)


@dataclass(frozen=True, slots=True)
class Payback:
    """What better figures earn: ``yearly`` currency, ``months`` until an investment is back (None: never)."""

    yearly: Fraction
    months: Fraction | None


def value_of_points(
    busy_ms: Fraction, days: Fraction, points: Fraction, each: Fraction, adding_ms: Fraction
) -> Fraction:
    """What so many points of OEE (0.10 are ten) add in a year of 365 days, in pieces or in currency.

    ``busy_ms`` is the planned busy time of ``days`` days, ``each`` the good pieces (or what they earned) in
    ``adding_ms`` of value-adding time:  busy time × points × each ÷ value-adding time × 365 ÷ days.
    """
    if days <= 0 or adding_ms <= 0:
        return Fraction(0)
    return busy_ms * points * each / adding_ms * 365 / days


def payback(investment: Fraction, yearly: Fraction) -> Payback:
    """When an investment is earned back by so much a year."""
    return Payback(yearly, investment * 12 / yearly if yearly > 0 else None)
