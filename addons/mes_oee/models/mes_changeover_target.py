from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..kpi import Target

# How narrow a place is; see kpi.changeover.
MACHINE, LINE, CLASS = 3, 2, 1


class MesChangeoverTarget(models.Model):
    """How long a changeover from one product to another may take; the most specific target holds."""

    _name = "mes.changeover.target"
    _description = "Changeover Target"
    _order = "workcenter_id, class_id, from_product_id, from_categ_id, to_product_id, to_categ_id, id"
    _check_company_auto = True

    company_id = fields.Many2one(
        "res.company", required=True, index=True, ondelete="cascade", default=lambda self: self.env.company
    )
    active = fields.Boolean(default=True)
    from_product_id = fields.Many2one("product.product", string="From Product", ondelete="cascade", check_company=True)
    from_categ_id = fields.Many2one("product.category", string="From Category", ondelete="cascade")
    to_product_id = fields.Many2one("product.product", string="To Product", ondelete="cascade", check_company=True)
    to_categ_id = fields.Many2one("product.category", string="To Category", ondelete="cascade")
    workcenter_id = fields.Many2one(
        "mrp.workcenter", string="Machine or Line", index=True, ondelete="cascade", check_company=True,
        domain="[('mes_level', '!=', False)]", help="Empty: wherever the rest holds.",
    )  # fmt: skip
    class_id = fields.Many2one("mes.equipment.class", string="Equipment Class", ondelete="cascade", check_company=True)
    minutes = fields.Float(required=True, digits=(16, 2))

    _minutes_positive = models.Constraint("CHECK(minutes > 0)", "A changeover target is longer than 0 minutes.")
    _key_unique = models.UniqueIndex(
        "(company_id, COALESCE(workcenter_id, 0), COALESCE(class_id, 0), COALESCE(from_product_id, 0),"
        " COALESCE(from_categ_id, 0), COALESCE(to_product_id, 0), COALESCE(to_categ_id, 0)) WHERE active",
        "There is already a target for this changeover.",
    )

    @api.depends("from_product_id", "from_categ_id", "to_product_id", "to_categ_id")
    def _compute_display_name(self):
        for target in self:
            anything = self.env._("anything")
            before = target.from_product_id.name or target.from_categ_id.name or anything
            after = target.to_product_id.name or target.to_categ_id.name or anything
            target.display_name = f"{before} → {after}"

    @api.constrains("from_product_id", "from_categ_id", "to_product_id", "to_categ_id", "workcenter_id", "class_id")
    def _check_one_each(self):
        for target in self:
            pairs = [
                (target.from_product_id, target.from_categ_id),
                (target.to_product_id, target.to_categ_id),
                (target.workcenter_id, target.class_id),
            ]
            if any(one and other for one, other in pairs):
                raise ValidationError(
                    self.env._("%s: choose a product or its category, a machine or a class, not both.",
                               target.display_name)
                )  # fmt: skip

    @api.private
    def _of_companies(self, company_ids) -> dict[int, list[Target]]:
        """The targets of each company in the order in which they were entered, as the engine wants them."""
        found: dict[int, list[Target]] = {}
        # Whoever may see a changeover may see what it should take.
        for one in self.sudo().search([("company_id", "in", list(company_ids))], order="id"):
            machine = one.workcenter_id
            rank = (LINE if machine.mes_level == "line" else MACHINE) if machine else CLASS if one.class_id else 0
            found.setdefault(one.company_id.id, []).append(
                Target(
                    one.id,
                    round(one.minutes * 60_000),
                    one.from_product_id.id or None,
                    one.from_categ_id.id or None,
                    one.to_product_id.id or None,
                    one.to_categ_id.id or None,
                    machine.id or one.class_id.id or None,
                    rank,
                )
            )
        return found
