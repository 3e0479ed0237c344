from odoo import models

LIVE_CHANNEL = "mes_live"
COMMAND_CHANNEL = "mes_command"
_WORDS = (LIVE_CHANNEL, COMMAND_CHANNEL)


class IrWebsocket(models.AbstractModel):
    """Who may hear the live lane and what becomes of commands: a bus channel is a company record, never a word of
    the client."""

    _inherit = "ir.websocket"

    def _build_bus_channel_list(self, channels):
        """Replace the asked-for words by the channels of the companies of an operator.

        Anybody else asks in vain, and the words themselves open nothing.
        """
        wanted = [channel for channel in channels if channel not in _WORDS]
        asked = [word for word in _WORDS if word in channels]
        if asked and self.env.user.has_group("mes_base.group_mes_operator"):
            wanted += [(company, word) for company in self.env.user.company_ids for word in asked]
        return super()._build_bus_channel_list(wanted)
