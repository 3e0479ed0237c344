"""The rows of a shift board: a shift cut at the hours of the site's clock, and what each hour made and lost.

Pure: times are integer milliseconds since the epoch, UTC; pieces and targets are exact until they are shown.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from odoo.addons.mes_base.timeline import HourRow, Shift, Slice, Span, hour_grid

from .. import kpi
from . import board
from .rows import hour_label

NS_PER_MS = 1_000_000
# What an order still needs is looked for in the shifts of so many days.
AHEAD_MS = 14 * 24 * 3_600_000
# A pace rests on at least so many pieces: before, the target's is taken.
LEAST_PIECES = 10
DELAYS = frozenset({"unplanned", "undetermined"})


class Hour(NamedTuple):
    """A row of the board: an hour of the clock, and the part of it that the shift covers."""

    row: HourRow
    start: int
    end: int

    def working_ms(self, shift: Shift, start: int | None = None) -> int:
        """The shift's time in the hour (from ``start`` on) without the breaks that stop it."""
        low = max(self.start, start if start is not None else self.start)
        rest = sum(max(0, min(one.end, self.end) - max(one.start, low)) for one in shift.breaks if one.stops)
        return max(0, self.end - low - rest)


def hours_of(shift: Shift, tz: str) -> list[Hour]:
    """The rows of a shift: none lost, none doubled, whatever the clock does."""
    return [
        Hour(row, max(row.start, shift.start), min(row.end, shift.end))
        for row in hour_grid(tz, Span(shift.start, shift.end))
    ]


class Losses(NamedTuple):
    """Words for what costs time: those of a stop, and of what is lost without one."""

    stop: Callable[[Slice], str]
    minor: str
    setup: str
    no_order: str
    slow: str
    rejects: str


def lost_by_hour(
    slices: Sequence[Slice], buckets: Sequence[str], totals: Mapping[int, kpi.Totals], words: Losses
) -> dict[int, list[dict[str, Any]]]:
    """What cost time in each hour (by its beginning), the greatest loss first: {"name", "kind", "ms"}.

    Together they are the planned busy time less the ideal time of the good pieces, so they say what OEE says;
    what ran faster than ideal is no loss and has no entry.
    """
    sums: dict[int, dict[tuple[str, str], int]] = {hour: {} for hour in totals}
    starts = sorted(totals)
    for piece, bucket in zip(slices, buckets, strict=True):
        name = _name(piece, bucket, words)
        hour = next((start for start in reversed(starts) if start <= piece.start), None)
        if name and hour is not None:
            found = sums[hour]
            found[bucket, name] = found.get((bucket, name), 0) + piece.ms
    for hour, one in totals.items():
        slow = one.production_ms - one.ideal_ns // NS_PER_MS
        if slow > 0 and not one.without_ideal and one.total:
            sums[hour]["slow", words.slow] = slow
        if one.ideal_ns > one.ideal_good_ns:
            sums[hour]["rejects", words.rejects] = (one.ideal_ns - one.ideal_good_ns) // NS_PER_MS
    return {
        hour: [
            {"kind": kind, "name": name, "ms": ms}
            for (kind, name), ms in sorted(found.items(), key=lambda item: (-item[1], item[0]))
        ]
        for hour, found in sums.items()
    }


def _name(piece: Slice, bucket: str, words: Losses) -> str | None:
    """The words for the loss that a slice is, None for none."""
    if bucket in DELAYS:
        return words.stop(piece)
    return {"minor": words.minor, "setup": words.setup, "no_order": words.no_order}.get(bucket)


class Made(NamedTuple):
    """What is known of an hour: figures of the machine that is shown, good pieces of the one that counts, and what
    the target is made of, which is the pacing machine's."""

    totals: kpi.Totals
    values: dict[str, Any]
    good: int
    paced: kpi.Totals
    busy_ms: int


def hour_values(
    hours: Iterable[Hour], made: Mapping[int, Made], shift: Shift, now: int, cycle_ns: int | None, target_oee: float
) -> Iterator[dict[str, Any]]:
    """The rows as plain values, with what was made and meant to be made so far.

    ``target`` is for the time that has passed, ``target_whole`` for the whole hour; the sums are of exact
    targets, so that the last row is the shift's.
    """
    sum_made, sum_target = 0, Fraction(0)
    for hour in hours:
        known = made.get(hour.row.start)
        phase = "past" if hour.end <= now else "now" if hour.start <= now else "future"
        cycle = board.mean_cycle_ms(known.paced if known else kpi.Totals(), cycle_ns)
        so_far = board.target_pieces(known.busy_ms if known else 0, cycle, target_oee)
        ahead = 0 if phase == "past" else hour.working_ms(shift, now)
        coming = board.target_pieces(ahead, cycle, target_oee)
        sum_made += known.good if known else 0
        sum_target += so_far or 0
        values = known.values if known else board.NO_FIGURES
        yield {
            "start": hour.row.start,
            "end": hour.row.end,
            "from": hour.start,
            "until": hour.end,
            "label": hour_label(hour.row),
            "phase": phase,
            "made": known.good if known else (None if phase == "future" else 0),
            "target": None if so_far is None else round(so_far),
            "target_whole": None if so_far is None or coming is None else round(so_far + coming),
            "sum_made": sum_made,
            "sum_target": None if so_far is None else round(sum_target),
            "lost_ms": values["lost_ms"],
            "lost_pieces": values["lost_pieces"],
            "oee": values["oee"],
            "coverage": values["coverage"],
            "reason": values["reason"],
        }


def expected_end(
    remaining: int,
    made: int,
    busy_ms: int,
    cycle_ms: Fraction | None,
    target_oee: float,
    shifts: Iterable[Shift],
    now: int,
) -> int | None:
    """When an order will be done, ms: its own pace so far, or the target's, through the working time ahead.

    None when nothing tells the pace, or the known shifts do not suffice.
    """
    if remaining <= 0:
        return now
    if made >= LEAST_PIECES and busy_ms:
        pace = Fraction(busy_ms, made)
    elif cycle_ms:
        pace = cycle_ms / Fraction(str(target_oee))
    else:
        return None
    need = remaining * pace
    for start, end in _working(shifts, now):
        if need <= end - start:
            return start + round(need)
        need -= end - start
    return None


def _working(shifts: Iterable[Shift], now: int) -> Iterator[tuple[int, int]]:
    """The stretches of shift time from now on, without the breaks that stop them."""
    for shift in shifts:
        at = max(shift.start, now)
        for rest in shift.breaks:
            if rest.stops and rest.end > at:
                if rest.start > at:
                    yield at, min(rest.start, shift.end)
                at = max(at, rest.end)
        if at < shift.end:
            yield at, shift.end
