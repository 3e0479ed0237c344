from odoo import fields, models

# The fields that name a place.
PLACES = ("site_id", "area_id", "workcenter_id")


class MesShiftAssignment(models.Model):
    """From this date on a site, an area, a line or a machine works by this pattern."""

    _name = "mes.shift.assignment"
    _inherit = ["mes.marking.mixin"]
    _description = "Validity of a Shift Pattern"
    _order = "date_from desc, id desc"
    _check_company_auto = True
    _marking_why = "calendar"

    pattern_id = fields.Many2one("mes.shift.pattern", required=True, index=True, ondelete="restrict")
    company_id = fields.Many2one(related="pattern_id.company_id", store=True, index=True)
    site_id = fields.Many2one("mes.site", index=True, ondelete="restrict", check_company=True)
    area_id = fields.Many2one("mes.area", index=True, ondelete="restrict", check_company=True)
    workcenter_id = fields.Many2one(
        "mrp.workcenter", string="Line or Machine", index=True, ondelete="restrict", check_company=True
    )
    date_from = fields.Date(
        string="From", required=True, help="Local date of the first shift.",
        default=lambda self: fields.Date.context_today(self, self.env["mes.clock"].now()),
    )  # fmt: skip

    _one_place = models.Constraint(
        "CHECK(num_nonnulls(site_id, area_id, workcenter_id) = 1)",
        "A shift pattern is assigned to exactly one site, area or work center.",
    )
    _start_unique = models.UniqueIndex(
        "(COALESCE(site_id, 0), COALESCE(area_id, 0), COALESCE(workcenter_id, 0), date_from)",
        "This place already has a shift pattern from that date.",
    )

    def _marked_spans(self):
        """The machines of the place from the date to the place's next pattern."""
        calendar = self.env["mes.calendar"]
        return [
            span
            for assignment in self
            for span in calendar._touched(assignment, assignment.date_from, assignment._next_start())
        ]

    def _place(self) -> dict[str, int]:
        """The one place that is named: {field: id}."""
        return {name: self[name].id for name in PLACES if self[name]}

    def _next_start(self):
        """The date from which the place works by another pattern, None if there is none."""
        domain = [(name, "=", self[name].id) for name in PLACES] + [("date_from", ">", self.date_from)]
        return self.search(domain, order="date_from", limit=1).date_from or None
