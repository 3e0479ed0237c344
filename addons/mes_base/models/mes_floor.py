from odoo import api, models

from .ir_websocket import FLOOR_CHANNEL

MESSAGE = "mes.floor"


class MesFloor(models.AbstractModel):
    """Tells open screens that something which they show has become another: they read it anew."""

    _name = "mes.floor"
    _description = "News of the Shop Floor"

    @api.private
    def _changed(self, workcenters: models.BaseModel, kind: str) -> None:
        """Tell the operators of the machines' companies, once the transaction is committed.

        :param kind: what changed: stop, word, call, order, setup, calendar
        """
        at = self.env["mes.clock"].now_ms()
        # Only ids of machines and companies are read, and told to operators of those companies.
        for company, machines in workcenters.sudo().grouped("company_id").items():
            payload = {"kind": kind, "machines": machines.ids, "at": at}
            self.env["bus.bus"]._sendone((company, FLOOR_CHANNEL), MESSAGE, payload)
