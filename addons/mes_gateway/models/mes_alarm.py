from typing import Any

from odoo import api, fields, models
from odoo.addons.mes_base.tools import bulk
from odoo.addons.mes_base.tools.fields import Timestamp, UncheckedMany2one
from odoo.exceptions import AccessError
from odoo.fields import Domain
from odoo.tools import SQL

from .. import contract
from ..tools.source import Source

_TEXT_LENGTH = 1000


class MesAlarm(models.Model):
    """An alarm of a machine, from when it came until it went.

    Made from the points in which it came and went, so that late and repeated events change nothing they should
    not. A person says that it was seen.
    """

    _name = "mes.alarm"
    _description = "Machine Alarm"
    _order = "at_from desc, id desc"
    _rec_name = "code"
    _log_access = False

    workcenter_id = UncheckedMany2one("mrp.workcenter", required=True, string="Machine")
    company_id = UncheckedMany2one("res.company", required=True)
    code = fields.Char(required=True)
    text = fields.Char()
    severity = fields.Char()
    at_from = Timestamp(required=True, string="From")
    at_until = Timestamp(string="Until", help="Empty: it is still there.")
    is_history = fields.Boolean(string="History", help="From a stream of history: it says nothing of now.")
    is_open = fields.Boolean(compute="_compute_is_open", search="_search_is_open", string="Active")
    seen_uid = fields.Many2one("res.users", string="Seen By", ondelete="restrict")
    seen_at = fields.Datetime(string="Seen On")

    _key_unique = models.Constraint("UNIQUE(workcenter_id, code, at_from)", "This alarm is there already.")
    _open_index = models.Index("(company_id, workcenter_id) WHERE at_until IS NULL AND NOT is_history")
    _time_index = models.Index("(company_id, at_from)")

    @api.depends("at_until", "is_history")
    def _compute_is_open(self):
        for alarm in self:
            alarm.is_open = not alarm.at_until and not alarm.is_history

    def _search_is_open(self, operator, value):
        if operator != "in":
            return NotImplemented
        is_open = Domain([("at_until", "=", False), ("is_history", "=", False)])
        parts = [is_open if wanted else ~is_open for wanted in value]
        return Domain.OR(parts)

    def action_seen(self):
        """The one who presses the button has seen these alarms."""
        self.check_access("read")
        if not self.env.user.has_group("mes_base.group_mes_operator"):
            raise AccessError(self.env._("Only those who work with the machines say that an alarm was seen."))
        # The rows are facts that nobody writes; that somebody has seen them is said beside.
        unseen = self.sudo().filtered(lambda alarm: not alarm.seen_uid)
        unseen.write({"seen_uid": self.env.uid, "seen_at": fields.Datetime.now()})

    # -- written by the applier --------------------------------------------------------------------

    @api.private
    def enter(self, source: Source, machines: dict[str, int], events: list[tuple[int, dict[str, Any]]]) -> None:
        """Enter alarm events: a fixed number of statements, whatever their number."""
        rows = {}
        for seq, event in sorted(events, key=lambda pair: pair[0]):
            key = (machines[event["equipment"]], event["code"][:_TEXT_LENGTH], contract.parse_time(event["at"]))
            severity = None if event.get("severity") is None else str(event["severity"])[:_TEXT_LENGTH]
            text = (event.get("text") or "")[:_TEXT_LENGTH] or None
            rows[key] = (*key, int(event["active"]), severity, text, seq)
        self._enter_points(source, list(rows.values()))
        first: dict[tuple[int, str], int] = {}
        for machine, code, at in sorted(rows):
            first.setdefault((machine, code), at)
        self._make([(*key, at) for key, at in first.items()])
        self.invalidate_model()

    def _enter_points(self, source: Source, rows: list[tuple]) -> None:
        """Of two points of one instant the higher rank stays."""
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO mes_alarm_point AS p (workcenter_id, company_id, code, at, is_active, severity, text,
                       is_history, priority, stream, seq)
                SELECT r.machine, %(company)s, r.code, %(at)s, r.active = 1, r.severity, r.text, %(history)s,
                       %(priority)s, %(stream)s, r.seq
                  FROM %(rows)s AS r(machine, code, at_ms, active, severity, text, seq)
                ON CONFLICT (workcenter_id, code, at) DO UPDATE
                   SET is_active = excluded.is_active, severity = excluded.severity, text = excluded.text,
                       is_history = excluded.is_history, priority = excluded.priority, stream = excluded.stream,
                       seq = excluded.seq
                 WHERE (excluded.priority, excluded.stream, excluded.seq) > (p.priority, p.stream, p.seq)
                """,
                company=source.company_id,
                at=bulk.timestamp("r.at_ms"),
                history=source.is_history,
                priority=source.priority,
                stream=source.stream,
                rows=bulk.unnest(rows, ["int4", "text", "int8", "int4", "text", "text", "int8"]),
            )
        )

    def _make(self, touched: list[tuple[int, str, int]]) -> None:
        """Make the alarms of each (machine, code) anew from the one on that was there at the time given."""
        if not touched:
            return
        self.env.cr.execute(
            SQL(
                """
                WITH touched AS (
                    SELECT r.machine, r.code, coalesce((SELECT max(a.at_from) FROM mes_alarm a
                           WHERE a.workcenter_id = r.machine AND a.code = r.code AND a.at_from <= %(at)s), %(at)s) AS at
                      FROM %(rows)s AS r(machine, code, at_ms)),
                points AS (
                    SELECT p.*, lag(p.is_active, 1, false) OVER w AS before
                      FROM touched t JOIN mes_alarm_point p
                        ON p.workcenter_id = t.machine AND p.code = t.code AND p.at >= t.at
                    WINDOW w AS (PARTITION BY p.workcenter_id, p.code ORDER BY p.at)),
                changes AS (
                    SELECT *, lead(at) OVER (PARTITION BY workcenter_id, code ORDER BY at) AS until
                      FROM points WHERE is_active IS DISTINCT FROM before),
                gone AS (
                    DELETE FROM mes_alarm a USING touched t
                     WHERE a.workcenter_id = t.machine AND a.code = t.code AND a.at_from >= t.at
                       AND NOT EXISTS (SELECT FROM changes c WHERE c.workcenter_id = a.workcenter_id
                                          AND c.code = a.code AND c.at = a.at_from AND c.is_active)
                    RETURNING a.*)
                INSERT INTO mes_alarm AS a (workcenter_id, company_id, code, at_from, at_until, severity, text,
                       is_history, seen_uid, seen_at)
                SELECT c.workcenter_id, c.company_id, c.code, c.at, c.until, c.severity, c.text, c.is_history,
                       g.seen_uid, g.seen_at
                  FROM changes c LEFT JOIN LATERAL (
                       SELECT seen_uid, seen_at FROM gone WHERE gone.workcenter_id = c.workcenter_id
                          AND gone.code = c.code AND gone.at_from >= c.at AND gone.seen_uid IS NOT NULL
                          AND (c.until IS NULL OR gone.at_from < c.until) LIMIT 1) g ON true
                 WHERE c.is_active
                ON CONFLICT (workcenter_id, code, at_from) DO UPDATE
                   SET at_until = excluded.at_until, severity = excluded.severity, text = excluded.text,
                       is_history = excluded.is_history, seen_uid = coalesce(a.seen_uid, excluded.seen_uid),
                       seen_at = coalesce(a.seen_at, excluded.seen_at)
                """,
                at=bulk.timestamp("r.at_ms"),
                rows=bulk.unnest(touched, ["int4", "text", "int8"]),
            )
        )
