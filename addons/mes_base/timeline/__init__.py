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
from .chain import Limit, chained, divided
from .counts import CountFinding, Portion, Quantity, quantities
from .model import (
    Break,
    Category,
    Counter,
    CountPoint,
    History,
    Override,
    ReasonRule,
    Run,
    Shift,
    Slice,
    Span,
    StatePoint,
    Thresholds,
)
from .overlay import overlay
from .stops import Cause, Created, Kept, KnownStop, Plan, Retired, StopKind, StopSpan, derive, match
from .windows import WeekWindow, day_start, spans_of

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
    "Limit",
    "Override",
    "Pattern",
    "Plan",
    "Portion",
    "Quantity",
    "ReasonRule",
    "Retired",
    "Run",
    "Shift",
    "ShiftRule",
    "Slice",
    "Span",
    "StatePoint",
    "StopKind",
    "StopSpan",
    "Thresholds",
    "Timeline",
    "WeekWindow",
    "affected",
    "build",
    "chained",
    "day_start",
    "derive",
    "divided",
    "expand",
    "hour_grid",
    "match",
    "overlay",
    "quantities",
    "spans_of",
    "whole_hours",
]
