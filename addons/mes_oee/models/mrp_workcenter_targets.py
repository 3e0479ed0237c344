from odoo import models


class MrpWorkcenter(models.Model):
    """The targets of a line: its own where it has some, else its site's; those of a machine are its line's."""

    _name = "mrp.workcenter"
    _inherit = ["mrp.workcenter", "mes.target.mixin"]

    def _target_levels(self) -> list[models.BaseModel]:
        return [level for level in (self, self.mes_line_id, self.mes_site_id) if level]
