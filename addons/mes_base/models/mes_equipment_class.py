from odoo import api, fields, models
from odoo.exceptions import ValidationError


class MesEquipmentClass(models.Model):
    """What kind of machine a work center is (ISA-95 equipment class): fillers, labellers, lathes.

    Reasons and reason rules are kept for classes, so that a new machine has them at once.
    """

    _name = "mes.equipment.class"
    _description = "Equipment Class"
    _order = "sequence, code, id"
    _rec_names_search = ["name", "code"]

    name = fields.Char(required=True, translate=True)
    code = fields.Char(required=True, help="Short key, such as FILLER.")
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", index=True, help="Empty: for every company.")
    workcenter_ids = fields.One2many("mrp.workcenter", "mes_class_id", string="Machines")
    machine_count = fields.Integer(string="Number of Machines", compute="_compute_machine_count")

    _code_unique = models.UniqueIndex(
        "(COALESCE(company_id, 0), code)", "Another equipment class of this company already has this code."
    )

    @api.depends("workcenter_ids")
    def _compute_machine_count(self):
        for one in self:
            one.machine_count = len(one.workcenter_ids)

    @api.constrains("company_id")
    def _check_company_of_machines(self):
        for one in self.sudo():  # the machines of another company are what this looks for
            if one.company_id and one.workcenter_ids.company_id - one.company_id:
                raise ValidationError(
                    self.env._("%s is the class of machines of other companies: leave its company empty.", one.name)
                )
