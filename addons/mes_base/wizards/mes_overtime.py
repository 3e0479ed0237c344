from odoo import api, fields, models
from odoo.exceptions import UserError

from ..models.mes_shift_assignment import PLACES


class MesOvertime(models.TransientModel):
    """Overtime in two clicks: open it from a site, an area, a line or a machine, and choose how long."""

    _name = "mes.overtime"
    _description = "Overtime"

    site_id = fields.Many2one("mes.site", ondelete="cascade")
    area_id = fields.Many2one("mes.area", ondelete="cascade")
    workcenter_id = fields.Many2one("mrp.workcenter", string="Line or Machine", ondelete="cascade")
    minutes = fields.Integer(default=60, required=True)
    seen = fields.Integer(
        default=lambda self: self.env["mes.shift.exception"].overtime_seen(),
        help="The newest exception when the form was opened.",
    )
    what = fields.Char(string="What Happens", compute="_compute_what")
    exception_ids = fields.Many2many("mes.shift.exception", string="Ordered", compute="_compute_exception_ids")

    def _place(self):
        """The one place for which overtime is ordered.

        :raises UserError: none was chosen
        """
        place = next((self[name] for name in PLACES if self[name]), None)
        if place is None:
            raise UserError(self.env._("Open overtime from a site, an area, a line or a machine."))
        return place

    @api.depends("minutes", *PLACES)
    def _compute_what(self):
        """What the chosen minutes would do, or why they cannot be."""
        for form in self:
            try:
                form.what = self.env["mes.shift.exception"]._planned_overtime(form._place(), form.minutes).text
            except UserError as refused:
                form.what = str(refused)

    @api.depends(*PLACES)
    def _compute_exception_ids(self):
        """The overtime of yesterday and today at the place, to be undone."""
        for form in self:
            form.exception_ids = self.env["mes.shift.exception"]._recent_overtime(form._place())

    def action_order(self):
        """Order the chosen minutes, or those that the button names."""
        self.ensure_one()
        minutes = self.env.context.get("mes_overtime_minutes") or self.minutes
        made = self.env["mes.shift.exception"]._overtime(self._place(), minutes, self.seen)
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": made["text"],
                "next": {"type": "ir.actions.act_window_close"},
            },
        }
