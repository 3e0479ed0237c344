from odoo import models

from .mes_oee_refresh import CONSUMER


class MesDirtySpan(models.Model):
    """The rollups are made anew wherever facts changed."""

    _inherit = "mes.dirty.span"

    def _consumers(self) -> list[str]:
        return [*super()._consumers(), CONSUMER]

    def _trigger_consumers(self) -> None:
        super()._trigger_consumers()
        self.env["mes.oee.refresh"]._trigger()
