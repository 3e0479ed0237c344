# Part of Gemba MES. License LGPL-3.0 or later.
"""The rows that valid events become: plain tuples, because a batch makes thousands of them.

Every row begins with the same five columns. Times are milliseconds, ids come from the Plant.
"""

from typing import Any

Row = tuple[Any, ...]

_COMMON = ("seq", "machine", "at", "recv", "quality")

COLUMNS: dict[str, tuple[str, ...]] = {
    "state": (*_COMMON, "raw", "value", "code", "interlock", "map_revision"),
    "mode": (*_COMMON, "raw", "value", "code", "interlock", "map_revision"),
    "count": (
        *_COMMON,
        "counter",
        "counter_epoch",
        "raw",
        "total",
        "delta",
        "decision",
        "bound_low",
        "bound_high",
    ),
    "evidence": (*_COMMON, "from", "until"),
    "measurement": (*_COMMON, "tag", "value", "min", "max", "mean", "n", "from", "unit"),
}
"""Kind -> the names of its row's columns. A state's and a mode's row are equal in shape."""
