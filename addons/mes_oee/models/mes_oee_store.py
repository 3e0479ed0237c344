from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import pairwise
from operator import add, attrgetter
from typing import NamedTuple

from odoo import api, models
from odoo.addons.mes_base.tools import bulk, clock, spans
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..kpi.totals import NAMES
from ..tools import hours, levels
from ..tools.grouping import REASON_COLUMNS, LiveRow, live_key, stored_key
from ..tools.levels import FIGURES, HOUR, Cube, Level, Rolled, Window
from ..tools.scope import Scope
from .mes_oee_levels import column_of
from .mes_oee_quiet import Alike
from .mes_oee_refresh import CONSUMER

# Hours with facts that the rollup has not taken in yet are computed on the fly, up to so many; beyond,
# the figures say how many are still pending.
PENDING_LIMIT = 48
# So many different windows are asked for one by one.
FEW_WINDOWS = 3
HOUR_MS = 3_600_000
# Time that no rollup holds is computed from facts while somebody waits: up to so many days of machines.
MOST_LIVE_DAYS = 20_000
_totals = attrgetter(*NAMES)

Spans = dict[int, list[tuple[int, int]]]
Dates = tuple[date, date] | None
Cuts = Mapping[int, Sequence[int]] | None


class Question(NamedTuple):
    """What is asked: sums of ``cube`` by key over [start, end) ms; only shifts with a business date in ``dates``.

    ``cuts``: machine -> full hours of its clock within the span, in order, at which its sums are parted: each key
    then ends with the beginning of its part, ms.
    """

    cube: Cube
    scope: Scope
    start: int
    end: int
    by: tuple[str, ...]
    dates: Dates = None
    cuts: Cuts = None

    @property
    def columns(self) -> list[str]:
        """The columns of the key."""
        return [column for name in self.by for column in REASON_COLUMNS[name]]

    @property
    def levels(self) -> list[Level]:
        """The levels that can answer, the coarsest first."""
        needed = [*self.columns, *([self.scope.place] if self.scope.place else [])]
        return levels.of([*needed, "business_date"] if self.dates else needed, self.cube)

    def part(self, wc: int, at: int) -> tuple[int, ...]:
        """What the keys of a machine end with at a time."""
        if self.cuts is None:
            return ()
        own = self.cuts.get(wc, ())
        place = bisect_right(own, at)
        return (own[place - 1] if place else self.start,)

    def parted(self, wc: int, span: tuple[int, int]) -> list[tuple[int, int]]:
        """A span of a machine, parted."""
        own = self.cuts.get(wc, ()) if self.cuts else ()
        return list(pairwise([span[0], *(cut for cut in own if span[0] < cut < span[1]), span[1]]))


# A machine, one of its windows, and what its keys end with there.
Piece = tuple[int, Window, tuple[int, ...]]
# A key and what was added up under it.
Sum = tuple[tuple, tuple[int, ...]]


class Answer(NamedTuple):
    """Sums by key, the time up to which they go (ms), and the machine-hours whose newer facts are left out."""

    sums: dict[tuple, tuple[int, ...]]
    as_of: int
    pending_hours: int


