from odoo import models


class MrpWorkcenter(models.Model):
    """A machine's stale limit travels to the bridge with its state tags."""

    _inherit = "mrp.workcenter"

    def write(self, vals):
        """A new stale limit is announced like a change of the tags."""
        result = super().write(vals)
        if "mes_stale_ms" in vals:
            # Whoever may set the machine's limit may have it told; tags are the engineer's.
            tags = self.sudo().env["mes.gateway.tag"].search([("workcenter_id", "in", self.ids)])
            tags.gateway_id._raise_tag_revision()
        return result
