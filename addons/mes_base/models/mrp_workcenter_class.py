from odoo import fields, models


class MrpWorkcenter(models.Model):
    """A machine's equipment class, by which reasons and reason rules reach it."""

    _inherit = "mrp.workcenter"

    mes_class_id = fields.Many2one(
        "mes.equipment.class",
        string="Equipment Class",
        index=True,
        ondelete="restrict",
        check_company=True,
        help="Machines of a class share their reasons and reason rules.",
    )

    def write(self, vals):
        """Another class brings other reason rules, for the past as well."""
        if "mes_class_id" not in vals:
            return super().write(vals)
        moved = self.filtered(lambda machine: machine.mes_class_id.id != vals["mes_class_id"])
        before = moved.mes_class_id
        result = super().write(vals)
        self.env["mes.reason.rule"]._class_changed(moved, before | moved.mes_class_id)
        return result
