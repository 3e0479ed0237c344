from odoo import models

LIVE_CHANNEL = "mes_live"


class IrWebsocket(models.AbstractModel):
    """Who may hear the live lane: the bus channel is a company record, never a word of the client."""

    _inherit = "ir.websocket"

    def _build_bus_channel_list(self, channels):
        """Replace the asked-for word by the channels of the companies of an operator.

        Anybody else asks in vain, and the word itself opens nothing.
        """
        wanted = [channel for channel in channels if channel != LIVE_CHANNEL]
        is_asked = len(wanted) < len(channels)
        if is_asked and self.env.user.has_group("mes_base.group_mes_operator"):
            wanted += [(company, LIVE_CHANNEL) for company in self.env.user.company_ids]
        return super()._build_bus_channel_list(wanted)
