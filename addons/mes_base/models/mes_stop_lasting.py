from odoo import api, fields, models
from odoo.tools import SQL

from ..tools import bulk, clock

MINUTE_MS = 60_000


class MesStop(models.Model):
    """How long a stop has lasted by now: an open one goes on while its machine is watched, folded or not."""

    _inherit = "mes.stop"

    lasting_minutes = fields.Float(
        string="Lasting (min)",
        compute="_compute_lasting_minutes",
        digits=(16, 1),
        help="So far, as far as the machine was watched.",
    )

    @api.depends("duration_ms", "at_until")
    @api.depends_context("mes_now_ms")
    def _compute_lasting_minutes(self):
        open_stops = self.filtered(lambda stop: stop.active and not stop.at_until and stop.at_from)
        watched = open_stops._watched_until()
        now = self.env["mes.clock"].now_ms()
        for stop in self:
            lasted = stop.duration_ms
            if stop in open_stops:
                seen = min(now, watched.get(stop.workcenter_id.id, 0))
                lasted = max(lasted, seen - clock.to_ms(stop.at_from))
            stop.lasting_minutes = lasted / MINUTE_MS

    def _watched_until(self) -> dict[int, int]:
        """Up to when (ms) the machine of each stop was watched; one statement."""
        if not self:
            return {}
        self.env.cr.execute(
            SQL(
                "SELECT workcenter_id, %s FROM (SELECT workcenter_id, max(at_until) AS at FROM mes_evidence_span"
                " WHERE workcenter_id = ANY(%s::int4[]) GROUP BY workcenter_id) e",
                bulk.millis("e.at"),
                bulk.int_array(self.workcenter_id.ids),
            )
        )
        return dict(self.env.cr.fetchall())
