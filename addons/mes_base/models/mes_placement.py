from odoo import fields, models

from ..tools.fields import Timestamp


class MesPlacement(models.Model):
    """Where a work center stood from a date on; the moves of a machine through the plant."""

    _name = "mes.placement"
    _description = "Placement of a Work Center"
    _order = "workcenter_id, date_from desc"
    _check_company_auto = True

    workcenter_id = fields.Many2one(
        "mrp.workcenter", required=True, index=True, ondelete="restrict", check_company=True
    )
    company_id = fields.Many2one(related="workcenter_id.company_id", store=True, index=True)
    area_id = fields.Many2one("mes.area", required=True, ondelete="restrict", check_company=True)
    line_id = fields.Many2one("mrp.workcenter", ondelete="restrict", check_company=True)
    date_from = Timestamp(string="From", required=True)

    _start_unique = models.Constraint(
        "UNIQUE(workcenter_id, date_from)", "This work center already has a placement from that time."
    )
