from odoo import fields, models
from odoo.addons.mes_base.tools.fields import Timestamp
from odoo.exceptions import AccessError

ENGINEER = "mes_base.group_mes_engineer"
# So many events are applied in one go; what is left stays in the list.
REPLAYS = 500


class MesUnmappedCode(models.Model):
    """What machines say and nobody has explained yet: raw values that are in no map, stop codes without a reason.

    A view: a raw value stands here as long as events with it wait among the rejected ones, a code as long as stops
    with it have no reason of the machine.
    """

    _name = "mes.unmapped.code"
    _description = "Unmapped Code"
    _auto = False
    _order = "minutes desc, times desc, id"
    _rec_name = "code"
    _depends = {
        "mes.event.rejection": ["code", "company_id", "equipment", "kind", "raw", "state"],
        "mes.stop": ["active", "at_from", "codes", "company_id", "duration_ms", "machine_loss_id", "workcenter_id"],
        "mrp.workcenter.productivity.loss": ["active", "company_id", "mes_code"],
        "mrp.workcenter": ["company_id", "mes_code"],
    }

    company_id = fields.Many2one("res.company", readonly=True)
    workcenter_id = fields.Many2one("mrp.workcenter", string="Machine", readonly=True)
    kind = fields.Selection(
        [("state", "Raw State"), ("mode", "Raw Mode"), ("code", "Stop Code")], string="What", readonly=True
    )
    code = fields.Char(readonly=True)
    text = fields.Char(readonly=True, help="What the machine's alarm of this code says.")
    times = fields.Integer(readonly=True)
    minutes = fields.Float(readonly=True, digits=(16, 1), help="Of a raw value: until the machine said something else.")
    at_first = Timestamp(string="First Seen", readonly=True)
    at_last = Timestamp(string="Last Seen", readonly=True)

    # The events that were refused because of the map carry checked times: that check comes first.
    _table_query = """
        WITH refused AS MATERIALIZED (
            SELECT r.company_id, w.id AS workcenter_id, r.kind, r.raw::jsonb ->> 'raw' AS code,
                   (r.raw::jsonb ->> 'at')::timestamptz AT TIME ZONE 'UTC' AS at
              FROM mes_event_rejection r
              JOIN mrp_workcenter w ON w.company_id = r.company_id AND w.mes_code = r.equipment
             WHERE r.code = 'unmapped' AND r.state = 'open' AND r.kind IN ('state', 'mode')),
        lasting AS (
            SELECT f.*, extract(epoch FROM LEAST(f.next_at, (
                       SELECT p.at FROM mes_state_point p
                        WHERE p.workcenter_id = f.workcenter_id AND p.lane = f.kind AND p.at > f.at
                        ORDER BY p.at LIMIT 1)) - f.at) / 60 AS minutes
              FROM (SELECT *, lead(at) OVER (PARTITION BY workcenter_id, kind ORDER BY at) AS next_at
                      FROM refused) f),
        coded AS (
            SELECT s.company_id, s.workcenter_id, 'code' AS kind, c.code, s.at_from AS at,
                   s.duration_ms / 60000.0 AS minutes
              FROM mes_stop s CROSS JOIN LATERAL unnest(string_to_array(s.codes, ',')) AS c(code)
             WHERE s.active AND s.codes IS NOT NULL AND s.machine_loss_id IS NULL
               AND NOT EXISTS (SELECT FROM mrp_workcenter_productivity_loss l
                                WHERE l.mes_code = c.code AND l.active
                                  AND COALESCE(l.company_id, s.company_id) = s.company_id)),
        said AS (
            SELECT company_id, workcenter_id, kind, code, at, minutes FROM lasting
             UNION ALL
            SELECT company_id, workcenter_id, kind, code, at, minutes FROM coded)
        SELECT ('x' || substr(md5(u.workcenter_id || u.kind || u.code), 1, 8))::bit(32)::int & 2147483647 AS id,
               u.company_id, u.workcenter_id, u.kind, u.code, count(*)::int AS times,
               COALESCE(sum(u.minutes), 0)::float8 AS minutes, min(u.at) AS at_first, max(u.at) AS at_last,
               (SELECT a.text FROM mes_alarm a
                 WHERE a.workcenter_id = u.workcenter_id AND a.code = u.code AND a.text IS NOT NULL
                 ORDER BY a.at_from DESC LIMIT 1) AS text
          FROM said u
         GROUP BY u.company_id, u.workcenter_id, u.kind, u.code
    """

    def action_answer(self):
        """The form in which an engineer says what it means."""
        self.ensure_one()
        self._require_engineer()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Reason of a Stop Code") if self.kind == "code" else self.env._("Meaning of a Value"),
            "res_model": "mes.unmapped.code.answer",
            "views": [(False, "form")],
            "target": "new",
            "context": {
                "default_workcenter_id": self.workcenter_id.id,
                "default_kind": self.kind,
                "default_code": self.code,
                "default_at_first": self.at_first and fields.Datetime.to_string(self.at_first),
                "default_loss_name": self.text or self.code,
            },
        }

    def action_replay(self):
        """Apply the waiting events once more, by today's maps."""
        self._require_engineer()
        return sum((one._waiting() for one in self), self.env["mes.event.rejection"])[:REPLAYS].action_replay()

    def _waiting(self):
        """The refused events with this raw value, in order of their numbers."""
        found = self.env["mes.event.rejection"].search(
            [
                ("code", "=", "unmapped"), ("state", "=", "open"), ("kind", "=", self.kind),
                ("company_id", "=", self.company_id.id), ("equipment", "=", self.workcenter_id.mes_code),
            ],
            order="seq, id",
        )  # fmt: skip
        return found.filtered(lambda one: str(one._event().get("raw")) == self.code)

    def _require_engineer(self) -> None:
        self.check_access("read")
        if not self.env.user.has_group(ENGINEER) and not self.env.su:
            raise AccessError(self.env._("Only an engineer says what a machine's codes mean."))
