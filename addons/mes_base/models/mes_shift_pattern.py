from odoo import fields, models


class MesShiftPattern(models.Model):
    """A named rhythm of shifts, such as "three shifts, Monday to Friday"."""

    _name = "mes.shift.pattern"
    _description = "Shift Pattern"
    _order = "company_id, name"

    name = fields.Char(required=True)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", required=True, index=True, default=lambda self: self.env.company)
    cycle_weeks = fields.Integer(string="Weeks per Cycle", default=1, required=True, help="1: every week is alike.")
    cycle_start = fields.Date(string="Cycle Starts On", help="A Monday on which week 1 of the cycle began.")
    version = fields.Integer(default=1, readonly=True, copy=False, help="Grows with each change; figures name it.")
    shift_ids = fields.One2many("mes.shift", "pattern_id", string="Shifts", copy=True)
    assignment_ids = fields.One2many("mes.shift.assignment", "pattern_id", string="Valid For")

    _cycle_positive = models.Constraint("CHECK(cycle_weeks BETWEEN 1 AND 52)", "A cycle has 1 to 52 weeks.")
