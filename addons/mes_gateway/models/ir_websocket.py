from odoo import models

LIVE_CHANNEL = "mes_live"
COMMAND_CHANNEL = "mes_command"


class IrWebsocket(models.AbstractModel):
    """The live lane and what becomes of commands."""

    _inherit = "ir.websocket"

    def _mes_channel_words(self) -> tuple[str, ...]:
        return (*super()._mes_channel_words(), LIVE_CHANNEL, COMMAND_CHANNEL)
