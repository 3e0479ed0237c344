from odoo import models

from ..tools.board import WORLD_CLASS


class MesSite(models.Model):
    """The targets of a site: world class until somebody says else."""

    _name = "mes.site"
    _inherit = ["mes.site", "mes.target.mixin"]

    def _target_default(self, name: str) -> float:
        return WORLD_CLASS[name] * 100
