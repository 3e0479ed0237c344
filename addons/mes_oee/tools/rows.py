"""The row of figures that both the rollup and the live part of a query are made of."""

import hashlib
from typing import NamedTuple

from odoo.addons.mes_base.timeline import HourRow, Shift

from ..kpi import Bucket, Totals

RULES_VERSION = 2
"""Version of the rules by which rows are made; when it grows, the rollups have to be rebuilt."""


class Place(NamedTuple):
    """Where a machine stood: ids of site, area and line, None where it has none."""

    site_id: int | None
    area_id: int | None
    line_id: int | None


NOWHERE = Place(None, None, None)


class Row(NamedTuple):
    """What a machine did in one hour, in one shift (None: outside), for one order run (None: no order)."""

    workcenter_id: int
    place: Place
    hour: HourRow
    shift: Shift | None
    run_id: int | None
    production_id: int | None
    product_id: int | None
    totals: Totals


class ReasonRow(NamedTuple):
    """How long a machine spent in one bucket without production, for one reason and code; otherwise as a row."""

    workcenter_id: int
    place: Place
    hour: HourRow
    shift: Shift | None
    run_id: int | None
    production_id: int | None
    product_id: int | None
    bucket: Bucket
    loss_id: int | None
    code: str | None
    ms: int
    stops: int


def hour_label(hour: HourRow) -> str:
    """The hour as people say it; the second 02:00 of the day on which the clock goes back is 02:00 (2)."""
    return f"{hour.label} (2)" if hour.fold else hour.label


def calendar_version(shift: Shift | None, hour: HourRow) -> str | None:
    """Sixteen hex digits that change when, and only when, the calendar says something else of this hour.

    So a row keeps its version when another week changes, and has the same one in whichever window it is
    made. None outside the shifts.
    """
    if shift is None:
        return None
    breaks = [
        (max(rest.start, hour.start), min(rest.end, hour.end), rest.stops)
        for rest in shift.breaks
        if rest.start < hour.end and rest.end > hour.start
    ]
    said = (shift.key, shift.crew, max(shift.start, hour.start), min(shift.end, hour.end), breaks)
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]
