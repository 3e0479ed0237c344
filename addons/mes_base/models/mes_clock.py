from datetime import datetime

from odoo import api, models

from ..tools import clock


class MesClock(models.AbstractModel):
    """The one clock of the server side."""

    _name = "mes.clock"
    _description = "Plant clock"

    @api.private
    def now_ms(self) -> int:
        """Plant time now in milliseconds since the epoch.

        The context key ``mes_now_ms`` freezes it: a ``clock.At`` for anybody, a plain integer
        only in superuser mode, because a client may put any integer into its context.
        """
        frozen = self.env.context.get("mes_now_ms")
        if isinstance(frozen, clock.At):
            return frozen.ms
        if isinstance(frozen, int) and self.env.su:
            return frozen
        return clock.now_ms()

    @api.private
    def now(self) -> datetime:
        """Plant time now as a naive UTC datetime with milliseconds."""
        return clock.from_ms(self.now_ms())
