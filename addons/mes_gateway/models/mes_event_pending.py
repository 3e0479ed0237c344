import json
from typing import Any

from odoo import api, fields, models
from odoo.addons.mes_base.tools import bulk
from odoo.addons.mes_base.tools.fields import BigInteger
from odoo.tools import SQL

from .. import contract
from ..tools.source import Source

_CHUNK = 1000


class MesEventPending(models.Model):
    """An event of a kind whose room is not installed: kept raw, used as soon as a handler exists."""

    _name = "mes.event.pending"
    _description = "Pending Event"
    _order = "id"

    stream_id = fields.Many2one("mes.gateway.stream", required=True, readonly=True, ondelete="restrict")
    company_id = fields.Many2one("res.company", readonly=True, index=True)
    epoch = fields.Char(readonly=True)
    seq = BigInteger(readonly=True, string="Sequence Number")
    kind = fields.Char(readonly=True, index=True)
    equipment = fields.Char(readonly=True)
    raw = fields.Text(readonly=True)
    digest = fields.Char(readonly=True, help="Tells an event that was sent again in another epoch.")

    _once_unique = models.Constraint("UNIQUE(stream_id, digest)", "This event is already kept.")

    @api.private
    def keep(self, source: Source, events: list[tuple[int, Any]]) -> None:
        """Keep events raw; one that was sent again is kept once."""
        if not events:
            return
        rows = [
            (seq, event["kind"], event["equipment"], json.dumps(event), contract.digest(event))
            for seq, event in events
        ]
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO mes_event_pending (stream_id, company_id, epoch, seq, kind, equipment, raw, digest,
                       create_uid, create_date)
                SELECT %s, %s, %s, r.seq, r.kind, r.equipment, r.raw, r.digest, %s, now() AT TIME ZONE 'UTC'
                  FROM %s AS r(seq, kind, equipment, raw, digest)
                ON CONFLICT (stream_id, digest) DO NOTHING
                """,
                source.stream_id,
                source.company_id,
                source.epoch,
                self.env.uid,
                bulk.unnest(rows, ["int8", "text", "text", "text", "text"]),
            )
        )
        self.invalidate_model()

    def _register_hook(self):
        """A room may have brought a handler: let the cron use what was waiting for it."""
        super()._register_hook()
        kinds = sorted(self.env["mes.event.applier"].handlers())
        self.env.cr.execute("SELECT 1 FROM mes_event_pending WHERE kind = ANY(%s) LIMIT 1", [kinds])
        is_waited_for = self.env.cr.fetchone()
        cron = self.env.ref("mes_gateway.ir_cron_pending", raise_if_not_found=False)
        if is_waited_for and cron:
            cron._trigger()

    @api.model
    def _cron_use(self):
        """Use pending events whose kind has a handler by now, in chunks that each commit."""
        domain = [("kind", "in", list(self.env["mes.event.applier"].handlers()))]
        while chunk := self.search(domain, limit=_CHUNK):
            chunk._use()
            if not self.env["ir.cron"]._commit_progress(len(chunk), remaining=self.search_count(domain)):
                return  # no time is left: the job is called again for the rest

    def _use(self) -> None:
        """Give these events to their handlers and forget them; what is refused goes to the rejections."""
        for (stream, epoch), events in self.grouped(lambda event: (event.stream_id, event.epoch)).items():
            source = stream._source(epoch)
            numbered = [(event.seq, json.loads(event.raw)) for event in events]
            self.env["mes.event.applier"].apply_events(source, numbered)
        self.unlink()
