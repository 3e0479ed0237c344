from collections.abc import Iterable

from odoo import api, fields, models
from odoo.tools import SQL

from ..tools import bulk

# In all other modes standing still is planned or set-up, never a stop: a threshold would say nothing.
MODES = [("production", "Production"), ("manual", "Manual")]


class MesMinorStop(models.Model):
    """In this mode of a machine another minor stop threshold holds than its own."""

    _name = "mes.minor.stop"
    _description = "Minor Stop Threshold of a Mode"
    _order = "workcenter_id, mode"
    _rec_name = "mode"

    workcenter_id = fields.Many2one(
        "mrp.workcenter", string="Machine", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="workcenter_id.company_id", store=True, index=True)
    mode = fields.Selection(MODES, required=True)
    threshold_ms = fields.Integer(
        string="Threshold (ms)",
        required=True,
        default=60000,
        help="A closed stop shorter than this that begins in the mode is a minor stop.",
    )

    _mode_unique = models.UniqueIndex(
        "(workcenter_id, mode)", "This machine already has a minor stop threshold for the mode: change that one."
    )
    _not_negative = models.Constraint("CHECK(threshold_ms >= 0)", "A minor stop threshold is not negative.")

    @api.model_create_multi
    def create(self, vals_list):
        """Another threshold classifies the machine's stops anew."""
        thresholds = super().create(vals_list)
        thresholds._mark()
        return thresholds

    def write(self, vals):
        """Another threshold classifies the machine's stops anew."""
        if not {"workcenter_id", "mode", "threshold_ms"} & set(vals):
            return super().write(vals)
        self._mark()
        result = super().write(vals)
        self._mark()
        return result

    def unlink(self):
        """Without it the machine's own threshold holds."""
        self._mark()
        return super().unlink()

    def _mark(self) -> None:
        """Mark all of the machines' time, as a change of their own threshold does; closed periods stay."""
        self.env["mes.dirty.span"]._mark([(wc, 0, None) for wc in self.workcenter_id.ids], "setting")

    @api.private
    def _by_mode(self, workcenter_ids: Iterable[int]) -> dict[int, tuple[tuple[str, int], ...]]:
        """The (mode, threshold in ms) pairs of each machine that has some; one statement."""
        self.flush_model()
        self.env.cr.execute(
            SQL(
                """SELECT workcenter_id, mode, threshold_ms FROM mes_minor_stop
                    WHERE workcenter_id = ANY(%s::int4[]) ORDER BY workcenter_id, mode""",
                bulk.int_array(workcenter_ids),
            )
        )
        found: dict[int, tuple[tuple[str, int], ...]] = {}
        for workcenter_id, mode, threshold_ms in self.env.cr.fetchall():
            found[workcenter_id] = (*found.get(workcenter_id, ()), (mode, threshold_ms))
        return found
