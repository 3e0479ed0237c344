import json

from odoo import api, fields, models
from odoo.addons.mes_base.tools import clock
from odoo.addons.mes_base.tools.fields import BigInteger, Timestamp
from odoo.tools import SQL


class MesGatewayHeartbeat(models.Model):
    """When a stream's bridge was last heard of, and what it said of itself.

    Apart from the stream, whose row a batch holds locked: the live lane is never behind the backlog.
    """

    _name = "mes.gateway.heartbeat"
    _description = "Heartbeat of a Stream"
    _rec_name = "stream_id"
    _log_access = False

    stream_id = fields.Many2one("mes.gateway.stream", required=True, ondelete="cascade")
    company_id = fields.Many2one(related="stream_id.company_id")
    gateway_id = fields.Many2one(related="stream_id.gateway_id", store=True, index=True)
    seen_at = Timestamp(string="Last Contact", help="By the server's real clock.")
    skew_ms = BigInteger(string="Clock Skew (ms)", help="The bridge's clock minus the server's.")
    bridge = fields.Char(string="Bridge Version")
    health = fields.Json(help="What the bridge says of itself.")

    _stream_unique = models.Constraint("UNIQUE(stream_id)", "A stream has one heartbeat.")

    @api.private
    def beat(self, stream_id: int, seen_ms: int, skew_ms: int | None, bridge: str | None, health: dict | None):
        """Overwrite a stream's heartbeat; what the bridge did not say (None) stays as it was."""
        self.env.cr.execute(
            SQL(
                """
                UPDATE mes_gateway_heartbeat
                   SET seen_at = %s, skew_ms = coalesce(%s, skew_ms), bridge = coalesce(%s, bridge),
                       health = coalesce(%s::jsonb, health)
                 WHERE stream_id = %s
                """,
                clock.from_ms(seen_ms),
                skew_ms,
                bridge,
                None if health is None else json.dumps(health),
                stream_id,
            )
        )
        self.invalidate_model()
