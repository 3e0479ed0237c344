from odoo import api, fields, models
from odoo.exceptions import AccessError, ValidationError

from ..tools.fields import Timestamp
from .mes_state_override import SUPERVISOR


class MesPeriodLock(models.Model):
    """Up to ``at_until`` the figures of a company or a site are closed; later facts wait outside.

    Opening it again lets the facts in that came meanwhile.
    """

    _name = "mes.period.lock"
    _description = "Closed Period"
    _order = "company_id, at_until desc, id desc"
    _check_company_auto = True
    _rec_name = "at_until"

    company_id = fields.Many2one("res.company", required=True, index=True, default=lambda self: self.env.company)
    site_id = fields.Many2one(
        "mes.site", ondelete="restrict", check_company=True, help="Empty: all sites of the company."
    )
    at_until = Timestamp(string="Closed Up To", required=True)
    locked_by_id = fields.Many2one(
        "res.users", string="Closed By", required=True, readonly=True, default=lambda self: self.env.user
    )
    active = fields.Boolean(default=True, readonly=True, help="Cleared when the period is opened again.")

    @api.model_create_multi
    def create(self, vals_list):
        """Whoever closes a period stands there by name, and nobody else."""
        if not self.env.su:
            vals_list = [{**vals, "locked_by_id": self.env.uid} for vals in vals_list]
        return super().create(vals_list)

    @api.constrains("at_until")
    def _check_past(self):
        now = self.env["mes.clock"].now()
        if any(lock.at_until > now for lock in self):
            raise ValidationError(self.env._("Only the past can be closed: choose a time before now."))

    def action_reopen(self):
        """Open the period again and let in the facts that came while it was closed."""
        if not self.env.user.has_group(SUPERVISOR) and not self.env.su:
            raise AccessError(self.env._("Only a supervisor may open a closed period again."))
        self.check_access("read")
        # Locks cannot be edited, only opened here, by the role that was just checked.
        self.sudo().write({"active": False})
        for company in self.company_id:
            self.env["mes.late.fact"].sudo()._admit(company)
        return True
