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

        A ``clock.At`` under the context key ``mes_now_ms`` freezes it. A plain integer is not heard, in
        superuser mode neither: a client may put any integer into its context, and ``sudo()`` keeps it.
        """
        frozen = self.env.context.get("mes_now_ms")
        return frozen.ms if isinstance(frozen, clock.At) else clock.now_ms()

    @api.private
    def now(self) -> datetime:
        """Plant time now as a naive UTC datetime with milliseconds."""
        return clock.from_ms(self.now_ms())
