from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

from odoo import api, fields, models
from odoo.addons.mes_base.timeline import History, Span, affected
from odoo.addons.mes_base.tools import bulk, spans
from odoo.addons.mes_base.tools.periods import CLOSED_UNTIL
from odoo.tools import SQL

from ..tools import hours
from ..tools.extent import Extent, extent_of, overlap, rolled_part
from ..tools.levels import FIGURES, REASONS
from .mes_oee_engine import Loaded
from .mes_oee_levels import Touched

CONSUMER = "oee"
# So many machines are loaded and computed at once: bounds memory, costs a handful of statements.
MACHINES_AT_ONCE = 25
# A change of such a length is loaded at once: two looks at its edges would take twice the statements.
SHORT_MS = 4 * 3_600_000
# Marks wait so long for company; a run that is nearer than the other may begin before they are committed.
SOON = timedelta(seconds=10)
SURELY_AFTER = timedelta(seconds=3)
# The first key of the advisory locks by which two refreshes of one machine wait for each other.
LOCK_SPACE = 0x4F4545

# The beginning of the first span in which a machine ``w`` was watched. Spans of one stream follow each other, those of
# several overlap: so it is the earliest of each stream's first, a look into the index for each stream.
FIRST_WATCHED = SQL(
    """
    WITH RECURSIVE first AS (
        (SELECT stream, at_from FROM mes_evidence_span WHERE workcenter_id = w.id ORDER BY stream, at_from LIMIT 1)
        UNION ALL
        SELECT n.stream, n.at_from FROM first f, LATERAL (
               SELECT stream, at_from FROM mes_evidence_span WHERE workcenter_id = w.id AND stream > f.stream
                ORDER BY stream, at_from LIMIT 1) n)
    SELECT min(at_from) AS at_from FROM first
    """
)

Stretches = dict[int, list[tuple[int, int]]]
"""Machine -> disjoint spans [start, end) in milliseconds, on the hours of its clock."""


