# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""The timeline: facts in, effective slices, stops and quantities out; pure, without Odoo."""

from .build import Timeline, affected, build, whole_hours
from .calendar import (
    BreakRule,
    Calendar,
    CalendarException,
    HourRow,
    Pattern,
    ShiftRule,
    expand,
    hour_grid,
)
from .counts import CountFinding, Portion, Quantity, quantities
from .model import (
    Break,
    Category,
    Counter,
    CountPoint,
    History,
    Override,
    Run,
    Shift,
    Slice,
    Span,
    StatePoint,
)
from .overlay import overlay
from .stops import Cause, Created, Kept, KnownStop, Plan, Retired, StopSpan, derive, match

__all__ = [
    "Break",
    "BreakRule",
    "Calendar",
    "CalendarException",
    "Category",
    "Cause",
    "CountFinding",
    "CountPoint",
    "Counter",
    "Created",
    "History",
    "HourRow",
    "Kept",
    "KnownStop",
    "Override",
    "Pattern",
    "Plan",
    "Portion",
    "Quantity",
    "Retired",
    "Run",
    "Shift",
    "ShiftRule",
    "Slice",
    "Span",
    "StatePoint",
    "StopSpan",
    "Timeline",
    "affected",
    "build",
    "derive",
    "expand",
    "hour_grid",
    "match",
    "overlay",
    "quantities",
    "whole_hours",
]
