from odoo import api, fields, models
from odoo.addons.base.models.res_partner import _tz_get

from .mes_area import check_code


class MesSite(models.Model):
    """A plant (ISA-95 site): the place that has one time zone and one calendar of shifts."""

    _name = "mes.site"
    _description = "Site"
    _order = "company_id, sequence, code"

    name = fields.Char(required=True)
    code = fields.Char(required=True, help="First part of every machine's code, such as DEMO.")
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", required=True, index=True, default=lambda self: self.env.company)
    tz = fields.Selection(_tz_get, string="Time Zone", required=True, default=lambda self: self.env.user.tz or "UTC")
    area_ids = fields.One2many("mes.area", "site_id", string="Areas")

    _code_unique = models.Constraint("UNIQUE(company_id, code)", "A site of this company already has this code.")

    @api.constrains("code")
    def _check_code(self):
        for site in self:
            check_code(self.env, site.code)

    def write(self, vals):
        """Another time zone moves every shift and hour row of the site."""
        moved = self.filtered(lambda site: "tz" in vals and site.tz != vals["tz"])
        result = super().write(vals)
        if moved:
            machines = self.env["mrp.workcenter"].with_context(active_test=False)
            machines = machines.search([("mes_site_id", "in", moved.ids)])
            self.env["mes.dirty.span"]._mark([(machine.id, 0, None) for machine in machines], "calendar")
        return result
