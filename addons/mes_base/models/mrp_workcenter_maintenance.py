from odoo import fields, models


class MrpWorkcenter(models.Model):
    """The equipment of a machine, and what of its time waits for an explanation."""

    _inherit = "mrp.workcenter"

    mes_equipment_ids = fields.One2many("maintenance.equipment", "mes_workcenter_id", string="Equipment")
    mes_to_explain_count = fields.Integer(compute="_compute_mes_to_explain_count", string="Stops to Explain")

    def _compute_mes_to_explain_count(self):
        backlog = [("workcenter_id", "in", self.ids), ("needs_reason", "=", True)]
        counts = dict(self.env["mes.stop"]._read_group(backlog, ["workcenter_id"], ["__count"]))
        for workcenter in self:
            workcenter.mes_to_explain_count = counts.get(workcenter, 0)

    def action_mes_to_explain(self):
        """The stops of these machines that nobody has explained."""
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id("mes_base.mes_stop_to_explain_action")
        return action | {"domain": [("needs_reason", "=", True), ("workcenter_id", "in", self.ids)]}
