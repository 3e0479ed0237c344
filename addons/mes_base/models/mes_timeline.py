from collections.abc import Iterable, Mapping
from fractions import Fraction

from odoo import api, models
from odoo.tools import SQL

from ..timeline import (
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
    Timeline,
    build,
    divided,
    overlay,
)
from ..tools import bulk

Windows = Mapping[int, tuple[int, int]]


class MesTimeline(models.AbstractModel):
    """The effective timeline of machines: facts read in sets, laid over each other by ``timeline``.

    Every method takes any number of machines and runs a fixed number of statements. Times are
    integer milliseconds since the epoch, UTC. Who may read a work center may read its timeline.
    """

    _name = "mes.timeline"
    _description = "Effective Timeline"

    @api.private
    def effective(self, workcenters, start_ms: int, end_ms: int, now_ms: int | None = None) -> dict[int, list[Slice]]:
        """The slices of each machine in [start, end) as known now: what the timeline screen shows."""
        now = self._now(now_ms)
        histories = self.histories(workcenters, start_ms, end_ms, counts=False)
        return {wc: overlay(Span(start_ms, end_ms), now, history) for wc, history in histories.items()}

    @api.private
    def timelines(self, workcenters, start_ms: int, end_ms: int, now_ms: int | None = None) -> dict[int, Timeline]:
        """Slices, quantities, whole stops and findings of each machine in [start, end)."""
        now = self._now(now_ms)
        histories = self.histories(workcenters, start_ms, end_ms)
        return {wc: build(history, Span(start_ms, end_ms), now) for wc, history in histories.items()}

    @api.private
    def histories(self, workcenters, start_ms: int, end_ms: int, counts: bool = True) -> dict[int, History]:
        """All facts of each machine that bear on [start, end).

        :raises AccessError: the user may not read one of the work centers.
        """
        workcenters.check_access("read")
        return self.load(dict.fromkeys(workcenters.ids, (start_ms, end_ms)), counts)

    def _now(self, now_ms: int | None) -> int:
        return self.env["mes.clock"].now_ms() if now_ms is None else now_ms

    @api.private
    def load(self, windows: Windows, counts: bool = True) -> dict[int, History]:
        """The facts that bear on each machine's own window; rights are the caller's affair.

        Read are: the points from the last `running` at or before the window (or the last reading of
        a counter, if that is earlier) to the first `running` after it, so that a stop and a count
        interval that cross an edge are known whole; and everything else that overlaps that stretch.
        """
        if not windows:
            return {}
        self.env.flush_all()
        reach = self._reach(windows)
        states, modes = self._points(reach)
        evidence = self._evidence(reach)
        runs, line_runs = self._runs(reach)
        overrides = self._overrides(reach)
        counters = self._counters(windows) if counts else {}
        workcenters = self.env["mrp.workcenter"].browse(windows)
        low, high = min(r[0] for r in reach.values()), max(r[1] for r in reach.values())
        shifts: dict[int, tuple[Shift, ...]] = self.env["mes.calendar"].shifts(workcenters, low, high)
        zones = self.env["mes.calendar"].zones(workcenters, high)
        rules = self._rules(workcenters, low, high)
        return {
            wc: History(
                states=tuple(states.get(wc, ())),
                modes=tuple(modes.get(wc, ())),
                evidence=tuple(evidence.get(wc, ())),
                runs=tuple(runs.get(wc, ())),
                line_runs=tuple(line_runs.get(wc, ())),
                overrides=tuple(overrides.get(wc, ())),
                shifts=tuple(s for s in shifts.get(wc, ()) if s.start < reach[wc][1] and s.end > reach[wc][0]),
                counters=tuple(counters.get(wc, ())),
                rules=rules.get(wc, ()),
                tz=zones.get(wc, "UTC"),
            )
            for wc in windows
        }

    @api.private
    def _thresholds(self, workcenter_ids: Iterable[int]) -> dict[int, Thresholds]:
        """From which length on a stop of each machine is more than a minor one, also by mode; two statements."""
        self.env.flush_all()
        workcenter_ids = list(workcenter_ids)
        by_mode = self.env["mes.minor.stop"]._by_mode(workcenter_ids)
        self.env.cr.execute(
            SQL(
                "SELECT id, COALESCE(mes_minor_stop_ms, 0) FROM mrp_workcenter WHERE id = ANY(%s::int4[])",
                bulk.int_array(workcenter_ids),
            )
        )
        return {wc: Thresholds(default_ms, by_mode.get(wc, ())) for wc, default_ms in self.env.cr.fetchall()}

    def _rules(self, workcenters: models.BaseModel, start_ms: int, end_ms: int) -> dict[int, tuple[ReasonRule, ...]]:
        """The reason rules of each machine in their order: at last, reasons that carry a stop code themselves."""
        by_code = self.env["mrp.workcenter.productivity.loss"]._code_rules()
        rules = self.env["mes.reason.rule"]._for_machines(workcenters.ids, start_ms, end_ms)
        # Only the company's id is read, of machines whose facts are being loaded.
        return {
            one.id: (*rules.get(one.id, ()), *by_code.get(one.company_id.id, by_code[None]))
            for one in workcenters.sudo()
        }

    def _reach(self, windows: Windows) -> dict[int, tuple[int, int]]:
        """Each window widened to the running points and readings around it."""
        self.env.cr.execute(
            SQL(
                """
                WITH w AS (SELECT wc, start_ms, end_ms, %(start)s AS start, %(end)s AS "end"
                             FROM %(windows)s AS u(wc, start_ms, end_ms))
                SELECT w.wc, LEAST(w.start_ms, %(running_before)s, %(read_before)s),
                       GREATEST(w.end_ms, %(running_after)s, %(read_after)s)
                  FROM w
                  LEFT JOIN LATERAL (
                       SELECT COALESCE(
                              (SELECT at FROM mes_state_point WHERE workcenter_id = w.wc AND lane = 'state'
                                  AND value = 'running' AND at <= w.start ORDER BY at DESC LIMIT 1),
                              (SELECT min(at) FROM mes_state_point
                                WHERE workcenter_id = w.wc AND lane = 'state')) AS at) rb ON TRUE
                  LEFT JOIN LATERAL (
                       SELECT COALESCE(
                              (SELECT at FROM mes_state_point WHERE workcenter_id = w.wc AND lane = 'state'
                                  AND value = 'running' AND at >= w."end" ORDER BY at LIMIT 1),
                              (SELECT max(at) FROM mes_state_point
                                WHERE workcenter_id = w.wc AND lane = 'state')) AS at) ra ON TRUE
                  LEFT JOIN LATERAL (
                       SELECT min(p.before) AS before, max(p.after) AS after
                         FROM mes_counter c CROSS JOIN LATERAL (
                              SELECT (SELECT at FROM mes_count_point WHERE counter_id = c.id AND at <= w.start
                                       ORDER BY at DESC LIMIT 1) AS before,
                                     (SELECT at FROM mes_count_point WHERE counter_id = c.id AND at >= w."end"
                                       ORDER BY at LIMIT 1) AS after) p
                        WHERE c.workcenter_id = w.wc AND c.active) c ON TRUE
                """,
                windows=bulk.unnest([(wc, *span) for wc, span in windows.items()], ["int4", "int8", "int8"]),
                start=bulk.timestamp("start_ms"),
                end=bulk.timestamp("end_ms"),
                running_before=bulk.millis("rb.at"),
                running_after=bulk.millis("ra.at"),
                read_before=bulk.millis("c.before"),
                read_after=bulk.millis("c.after"),
            )
        )
        return {wc: (low, high) for wc, low, high in self.env.cr.fetchall()}

    def _rows(self, reach: Windows, query: str, **parts: SQL) -> dict[int, list[tuple]]:
        """The rows of a query over ``reach`` (as table ``r`` with wc, low, high), by its first column.

        The planner cannot know how short a reach is beside a table of millions: queries fence the reading
        of facts by OFFSET 0, so that each machine's are looked up in the index and never scanned.
        """
        self.env.cr.execute(
            SQL(
                "WITH r AS MATERIALIZED (SELECT wc, low_ms, high_ms, %(low)s AS low, %(high)s AS high "
                "FROM %(reach)s AS u(wc, low_ms, high_ms)) " + query,
                reach=bulk.unnest([(wc, *span) for wc, span in reach.items()], ["int4", "int8", "int8"]),
                low=bulk.timestamp("low_ms"),
                high=bulk.timestamp("high_ms"),
                **parts,
            )
        )
        found: dict[int, list[tuple]] = {}
        for wc, *row in self.env.cr.fetchall():
            found.setdefault(wc, []).append(row)
        return found

    def _points(self, reach: Windows) -> tuple[dict[int, list[StatePoint]], dict[int, list[StatePoint]]]:
        """The points of both lanes, from the last at or before the reach on."""
        found = self._rows(
            reach,
            """
            SELECT r.wc, p.lane, %(at)s, p.value, p.code, p.interlock, p.raw
              FROM r CROSS JOIN (VALUES ('state'), ('mode')) AS l(lane)
             CROSS JOIN LATERAL (
                   SELECT COALESCE((SELECT at FROM mes_state_point WHERE workcenter_id = r.wc AND lane = l.lane
                                       AND at <= r.low ORDER BY at DESC LIMIT 1), r.low) AS low) f
             CROSS JOIN LATERAL (
                   SELECT * FROM mes_state_point WHERE workcenter_id = r.wc AND lane = l.lane
                      AND at >= f.low AND at <= r.high OFFSET 0) p
            """,
            at=bulk.millis("p.at"),
        )
        lanes: dict[str, dict[int, list[StatePoint]]] = {"state": {}, "mode": {}}
        for wc, rows in found.items():
            for lane, *point in rows:
                lanes[lane].setdefault(wc, []).append(StatePoint(*point))
        return lanes["state"], lanes["mode"]

    def _evidence(self, reach: Windows) -> dict[int, list[Span]]:
        """The watched spans of all streams."""
        found = self._rows(
            reach,
            """
            SELECT r.wc, %(from)s, %(until)s FROM r
             CROSS JOIN LATERAL (
                   SELECT * FROM mes_evidence_span WHERE workcenter_id = r.wc
                      AND at_until > r.low AND at_from < r.high OFFSET 0) p
            """,
            **{"from": bulk.millis("p.at_from")},
            until=bulk.millis("p.at_until"),
        )
        return {wc: [Span(*row) for row in rows] for wc, rows in found.items()}

    def _runs(self, reach: Windows) -> tuple[dict[int, list[Run]], dict[int, list[Run]]]:
        """The machine's own runs, and its lines' runs while it stood on them."""
        found = self._rows(
            reach,
            """
            , holder AS (
                SELECT wc, wc AS workcenter_id, low, high, FALSE AS inherited,
                       '-infinity'::timestamp AS since, 'infinity'::timestamp AS upto FROM r
                UNION ALL
                SELECT r.wc, p.line_id, low, high, TRUE, p.since, p.upto
                  FROM r JOIN (
                       SELECT workcenter_id, line_id,
                              CASE WHEN lag(id) OVER machine IS NULL THEN '-infinity' ELSE date_from END AS since,
                              COALESCE(lead(date_from) OVER machine, 'infinity') AS upto
                         FROM mes_placement WHERE workcenter_id IN (SELECT wc FROM r)
                       WINDOW machine AS (PARTITION BY workcenter_id ORDER BY date_from)) p
                    ON p.workcenter_id = r.wc AND p.line_id IS NOT NULL)
            SELECT p.wc, p.inherited, %(from)s, %(until)s, p.id, p.product_id, p.share::text
              FROM (SELECT h.wc, h.inherited, o.id, o.product_id, o.share, GREATEST(o.at_from, h.since) AS at_from,
                           NULLIF(LEAST(COALESCE(o.at_until, 'infinity'), h.upto), 'infinity') AS at_until
                      FROM holder h JOIN mes_order_run o ON o.workcenter_id = h.workcenter_id
                     WHERE o.at_from < LEAST(h.high, h.upto)
                       AND COALESCE(o.at_until, 'infinity') > GREATEST(h.low, h.since)) p
            """,
            **{"from": bulk.millis("p.at_from")},
            until=bulk.millis("p.at_until"),
        )
        own: dict[int, list[Run]] = {}
        line: dict[int, list[Run]] = {}
        for wc, rows in found.items():
            for inherited, start, end, id_, product, share in rows:
                run = Run(start, end, id_, product, Fraction(share))
                (line if inherited else own).setdefault(wc, []).append(run)
        return own, line

    def _overrides(self, reach: Windows) -> dict[int, list[Override]]:
        """What people said, without what they took back."""
        found = self._rows(
            reach,
            """
            SELECT p.wc, %(from)s, %(until)s, %(recorded)s, p.id, p.loss_id, p.state,
                   COALESCE(l.mes_planned, FALSE), COALESCE(l.mes_setup, FALSE),
                   p.is_open AND COALESCE(l.mes_max_minutes, 0) > 0
              FROM (SELECT r.wc, r.low, o.id, o.at_from, o.recorded_at, o.loss_id, o.state,
                           o.at_until IS NULL AS is_open,
                           COALESCE(o.at_until,
                                    (SELECT at FROM mes_state_point s
                                      WHERE s.workcenter_id = o.workcenter_id AND s.lane = 'state'
                                        AND s.value = 'running' AND s.at > o.at_from
                                      ORDER BY s.at LIMIT 1)) AS at_until
                      FROM r JOIN mes_state_override o
                        ON o.workcenter_id = r.wc AND o.withdrawn_at IS NULL AND o.at_from < r.high) p
              LEFT JOIN mrp_workcenter_productivity_loss l ON l.id = p.loss_id
             WHERE p.at_until IS NULL OR p.at_until > p.low
            """,
            **{"from": bulk.millis("p.at_from")},
            until=bulk.millis("p.at_until"),
            recorded=bulk.millis("p.recorded_at"),
        )
        return {wc: list(self._words(rows)) for wc, rows in found.items()}

    def _words(self, rows: list[tuple]) -> Iterable[Override]:
        """Words without an end go on with the next reason when theirs has lasted its time."""
        limits = None
        for *row, is_limited in rows:
            if not is_limited:
                yield Override(*row)
                continue
            if limits is None:
                losses = self.env["mrp.workcenter.productivity.loss"].sudo()  # as in _mes_limits
                limits = losses._mes_limits()
                known = losses.browse({one.next for one in limits.values() if one.next} | limits.keys())
                flags = {loss.id: (loss.mes_planned, loss.mes_setup) for loss in known}
            yield from divided(Override(*row), limits, flags)

    def _counters(self, windows: Windows) -> dict[int, list[Counter]]:
        """The counters with their readings from the last before to the first after the window."""
        found = self._rows(
            windows,
            """
            SELECT r.wc, c.id, c.name, c.role, c.pieces_per_unit::text, c.tolerance,
                   %(at)s, p.total, p.counter_epoch, p.decision, p.bound_low, p.bound_high
              FROM r JOIN mes_counter c ON c.workcenter_id = r.wc AND c.active
             CROSS JOIN LATERAL (
                   SELECT COALESCE((SELECT at FROM mes_count_point WHERE counter_id = c.id AND at <= r.low
                                     ORDER BY at DESC LIMIT 1), r.low) AS low,
                          COALESCE((SELECT at FROM mes_count_point WHERE counter_id = c.id AND at >= r.high
                                     ORDER BY at LIMIT 1), r.high) AS high) f
             CROSS JOIN LATERAL (
                   SELECT * FROM mes_count_point WHERE counter_id = c.id
                      AND at >= f.low AND at <= f.high OFFSET 0) p
             ORDER BY r.wc, c.id
            """,
            at=bulk.millis("p.at"),
        )
        return {wc: list(_counters(rows)) for wc, rows in found.items()}


def _counters(rows: list[tuple]):
    """One counter for each run of rows with the same id."""
    points: dict[int, list[CountPoint]] = {}
    heads: dict[int, tuple] = {}
    for id_, name, role, per_unit, tolerance, *point in rows:
        if id_ not in heads:
            heads[id_] = (name, role, per_unit, tolerance)
            points[id_] = []
        points[id_].append(CountPoint(*point))
    for id_, (name, role, per_unit, tolerance) in heads.items():
        yield Counter(name, role, tuple(points[id_]), Fraction(per_unit), int(tolerance))
