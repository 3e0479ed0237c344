from odoo import api, fields, models
from odoo.tools import SQL

from ..tools import bulk, clock
from ..tools.fields import Timestamp


class MesOrderRun(models.Model):
    """A span in which a work center worked on an order; runs may overlap with declared shares."""

    _name = "mes.order.run"
    _inherit = ["mes.marking.mixin"]
    _description = "Order Run"
    _order = "at_from desc, id desc"
    _check_company_auto = True
    _marking_why = "run"

    workcenter_id = fields.Many2one("mrp.workcenter", string="Work Center", required=True, ondelete="restrict")
    company_id = fields.Many2one(
        "res.company", compute="_compute_company_id", store=True, required=True, precompute=True, index=True,
        ondelete="restrict",
    )  # fmt: skip
    workorder_id = fields.Many2one(
        "mrp.workorder", string="Work Order", index=True, ondelete="restrict", check_company=True
    )
    production_id = fields.Many2one("mrp.production", index=True, ondelete="restrict", check_company=True)
    product_id = fields.Many2one("product.product", required=True, ondelete="restrict", check_company=True)
    at_from = Timestamp(string="From", required=True)
    at_until = Timestamp(string="Until", help="Empty: still open.")
    share = fields.Float(
        digits=(16, 6), default=1.0, required=True, help="How time and parts divide where runs overlap."
    )
    recorded_at = Timestamp(
        string="Recorded", required=True, readonly=True, default=lambda self: self.env["mes.clock"].now()
    )
    origin = fields.Selection(
        [("workorder", "Work order"), ("manual", "Entered by hand"), ("rule", "Rule")],
        required=True,
        default="manual",
    )

    _by_start = models.Index("(workcenter_id, at_from)")
    _one_open = models.UniqueIndex(
        "(workcenter_id, workorder_id) WHERE at_until IS NULL",
        "This work order already has an open run on this work center.",
    )
    _span_ordered = models.Constraint("CHECK(at_until IS NULL OR at_until >= at_from)", "A run ends after it begins.")
    _share_positive = models.Constraint("CHECK(share > 0 AND share <= 1)", "A share is more than 0 and at most 1.")

    @api.depends("workcenter_id")
    def _compute_company_id(self):
        for run in self:
            run.company_id = run.workcenter_id.company_id

    @api.depends("workorder_id", "product_id")
    def _compute_display_name(self):
        for run in self:
            run.display_name = run.workorder_id.display_name or run.product_id.display_name

    def _marked_spans(self):
        """The run's own span, on its work center and on the units that inherit a line's."""
        spans = [
            (run.workcenter_id.id, clock.to_ms(run.at_from), (run.at_until and clock.to_ms(run.at_until)) or None)
            for run in self
        ]
        return spans + self._inherited(spans)

    def _inherited(self, spans: list[tuple[int, int, int | None]]) -> list[tuple[int, int, int | None]]:
        """The same spans on the units that ever stood on these work centers as lines; one statement."""
        self.env["mes.placement"].flush_model()
        self.env.cr.execute(
            SQL(
                "SELECT DISTINCT line_id, workcenter_id FROM mes_placement WHERE line_id = ANY(%s::int4[])",
                bulk.int_array({span[0] for span in spans}),
            )
        )
        units: dict[int, list[int]] = {}
        for line_id, unit_id in self.env.cr.fetchall():
            units.setdefault(line_id, []).append(unit_id)
        return [(unit, start, end) for line, start, end in spans for unit in units.get(line, ())]

    @api.private
    def _open(self, workorders) -> None:
        """Open a run of each work order on its work center, now; one that is open stays.

        The work center's other open runs end, unless it runs orders side by side.
        """
        now = self.env["mes.clock"].now()
        workorders = workorders.filtered("workcenter_id.mes_level")
        # Whoever may start a work order starts its run: the record follows Odoo's rights on the order.
        runs = self.sudo()
        open_runs = runs.search([("workcenter_id", "in", workorders.workcenter_id.ids), ("at_until", "=", False)])
        kept = {(run.workcenter_id, run.workorder_id) for run in open_runs}
        for workorder in workorders:
            if (workorder.workcenter_id, workorder) in kept:
                continue
            if not workorder.workcenter_id.mes_parallel_orders:
                others = open_runs.filtered(lambda run, wo=workorder: run.workcenter_id == wo.workcenter_id)
                others._close_at(now)
                open_runs -= others
            open_runs |= runs.create(self._prepare_run_vals(workorder, now))

    @api.private
    def _close(self, workorders) -> None:
        """End the open runs of the work orders, now; none is no error."""
        # As in _open: the right on the work order decides.
        self.sudo().search([("workorder_id", "in", workorders.ids), ("at_until", "=", False)])._close_at(
            self.env["mes.clock"].now()
        )

    def _close_at(self, time) -> None:
        """End these runs; one that would end before it began ends where it began."""
        for run in self:
            run.at_until = max(time, run.at_from)

    def _prepare_run_vals(self, workorder, time) -> dict:
        """The values of a run of ``workorder`` that begins at ``time``."""
        return {
            "workcenter_id": workorder.workcenter_id.id,
            "workorder_id": workorder.id,
            "production_id": workorder.production_id.id,
            "product_id": workorder.product_id.id,
            "at_from": time,
            "recorded_at": time,
            "origin": "workorder",
        }
