from odoo import fields, models

from ..tools.fields import Timestamp


class MesPeriodLock(models.Model):
    """Up to ``at_until`` the figures of a company or a site are closed; later facts wait outside."""

    _name = "mes.period.lock"
    _description = "Closed Period"
    _order = "company_id, at_until desc, id desc"
    _check_company_auto = True

    company_id = fields.Many2one("res.company", required=True, index=True, default=lambda self: self.env.company)
    site_id = fields.Many2one(
        "mes.site", ondelete="restrict", check_company=True, help="Empty: all sites of the company."
    )
    at_until = Timestamp(string="Closed Up To", required=True)
    locked_by_id = fields.Many2one("res.users", required=True, readonly=True, default=lambda self: self.env.user)
    active = fields.Boolean(default=True, help="Cleared by unlocking.")
