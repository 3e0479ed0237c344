from odoo import api, fields, models
from odoo.exceptions import UserError


class MesStopExplanation(models.TransientModel):
    """The form in which a person gives one stop, or several at once, their reason at a desk."""

    _name = "mes.stop.explanation"
    _description = "Explain Stops"

    stop_id = fields.Many2one(
        "mes.stop", readonly=True, ondelete="cascade", default=lambda self: self._chosen()[:1].id
    )
    stop_ids = fields.Many2many(
        "mes.stop", "mes_stop_explanation_stop", string="Stops", readonly=True, default=lambda self: self._chosen().ids
    )
    workcenter_id = fields.Many2one(related="stop_id.workcenter_id")
    stop_count = fields.Integer(compute="_compute_stops")
    stop_minutes = fields.Float(string="Minutes", compute="_compute_stops", digits=(16, 2))
    versions = fields.Json(readonly=True, default=lambda self: self._versions())
    loss_id = fields.Many2one(
        "mrp.workcenter.productivity.loss", string="Reason", required=True, domain=[("manual", "=", True)]
    )
    comment = fields.Char()
    comment_required = fields.Boolean(related="loss_id.mes_comment_required")

    @api.model
    def _chosen(self):
        """The stops from which the form was opened."""
        if self.env.context.get("active_model", "mes.stop") != "mes.stop":
            return self.env["mes.stop"]
        ids = self.env.context.get("active_ids") or [self.env.context.get("active_id")]
        return self.env["mes.stop"].browse([id_ for id_ in ids if id_]).exists()

    @api.model
    def _versions(self) -> dict[str, str]:
        """Which words were known when the form was opened."""
        return {str(told["id"]): told["version"] for told in self._chosen().words()}

    @api.depends("stop_ids")
    def _compute_stops(self):
        for explanation in self:
            explanation.stop_count = len(explanation.stop_ids)
            explanation.stop_minutes = sum(explanation.stop_ids.mapped("duration_ms")) / 60_000

    def action_explain(self):
        """Record the reason for all of them or none; the stops show it as soon as their time was made anew.

        :raises StopConflict: somebody else has explained one of them since the form was opened
        """
        for explanation in self:
            stops = explanation.stop_ids | explanation.stop_id
            if not stops:
                raise UserError(self.env._("Choose the stops first."))
            known = explanation.versions or {}
            # In the order of machines, so that two who explain many at once do not wait for each other.
            for stop in stops.sorted(lambda one: (one.workcenter_id.id, one.id)):
                # One's own words of a moment ago, about a neighbour, are known.
                stop.explain(explanation.loss_id.id, comment=explanation.comment, version=known.get(str(stop.id)))
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": self.env._("Reason given: %s", ", ".join(self.loss_id.mapped("name"))),
                "next": {"type": "ir.actions.act_window_close"},
            },
        }
