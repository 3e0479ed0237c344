from odoo import models

FLOOR_CHANNEL = "mes_floor"


class IrWebsocket(models.AbstractModel):
    """Who may hear the floor: a bus channel is a company record, never a word of the client."""

    _inherit = "ir.websocket"

    def _mes_channel_words(self) -> tuple[str, ...]:
        """The words by which a browser asks for a channel of its user's companies; a room adds its own."""
        return (FLOOR_CHANNEL,)

    def _build_bus_channel_list(self, channels):
        """Replace the asked-for words by the channels of the companies of an operator.

        Anybody else asks in vain, and the words themselves open nothing.
        """
        words = self._mes_channel_words()
        wanted = [channel for channel in channels if channel not in words]
        asked = [word for word in words if word in channels]
        if asked and self.env.user.has_group("mes_base.group_mes_operator"):
            wanted += [(company, word) for company in self.env.user.company_ids for word in asked]
        return super()._build_bus_channel_list(wanted)
