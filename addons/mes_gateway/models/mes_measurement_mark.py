import json
from collections.abc import Iterable
from datetime import timedelta

from odoo import api, fields, models
from odoo.addons.mes_base.tools import bulk, clock
from odoo.addons.mes_base.tools.fields import Timestamp, UncheckedMany2one
from odoo.tools import SQL

from ..tools.rollup import Stretch, stretches

# New values are rolled up a moment later, so that one run takes the batches of many.
_PAUSE = timedelta(seconds=15)


class MesMeasurementMark(models.Model):
    """Minutes of one hour whose telemetry has changed, so that its rollups must be made anew.

    One row a batch and hour, whatever the number of tags: written in the transaction of the values,
    deleted in the one that has rolled them up.
    """

    _name = "mes.measurement.mark"
    _description = "Telemetry to Roll Up"
    _order = "id"
    _log_access = False

    company_id = UncheckedMany2one("res.company", required=True)
    hour = Timestamp(required=True)
    at_from = Timestamp(string="From", required=True)
    at_until = Timestamp(string="Until", required=True)
    tags = fields.Json(required=True, help="Numbers of the tags.")

    @api.private
    def mark(self, company_id: int, keys: Iterable[tuple[int, int]]) -> None:
        """Note that values of these (tag, time in ms) were stored, and wake the job that rolls them up."""
        marks = [
            (company_id, one.hour, one.first, one.until, json.dumps(sorted(one.tags))) for one in stretches(keys)
        ]
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO mes_measurement_mark (company_id, hour, at_from, at_until, tags)
                SELECT r.company, %s, %s, %s, r.tags::jsonb
                  FROM %s AS r(company, hour_ms, from_ms, until_ms, tags)
                """,
                bulk.timestamp("hour_ms"),
                bulk.timestamp("from_ms"),
                bulk.timestamp("until_ms"),
                bulk.unnest(marks, ["int4", "int8", "int8", "int8", "text"]),
            )
        )
        self.invalidate_model()
        self._wake()

    def _wake(self) -> None:
        """Have the job run in a moment, unless it is called for already."""
        # Whoever may write telemetry may wake the job; it runs as its own user.
        cron = self.env.ref("mes_gateway.ir_cron_roll_up").sudo()
        self.env.cr.execute(SQL("SELECT 1 FROM ir_cron_trigger WHERE cron_id = %s LIMIT 1", cron.id))
        if not self.env.cr.fetchone():
            cron._trigger(fields.Datetime.now() + _PAUSE)

    @api.private
    def take(self, limit: int) -> list[Stretch]:
        """Take the oldest marks away; call it in the transaction that rolls them up, so that a failure puts them
        back. Marks that another transaction holds are left to it."""
        self.env.cr.execute(
            SQL(
                """
                DELETE FROM mes_measurement_mark WHERE id IN (
                    SELECT id FROM mes_measurement_mark ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)
                RETURNING %s, %s, %s, tags
                """,
                limit,
                bulk.millis("hour"),
                bulk.millis("at_from"),
                bulk.millis("at_until"),
            )
        )
        taken = [Stretch(hour, first, until, set(tags)) for hour, first, until, tags in self.env.cr.fetchall()]
        self.invalidate_model()
        return taken

    @api.private
    def has_before(self, at_ms: int) -> bool:
        """Whether something before this time is still to be rolled up."""
        self.env.cr.execute(
            SQL("SELECT 1 FROM mes_measurement_mark WHERE hour < %s LIMIT 1", clock.from_ms(at_ms))
        )
        return self.env.cr.fetchone() is not None
