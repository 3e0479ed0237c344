from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import format_date


class MesShiftPatternVersion(models.TransientModel):
    """The form that makes a pattern's next version: from which day, and under which name."""

    _name = "mes.shift.pattern.version"
    _description = "New Version of a Shift Pattern"

    pattern_id = fields.Many2one(
        "mes.shift.pattern",
        required=True,
        readonly=True,
        ondelete="cascade",
        default=lambda self: self.env.context.get("active_id"),
    )
    date_from = fields.Date(
        string="From",
        required=True,
        default=lambda self: self._next_monday(),
        help="Local date of the first shift of the new version. Before it everything stays as it is.",
    )
    name = fields.Char(
        string="Name of the New Version", compute="_compute_name", store=True, readonly=False, required=True
    )

    def _next_monday(self):
        """Mostly shifts change with the week."""
        today = self.env["mes.clock"].now().date()
        return today + timedelta(days=7 - today.weekday())

    @api.depends("pattern_id", "date_from")
    def _compute_name(self):
        for version in self:
            version.name = version.date_from and self.env._(
                "%(name)s, from %(date)s",
                name=version.pattern_id.name,
                date=format_date(self.env, version.date_from),
            )

    def action_make(self):
        """Make the version and open it, to be changed."""
        self.ensure_one()
        made = self.pattern_id.new_version(self.date_from, self.name)
        return {
            "type": "ir.actions.act_window",
            "res_model": "mes.shift.pattern",
            "res_id": made.id,
            "views": [(False, "form")],
        }
