from odoo import api, fields, models
from odoo.addons.mes_base.tools import clock
from odoo.addons.mes_base.tools.fields import BigInteger, Timestamp
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ..contract.limits import DAY_MS
from ..tools.source import Source

HISTORY_DAYS = 3660
# The memory of exactly-once of a stream that has not begun.
_NO_PAST = {"epoch": False, "applied": 0, "applied_at": False}


class MesGatewayStream(models.Model):
    """A numbered sequence of events of a gateway.

    The row is the lock and the memory of exactly-once: ``applied`` and the effects of the events up
    to it are written in one transaction, which holds the row from its first statement on.
    """

    _name = "mes.gateway.stream"
    _description = "Event Stream"
    _order = "gateway_id, code"
    _rec_name = "code"

    gateway_id = fields.Many2one("mes.gateway", required=True, index=True, ondelete="restrict")
    company_id = fields.Many2one(related="gateway_id.company_id", store=True, index=True)
    code = fields.Char(required=True, copy=False, help="Name of the stream in the bridge, such as LINE1.")
    active = fields.Boolean(default=True)
    epoch = fields.Char(readonly=True, copy=False, help="The one epoch whose batches are taken.")
    applied = BigInteger(
        readonly=True, copy=False, help="Sequence number up to which events are applied."
    )
    applied_at = Timestamp(readonly=True, copy=False, string="Last Batch")
    is_history = fields.Boolean(
        string="History",
        help="For the import of what was recorded elsewhere: events up to ten years old are taken, no live value "
        "is moved, nothing is missed when it is silent, and the facts of other streams come first.",
    )
    rank = fields.Integer(
        help="Added to the gateway's priority. 0 in a stream of history means -1: of two facts for one instant the "
        "other stream's is taken."
    )

    _code_unique = models.Constraint(
        "UNIQUE(company_id, code)", "A gateway of this company already has a stream of this name."
    )

    @api.model_create_multi
    def create(self, vals_list):
        """A stream is born without a past, and with the row that its heartbeats overwrite."""
        for vals in vals_list:
            if not self.env.su and _NO_PAST.keys() & vals.keys():
                raise AccessError(self.env._("Epoch and applied number are written by the gateway's calls alone."))
        if not self.env.su:
            # Said outright: else a default of the client's context would give it a past.
            vals_list = [vals | _NO_PAST for vals in vals_list]
        streams = super().create(vals_list)
        # The heartbeat is written by the gateway API alone; nobody has the right to create one.
        self.env["mes.gateway.heartbeat"].sudo().create([{"stream_id": stream.id} for stream in streams])
        return streams

    def write(self, vals):
        """The memory of exactly-once is written by batches alone; a stream with a past keeps its name,
        under which its facts are stored, and its gateway."""
        if not self.env.su and _NO_PAST.keys() & vals.keys():
            raise AccessError(self.env._("Epoch and applied number are written by the gateway's calls alone."))
        if {"code", "gateway_id"} & vals.keys() and any(self.mapped("epoch")):
            raise UserError(self.env._("A stream that has begun keeps its name and gateway: add another one."))
        return super().write(vals)

    @api.private
    def advance(self, stream_id: int, applied: int, now_ms: int) -> None:
        """Remember that all up to ``applied`` is applied."""
        self.env.cr.execute(
            SQL(
                "UPDATE mes_gateway_stream SET applied = %s, applied_at = %s WHERE id = %s",
                applied,
                clock.from_ms(now_ms),
                stream_id,
            )
        )
        self.browse(stream_id).invalidate_recordset(["applied", "applied_at"])

    @api.private
    def begin_epoch(self, stream_id: int, epoch: str) -> None:
        """Make ``epoch`` the active one, from its first number on."""
        self.env.cr.execute(
            SQL("UPDATE mes_gateway_stream SET epoch = %s, applied = 0 WHERE id = %s", epoch, stream_id)
        )
        self.browse(stream_id).invalidate_recordset(["epoch", "applied"])

    @api.private
    def _source(self, epoch: str | None = None) -> Source:
        """The source of events of this stream, in an epoch it has or had."""
        self.ensure_one()
        gateway = self.gateway_id
        return Source(
            gateway_id=gateway.id,
            company_id=gateway.company_id.id,
            site_id=gateway.site_id.id,
            stream_id=self.id,
            stream=self.code,
            epoch=epoch or self.epoch,
            priority=gateway.priority + (self.rank or (-1 if self.is_history else 0)),
            tolerance_ms=gateway.future_tolerance_ms,
            past_limit_ms=max(gateway.past_limit_days, HISTORY_DAYS if self.is_history else 0) * DAY_MS,
            is_history=self.is_history,
        )
