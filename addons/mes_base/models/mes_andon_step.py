from odoo import api, fields, models
from odoo.exceptions import ValidationError

ROLES = {
    "operator": "mes_base.group_mes_operator",
    "supervisor": "mes_base.group_mes_supervisor",
    "engineer": "mes_base.group_mes_engineer",
}
# How far a call has come; a step waits until it has come so far.
STAGES = ("open", "acknowledged", "arrived", "resolved")


class MesAndonStep(models.Model):
    """A rung of the ladder: who is told, how, and after how long, as long as nobody has done something."""

    _name = "mes.andon.step"
    _description = "Step of an Andon Ladder"
    _order = "kind_id, after_minutes, id"

    kind_id = fields.Many2one("mes.andon.kind", required=True, index=True, ondelete="cascade")
    company_id = fields.Many2one(related="kind_id.company_id", store=True)
    after_minutes = fields.Integer(string="After (min)", required=True, help="Counted from the call. 0: at once.")
    unless = fields.Selection(
        [("acknowledged", "Acknowledged"), ("arrived", "Arrived"), ("resolved", "Resolved")],
        string="Unless",
        required=True,
        default="acknowledged",
        help="The step is skipped when the call has come so far.",
    )
    channel = fields.Selection(
        [("activity", "Activity"), ("mail", "E-mail"), ("chat", "Chat message")], required=True, default="activity"
    )
    user_ids = fields.Many2many("res.users", string="People")
    role = fields.Selection(
        [("operator", "All operators"), ("supervisor", "All supervisors"), ("engineer", "All engineers")],
        help="Besides the people named: everybody of this role in the machine's company.",
    )

    _after_not_negative = models.Constraint("CHECK(after_minutes >= 0)", "A step comes after 0 minutes or more.")

    @api.constrains("user_ids", "role", "after_minutes")
    def _check_somebody(self):
        for step in self:
            if not step.user_ids and not step.role:
                raise ValidationError(self.env._("A step tells somebody: name people or a role."))

    def _recipients(self, company):
        """The people to tell about a call in ``company``: never somebody who may not work there."""
        self.ensure_one()
        people = self.user_ids
        if self.role:
            people |= self.env.ref(ROLES[self.role]).all_user_ids
        return people.filtered(lambda user: user.active and not user.share and company in user.company_ids)