class MesOeeRefresh(models.AbstractModel):
    """Keeps ``mes.oee.rollup`` equal to what the engine says of the facts.

    A machine has rows for every complete hour since its first fact. An hour is complete once it lies a
    minor-stop threshold back: a stop that is still open is then certainly no minor one, so nothing
    in the hour can change without a new fact, and a rebuild gives the same whenever it is made.
    Facts mark what they touch (``mes.dirty.span``, in their own transaction); only the hours that
    can have changed are made anew.
    """

    _name = "mes.oee.refresh"
    _description = "Upkeep of the OEE Rollups"

    @api.private
    def _trigger(self) -> None:
        """Have the job run soon, unless it is going to.

        Facts come every second and mostly for the hour that is running, which has no rows yet; figures are
        right meanwhile, because hours with marks are computed on the fly.
        """
        # Any writer of facts may wake the job; it runs as its own user.
        cron = self.env.ref("mes_oee.ir_cron_refresh_rollups").sudo()
        now = fields.Datetime.now()  # jobs are scheduled in real time, also where the plant's clock runs faster
        waiting = [("cron_id", "=", cron.id), ("call_at", ">=", now + SURELY_AFTER)]
        if not cron.env["ir.cron.trigger"].search_count(waiting, limit=1):
            cron._trigger(at=now + SOON)

    @api.model
    def _cron_refresh(self) -> None:
        """Fold all marks, then add the hours that have become complete; a commit after each step."""
        cron = self.env["ir.cron"]
        while made := self._fold() or self._advance():
            if not cron._commit_progress(made, remaining=1):
                return
        cron._commit_progress(0, remaining=0)

    @api.private
    def _fold(self, limit: int = 2000) -> int:
        """Make anew the hours that marked spans can have changed; how many machines were marked."""
        marked = self.env["mes.dirty.span"]._take(CONSUMER, limit)
        if not marked:
            return 0
        now = self.env["mes.clock"].now_ms()
        self._lock(marked)
        extents = self._extents(marked, now)
        self._drop_incomplete(extents)
        touched, known = self._widened(self._within(marked, extents, now), extents, now)
        self._recompute(touched, extents, now, known)
        return len(marked)

    @api.private
    def _within(
        self, marked: Mapping[int, Iterable[spans.OpenSpan]], extents: dict[int, Extent], now: int
    ) -> Stretches:
        """What of each machine's marks can bear on hours that have rows; machines of which nothing can are left out."""
        # Whoever asks for figures passes here: mostly few machines have marks, or none.
        concerned = {wc: extents[wc] for wc in marked if wc in extents}
        crossing = self._crossing(concerned)
        parts = {
            wc: rolled_part(marked[wc], extent, crossing.get(wc, 0), now) for wc, extent in concerned.items()
        }
        return {wc: found for wc, found in parts.items() if found}

    def _crossing(self, extents: dict[int, Extent]) -> dict[int, int]:
        """How far, in ms, reach the count intervals that hold the end of each machine's rows; one statement.

        Pieces are shared out by the running time of the whole interval: a change behind the last row moves those
        before it.
        """
        ends = [(wc, one.rolled_until) for wc, one in extents.items() if one.rolled_until is not None]
        if not ends:
            return {}
        self.env.cr.execute(
            SQL(
                """
                SELECT e.wc, max(%(at)s)
                  FROM %(ends)s AS e(wc, until_ms)
                  JOIN mes_counter c ON c.workcenter_id = e.wc AND c.active
                 CROSS JOIN LATERAL (
                       SELECT at FROM mes_count_point WHERE counter_id = c.id AND at > %(until)s ORDER BY at LIMIT 1) p
                 GROUP BY e.wc
                """,
                at=bulk.millis("p.at"),
                ends=bulk.unnest(ends, ["int4", "int8"]),
                until=bulk.timestamp("e.until_ms"),
            )
        )
        return dict(self.env.cr.fetchall())

    def _drop_incomplete(self, extents: dict[int, Extent]) -> None:
        """Delete the rows of hours that are complete no more, because the threshold has grown: a stop in them may
        now be a minor one yet. They are made again in their time."""
        gone = {wc: [one.incomplete] for wc, one in extents.items() if one.incomplete}
        if gone:
            self.env["mes.oee.levels"]._follow(self._delete(gone))

    @api.private
    def _advance(self) -> int:
        """Add rows of hours that have become complete, a month at most; how many machines got some."""
        self.env.cr.execute("SELECT id FROM mrp_workcenter WHERE active AND mes_level IS NOT NULL ORDER BY id")
        ids = [row[0] for row in self.env.cr.fetchall()]
        now = self.env["mes.clock"].now_ms()
        extents = self._extents(ids, now)
        late = {wc: [step] for wc, extent in extents.items() if (step := extent.next_step)}
        self._lock(late)
        return len(late) if self._recompute(late, extents, now) else 0

    @api.private
    def rebuild(self, workcenter_ids: Iterable[int], start_ms: int, end_ms: int) -> int:
        """Drop and make anew the rows of these machines that overlap the span; how many rows were made.

        Rows in a closed period stay.
        """
        now = self.env["mes.clock"].now_ms()
        ids = sorted(set(workcenter_ids))
        self._lock(ids)
        stretches: Stretches = {}
        extents = self._extents(ids, now)
        for wc, extent in extents.items():
            window = hours.outward(extent.tz, start_ms, end_ms)
            open_ = (max(window[0], extent.closed), max(window[1], extent.closed))
            self.env["mes.oee.levels"]._follow(self._delete({wc: [open_]}))
            wanted = [extent.open, *extent.missing]
            stretches[wc] = spans.merge(clipped for one in wanted if (clipped := overlap(window, one)))
        return self._recompute(stretches, extents, now)

    def _lock(self, workcenter_ids: Iterable[int]) -> None:
        """Wait for other refreshes of these machines, in id order, until the transaction ends."""
        ids = bulk.int_array(sorted(workcenter_ids))
        self.env.cr.execute(
            SQL("SELECT pg_advisory_xact_lock(%s, id) FROM unnest(%s::int4[]) AS t(id)", LOCK_SPACE, ids)
        )

    @api.private
    def _widened(
        self, changed: Stretches, extents: dict[int, Extent], now: int
    ) -> tuple[Stretches, Loaded]:
        """The hours that hold every stop and count interval which touches a change; and the facts read for that.

        A change can reach beyond itself only at its edges: so a long one is not loaded whole. Beyond its end it
        reaches as far as the machine's start-up time: a set-up that ends otherwise moves the time after it.
        """
        settings = self.env["mes.oee.engine"]._settings(list(changed))
        reached = {wc: list(found) for wc, found in changed.items()}
        known: dict[int, tuple[tuple[int, int], History]] = {}
        for parts in _edges(changed):
            # Whole hours, with what their start-up time needs: mostly those are made anew, from the same facts.
            windows = {wc: hours.outward(extents[wc].tz, start, end + 1) for wc, (start, end) in parts.items()}
            windows = {wc: (start - settings[wc].startup_ms, end) for wc, (start, end) in windows.items()}
            histories = self.env["mes.timeline"].load(windows)
            for wc, part in parts.items():
                known[wc] = (windows[wc], histories[wc])
                reach = affected(histories[wc], Span(*part), now, settings[wc].startup_ms)
                reached[wc].append((reach.start, reach.end))
        stretches = {
            wc: spans.merge(
                clipped
                for one in found
                if (clipped := overlap(hours.outward(extents[wc].tz, *one), extents[wc].rolled))
            )
            for wc, found in reached.items()
        }
        return stretches, known

    @api.private
    def _extents(self, workcenter_ids: Iterable[int], now: int) -> dict[int, Extent]:
        """The extents of machines; one statement, index look-ups only, and one for their thresholds."""
        thresholds = self.env["mes.timeline"]._thresholds(workcenter_ids)
        self.env.cr.execute(
            SQL(
                """
                SELECT w.id, COALESCE(site.tz, 'UTC'),
                       NOT EXISTS (SELECT FROM mes_placement p JOIN mes_area a ON a.id = p.area_id
                                     JOIN mes_site other ON other.id = a.site_id
                                    WHERE p.workcenter_id = w.id AND other.tz <> site.tz),
                       LEAST(%(state)s, %(evidence)s, %(count)s), %(low)s, %(high)s, %(closed)s
                  FROM mrp_workcenter w
                  LEFT JOIN mes_site site ON site.id = w.mes_site_id
                  LEFT JOIN LATERAL (SELECT at FROM mes_state_point WHERE workcenter_id = w.id
                        AND lane = 'state' ORDER BY at LIMIT 1) s ON TRUE
                  LEFT JOIN LATERAL (%(watched)s) e ON TRUE
                  LEFT JOIN LATERAL (SELECT min(p.at) AS at FROM mes_counter k, LATERAL (
                        SELECT at FROM mes_count_point WHERE counter_id = k.id ORDER BY at LIMIT 1) p
                        WHERE k.workcenter_id = w.id) c ON TRUE
                  LEFT JOIN LATERAL (SELECT hour_at FROM mes_oee_rollup WHERE workcenter_id = w.id
                        ORDER BY hour_at LIMIT 1) l ON TRUE
                  LEFT JOIN LATERAL (SELECT hour_at FROM mes_oee_rollup WHERE workcenter_id = w.id
                        ORDER BY hour_at DESC LIMIT 1) h ON TRUE
                  LEFT JOIN LATERAL (SELECT %(closed_until)s AS at) k ON TRUE
                 WHERE w.id = ANY(%(ids)s::int4[])
                """,
                closed=bulk.millis("k.at"),
                closed_until=CLOSED_UNTIL,
                state=bulk.millis("s.at"),
                evidence=bulk.millis("e.at_from"),
                watched=FIRST_WATCHED,
                count=bulk.millis("c.at"),
                low=bulk.millis("l.hour_at"),
                high=bulk.millis("h.hour_at"),
                ids=bulk.int_array(sorted(workcenter_ids)),
            )
        )
        return {
            wc: extent_of(tz, one_clock, thresholds[wc].greatest, *values, now)
            for wc, tz, one_clock, *values in self.env.cr.fetchall()
        }

    def _recompute(
        self, stretches: Stretches, extents: dict[int, Extent], now: int, known: Loaded | None = None
    ) -> int:
        """Put the engine's rows in the place of those of the given hours; how many hour rows were written.

        ``known``: facts that were read already.
        """
        written = 0
        touched = self._delete(stretches)
        for (start, end), ids in sorted(_batches(stretches, extents).items()):
            for first in range(0, len(ids), MACHINES_AT_ONCE):
                chunk = ids[first : first + MACHINES_AT_ONCE]
                windows = dict.fromkeys(chunk, (start, end))
                rows, reasons = self.env["mes.oee.engine"]._all_rows(windows, now, known)
                written += self.env["mes.oee.rollup"]._insert(rows)
                self.env["mes.oee.reason.rollup"]._insert(reasons)
                touched |= {(row.workcenter_id, row.hour.date) for row in rows}
        self.env["mes.oee.levels"]._follow(touched)
        self.env["mes.oee.rollup"].invalidate_model()
        self.env["mes.oee.reason.rollup"].invalidate_model()
        return written

    @api.private
    def _explain_rolled(self) -> None:
        """Give the hours that have rows their reasons, days and months, and change nothing else."""
        now = self.env["mes.clock"].now_ms()
        machines = self.env["mrp.workcenter"].with_context(active_test=False).search([("mes_level", "!=", False)])
        extents = self._extents(machines.ids, now)
        rolled = {wc: [(one.rolled_from, one.rolled_until)] for wc, one in extents.items() if one.rolled_from}
        self._lock(rolled)
        self.env.cr.execute("DELETE FROM mes_oee_reason_rollup")
        for (start, end), ids in sorted(_batches(rolled, extents).items()):
            for first in range(0, len(ids), MACHINES_AT_ONCE):
                windows = dict.fromkeys(ids[first : first + MACHINES_AT_ONCE], (start, end))
                self.env["mes.oee.reason.rollup"]._insert(self.env["mes.oee.engine"]._reason_rows(windows, now))
        self.env["mes.oee.levels"]._add_up_all()

    def _delete(self, stretches: Stretches) -> Touched:
        """Delete the rows of the given hours; the machines and local dates that had some."""
        spans_ = [(wc, *one) for wc, found in stretches.items() for one in found]
        touched: Touched = set()
        for table in (FIGURES.tables["hour"], REASONS.tables["hour"]) if spans_ else ():
            self.env.cr.execute(
                SQL(
                    """
                    WITH gone AS (
                        DELETE FROM %(table)s r USING %(rows)s AS s(wc, from_ms, until_ms)
                         WHERE r.workcenter_id = s.wc AND r.hour_at >= %(from)s AND r.hour_at < %(until)s
                        RETURNING r.workcenter_id, r.hour_date)
                    SELECT DISTINCT workcenter_id, hour_date FROM gone
                    """,
                    table=SQL.identifier(table),
                    rows=bulk.unnest(spans_, ["int4", "int8", "int8"]),
                    **{"from": bulk.timestamp("s.from_ms")},
                    until=bulk.timestamp("s.until_ms"),
                )
            )
            touched.update(self.env.cr.fetchall())
        return touched


def _edges(changed: Stretches) -> Iterator[dict[int, tuple[int, int]]]:
    """Short changes whole, of long ones both edges; one of each machine at a time."""
    queues = {
        wc: [part for one in found for part in ([one] if one[1] - one[0] <= SHORT_MS else [(at, at) for at in one])]
        for wc, found in changed.items()
    }
    while queues := {wc: left for wc, left in queues.items() if left}:
        yield {wc: left.pop() for wc, left in queues.items()}


def _batches(stretches: Stretches, extents: dict[int, Extent]) -> dict[tuple[int, int], list[int]]:
    """Window of about a day -> the machines that are to be made anew in it."""
    grouped: dict[tuple[int, int], list[int]] = {}
    for wc, found in sorted(stretches.items()):
        for one in found:
            for window in hours.daily(extents[wc].tz, *one):
                grouped.setdefault(window, []).append(wc)
    return grouped
