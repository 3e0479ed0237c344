import re

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def check_code(env, code: str) -> None:
    """Refuse a code that could not be one part of a machine's address.

    :raises ValidationError: with the sentence that says the mend.
    """
    if not _CODE.fullmatch(code or ""):
        raise ValidationError(
            env._("%r is no code: use letters, digits, '_', '-' and '.', beginning with a letter or digit.", code)
        )


class MesArea(models.Model):
    """A part of a site (ISA-95 area): a hall, a department."""

    _name = "mes.area"
    _description = "Area"
    _order = "site_id, sequence, code"

    name = fields.Char(required=True)
    code = fields.Char(required=True, help="Second part of a machine's code, such as PACK.")
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    site_id = fields.Many2one("mes.site", required=True, index=True, ondelete="restrict")
    company_id = fields.Many2one(related="site_id.company_id", store=True, index=True)
    tz = fields.Selection(related="site_id.tz")
    workcenter_ids = fields.One2many("mrp.workcenter", "mes_area_id", string="Work Centers")

    _code_unique = models.Constraint("UNIQUE(site_id, code)", "An area of this site already has this code.")

    @api.constrains("code")
    def _check_code(self):
        for area in self:
            check_code(self.env, area.code)

    def write(self, vals):
        """An area with machines stays in its site: their past depends on the site's clock and shifts."""
        if "site_id" in vals:
            moved = self.filtered(lambda area: area.site_id.id != vals["site_id"])
            if self.env["mes.placement"].sudo().search_count([("area_id", "in", moved.ids)], limit=1):
                raise UserError(
                    self.env._("An area with machines stays in its site: add an area there and move the machines.")
                )
        return super().write(vals)
