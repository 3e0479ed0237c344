"""By what figures may be grouped: a name, its columns in the rollups, and its value in a live row."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from odoo.addons.mes_base.tools import clock

from .rows import ReasonRow, Row

# Days and months are those of the site's clock, so that they tile the calendar; ``business_date`` is the
# day to which a shift counts, None outside the shifts. ``shift`` is one occurrence, ``shift_name`` all of one name.
COLUMNS: dict[str, tuple[str, ...]] = {
    "site": ("site_id",),
    "area": ("area_id",),
    "line": ("line_id",),
    "machine": ("workcenter_id",),
    "business_date": ("business_date",),
    "shift": ("business_date", "shift_key", "shift_name"),
    "shift_name": ("shift_name",),
    "crew": ("crew_id",),
    "hour": ("hour_at",),
    "day": ("hour_date",),
    "month": ("month",),
    "run": ("run_id",),
    "order": ("production_id",),
    "product": ("product_id",),
}
# Lost time may also be grouped by these.
REASON_COLUMNS: dict[str, tuple[str, ...]] = {
    **COLUMNS,
    "bucket": ("bucket",),
    "reason": ("loss_id",),
    "code": ("code",),
}

LiveRow = Row | ReasonRow

_LIVE: dict[str, Callable[[Any], Any]] = {
    "site_id": lambda row: row.place.site_id,
    "area_id": lambda row: row.place.area_id,
    "line_id": lambda row: row.place.line_id,
    "workcenter_id": lambda row: row.workcenter_id,
    "business_date": lambda row: row.shift.business_date if row.shift else None,
    "shift_key": lambda row: row.shift.key if row.shift else "",
    "shift_name": lambda row: row.shift.name if row.shift else None,
    "crew_id": lambda row: row.shift.crew if row.shift else None,
    "hour_at": lambda row: clock.from_ms(row.hour.start),
    "hour_date": lambda row: row.hour.date,
    "month": lambda row: row.hour.date.replace(day=1),
    "run_id": lambda row: row.run_id,
    "production_id": lambda row: row.production_id,
    "product_id": lambda row: row.product_id,
    "bucket": lambda row: row.bucket,
    "loss_id": lambda row: row.loss_id,
    "code": lambda row: row.code,
}


def live_key(row: LiveRow, by: Sequence[str], columns: Mapping[str, tuple[str, ...]] = REASON_COLUMNS) -> tuple:
    """The key of an engine's row."""
    return stored_key([_LIVE[column](row) for name in by for column in columns[name]], by, columns)


def stored_key(
    values: Sequence[Any], by: Sequence[str], columns: Mapping[str, tuple[str, ...]] = REASON_COLUMNS
) -> tuple:
    """The key out of the columns' values: one value a name, a tuple where a name has several columns."""
    key, place = [], 0
    for name in by:
        width = len(columns[name])
        key.append(values[place] if width == 1 else tuple(values[place : place + width]))
        place += width
    return tuple(key)


def sortable(key: tuple) -> tuple[Any, ...]:
    """Keys in order, missing values first."""
    return tuple(
        sortable(value) if isinstance(value, tuple) else (value is not None, 0 if value is None else value)
        for value in key
    )
