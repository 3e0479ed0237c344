# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""Calendar time taken apart, step by step down to value-adding time, in time, pieces and money.

    calendar = not scheduled + no data + planned + set-up + no order + unplanned + minor + undetermined
             + speed + unrated + start-up rejects + production rejects + value-adding

closes to the nanosecond, for it is made of the totals' nine buckets and of production time parted exactly:

    value-adding       Σ ideal cycle · good pieces
    production rejects Σ ideal cycle · rejected pieces, without those of
    start-up rejects   made within the start-up time after a set-up
    speed              what remains of production time; negative where the machine was faster than ideal
    unrated            what remains instead, if pieces without an ideal cycle make the parting meaningless

Six of these losses (two of them together) are Nakajima's: see :data:`SIX`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from .buckets import BUCKETS
from .money import Worth
from .totals import NS_PER_MS, Totals

STEPS: tuple[str, ...] = (
    "not_scheduled",
    "no_data",
    "planned",
    "setup",
    "no_order",
    "unplanned",
    "minor",
    "undetermined",
    "speed",
    "unrated",
    "startup_reject",
    "production_reject",
    "value_adding",
)
SIX: dict[str, tuple[str, ...]] = {
    "breakdowns": ("unplanned",),
    "setup_adjustment": ("setup",),
    "minor_stops": ("minor", "undetermined"),
    "reduced_speed": ("speed",),
    "startup_rejects": ("startup_reject",),
    "production_rejects": ("production_reject",),
}
"""Nakajima's six big losses, by the steps they are made of."""

_NO_LOSS = ("not_scheduled", "no_data", "planned")
_STOPS = ("unplanned", "minor", "undetermined")


@dataclass(frozen=True, slots=True)
class Loss:
    """Nanoseconds, pieces that were not made (or were made in vain), money, and stops that began."""

    ns: int = 0
    pieces: Fraction = Fraction(0)
    money: Fraction = Fraction(0)
    stops: int = 0

    def __add__(self, other: Loss) -> Loss:
        """Both together."""
        return Loss(
            self.ns + other.ns, self.pieces + other.pieces, self.money + other.money, self.stops + other.stops
        )


NOTHING = Loss()


def steps(totals: Totals, cycle_ns: int | None, worth: Worth) -> dict[str, Loss]:
    """Every step of one product's totals on one machine, in the order of :data:`STEPS`.

    ``cycle_ns`` is the ideal cycle by which lost time becomes lost pieces, None if there is none (no pieces then).
    Time outside the shifts, without data and planned stops are no losses: they have neither pieces nor money. The
    pieces of value-adding time are the good ones, its money is what they earned.
    """
    found: dict[str, Loss] = {
        bucket: of_bucket(
            bucket,
            getattr(totals, f"{bucket}_ms"),
            getattr(totals, f"{bucket}_stops") if bucket in _STOPS else 0,
            cycle_ns,
            worth,
        )
        for bucket in BUCKETS
        if bucket != "production"
    }
    found |= _production(totals, cycle_ns, worth)
    return {step: found[step] for step in STEPS}


def lost_money(totals: Totals, cycle_ns: int | None, worth: Worth) -> Fraction:
    """The money of all :func:`steps` but value-adding, at once: hundreds of machines are told without their steps."""
    stood = totals.setup_ms + totals.unplanned_ms + totals.minor_ms + totals.undetermined_ms
    slow = 0 if totals.without_ideal else totals.production_ms * NS_PER_MS - totals.ideal_ns
    return (
        worth.of_time(stood * NS_PER_MS + slow, cycle_ns)
        + worth.of_idle(totals.no_order_ms * NS_PER_MS)
        + worth.of_rejects(totals.reject, totals.ideal_ns - totals.ideal_good_ns)
    )


def of_bucket(bucket: str, ms: int, stops: int, cycle_ns: int | None, worth: Worth) -> Loss:
    """Time in one of the buckets without production, in pieces and money."""
    ns = ms * NS_PER_MS
    if bucket in _NO_LOSS:
        return Loss(ns)
    money = worth.of_idle(ns) if bucket == "no_order" else worth.of_time(ns, cycle_ns)
    return Loss(ns, _pieces(ns, cycle_ns), money, stops)


def _production(totals: Totals, cycle_ns: int | None, worth: Worth) -> dict[str, Loss]:
    """The steps of production time."""
    rest = totals.production_ms * NS_PER_MS - totals.ideal_ns
    starting, late = totals.startup_ideal_ns, totals.ideal_ns - totals.ideal_good_ns - totals.startup_ideal_ns
    rejects = totals.reject - totals.startup_reject
    speed = NOTHING if totals.without_ideal else Loss(rest, _pieces(rest, cycle_ns), worth.of_time(rest, cycle_ns))
    return {
        "speed": speed,
        "unrated": Loss(rest) if totals.without_ideal else NOTHING,
        "startup_reject": Loss(
            starting, Fraction(totals.startup_reject), worth.of_rejects(totals.startup_reject, starting)
        ),
        "production_reject": Loss(late, Fraction(rejects), worth.of_rejects(rejects, late)),
        "value_adding": Loss(
            totals.ideal_good_ns, Fraction(totals.good), totals.good * (worth.contribution or 0) * worth.share
        ),
    }


def _pieces(ns: int, cycle_ns: int | None) -> Fraction:
    return Fraction(ns, cycle_ns) if cycle_ns else Fraction(0)


def add_steps(parts: Iterable[Mapping[str, Loss]]) -> dict[str, Loss]:
    """All parts together, step by step."""
    whole = dict.fromkeys(STEPS, NOTHING)
    for part in parts:
        for step, loss in part.items():
            whole[step] += loss
    return whole


def six(whole: Mapping[str, Loss]) -> dict[str, Loss]:
    """The six big losses out of the steps."""
    return {name: sum((whole[step] for step in parts), NOTHING) for name, parts in SIX.items()}


def shown_ms(whole: Mapping[str, Loss]) -> dict[str, int]:
    """The steps in whole milliseconds that still sum to calendar time.

    From value-adding time upwards each partial sum is rounded, a half to the even one: so no step is off by a
    millisecond or more.
    """
    found: dict[str, int] = {}
    exact = shown = 0
    for step in reversed(STEPS):
        exact += whole[step].ns
        rounded = round(Fraction(exact, NS_PER_MS))
        found[step], shown = rounded - shown, rounded
    return {step: found[step] for step in STEPS}
