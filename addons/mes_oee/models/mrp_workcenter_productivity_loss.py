from odoo import api, fields, models
from odoo.exceptions import ValidationError


class MrpWorkcenterProductivityLoss(models.Model):
    """Reasons that say more of a stop: a failure, or planned maintenance."""

    _inherit = "mrp.workcenter.productivity.loss"

    mes_maintenance = fields.Boolean(
        string="Planned Maintenance",
        help="Planned time under this reason counts as preventive maintenance (corrective maintenance ratio).",
    )

    def _marking_fields(self):
        return super()._marking_fields() | {"mes_failure", "mes_maintenance"}

    @api.constrains("mes_planned", "mes_maintenance")
    def _check_maintenance(self):
        for loss in self:
            if loss.mes_maintenance and not loss.mes_planned:
                raise ValidationError(
                    self.env._("%s is planned maintenance: flag it as planned too, or take the flag off.", loss.name)
                )

    @api.private
    def _mes_flagged(self) -> tuple[frozenset[int], frozenset[int]]:
        """The ids of the reasons that are failures, and of those that are planned maintenance."""
        self.flush_model(["mes_failure", "mes_maintenance"])
        self.env.cr.execute(
            "SELECT id, mes_failure FROM mrp_workcenter_productivity_loss WHERE mes_failure OR mes_maintenance"
        )
        rows = self.env.cr.fetchall()
        failures = frozenset(id_ for id_, failure in rows if failure)
        return failures, frozenset(id_ for id_, failure in rows if not failure)
