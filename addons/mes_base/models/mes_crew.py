from odoo import api, fields, models


class MesCrew(models.Model):
    """People who work a shift together, such as "Crew A"; patterns say which crew has which shift."""

    _name = "mes.crew"
    # Who keeps crews names employees without the right to read their private data.
    _inherit = ["hr.mixin"]
    _description = "Crew"
    _order = "company_id, sequence, code, id"
    _check_company_auto = True

    name = fields.Char(required=True, translate=True)
    code = fields.Char(required=True, help="Short key of the crew in figures and plans, such as A.")
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", required=True, index=True, default=lambda self: self.env.company)
    member_ids = fields.Many2many(
        "hr.employee", "mes_crew_member", "crew_id", "employee_id", string="Members", check_company=True
    )
    members_count = fields.Integer(string="People", compute="_compute_members_count")

    _code_unique = models.UniqueIndex("(company_id, code)", "A crew of this company already has this code.")

    @api.depends("member_ids")
    def _compute_members_count(self):
        for crew in self:
            crew.members_count = len(crew.member_ids)

    @api.depends("name", "code")
    def _compute_display_name(self):
        for crew in self:
            crew.display_name = crew.name or crew.code
