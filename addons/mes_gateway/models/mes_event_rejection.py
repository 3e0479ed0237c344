import json
from collections.abc import Iterable
from typing import Any

from odoo import api, fields, models
from odoo.addons.mes_base.tools import bulk
from odoo.addons.mes_base.tools.fields import BigInteger
from odoo.addons.mes_base.tools.rows import StateRow, Superseded
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools import SQL

from .. import contract
from ..tools.source import Source

# The contract's codes of events that were not taken as they are.
REASONS = [
    ("malformed", "Malformed"),
    ("bad_type", "Wrong type"),
    ("bad_value", "Value not allowed"),
    ("not_finite", "Not a finite number"),
    ("negative_count", "Negative count"),
    ("bad_time", "Unreadable time"),
    ("clock_not_set", "Source clock never set"),
    ("too_old", "Too long ago"),
    ("in_future", "In the future"),
    ("unknown_equipment", "Unknown machine"),
    ("unknown_counter", "Unknown counter"),
    ("unknown_tag", "Unknown tag"),
    ("unknown_command", "Unknown command"),
    ("unmapped", "Raw value not in the map"),
    ("superseded", "Superseded"),
]


class MesEventRejection(models.Model):
    """An event that was not taken as it is, with its reason; a person corrects and replays it.

    A replay gives the event its own number and rank again, so the facts become those that would be
    there had it been right at once.
    """

    _name = "mes.event.rejection"
    _description = "Rejected Event"
    _order = "id desc"
    _rec_name = "code"

    stream_id = fields.Many2one("mes.gateway.stream", readonly=True, index=True, ondelete="restrict")
    gateway_id = fields.Many2one(related="stream_id.gateway_id", string="Gateway")
    company_id = fields.Many2one("res.company", readonly=True, index=True)
    stream = fields.Char(readonly=True, string="Stream Name")
    epoch = fields.Char(readonly=True)
    seq = BigInteger(readonly=True, string="Sequence Number")
    kind = fields.Char(readonly=True)
    equipment = fields.Char(readonly=True)
    code = fields.Selection(REASONS, readonly=True, required=True, string="Reason")
    message = fields.Char(readonly=True)
    raw = fields.Text(readonly=True, help="The event as it was sent.")
    digest = fields.Char(readonly=True)
    corrected = fields.Text(help="The event as it should have been; empty: replay it as it was sent.")
    state = fields.Selection(
        [
            ("open", "Open"),
            ("replayed", "Replayed"),
            ("dismissed", "Dismissed"),
            ("superseded", "Superseded"),
        ],
        default="open",
        required=True,
        readonly=True,
        index=True,
    )
    settled_uid = fields.Many2one("res.users", readonly=True, string="Settled By")
    settled_at = fields.Datetime(readonly=True, string="Settled On")

    _open_unique = models.UniqueIndex(
        "(stream_id, digest) WHERE state = 'open'", "This event is already in the list."
    )
    _number_index = models.Index("(stream_id, epoch, seq)")

    @api.constrains("corrected")
    def _check_corrected(self):
        for rejection in self.filtered("corrected"):
            try:
                event = json.loads(rejection.corrected)
            except ValueError as error:
                raise ValidationError(
                    self.env._("The corrected event is not JSON (%s); mend it and save again.", error)
                ) from None
            if not isinstance(event, dict):
                raise ValidationError(self.env._("The corrected event must be a JSON object."))

    # -- written by the applier --------------------------------------------------------------------

    @api.private
    def keep(self, source: Source, bad: list[contract.Bad]) -> list[contract.Verdict]:
        """Keep refused events of a source for a person; their verdicts."""
        self._insert(
            source,
            "open",
            [
                (
                    source.stream,
                    verdict.seq,
                    *_kind_and_equipment(event),
                    verdict.code,
                    verdict.message,
                    json.dumps(event),
                    contract.digest(event),
                )
                for verdict, event in bad
            ],
        )
        return [verdict for verdict, _event in bad]

    @api.private
    def keep_superseded(
        self, source: Source, plant: contract.Plant, losers: Iterable[Superseded]
    ) -> list[contract.Verdict]:
        """Keep the facts that lost their key to another of higher rank; one that says the same as its
        winner is no loss. Verdicts for those of this source."""
        losers = [loser for loser in losers if not loser.same]
        codes = {id_: code for code, id_ in plant.machines.items()}
        names = {id_: key for key, id_ in plant.counters.items()}
        message = contract.CODES["superseded"]
        rows = []
        for row, winner, _same in losers:
            event = _event_of(row, codes, names)
            why = f"{message} (winner: {winner[1]} number {winner[2]}, priority {winner[0]})"
            rows.append(
                (row.stream, row.seq, event["kind"], event["equipment"], "superseded", why, json.dumps(event), None)
            )
        self._insert(source, "superseded", rows)
        return [
            contract.Verdict(row.seq, "superseded", message) for row, _winner, _same in losers
            if row.stream == source.stream
        ]

    def _insert(self, source: Source, state: str, rows: list[tuple]) -> None:
        """One statement; the stream of a row is found by its name."""
        if not rows:
            return
        self.flush_model()
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO mes_event_rejection (stream_id, company_id, epoch, state, stream, seq, kind,
                       equipment, code, message, raw, digest, create_uid, create_date)
                SELECT s.id, %(company)s, CASE WHEN s.id = %(stream)s THEN %(epoch)s ELSE s.epoch END, %(state)s,
                       r.stream, r.seq, r.kind, r.equipment, r.code, r.message, r.raw, r.digest, %(uid)s,
                       now() AT TIME ZONE 'UTC'
                  FROM %(rows)s AS r(stream, seq, kind, equipment, code, message, raw, digest)
                  LEFT JOIN mes_gateway_stream s ON s.company_id = %(company)s AND s.code = r.stream
                ON CONFLICT (stream_id, digest) WHERE state = 'open' DO NOTHING
                """,
                company=source.company_id,
                stream=source.stream_id,
                epoch=source.epoch,
                state=state,
                uid=self.env.uid,
                rows=bulk.unnest(rows, ["text", "int8", *["text"] * 6]),
            )
        )
        self.invalidate_model()

    @api.private
    def verdicts(self, source: Source, first: int, last: int) -> list[contract.Verdict]:
        """What was said of the numbers ``first..last`` when they were applied: the same answer again
        for a sender that never got it."""
        self.env.cr.execute(
            SQL(
                """
                SELECT seq, code, message FROM mes_event_rejection
                 WHERE stream_id = %s AND epoch = %s AND seq BETWEEN %s AND %s ORDER BY seq, id
                """,
                source.stream_id,
                source.epoch,
                first,
                last,
            )
        )
        return [contract.Verdict(*row) for row in self.env.cr.fetchall()]

    def write(self, vals):
        """A person writes the correction; the rest records what came and what was done about it."""
        if not self.env.su and vals.keys() - {"corrected"}:
            raise AccessError(self.env._("Of a rejected event only the correction can be written."))
        return super().write(vals)

    # -- done by a person --------------------------------------------------------------------------

    def action_replay(self):
        """Apply the events again, as corrected. Those that are refused again stay open, with the reason
        of today; the others are in the facts as if they had been right at once."""
        self.check_access("write")
        waiting = self.filtered(lambda one: one.state == "open")
        for rejection in waiting:
            rejection._replay()
        refused = waiting.filtered(lambda one: one.state == "open")
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "warning" if refused else "success",
                "message": self.env._(
                    "%(done)s replayed, %(refused)s still refused.",
                    done=len(waiting) - len(refused),
                    refused=len(refused),
                ),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def action_dismiss(self):
        """A person has decided that nothing is to be done."""
        self.check_access("write")
        self.filtered(lambda one: one.state == "open")._settle("dismissed")

    def _settle(self, state: str) -> None:
        # The caller has checked the right; the outcome is not for a client to write.
        now = fields.Datetime.now()
        self.sudo().write({"state": state, "settled_uid": self.env.uid, "settled_at": now})

    def _replay(self) -> None:
        """Apply one event with its own number."""
        # Facts are written by the applier alone; whoever may correct a rejection may have it applied,
        # bound to the company, site and machines of the stream that sent it.
        source = self.sudo().stream_id._source(self.epoch)
        verdict = self.sudo().env["mes.event.applier"].replay(source, self.seq, self._event())
        if verdict is None:
            self._settle("replayed")
        else:
            # The caller has checked the right; the reason is not for a client to write.
            self.sudo().write({"code": verdict.code, "message": verdict.message})

    def _event(self) -> dict[str, Any]:
        """The event to replay: as corrected, else as sent with a raw value mapped by today's map."""
        event = json.loads(self.corrected or self.raw)
        if not isinstance(event, dict):
            raise UserError(self.env._("Event %s is no object; write the corrected event first.", self.seq))
        kind = event.get("kind")
        if kind in ("state", "mode") and kind in event and event[kind] is None:
            event |= self._mapped(kind, event)
        return event | {"seq": self.seq}

    def _mapped(self, kind: str, event: dict[str, Any]) -> dict[str, Any]:
        """What today's map of the machine's tag makes of a raw value; nothing when it has no entry."""
        tag = self.env["mes.gateway.tag"].search(
            [
                ("gateway_id", "=", self.stream_id.gateway_id.id),
                ("workcenter_id.mes_code", "=", event.get("equipment")),
                ("signal", "=", kind),
            ],
            limit=1,
        )
        value = (tag.map or {}).get(str(event.get("raw")))
        return {kind: value, "map": tag.map_revision} if value else {}


