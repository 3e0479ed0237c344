from odoo import api, fields, models
from odoo.exceptions import ValidationError


class MaintenanceEquipment(models.Model):
    """Equipment stands at a machine: Community knows no such link."""

    _inherit = "maintenance.equipment"

    mes_workcenter_id = fields.Many2one(
        "mrp.workcenter", string="Machine", index="btree_not_null", ondelete="restrict", copy=False,
        help="The line or machine of the plant that this is a part of.",
    )  # fmt: skip

    @api.constrains("mes_workcenter_id", "company_id")
    def _check_mes_workcenter(self):
        for equipment in self:
            # Only the two companies are compared: who keeps equipment need not be able to read work centers.
            company = equipment.sudo().mes_workcenter_id.company_id
            if company and equipment.company_id and equipment.company_id != company:
                raise ValidationError(
                    self.env._("%(equipment)s belongs to %(own)s, its machine to %(other)s: choose a machine of the "
                               "same company.", equipment=equipment.name, own=equipment.company_id.name,
                               other=company.name)
                )  # fmt: skip
