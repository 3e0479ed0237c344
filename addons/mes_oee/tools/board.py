"""The engine's answers as the plain values that the board shows."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from odoo.addons.mes_base.timeline import Shift

from .. import kpi

# World class (KPI.md): what a board measures itself against where nobody has set a target.
WORLD_CLASS = {"oee": 0.85, "availability": 0.9, "performance": 0.95, "quality": 0.99}
# Real time between two heartbeats and on the way, ms; times the speed of the plant's clock.
SLACK_MS = 3_000
NS_PER_MS = 1_000_000

NO_FIGURES: dict[str, Any] = {
    "oee": None, "availability": None, "performance": None, "quality": None, "coverage": None,
    "reason": None, "lost_ms": None, "lost_pieces": None, "target": None, "ms": {}, "planned_busy_ms": 0,
    "ideal_ms": 0, "ideal_good_ms": 0, "good": 0, "total": 0,
}  # fmt: skip


def shift_values(shift: Shift, name: str) -> dict[str, Any]:
    """A shift under its name, with the breaks that stop it."""
    return {
        "key": shift.key,
        "name": name,
        "start": shift.start,
        "end": shift.end,
        "business_date": shift.business_date.isoformat(),
        "breaks": [[one.start, one.end] for one in shift.breaks if one.stops],
    }


def mean_cycle_ms(totals: kpi.Totals, cycle_ns: int | None) -> Fraction | None:
    """The mean ideal cycle of what was made, or ``cycle_ns`` as long as nothing was; milliseconds."""
    if totals.total and totals.ideal_ns:
        return Fraction(totals.ideal_ns, totals.total * NS_PER_MS)
    return Fraction(cycle_ns, NS_PER_MS) if cycle_ns else None


def busy_ms_of(totals: kpi.Totals, figures: Mapping[str, kpi.Figure]) -> int:
    """The planned busy time that availability is figured with."""
    return int(figures["availability"].inputs.get("PBT", totals.pbt_ms))


def target_pieces(busy_ms: int, cycle_ms: Fraction | None, target_oee: float) -> Fraction | None:
    """What the target OEE makes in so much planned busy time, not rounded; None without an ideal cycle."""
    return busy_ms / cycle_ms * Fraction(str(target_oee)) if cycle_ms else None


def figure_values(
    totals: kpi.Totals,
    figures: Mapping[str, kpi.Figure],
    reason: str | None,
    cycle_ns: int | None,
    target_oee: float = WORLD_CLASS["oee"],
) -> dict[str, Any]:
    """Figures with the times and pieces they were made of.

    What was lost is planned busy time less the ideal time of the good pieces: the same as OEE says, in
    minutes. The target is what the target OEE makes in that time, at the mean ideal cycle of what was
    made, or ``cycle_ns`` as long as nothing was.
    """
    busy_ms = busy_ms_of(totals, figures)
    cycle = mean_cycle_ms(totals, cycle_ns)
    target = target_pieces(busy_ms, cycle, target_oee)
    lost_ms = None if totals.without_ideal else busy_ms - totals.ideal_good_ns // NS_PER_MS
    return {
        "oee": _plain(figures["oee"].value),
        "availability": _plain(figures["availability"].value),
        "performance": _plain(figures["effectiveness"].value),
        "quality": _plain(figures["quality"].value),
        "coverage": _plain(figures["oee"].coverage),
        "reason": reason,
        "lost_ms": lost_ms,
        "lost_pieces": round(lost_ms / cycle) if cycle and lost_ms is not None else None,
        "target": None if target is None else round(target),
        "ms": {bucket: getattr(totals, f"{bucket}_ms") for bucket in kpi.BUCKETS},
        "planned_busy_ms": busy_ms,
        "ideal_ms": totals.ideal_ns // NS_PER_MS,
        "ideal_good_ms": totals.ideal_good_ns // NS_PER_MS,
        "good": totals.good,
        "total": totals.total,
    }


def _plain(value: Fraction | None) -> float | None:
    return None if value is None else float(value)
