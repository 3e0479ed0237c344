"""When people are there: patterns of each area, crews that take turns, what was different in the past week."""

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from ..demoplant import layout
from ..demoplant.equipment import Cell
from ..demoplant.past import Rhythm
from ..demoplant.people import CREWS
from .records import ensure

if TYPE_CHECKING:
    from .master import Plant

# Facts may be as old as this before the calendar of the demo begins.
CALENDAR_DAYS = 60
SATURDAY = 5


def ensure_shifts(env: Any, plant: "Plant", now: int) -> None:
    """The patterns of the plant's areas. The first is the site's; an area with another way of working has its own."""
    crews = _ensure_crews(env)
    today = _local(now).date()
    since = today - timedelta(days=CALENDAR_DAYS)
    cycle = since - timedelta(days=since.weekday())
    for cell in plant.cells:
        title = layout.PATTERNS[cell.shifts][0]
        key = {"company_id": env.company.id, "name": title}
        pattern = ensure(
            env, "mes.shift.pattern", key, _pattern_values(cell.shifts, quiet_rhythm(now), crews, cycle)
        )
        place = {"site_id": plant.site.id} if cell.shifts == "continuous" else {"area_id": plant.areas[cell.area].id}
        ensure(env, "mes.shift.assignment", place, {"pattern_id": pattern.id, "date_from": since})
    if "MACH" in plant.areas:
        _ensure_exceptions(env, plant, today)


def rhythm_of(env: Any, plant: "Plant", cell: Cell, start: int, end: int) -> Rhythm:
    """Shifts and breaks of a cell over [start, end), ms, as the calendar has them."""
    first = plant.places[cell.machines[0].code]
    found = env["mes.calendar"].shifts(first, start, end)[first.id]
    rests = [(one.start, one.end) for shift in found for one in shift.breaks if one.stops]
    return Rhythm(_clip([(shift.start, shift.end) for shift in found], start, end), _clip(rests, start, end))


def _clip(spans: list[tuple[int, int]], start: int, end: int) -> list[tuple[int, int]]:
    clipped = ((max(a, start), min(b, end)) for a, b in sorted(spans))
    return [(a, b) for a, b in clipped if a < b]


def _ensure_crews(env: Any) -> list[Any]:
    """The crews without their people, who come later."""
    return [
        ensure(env, "mes.crew", {"company_id": env.company.id, "code": code}, {"name": f"Crew {code}"})
        for code in CREWS
    ]


def _pattern_values(name: str, rhythm: tuple[float, ...], crews: list[Any], cycle: date) -> dict[str, Any]:
    """A pattern whose crews change shift every week; with four crews one has the week off."""
    _title, codes, days, rest = layout.PATTERNS[name]
    shifts = [
        (0, 0, {**_shift_values(shift, days, rhythm, rest), "crew_ids": _turns(crews, index)})
        for index, shift in enumerate(one for one in layout.SHIFTS if one["code"] in codes)
    ]
    return {"cycle_weeks": len(crews), "cycle_start": cycle, "shift_ids": shifts}


def _turns(crews: list[Any], index: int) -> list[tuple]:
    return [
        (0, 0, {"week": week + 1, "crew_id": crews[(week + index) % len(crews)].id}) for week in range(len(crews))
    ]


def _shift_values(
    shift: dict[str, Any], days: tuple[str, ...], rhythm: tuple[float, ...], rest: bool
) -> dict[str, Any]:
    breaks = [
        {
            "name": "Break", "start_hour": (shift["start"] + offset) % 24, "minutes": layout.BREAK_MINUTES,
            "stops": rest,
        }
        for offset in rhythm
    ]  # fmt: skip
    return {
        "name": shift["name"], "code": shift["code"], "start_hour": shift["start"], "end_hour": shift["end"],
        "break_ids": [(0, 0, values) for values in breaks], **{day: day in days for day in layout.WEEK},
    }  # fmt: skip


def _ensure_exceptions(env: Any, plant: "Plant", today: date) -> None:
    """The tools worked on the last Saturday, and line 2 stood for a night."""
    saturday = today - timedelta(days=(today.weekday() - SATURDAY) % 7 or 7)
    ensure(
        env, "mes.shift.exception", {"area_id": plant.areas["MACH"].id, "kind": "overtime"},
        {"name": "Urgent order", "date": saturday, "start_hour": 6.0, "end_hour": 12.0, "shift_code": "OT"},
    )  # fmt: skip
    ensure(
        env, "mes.shift.exception",
        {"workcenter_id": plant.places[layout.LINE_2_CODE].id, "kind": "closed"},
        {"name": "Stock-taking", "date": today - timedelta(days=4), "shift_code": "N"},
    )  # fmt: skip


def _local(now: int) -> datetime:
    return datetime.fromtimestamp(now / 1000, ZoneInfo(layout.SITE["tz"]))


def quiet_rhythm(now: int) -> tuple[float, ...]:
    """The rhythm with no break near ``now`` (ms): who opens the demo wants to see it run."""
    local = _local(now)
    into_shift = (local.hour + local.minute / 60 - layout.SHIFTS[0]["start"]) % 8

    def next_break(rhythm: tuple[float, ...]) -> float:
        length = layout.BREAK_MINUTES / 60
        return min((offset + length - into_shift) % 8 for offset in rhythm)

    return max(layout.BREAK_RHYTHMS, key=next_break)
