import json
import logging
import time
from collections.abc import Callable

from odoo import api, models, modules
from odoo.addons.mes_base.tools import clock
from odoo.addons.mes_base.tools.rows import LiveRow
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from .. import contract
from ..tools.source import Source
from .ir_websocket import LIVE_CHANNEL

_logger = logging.getLogger(__name__)

BATCH_WARN_MS = 1000

# For programs, as the refusals of the contract are: in English whatever the user's language.
GATEWAY_UNKNOWN = (
    "gateway_unknown: this user belongs to no active gateway; use the key that the gateway's form has made."
)


class MesGatewayCall(models.Model):
    """The four calls of a bridge: hello, ingest, live, tags.

    Each takes and answers one JSON text (shapes: ``iot_bridge/schema/events.schema.json``), over XML-RPC
    or ``/json/2``. Only the user of a gateway may call them, and only for this gateway's streams. A
    call that is refused raises with a code in front that a program can read and a sentence that says
    the mend: ``stream_unknown``, ``stream_foreign``, ``epoch_conflict``, ``batch_invalid``.
    """

    _inherit = "mes.gateway"

    @api.model
    def hello(self, message: str) -> str:
        """Compare both sides on start; begins a stream's epoch when the bridge may take it over."""
        return self._serve(self._hello, message)

    @api.model
    def ingest(self, message: str) -> str:
        """Apply a batch of events exactly once; see ``mes.event.applier`` for what events become."""
        return self._serve(self._ingest, message)

    @api.model
    def live(self, message: str) -> str:
        """Overwrite the latest values of machines for the screens; also the bridge's heartbeat."""
        return self._serve(self._live, message)

    @api.model
    def tags(self, message: str) -> str:
        """All tags of the gateway with their revision."""
        return self._serve(self._tags, message)

    # -- the frame of every call -----------------------------------------------------------------

    def _serve(self, work: Callable, message: str) -> str:
        """Run a call in a transaction of its own and answer JSON."""
        self._own_transaction()
        self.env.flush_all()
        # The gateway's user has no right on any record. All below is bound to the one gateway that
        # belongs to this user: its streams, its company, its site's machines.
        gateway = self._of_user(self.env.uid)
        try:
            return json.dumps(work(gateway, message))
        except contract.CallRefused as refusal:
            self._settle()  # keeps the alarm that was noted, although the call itself fails
            error = AccessError if refusal.code == "stream_foreign" else UserError
            raise error(str(refusal)) from None

    def _own_transaction(self) -> None:
        """Start a READ COMMITTED transaction: who waits for a stream then sees what the other has
        done, where REPEATABLE READ would fail and be repeated after seconds of sleep. Until here the
        transaction has only read the user's key, so there is nothing else to commit."""
        if self._settle():
            self.env.cr.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")

    def _settle(self) -> bool:
        """End the transaction so far; False inside a test, whose transaction is not ours to end."""
        if modules.module.current_test:
            return False
        self.env.cr.commit()  # pylint: disable=invalid-commit
        return True

    def _of_user(self, uid: int):
        """The gateway of this user, in superuser mode. The client's context could ask for archived ones."""
        gateway = self.sudo().with_context({}).search([("user_id", "=", uid)])  # pylint: disable=context-overridden
        if not gateway:
            raise AccessError(GATEWAY_UNKNOWN)
        return gateway.with_context(self._own_context(gateway))  # pylint: disable=context-overridden

    def _own_context(self, gateway) -> dict:
        """The context of a call: nothing of the client's, which must not steer code in superuser mode.
        A clock frozen by a test is of a class that no client can send."""
        frozen = self.env.context.get("mes_now_ms")
        context = {"allowed_company_ids": gateway.company_id.ids}
        return context | {"mes_now_ms": frozen} if isinstance(frozen, clock.At) else context

    def _source(self, code: str, lock: bool = False) -> tuple[Source, int]:
        """The stream ``code`` of this gateway and the number applied; refuses another's stream."""
        self.env.cr.execute(
            SQL(
                """
                SELECT id, gateway_id, epoch, coalesce(applied, 0) FROM mes_gateway_stream
                 WHERE company_id = %s AND code = %s AND active %s
                """,
                self.company_id.id,
                code,
                # As exclusive among batches as FOR UPDATE, but another stream's batch, which keeps a fact of this
                # one as superseded, is not held up by its foreign key: each would wait for the other.
                SQL("FOR NO KEY UPDATE") if lock else SQL(),
            )
        )
        row = self.env.cr.fetchone()
        if row is None:
            raise contract.CallRefused(
                "stream_unknown", f"gateway {self.name} has no stream {code}; add it to the gateway in Odoo."
            )
        stream_id, gateway_id, epoch, applied = row
        if gateway_id != self.id:
            raise contract.CallRefused(
                "stream_foreign",
                f"stream {code} belongs to another gateway; use that gateway's key or another stream.",
            )
        return self.env["mes.gateway.stream"].browse(stream_id)._source()._replace(epoch=epoch), applied

    def _check_epoch(self, source: Source, epoch: str) -> None:
        """Refuse another epoch than the active one, with an alarm: two machines run one stream."""
        if epoch == source.epoch:
            return
        if source.epoch is None:
            # Nobody has begun the stream: no second machine can be the cause, so no alarm.
            raise contract.CallRefused("epoch_conflict", f"stream {source.stream} has no epoch yet; say hello first.")
        self.env["mes.gateway.finding"].note(
            source,
            "epoch_conflict",
            epoch,
            f"Epoch {epoch} sent to a stream whose active epoch is {source.epoch}: a cloned or restored "
            "bridge. Stop one of the two, or let the right one take over with a new hello.",
        )
        raise contract.CallRefused(
            "epoch_conflict",
            f"epoch {epoch} is not the active one of stream {source.stream}; say hello first. If another "
            "machine runs this stream, stop one of the two.",
        )

    def _now_ms(self) -> int:
        return self.env["mes.clock"].now_ms()

    # -- the calls -------------------------------------------------------------------------------

    def _hello(self, gateway, message: str) -> dict:
        """Answer the active epoch, the number applied and the last point of every counter."""
        hello = contract.read_hello(message)
        source, applied = gateway._source(hello.stream, lock=True)
        if hello.epoch != source.epoch and (source.epoch is None or hello.supersedes == source.epoch):
            gateway._take_over(source, hello)
            source, applied = source._replace(epoch=hello.epoch), 0
        now = gateway._now_ms()
        gateway.env["mes.gateway.heartbeat"].beat(source.stream_id, _wall_ms(), None, hello.bridge, None)
        return {
            "applied": applied,
            "epoch": source.epoch,
            "counters": gateway.env["mes.event.applier"].last_counts(source),
            "server_time": contract.format_time(now),
            "config_revision": gateway.tag_revision,
        }

    def _take_over(self, source: Source, hello: contract.Hello) -> None:
        """Begin the epoch that a bridge brings; one that replaces another is worth a note."""
        self.env["mes.gateway.stream"].begin_epoch(source.stream_id, hello.epoch)
        if source.epoch is not None:
            self.env["mes.gateway.finding"].note(
                source,
                "new_epoch",
                hello.epoch,
                f"The bridge has begun epoch {hello.epoch} in place of {source.epoch}: its outbox was new or "
                "restored, or Odoo was. Events may have been sent again; facts are kept once.",
            )

    def _ingest(self, gateway, message: str) -> dict:
        """Apply what is new in a batch; the stream's row is locked from the first statement on."""
        began = time.monotonic()
        batch = contract.read_batch(message)
        source, applied = gateway._source(batch.stream, lock=True)
        gateway._check_epoch(source, batch.epoch)
        standing = batch.standing(applied)
        verdicts: list[contract.Verdict] = []
        if standing is contract.Standing.CONTINUES:
            verdicts = gateway.env["mes.event.applier"].apply_batch(source, batch, applied)
            gateway.env["mes.gateway.stream"].advance(source.stream_id, batch.last, gateway._now_ms())
            applied = batch.last
        elif standing is contract.Standing.KNOWN:
            verdicts = gateway.env["mes.event.rejection"].verdicts(source, batch.first, batch.last)
        took = int((time.monotonic() - began) * 1000)
        if took > BATCH_WARN_MS:
            _logger.warning("Batch %s..%s of %s took %s ms", batch.first, batch.last, batch.stream, took)
        answer = {
            "applied": applied,
            "verdicts": [verdict._asdict() for verdict in verdicts],
            "config_revision": gateway.tag_revision,
            "commands": gateway.env["mes.command"].offers(gateway.id, gateway._now_ms()),
        }
        if standing is contract.Standing.TOO_EARLY:
            answer |= {"code": "out_of_sequence", "message": _too_early(batch, applied)}
        return answer

    def _live(self, gateway, message: str) -> dict:
        """Store the latest values, beat the heart, tell the screens."""
        live = contract.read_live(message)
        source, _applied = gateway._source(live.stream)
        if live.epoch is not None:
            gateway._check_epoch(source, live.epoch)
        now = gateway._now_ms()
        machines = gateway.env["mes.event.applier"].machines(source)
        refused = dict(live.refused)
        rows = []
        for machine in () if source.is_history else live.machines:
            verdict = _live_verdict(machine, machines, now + source.tolerance_ms)
            if verdict is not None:
                refused[machine.code] = verdict
                continue
            rows.append(_live_row(machines[machine.code], machine, live.version, now, source.stream))
        gateway.env["mes.fact.writer"].write_live(rows)
        gateway.env["mes.gateway.heartbeat"].beat(
            source.stream_id, _wall_ms(), None if live.at is None else live.at - now, None, live.health
        )
        gateway._tell_screens(source, [row.workcenter_id for row in rows], live.at or now, now)
        return {
            "ok": not refused,
            "refused": {code: verdict._asdict() for code, verdict in refused.items()},
            "config_revision": gateway.tag_revision,
            "commands": gateway.env["mes.command"].offers(gateway.id, now),
            "server_time": contract.format_time(now),
        }

    def _tell_screens(self, source: Source, workcenter_ids: list[int], at: int, now: int) -> None:
        """One bus message a call, on the company's channel (``ir.websocket`` lets only operators in)."""
        payload = {
            "stream": source.stream,
            "at": at,
            "server": now,
            "machines": self.env["mes.event.applier"].live_values(workcenter_ids),
        }
        bus = self.env["bus.bus"]
        bus._forget_live(self.company_id, LIVE_CHANNEL)
        bus._sendone((self.company_id, LIVE_CHANNEL), "mes.live", payload)

    def _tags(self, gateway, message: str) -> dict:
        """The gateway's tags in the contract's shape."""
        gateway._source(contract.read_tags_request(message).stream)
        tags = gateway.env["mes.gateway.tag"].search([("gateway_id", "=", gateway.id)])
        return {"revision": gateway.tag_revision, "tags": [tag._contract_values() for tag in tags]}


