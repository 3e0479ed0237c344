from collections.abc import Iterable

from odoo import api, fields, models
from odoo.addons.mes_base.tools import bulk, clock
from odoo.addons.mes_base.tools.fields import BigInteger, Timestamp
from odoo.exceptions import AccessError
from odoo.tools import SQL

from ..tools.source import Source

_KEY_LENGTH = 400


class MesGatewayFinding(models.Model):
    """Something a person should know of a stream: an alarm, kept until somebody has closed it.

    The same finding again only raises ``times``: a broken sender can't fill the list.
    """

    _name = "mes.gateway.finding"
    _description = "Gateway Finding"
    _order = "state desc, last_at desc, id desc"
    _rec_name = "message"

    stream_id = fields.Many2one("mes.gateway.stream", required=True, readonly=True, ondelete="restrict")
    gateway_id = fields.Many2one("mes.gateway", readonly=True, index=True, ondelete="restrict")
    company_id = fields.Many2one("res.company", readonly=True, index=True)
    kind = fields.Selection(
        [
            ("epoch_conflict", "Two machines run one stream"),
            ("new_epoch", "Stream begun anew"),
            ("checksum", "Count does not fit its neighbours"),
            ("dropped", "Events declared lost"),
            ("clock", "Source clock stepped"),
        ],
        required=True,
        readonly=True,
    )
    key = fields.Char(required=True, readonly=True, help="What the finding is about, within its kind.")
    message = fields.Char(required=True, readonly=True)
    first_at = Timestamp(readonly=True)
    last_at = Timestamp(readonly=True)
    times = BigInteger(default=1, readonly=True)
    state = fields.Selection([("open", "Open"), ("closed", "Closed")], default="open", required=True)

    _open_unique = models.UniqueIndex(
        "(stream_id, kind, key) WHERE state = 'open'", "This finding is already open."
    )

    @api.private
    def note(self, source: Source, kind: str, key: str, message: str) -> None:
        """Keep one finding of a stream."""
        self.note_all(source, [(kind, key, message)])

    @api.private
    def note_all(self, source: Source, findings: Iterable[tuple[str, str, str]]) -> None:
        """Keep findings ``(kind, key, message)`` of a stream; of one kind and key the last is kept."""
        # The key is indexed, and an index takes no long texts.
        unique = {(kind, key[:_KEY_LENGTH]): message for kind, key, message in findings}
        if not unique:
            return
        self.flush_model()
        rows = [(kind, key, message) for (kind, key), message in sorted(unique.items())]
        now = clock.from_ms(self.env["mes.clock"].now_ms())
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO mes_gateway_finding AS f (stream_id, gateway_id, company_id, kind, key, message,
                       first_at, last_at, times, state, create_uid, create_date)
                SELECT %s, %s, %s, r.kind, r.key, r.message, %s, %s, 1, 'open', %s, now() AT TIME ZONE 'UTC'
                  FROM %s AS r(kind, key, message)
                ON CONFLICT (stream_id, kind, key) WHERE state = 'open'
                DO UPDATE SET times = f.times + 1, last_at = excluded.last_at, message = excluded.message
                """,
                source.stream_id,
                source.gateway_id,
                source.company_id,
                now,
                now,
                self.env.uid,
                bulk.unnest(rows, ["text", "text", "text"]),
            )
        )
        self.invalidate_model()

    def action_close(self):
        """A person has looked at the findings."""
        self.check_access("write")
        # The right was checked; all else in a finding is a record that no client may write.
        self.sudo().write({"state": "closed"})

    def write(self, vals):
        """A finding is a record: it is closed by its button and otherwise stays as it was noted."""
        if not self.env.su:
            raise AccessError(self.env._("A finding can only be closed, with its button."))
        return super().write(vals)
