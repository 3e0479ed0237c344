import json
from typing import Any

from odoo import api, models
from odoo.addons.mes_base.tools import clock
from odoo.tools import SQL

from ..contract import commands
from ..contract.times import format_time
from .ir_websocket import COMMAND_CHANNEL

OFFERED_AT_ONCE = 50
# An answer that is under way when the deadline ends is waited for so long.
GRACE_MS = 60_000


class MesCommand(models.Model):
    """The bridge's part: what it is offered, what it answers, and what becomes of a command without an answer."""

    _inherit = "mes.command"

    @api.private
    def offers(self, gateway_id: int, now_ms: int) -> list[dict[str, Any]]:
        """What a gateway is offered in an answer: each command until its result is here or its deadline is over."""
        self.flush_model()
        self.env.cr.execute(
            SQL(
                """
                SELECT c.id, c.kind, w.mes_code || '/' || t.name, c.value_kind, c.number, c.truth, c.text, c.reason,
                       c.deadline, c.state, t.type
                  FROM mes_command c
                  JOIN mes_gateway_tag t ON t.id = c.tag_id
                  JOIN mrp_workcenter w ON w.id = t.workcenter_id
                 WHERE c.gateway_id = %s AND c.state IN ('queued', 'offered') AND c.deadline > %s
                 ORDER BY c.id LIMIT %s
                """,
                gateway_id,
                clock.from_ms(now_ms),
                OFFERED_AT_ONCE,
            )
        )
        rows = self.env.cr.fetchall()
        fresh = self._take([row[0] for row in rows if row[9] == "queued"], now_ms)
        return [_offer(row) for row in rows if row[9] == "offered" or row[0] in fresh]

    def _take(self, ids: list[int], now_ms: int) -> set[int]:
        """Note that these go to the bridge now; those that somebody cancels at this moment are left out."""
        if not ids:
            return set()
        self.env.cr.execute(
            SQL(
                """
                UPDATE mes_command SET state = 'offered', offered_at = %s
                 WHERE id IN (SELECT id FROM mes_command WHERE id = ANY(%s) AND state = 'queued'
                              ORDER BY id FOR UPDATE SKIP LOCKED)
                RETURNING id
                """,
                clock.from_ms(now_ms),
                ids,
            )
        )
        taken = {id_ for (id_,) in self.env.cr.fetchall()}
        self.invalidate_model()
        self.browse(taken)._tell()
        return taken

    @api.private
    def settle(
        self, gateway_id: int, results: list[tuple[int, dict[str, Any]]], now_ms: int
    ) -> list[tuple[int, str]]:
        """Enter what became of commands; ``results`` are (event number, event). The numbers of the events that fit no
        command of this gateway, each with the reason. The first answer to a command stays; the same again changes
        nothing."""
        self.flush_model()
        numbered = [(seq, event, _number(event["command"])) for seq, event in results]
        self.env.cr.execute(
            SQL(
                """
                SELECT id FROM mes_command WHERE id = ANY(%s) AND gateway_id = %s AND state <> 'draft'
                 ORDER BY id FOR UPDATE
                """,
                [number for _seq, _event, number in numbered if number is not None],
                gateway_id,
            )
        )
        known = self.browse([id_ for (id_,) in self.env.cr.fetchall()])
        known.invalidate_recordset()
        refused = []
        for seq, event, number in numbered:
            command = known.filtered(lambda one, number=number: one.id == number)
            why = command._enter(event, now_ms) if command else "This gateway was sent no such command."
            if why:
                refused.append((seq, why))
        known._tell()
        return refused

    def _enter(self, event: dict[str, Any], now_ms: int) -> str | None:
        """Enter one result; why it is refused."""
        read_back = event.get("read_back")
        said = {
            "state": event["status"],
            "read_back": False if read_back is None else _text(read_back),
            "message": event.get("message") or False,
        }
        if self.is_answered and self.state != "unknown":
            same = all(self[name] == value for name, value in said.items())
            return None if same else f"This command was answered before: {self.state}."
        self.write({**said, "is_answered": True, "settled_at": clock.from_ms(now_ms)})
        return None

    def _tell(self) -> None:
        """Let open forms know that these commands have changed."""
        for company, found in self.grouped("company_id").items():
            self.env["bus.bus"]._sendone((company, COMMAND_CHANNEL), "mes.command", {"ids": found.ids})

    @api.model
    def _cron_expire(self):
        """Settle what is over: a command that no bridge has seen is expired for certain; of one that a bridge has
        and does not answer, nobody knows."""
        now = self.env["mes.clock"].now_ms()
        over = [("deadline", "<", clock.from_ms(now))]
        expired = self.search([("state", "=", "queued"), *over])
        expired.write(
            {
                "state": "expired",
                "settled_at": clock.from_ms(now),
                "message": self.env._("No bridge has asked for it in time: look whether the gateway is in touch."),
            }
        )
        late = [("deadline", "<", clock.from_ms(now - GRACE_MS))]
        silent = self.search([("state", "=", "offered"), *late])
        silent.write(
            {
                "state": "unknown",
                "settled_at": clock.from_ms(now),
                "message": self.env._(
                    "The bridge has not answered: look at the machine. A late answer will be shown here."
                ),
            }
        )
        (expired | silent)._tell()


def _offer(row: tuple) -> dict[str, Any]:
    """A command in the shape of the contract."""
    id_, kind, tag, value_kind, number, truth, text, reason, deadline, _state, tag_type = row
    offer = {"id": id_, "kind": kind, "tag": tag, "reason": reason, "deadline": format_time(clock.to_ms(deadline))}
    if kind == "write":
        is_whole = commands.is_whole(tag_type) and float(number or 0).is_integer()
        offer["value"] = commands.as_sent(value_kind, number or 0.0, bool(truth), text or "", is_whole)
    return offer


def _number(command: object) -> int | None:
    """The id that a result names."""
    number = int(command) if str(command).isascii() and str(command).isdecimal() else None
    return number if number is not None and number < 2**31 else None


def _text(value: object) -> str:
    """What was read back, as a person reads it."""
    return value if isinstance(value, str) else json.dumps(value)
