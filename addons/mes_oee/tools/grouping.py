"""By what figures may be grouped: a name, its columns in the rollup, and its value in a live row."""

from collections.abc import Callable, Sequence
from typing import Any

from odoo.addons.mes_base.tools import clock

from .rows import Row

COLUMNS: dict[str, tuple[str, ...]] = {
    "site": ("site_id",),
    "area": ("area_id",),
    "line": ("line_id",),
    "machine": ("workcenter_id",),
    "business_date": ("business_date",),
    "shift": ("business_date", "shift_key", "shift_name"),
    "hour": ("hour_at",),
    "run": ("run_id",),
    "product": ("product_id",),
}

_LIVE: dict[str, Callable[[Row], Any]] = {
    "site_id": lambda row: row.place.site_id,
    "area_id": lambda row: row.place.area_id,
    "line_id": lambda row: row.place.line_id,
    "workcenter_id": lambda row: row.workcenter_id,
    "business_date": lambda row: row.shift.business_date if row.shift else None,
    "shift_key": lambda row: row.shift.key if row.shift else "",
    "shift_name": lambda row: row.shift.name if row.shift else None,
    "hour_at": lambda row: clock.from_ms(row.hour.start),
    "run_id": lambda row: row.run_id,
    "product_id": lambda row: row.product_id,
}


def live_key(row: Row, by: Sequence[str]) -> tuple:
    """The key of an engine's row."""
    return stored_key([_LIVE[column](row) for name in by for column in COLUMNS[name]], by)


def stored_key(values: Sequence[Any], by: Sequence[str]) -> tuple:
    """The key out of the columns' values: one value a name, a tuple where a name has several columns."""
    key, place = [], 0
    for name in by:
        width = len(COLUMNS[name])
        key.append(values[place] if width == 1 else tuple(values[place : place + width]))
        place += width
    return tuple(key)
