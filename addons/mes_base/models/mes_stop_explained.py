from odoo import models


class MesStop(models.Model):
    """Explained stops by machine and time: the reason picker counts the latest of each machine."""

    _inherit = "mes.stop"

    _explained = models.Index("(workcenter_id, at_from) WHERE loss_id IS NOT NULL AND active")
