from odoo import fields, models


class MesStopExplanation(models.TransientModel):
    """The form in which a person gives a stop its reason at a desk."""

    _name = "mes.stop.explanation"
    _description = "Explain a Stop"

    stop_id = fields.Many2one(
        "mes.stop",
        required=True,
        readonly=True,
        ondelete="cascade",
        default=lambda self: self.env.context.get("active_id"),
    )
    loss_id = fields.Many2one(
        "mrp.workcenter.productivity.loss", string="Reason", required=True, domain=[("manual", "=", True)]
    )
    comment = fields.Char()
    comment_required = fields.Boolean(related="loss_id.mes_comment_required")

    def action_explain(self):
        """Record the reason; the stop shows it as soon as its time was made anew."""
        for explanation in self:
            explanation.stop_id.explain(explanation.loss_id.id, comment=explanation.comment)
        return {"type": "ir.actions.act_window_close"}