def _wall_ms() -> int:
    """Real time: whether a bridge is in touch is a matter of the network, not of plant time."""
    return int(time.time() * 1000)


def _too_early(batch: contract.Batch, applied: int) -> str:
    """What a sender should do whose batch leaves a hole."""
    return (
        f"Number {applied + 1} is due, but the batch begins at {batch.first}; nothing was changed. Go on at "
        f"{applied + 1}, and declare in dropped what is lost."
    )


def _live_verdict(
    machine: contract.LiveMachine, machines: dict[str, int], latest: int
) -> contract.Verdict | None:
    """Why a machine's live values are not taken; None when they are."""
    if machine.code not in machines:
        return contract.Verdict(0, "unknown_equipment", contract.CODES["unknown_equipment"])
    if machine.at > latest:
        return contract.Verdict(0, "in_future", contract.CODES["in_future"])
    return None


def _live_row(
    workcenter_id: int, machine: contract.LiveMachine, version: int, now: int, stream: str
) -> LiveRow:
    return LiveRow(
        workcenter_id=workcenter_id,
        state=machine.state,
        mode=machine.mode,
        code=machine.stop_code,
        interlock=machine.interlock,
        counts=machine.counts,
        version=version,
        at=machine.at,
        recv=now,
        stream=stream,
    )
