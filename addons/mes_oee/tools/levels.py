"""The levels of a rollup: hours, days and months of the site's clock, and which of them a span is read from."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from odoo.addons.mes_base.timeline import calendar
from odoo.addons.mes_base.tools import clock

from ..kpi.totals import NAMES

_PLACE = ("workcenter_id", "company_id", "site_id", "area_id", "line_id", "month")
_MONTHLY = (*_PLACE, "product_id")
_SHIFT = ("shift_name", "crew_id")
_DAILY = (*_MONTHLY, "hour_date", *_SHIFT, "shift_key", "business_date", "run_id", "production_id")
_HOURLY = (*_DAILY, "hour_at")


class Level(NamedTuple):
    """One grain: ``at`` is the column that says when, ``columns`` what a row is about."""

    name: str
    at: str
    columns: tuple[str, ...]


class Cube(NamedTuple):
    """A rollup on all levels: a table each, and the columns that are added up."""

    tables: Mapping[str, str]
    sums: tuple[str, ...]
    extra: Mapping[str, tuple[str, ...]]

    def columns(self, level: Level) -> tuple[str, ...]:
        """What a row of the level is about."""
        return (*level.columns, *self.extra[level.name])

    @property
    def summed(self) -> list[Level]:
        """The levels that are sums of another one's rows, in the order in which they are made."""
        return [level for level in BELOW if level.name in self.tables]


HOUR = Level("hour", "hour_at", _HOURLY)
DAY = Level("day", "hour_date", _DAILY)
MONTH = Level("month", "month", _MONTHLY)
# The same months once more, for the questions that are asked most: an eighth and a fifth of the rows.
MONTH_PRODUCT = Level("month_product", "month", _MONTHLY)
MONTH_CREW = Level("month_crew", "month", (*_PLACE, *_SHIFT))
# Each is the sum of rows of the one beside it.
BELOW = {DAY: HOUR, MONTH: DAY, MONTH_PRODUCT: MONTH, MONTH_CREW: MONTH}

FIGURES = Cube(
    {
        "hour": "mes_oee_rollup",
        "day": "mes_oee_rollup_day",
        "month": "mes_oee_rollup_month",
        "month_product": "mes_oee_rollup_month_product",
        "month_crew": "mes_oee_rollup_month_crew",
    },
    NAMES,
    {"hour": (), "day": (), "month": _SHIFT, "month_product": (), "month_crew": ()},
)
REASONS = Cube(
    {
        "hour": "mes_oee_reason_rollup",
        "day": "mes_oee_reason_rollup_day",
        "month": "mes_oee_reason_rollup_month",
    },
    ("ms", "stops"),
    {"hour": ("bucket", "loss_id", "code"), "day": ("bucket", "loss_id", "code"), "month": ("bucket", "loss_id")},
)
CUBES = (FIGURES, REASONS)

_SMALLEST_FIRST = (MONTH_PRODUCT, MONTH_CREW, MONTH, DAY, HOUR)

Window = tuple[int, int] | tuple[date, date]


class Rolled(NamedTuple):
    """The hours of a machine that have rows: from, until; ms, on its clock ``tz``."""

    tz: str
    start: int
    end: int


def of(columns: Iterable[str], cube: Cube) -> list[Level]:
    """The levels that know all of the columns, the coarsest first; of months the smallest such table."""
    needed = set(columns)
    known = [level for level in _SMALLEST_FIRST if level.name in cube.tables and needed <= set(cube.columns(level))]
    months = [level for level in known if level.at == MONTH.at]
    return [*months[:1], *(level for level in known if level.at != MONTH.at)]


def split(span: tuple[int, int], rolled: Rolled, levels: Sequence[Level]) -> dict[Level, list[Window]]:
    """Which windows of which level make up a span of whole hours that all have rows.

    A day is whole where the span covers all of its hours that have rows: so the first and the last one, which
    the rollup covers in part, count as whole in a span that begins or ends with the rollup. Months have rows only
    once a later month has some.
    """
    found: dict[Level, list[Window]] = {}
    rest = [span]
    for level in levels:
        if level is HOUR:
            found[level] = list(rest)
            break
        dates = [_dates(one, rolled, level) for one in rest]
        found[level] = [(first, last) for first, last in dates if first < last]
        rest = [edge for one, within in zip(rest, dates, strict=True) for edge in _edges(one, within, rolled.tz)]
    return {level: windows for level, windows in found.items() if windows}


def day_start(tz: str, day: date) -> int:
    """The instant at which a date begins on the clock; ms."""
    return calendar.to_ms(ZoneInfo(tz), datetime(day.year, day.month, day.day))


def local_date(tz: str, at: int) -> date:
    """The date of an instant on the clock."""
    return (clock.EPOCH + timedelta(milliseconds=at)).replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo(tz)).date()


def _dates(span: tuple[int, int], rolled: Rolled, level: Level) -> tuple[date, date]:
    """First date, and first date after the last, of what the span holds of whole days or months."""
    first, last = local_date(rolled.tz, span[0]), local_date(rolled.tz, span[1])
    begun, ended = _begin(first, level), _begin(last, level)
    if span[0] != rolled.start and span[0] != day_start(rolled.tz, begun):
        begun = _next(begun, level)
    if level.at == MONTH.at:
        return begun, min(ended, _begin(local_date(rolled.tz, rolled.end - 1), level))
    if span[1] == rolled.end and span[1] != day_start(rolled.tz, ended):
        ended = _next(ended, level)
    return begun, ended


def _begin(day: date, level: Level) -> date:
    return day.replace(day=1) if level.at == MONTH.at else day


def _next(day: date, level: Level) -> date:
    """The first date of the next day or month."""
    if level is DAY:
        return day + timedelta(days=1)
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def _edges(span: tuple[int, int], dates: tuple[date, date], tz: str) -> list[tuple[int, int]]:
    """What of a span the dates do not hold."""
    if dates[0] >= dates[1]:
        return [span]
    low, high = day_start(tz, dates[0]), day_start(tz, dates[1])
    return [(start, end) for start, end in ((span[0], low), (high, span[1])) if start < end]
