# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""The timeline: facts in, effective slices, stops and quantities out; pure, without Odoo."""

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

__all__ = [
    "Break",
    "Category",
    "CountPoint",
    "Counter",
    "History",
    "Override",
    "Run",
    "Shift",
    "Slice",
    "Span",
    "StatePoint",
]
