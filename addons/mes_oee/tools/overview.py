"""What the plant overview asks for and how it adds up: spans, points of a curve, sums by place.

Pure: times are integer milliseconds since the epoch, UTC.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple, TypeVar

from .. import kpi
from . import hours
from .levels import day_start, local_date

POINTS = 14
# So many rows are opened at first.
GLANCE_ROWS = 24
# How many days a span goes back before today, and how many days it is compared with what was so long before.
_DAYS = {"today": (0, 1), "week": (6, 7), "month": (29, 30)}
SPANS = ("shift", "today", "yesterday", "week", "month")
KINDS = ("site", "area", "line", "machine")
Part = TypeVar("Part")

Sums = dict[str, kpi.Totals]
"""Totals by the key of a place such as "line-7"."""


class Span(NamedTuple):
    """A span and the one it is compared with; ms."""

    start: int
    end: int
    before_start: int
    before_end: int


class Curve(NamedTuple):
    """The points of a sparkline: what figures are grouped by, the span, and the keys of its points in order."""

    by: str
    start: int
    end: int
    points: tuple[int | date, ...]


def span_of(name: str, tz: str, now: int) -> Span:
    """A span of days on the site's clock; one that lasts is compared up to the same time of the day.

    :raises KeyError: no such span of days.
    """
    today = local_date(tz, now)

    def day(offset: int) -> int:
        return day_start(tz, today + timedelta(days=offset))

    if name == "yesterday":
        return Span(day(-1), day(0), day(-2), day(-1))
    back, step = _DAYS[name]
    return Span(day(-back), now, day(-back - step), day(-step) + now - day(0))


def curve_of(name: str, tz: str, now: int) -> Curve:
    """Hours of short spans, days of the others; the last point is that of now (of yesterday: yesterday)."""
    if name in ("shift", "today"):
        starts = [hours.floor(tz, now)]
        while len(starts) < POINTS:
            starts.insert(0, hours.floor(tz, starts[0] - 1))
        return Curve("hour", starts[0], now, tuple(starts))
    last_day = local_date(tz, now) - timedelta(days=name == "yesterday")
    days = tuple(last_day - timedelta(days=back) for back in reversed(range(POINTS)))
    end = day_start(tz, last_day + timedelta(days=1))
    return Curve("day", day_start(tz, days[0]), min(now, end), days)


def by_place(
    parts: Iterable[tuple[tuple, kpi.Totals]], bottlenecks: Mapping[str, str], kinds: Iterable[str] = KINDS
) -> Sums:
    """Totals of each place of these kinds, from the parts that :func:`at_places` finds there."""
    found = at_places(parts, bottlenecks, kinds)
    return {place: mine[0] if len(mine) == 1 else kpi.add_up(mine) for place, mine in found.items()}


def at_places(
    parts: Iterable[tuple[tuple, Part]], bottlenecks: Mapping[str, str], kinds: Iterable[str] = KINDS
) -> dict[str, list[Part]]:
    """What each place of these kinds is made of; a key of ``parts`` begins with the ids of one of each.

    A line that is measured by its bottleneck has what that machine has. Places without anything are left out.
    """
    found: dict[str, list[Part]] = {}
    names = tuple(kinds)
    for key, part in parts:
        for kind, id_ in zip(names, key, strict=False):
            if id_:
                found.setdefault(f"{kind}-{id_}", []).append(part)
    for line, machine in bottlenecks.items():
        found[line] = found.get(machine, [])
    return {place: mine for place, mine in found.items() if mine}


def opened(places: Iterable[Mapping[str, Any]]) -> list[str]:
    """What is open at first: one level after the other, as long as all rows are seen at a glance."""
    ordered = list(places)
    keys: list[str] = []
    for depth in range(max((place["depth"] for place in ordered), default=0)):
        above = {place["key"] for place in ordered if place["depth"] == depth}
        if len(shown(ordered, [*keys, *above])) > GLANCE_ROWS:
            break
        keys += [place["key"] for place in ordered if place["key"] in above]
    parents = {place["parent"] for place in ordered}
    return [key for key in keys if key in parents]


def shown(places: Iterable[Mapping[str, Any]], open_keys: Iterable[str]) -> list[Mapping[str, Any]]:
    """The places of which everything above is open."""
    is_open, seen, found = set(open_keys), set(), []
    for place in places:
        if place["parent"] is None or (place["parent"] in seen and place["parent"] in is_open):
            seen.add(place["key"])
            found.append(place)
    return found


def pieces_by_place(places: Iterable[Mapping[str, Any]], own: Mapping[str, tuple]) -> dict[str, list]:
    """[good pieces, target or None, lost pieces or None] of each place out of those of machines and lines.

    Pieces pass every machine of a line: an area has made, and lost, what its lines and its lone machines have. Its
    lost time over a mean ideal cycle would be no pieces of anything, and could be fewer than one of its lines lost.
    """
    ordered = list(places)
    found: dict[str, list] = {place["key"]: [0, None, None] for place in ordered}
    for place in reversed(ordered):  # the places above come first in their order
        mine = found[place["key"]]
        if place["key"] in own:
            mine[:] = own[place["key"]]  # a line's, instead of the sum of its machines
        if place["parent"]:
            above = found[place["parent"]]
            above[:] = [_sum(so_far, more) for so_far, more in zip(above, mine, strict=True)]
    return found


def _sum(one: int | None, other: int | None) -> int | None:
    """Of what is known; None where nothing is."""
    return other if one is None else one if other is None else one + other


def counted(places: Iterable[Mapping[str, Any]], machines: Mapping[int, int]) -> dict[str, int]:
    """How many of something there are at each place, of so many at each machine (by id)."""
    ordered = list(places)
    found = {place["key"]: machines.get(place["id"], 0) if place["kind"] == "machine" else 0 for place in ordered}
    for place in reversed(ordered):
        if place["parent"]:
            found[place["parent"]] += found[place["key"]]
    return found
