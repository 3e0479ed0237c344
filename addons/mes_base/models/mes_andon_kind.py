from odoo import fields, models

# Icons that the wall and the terminal know; the word stands beside them.
ICONS = [
    ("fa-wrench", "Wrench"),
    ("fa-check-square-o", "Check mark"),
    ("fa-cubes", "Boxes"),
    ("fa-user", "Person"),
    ("fa-exchange", "Change"),
    ("fa-life-ring", "Help"),
    ("fa-medkit", "First aid"),
]


class MesAndonKind(models.Model):
    """What somebody on the floor can call for, and the ladder by which the call climbs while nobody comes."""

    _name = "mes.andon.kind"
    _description = "Kind of Andon Call"
    _order = "sequence, id"
    _check_company_auto = True

    name = fields.Char(required=True, translate=True)
    code = fields.Char(required=True, help="Short and stable: a terminal's button or a barcode names the kind by it.")
    sequence = fields.Integer(default=10)
    icon = fields.Selection(ICONS, required=True, default="fa-life-ring")
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", index=True, help="Empty: for every company.")
    area_ids = fields.Many2many("mes.area", string="Areas", check_company=True, help="Empty: in all areas.")
    target_minutes = fields.Integer(
        string="Target (min)", default=10, required=True, help="Somebody should have arrived within so many minutes."
    )
    auto_minutes = fields.Integer(
        string="Call by Itself After (min)",
        help="A machine that has stood unplanned for so long calls by itself. 0: never.",
    )
    step_ids = fields.One2many("mes.andon.step", "kind_id", string="Ladder", copy=True)

    _code_unique = models.UniqueIndex(
        "(COALESCE(company_id, 0), code)", "Another kind of call of this company already has this code."
    )
    _minutes_positive = models.Constraint(
        "CHECK(target_minutes > 0 AND COALESCE(auto_minutes, 0) >= 0)",
        "The target is more than 0 minutes, and a machine calls by itself after 0 (never) or more.",
    )

    def _fits(self, workcenter) -> bool:
        """Whether this kind may be called at a machine."""
        self.ensure_one()
        own_company = not self.company_id or self.company_id == workcenter.company_id
        return own_company and (not self.area_ids or workcenter.mes_area_id in self.area_ids)
