from odoo import api, models
from odoo.addons.bus.models.bus import channel_with_db, json_dump
from odoo.tools import SQL

# A screen that was away for longer reads the board anew; it has no use for older heartbeats.
KEPT_SECONDS = 30
MOST_AT_ONCE = 500


class BusBus(models.Model):
    """Live messages overwrite each other: without this a tablet that wakes up gets a night of them."""

    _inherit = "bus.bus"

    _channel_order = models.Index("(channel, id)")

    @api.private
    def _forget_live(self, company, subchannel: str) -> None:
        """Drop what a company's live channel said more than a moment ago.

        Rows that another gateway's call is dropping just now are left to it: nobody waits.
        """
        channel = json_dump(channel_with_db(self.env.cr.dbname, (company, subchannel)))
        self.env.cr.execute(
            SQL(
                """
                DELETE FROM bus_bus WHERE id IN (
                    SELECT id FROM bus_bus
                     WHERE channel = %s AND create_date < now() AT TIME ZONE 'UTC' - make_interval(secs => %s)
                     ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)
                """,
                channel,
                KEPT_SECONDS,
                MOST_AT_ONCE,
            )
        )
