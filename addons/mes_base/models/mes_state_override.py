from odoo import fields, models

from ..tools.fields import Timestamp

STATES = [
    ("running", "Running"),
    ("idle", "Idle"),
    ("down", "Down"),
    ("setup", "Set-up"),
    ("maintenance", "Maintenance"),
]


class MesStateOverride(models.Model):
    """A person's word over a span: a reason and, if given, another state. Never changed, only withdrawn."""

    _name = "mes.state.override"
    _description = "State Override"
    _order = "recorded_at desc, id desc"
    _check_company_auto = True

    workcenter_id = fields.Many2one("mrp.workcenter", required=True, ondelete="restrict", check_company=True)
    company_id = fields.Many2one("res.company", required=True, index=True, ondelete="restrict")
    at_from = Timestamp(string="From", required=True)
    at_until = Timestamp(string="Until", help="Empty: until the machine's next change of state.")
    loss_id = fields.Many2one(
        "mrp.workcenter.productivity.loss", string="Reason", ondelete="restrict", check_company=True
    )
    state = fields.Selection(STATES)
    comment = fields.Char()
    user_id = fields.Many2one("res.users", string="Who", required=True, ondelete="restrict")
    why = fields.Char(help="Why the machine's record was wrong.")
    recorded_at = Timestamp(string="Recorded", required=True)
    withdrawn_at = Timestamp(string="Withdrawn")
    withdrawn_by_id = fields.Many2one("res.users", string="Withdrawn By", ondelete="restrict")

    _by_start = models.Index("(workcenter_id, at_from)")
    _span_ordered = models.Constraint(
        "CHECK(at_until IS NULL OR at_until > at_from)", "An override ends after it begins."
    )
    _says_something = models.Constraint(
        "CHECK(loss_id IS NOT NULL OR state IS NOT NULL)", "An override gives a reason or a state."
    )
