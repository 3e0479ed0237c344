from datetime import datetime, timezone

from markupsafe import Markup
from odoo import fields, models
from odoo.addons.mes_base.tools import clock

_MOST_ALARMS = 20
_BADGE = Markup('<span class="badge rounded-pill text-bg-{}" title="{}">{}</span> ')
_ROW = Markup("<tr><td>{}</td><td>{}</td><td class='text-end'>{}</td><td>{}</td><td>{}</td></tr>")
_TABLE = Markup(
    "<table class='table table-sm'><thead><tr><th>{}</th><th>{}</th><th class='text-end'>{}</th><th>{}</th><th>{}</th>"
    "</tr></thead><tbody>{}</tbody></table>"
)


class MesGateway(models.Model):
    """What the bridge says of itself, readable at a glance."""

    _inherit = "mes.gateway"

    bridge_state = fields.Html(compute="_compute_bridge_state", string="Bridge", sanitize=False)

    def _compute_bridge_state(self):
        for gateway in self:
            # Who may see the gateway may see what its bridge says of itself.
            beats = gateway.sudo().heartbeat_ids.filtered(lambda beat: beat.stream_id.active).sorted("stream_id")
            gateway.bridge_state = gateway._bridge_table(beats) if beats else False

    def _bridge_table(self, beats) -> Markup:
        """A row a stream: when it was heard of, what waits, its connections and its alarms."""
        rows = Markup("").join(self._bridge_row(beat) for beat in beats)
        heads = (
            self.env._("Stream"), self.env._("Last contact"), self.env._("Waiting"), self.env._("Connections"),
            self.env._("Alarms"),
        )  # fmt: skip
        return _TABLE.format(*heads, rows)

    def _bridge_row(self, beat) -> Markup:
        said = beat.health if isinstance(beat.health, dict) else {}
        return _ROW.format(
            beat.stream_id.code,
            self._since(beat.seen_at),
            self._waiting(said),
            self._connections(said.get("connections")),
            self._alarms(said.get("alarms")),
        )

    def _since(self, seen_at: datetime | bool) -> str:
        if not seen_at:
            return self.env._("never")
        now = datetime.now(timezone.utc).replace(tzinfo=None)
        return self._ago(max(0, (clock.to_ms(now) - clock.to_ms(seen_at)) // 1000))

    def _waiting(self, said: dict) -> str:
        """Events that Odoo has not got yet."""
        pending = said.get("pending")
        return str(pending) if isinstance(pending, int) else "–"

    def _connections(self, links: object) -> Markup:
        """A badge a connection: its name, its state in the colour and in the words."""
        if not isinstance(links, dict) or not links:
            return Markup("–")
        badges = []
        for name, state in sorted(links.items()):
            is_up = state == "up"
            word = self.env._("up") if is_up else self.env._("down")
            badges.append(_BADGE.format("success" if is_up else "danger", state, f"{name}: {word}"))
        return Markup("").join(badges)

    def _alarms(self, alarms: object) -> Markup:
        if not isinstance(alarms, list) or not alarms:
            return Markup("–")
        return Markup("<br/>").join(Markup("{}").format(str(alarm)) for alarm in alarms[:_MOST_ALARMS])