class MesOeeStore(models.AbstractModel):
    """Sums over any span out of the rollups: months, days and hours where they are whole, the rest from the engine."""

    _name = "mes.oee.store"
    _description = "Sums of the OEE Rollups"

    @api.private
    def _sums(self, question: Question, now: int, live: bool = True) -> Answer:
        """The sums by key; without ``live`` only what the rollups say."""
        ids, start = question.scope.workcenter_ids, question.start
        end = min(question.end, now)
        extents = self.env["mes.oee.refresh"]._extents(ids, now)
        stored, rest, pending = self._parts(extents, start, end, now, live)
        found: dict[tuple, tuple[int, ...]] = {}
        _add_up(found, self._stored(question, stored, extents))
        if live:
            quiet, rest = self.env["mes.oee.quiet"]._parted(rest, extents)
            alike = self.env["mes.oee.quiet"]._alike(quiet)
            self._refuse_too_much([*(one.window for one in alike), *(one for own in rest.values() for one in own)])
            _add_up(found, self._quiet(question, alike, now))
            _add_up(found, _told(question, self._live(question.cube, rest, now)))
        as_of = now if live else min([end, *(one.rolled_until for one in extents.values() if one.rolled_until)])
        return Answer(found, as_of, pending)

    def _refuse_too_much(self, rest: Iterable[tuple[int, int]]) -> None:
        """:raises UserError: so much time would have to be computed that a worker were busy for minutes."""
        days = sum(end - start for start, end in rest) // (24 * HOUR_MS)
        if days > MOST_LIVE_DAYS:
            raise UserError(
                self.env._(
                    "Of this span %(days)s days of machines are in no rollup yet, and at most %(most)s are computed "
                    "at once: begin it later, or choose fewer machines.",
                    days=days, most=MOST_LIVE_DAYS,
                )
            )  # fmt: skip

    def _parts(self, extents: Mapping, start: int, end: int, now: int, live: bool) -> tuple[Spans, Spans, int]:
        """Which hours of each machine to take from the rollup, which spans to compute, how much is pending.

        An hour is taken from the rollup if it has rows, lies wholly in the span, and no fact that waits can move it.
        """
        refresh = self.env["mes.oee.refresh"]
        # Wherever they lie: a late fact moves the whole stop and the whole count interval that it touches.
        waiting = self.env["mes.dirty.span"]._waiting(CONSUMER, extents)
        marked = refresh._within(waiting, extents, now)
        stored: Spans = {}
        for wc, extent in extents.items():
            if extent.rolled_from is None or start >= end:
                continue
            low = max(hours.ceil(extent.tz, start), extent.rolled_from)
            high = min(hours.floor(extent.tz, end), extent.rolled_until)
            if low < high:
                stored[wc] = [(low, high)]
        waits = self._marked_hours(marked, extents)
        backlog = _shared_ms(stored, waits) // HOUR_MS
        if live and backlog <= PENDING_LIMIT:
            if marked:
                moved, _known = refresh._widened(marked, extents, now)
                for wc, found in stored.items():
                    gone = spans.merge([*waits.get(wc, ()), *moved.get(wc, ())])
                    stored[wc] = [rest for one in found for rest in spans.subtract(one, gone)]
            backlog = 0
        rest = {wc: spans.subtract((start, end), stored.get(wc, ())) for wc in extents if start < end}
        return stored, rest, backlog

    def _marked_hours(self, marked: Spans, extents: Mapping) -> Spans:
        """The hours with marks, and those whose start-up time they may move."""
        settings = self.env["mes.oee.engine"]._settings(list(marked)) if marked else {}
        return {
            wc: [hours.outward(extents[wc].tz, start, end + settings[wc].startup_ms) for start, end in found]
            for wc, found in marked.items()
        }

    def _stored(
        self, question: Question, stored: Spans, extents: Mapping
    ) -> Iterable[tuple[tuple, tuple[int, ...]]]:
        """Sums of the rollups' rows by key; one statement for each level, whatever the number of rows."""
        chosen = question.levels
        windows: dict[Level, list[Piece]] = {}
        # Machines mostly ask for the same time: it is split once.
        known: dict[tuple, Mapping[Level, Sequence[Window]]] = {}
        for wc, found in stored.items():
            extent = extents[wc]
            rolled = Rolled(extent.tz, extent.rolled_from, extent.rolled_until)
            # Days of another clock begin at other hours: then only hours tell what lies in the span.
            usable = chosen if extent.one_clock else chosen[-1:]
            for span in (one for whole in found for one in question.parted(wc, whole)):
                since = question.part(wc, span[0])
                asked = (span, rolled, extent.one_clock)
                if asked not in known:
                    known[asked] = levels.split(span, rolled, usable)
                for level, parts in known[asked].items():
                    windows.setdefault(level, []).extend((wc, part, since) for part in parts)
        columns = question.columns
        width = len(columns)
        for level, pieces in windows.items():
            for rows, part in _sources(SQL.identifier(question.cube.tables[level.name]), level, pieces):
                # Where the parts differ from machine to machine the rows tell them.
                told = question.cuts is not None and part is None
                self._read(question, level, columns, rows, told)
                end = width + told
                for row in self.env.cr.fetchall():
                    yield stored_key(row[:width], question.by) + (part or row[width:end]), row[end:]

    def _read(self, question: Question, level: Level, columns: Sequence[str], rows: SQL, parted: bool) -> None:
        """Ask one level for the sums of such rows ``r``, also by their part ``s.since``."""
        keys = [column_of(column, level) for column in columns]
        keys += [SQL("s.since")] if parted else []
        # Thousands of groups with their sums take 20 MB: hashed in memory they need a third of the time.
        self.env.cr.execute("SET LOCAL work_mem = '64MB'")
        self.env.cr.execute(
            SQL(
                """
                SELECT %(keys)s %(sums)s
                  FROM %(rows)s AND %(where)s
                 %(group)s
                """,
                keys=SQL("%s,", SQL(", ").join(keys)) if keys else SQL(),
                sums=SQL(", ").join(_sum(name, level) for name in question.cube.sums),
                rows=rows,
                where=SQL(" AND ").join(_conditions(question)),
                group=SQL("GROUP BY %s", SQL(", ").join(keys)) if keys else SQL("HAVING count(*) > 0"),
            )
        )

    def _quiet(self, question: Question, alike: Mapping[Alike, list[int]], now: int) -> Iterable[Sum]:
        """The sums of machines before their first fact: those of one stand for all that are alike."""
        machine_at = question.by.index("machine") if "machine" in question.by else None
        for one, machines in alike.items():
            rows = self.env["mes.oee.quiet"]._rows(question.cube, one, machines[0], now)
            by_cuts: dict[tuple[int, ...], list[int]] = {}
            for wc in machines:
                by_cuts.setdefault(tuple((question.cuts or {}).get(wc, ())), []).append(wc)
            for mine in by_cuts.values():
                sums: dict[tuple, tuple[int, ...]] = {}
                _add_up(sums, _told(question, (row._replace(workcenter_id=mine[0]) for row in rows)))
                for key, values in sums.items():
                    if machine_at is None:
                        yield key, tuple(value * len(mine) for value in values)
                        continue
                    for wc in mine:
                        yield (*key[:machine_at], wc, *key[machine_at + 1 :]), values

    def _live(self, cube: Cube, rest: Spans, now: int) -> Iterable[LiveRow]:
        """The engine's rows of spans that the rollup does not answer for, one of each machine at a time."""
        engine = self.env["mes.oee.engine"]
        made = engine._rows if cube is FIGURES else engine._reason_rows
        queues = {wc: list(found) for wc, found in rest.items()}
        while queues := {wc: left for wc, left in queues.items() if left}:
            yield from made({wc: left.pop() for wc, left in queues.items()}, now)


