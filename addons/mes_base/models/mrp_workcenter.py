from odoo import fields, models


class MrpWorkcenter(models.Model):
    """Lines and units of the plant are Odoo's work centers."""

    _inherit = "mrp.workcenter"

    mes_level = fields.Selection(
        [("line", "Line"), ("unit", "Unit")],
        string="Plant Level",
        index=True,
        help="Empty: a work center outside the plant model, for planning only.",
    )
    mes_area_id = fields.Many2one(
        "mes.area", string="Area", index=True, ondelete="restrict", check_company=True
    )
    mes_site_id = fields.Many2one(related="mes_area_id.site_id", string="Site", store=True)
    mes_line_id = fields.Many2one(
        "mrp.workcenter",
        string="Line",
        index=True,
        ondelete="restrict",
        check_company=True,
        domain="[('mes_level', '=', 'line'), ('mes_area_id', '=', mes_area_id)]",
    )
    mes_unit_ids = fields.One2many("mrp.workcenter", "mes_line_id", string="Units")
    mes_code = fields.Char(
        string="Machine Code",
        index=True,
        copy=False,
        help="Stable address of the machine: site/area/line/unit. It stays when the machine moves.",
    )
    mes_placement_ids = fields.One2many("mes.placement", "workcenter_id", string="Placements")
    mes_minor_stop_ms = fields.Integer(
        string="Minor Stop Threshold (ms)",
        default=60000,
        help="A closed stop shorter than this is a minor stop.",
    )
    mes_stale_ms = fields.Integer(
        string="Stale Limit (ms)",
        default=5000,
        help="So long after the last good read the machine counts as watched.",
    )

    _mes_code_unique = models.Constraint(
        "UNIQUE(company_id, mes_code)", "A work center of this company already has this machine code."
    )