def _kind_and_equipment(event: object) -> tuple[str | None, str | None]:
    """For the list; None where the event does not say or what it says can't be stored."""
    if not isinstance(event, dict):
        return None, None
    said = (event.get("kind"), event.get("equipment"))
    return tuple(
        value[:255] if isinstance(value, str) and contract.is_storable(value) else None for value in said
    )


def _raw_of(text: str | None) -> int | str | None:
    """A stored raw value as it was sent: whole numbers are numbers."""
    return int(text) if text and text.removeprefix("-").isdecimal() and text.isascii() else text


def _event_of(row: Any, codes: dict[int, str], names: dict[int, tuple[str, str]]) -> dict[str, Any]:
    """A fact as the event that it came from."""
    common = {"seq": row.seq, "at": contract.format_time(row.at), "quality": row.quality}
    if isinstance(row, StateRow):
        return {
            **common,
            "kind": row.lane,
            "equipment": codes.get(row.workcenter_id),
            "raw": _raw_of(row.raw),
            row.lane: row.value,
            "map": row.map_revision,
            "code": row.code,
            "interlock": row.interlock,
        }
    equipment, counter = names.get(row.counter_id, (None, None))
    return {
        **common,
        "kind": "count",
        "equipment": equipment,
        "counter": counter,
        "counter_epoch": row.counter_epoch,
        "raw": row.raw,
        "total": row.total,
        "delta": row.delta,
        "decision": row.decision,
    }