def _shared_ms(some: Spans, others: Spans) -> int:
    """How much of ``some`` is in ``others``."""
    return sum(
        max(0, min(end, until) - max(start, since))
        for wc, found in some.items()
        for start, end in found
        for since, until in spans.merge(others.get(wc, ()))
    )


def _sources(table: SQL, level: Level, pieces: Sequence[Piece]) -> Iterable[tuple[SQL, tuple[int, ...] | None]]:
    """The rows ``r`` of the windows, as what stands between FROM and AND, with the part that they belong to (None:
    each row's is ``s.since``).

    Machines mostly share a window: then one condition for all of them is twice as fast as a join with theirs.
    """
    shared: dict[tuple[Window, tuple[int, ...]], list[int]] = {}
    for wc, window, since in pieces:
        shared.setdefault((window, since), []).append(wc)
    if len(shared) <= FEW_WINDOWS:
        return [
            (
                SQL(
                    "%s r WHERE r.workcenter_id = ANY(%s::int4[]) AND %s",
                    table,
                    bulk.int_array(ids),
                    _within(level, *(SQL("%s", clock.from_ms(end) if level is HOUR else end) for end in window)),
                ),
                since,
            )
            for (window, since), ids in shared.items()
        ]
    parts = [since[0] if since else None for _wc, _window, since in pieces]
    kind = "int8" if level is HOUR else "text"
    edges = [window if level is HOUR else tuple(map(str, window)) for _wc, window, _since in pieces]
    rows = bulk.unnest(
        [(piece[0], *edge, part) for piece, edge, part in zip(pieces, edges, parts, strict=True)],
        ["int4", kind, kind, "int8"],
    )
    if level is HOUR:
        within = _within(level, bulk.timestamp("s.low"), bulk.timestamp("s.high"))
    else:
        within = _within(level, SQL("s.low::date"), SQL("s.high::date"))
    join = SQL("r.workcenter_id = s.wc AND %s", within)
    return [(SQL("%s AS s(wc, low, high, since) JOIN %s r ON %s WHERE TRUE", rows, table, join), None)]


def _within(level: Level, low: SQL, high: SQL) -> SQL:
    """Whether a row ``r`` lies between."""
    at = SQL.identifier("r", level.at)
    return SQL("%s >= %s AND %s < %s", at, low, at, high)


def _conditions(question: Question) -> list[SQL]:
    """What else a row has to be."""
    scope, found = question.scope, [SQL("TRUE")]
    if scope.place:
        found.append(SQL("%s = ANY(%s)", SQL.identifier("r", scope.place), list(scope.place_ids)))
    if question.dates:
        found.append(SQL("r.business_date BETWEEN %s AND %s", *question.dates))
    return found


def _sum(name: str, level: Level) -> SQL:
    """The sum of a column; what an hour holds of time and stops is added as int4, which is much faster."""
    column = SQL.identifier("r", name)
    small = level is HOUR and (name == "ms" or name.endswith(("_ms", "stops")))
    return SQL("sum(%s::int4)", column) if small else SQL("sum(%s)::int8", column)


def _values(row: LiveRow) -> tuple[int, ...]:
    """The sums of a live row in the order of its cube's columns."""
    return (row.ms, row.stops) if hasattr(row, "bucket") else _totals(row.totals)


def _told(question: Question, rows: Iterable[LiveRow]) -> Iterable[Sum]:
    """What rows of the engine add to which key."""
    for row in rows:
        if _wanted(row, question.scope, question.dates):
            part = question.part(row.workcenter_id, row.hour.start)
            yield live_key(row, question.by) + part, _values(row)


def _add_up(found: dict[tuple, tuple[int, ...]], more: Iterable[Sum]) -> None:
    """Add sums to what is known of their keys."""
    for key, values in more:
        found[key] = tuple(map(add, found[key], values)) if key in found else values


def _wanted(row: LiveRow, scope: Scope, dates: Dates) -> bool:
    """Whether a live row belongs to the scope and the business dates."""
    if scope.place and getattr(row.place, scope.place) not in scope.place_ids:
        return False
    return dates is None or (row.shift is not None and dates[0] <= row.shift.business_date <= dates[1])
