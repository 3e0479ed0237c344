from collections.abc import Iterable
from typing import Any

from odoo import api, models
from odoo.addons.mes_base.tools import bulk
from odoo.addons.mes_base.tools.rows import CountRow, EvidenceRow, Outcome, StateRow
from odoo.tools import SQL

from .. import contract
from ..tools.source import Source

# So many points of a counter are searched for one that is not of a history.
_NEWEST = 1000


class MesEventApplier(models.AbstractModel):
    """What events become: sets of facts, measurements, findings, pending events and rejections.

    Another room takes a kind by extending :meth:`handlers`. Every step is one set: the number of
    statements of a batch does not depend on the number of its events.
    """

    _name = "mes.event.applier"
    _description = "Application of Events"

    @api.private
    def handlers(self) -> dict[str, str]:
        """Kind -> name of the method of this model that handles it. The method gets the Source and the
        numbered events of its kind, ``[(seq, event), ...]``, checked against the contract; it works on
        the whole set, must not fail for the content of one event, and returns the events it refuses
        as a list of ``contract.Bad``."""
        return {
            "alarm": "_handle_alarm",
            "clock": "_handle_clock",
            "command_result": "_handle_command_result",
        }

    # -- what a gateway may speak of ---------------------------------------------------------------

    @api.private
    def machines(self, source: Source) -> dict[str, int]:
        """Stable code -> id of the machines of the gateway's company and site, archived ones too."""
        self.env.cr.execute(
            SQL(
                """
                SELECT mes_code, id FROM mrp_workcenter
                 WHERE company_id = %s AND mes_site_id = %s AND mes_code IS NOT NULL
                """,
                source.company_id,
                source.site_id,
            )
        )
        return dict(self.env.cr.fetchall())

    @api.private
    def plant(self, source: Source) -> contract.Plant:
        """All that the gateway's events may refer to; three statements."""
        self.env.flush_all()
        machines = self.machines(source)
        codes = {workcenter_id: code for code, workcenter_id in machines.items()}
        ids = bulk.int_array(sorted(codes))
        self.env.cr.execute(
            SQL(
                "SELECT workcenter_id, name, id FROM mes_counter WHERE active AND workcenter_id = ANY(%s::int4[])",
                ids,
            )
        )
        counters = {(codes[workcenter], name): id_ for workcenter, name, id_ in self.env.cr.fetchall()}
        self.env.cr.execute(
            SQL(
                """
                SELECT workcenter_id, name, id FROM mes_gateway_tag
                 WHERE gateway_id = %s AND active AND signal = 'measurement' AND workcenter_id = ANY(%s::int4[])
                """,
                source.gateway_id,
                ids,
            )
        )
        tags = {f"{codes[workcenter]}/{name}": id_ for workcenter, name, id_ in self.env.cr.fetchall()}
        return contract.Plant(machines, counters, tags, frozenset(self.handlers()))

    # -- events to facts ---------------------------------------------------------------------------

    @api.private
    def apply_batch(self, source: Source, batch: contract.Batch, applied: int) -> list[contract.Verdict]:
        """Apply what lies beyond ``applied`` in a batch; the verdicts of what was not taken as it is."""
        holes = [hole for hole in batch.dropped if hole.last > applied]
        self.env["mes.gateway.finding"].note_all(source, map(_dropped_finding, holes))
        return self.apply_events(source, batch.fresh(applied), tuple(holes), batch.suspicious)

    @api.private
    def apply_events(
        self,
        source: Source,
        events: list[tuple[int, Any]],
        holes: tuple[contract.Dropped, ...] = (),
        suspicious: bool = True,
    ) -> list[contract.Verdict]:
        """Apply numbered events of a source; the verdicts, in the order of their numbers."""
        plant = self.plant(source)
        decoded = self._decode(source, plant, events, suspicious)
        verdicts = self._effect(source, plant, decoded)
        verdicts += self.env["mes.event.rejection"].keep(source, decoded.bad)
        verdicts += self._check_conservation(source, decoded.rows["count"], holes)
        return sorted(verdicts)

    @api.private
    def replay(self, source: Source, seq: int, event: dict[str, Any]) -> contract.Verdict | None:
        """Apply one event that was refused before, with its old number; the verdict when it is refused
        again and nothing is changed. A delta is no news after so long, so it is not checked."""
        plant = self.plant(source)
        decoded = self._decode(source, plant, [(seq, event)], suspicious=True)
        self._effect(source, plant, decoded)
        return decoded.bad[0].verdict if decoded.bad else None

    def _decode(
        self, source: Source, plant: contract.Plant, events: list[tuple[int, Any]], suspicious: bool
    ) -> contract.Decoded:
        """The events as rows, by the server's clock and the gateway's tolerance."""
        now = self.env["mes.clock"].now_ms()
        return contract.decode(
            events,
            plant,
            now,
            suspicious=suspicious,
            future_tolerance=source.tolerance_ms,
            past_limit=source.past_limit_ms,
        )

    def _effect(
        self, source: Source, plant: contract.Plant, decoded: contract.Decoded
    ) -> list[contract.Verdict]:
        """All effects of decoded events but the rejections of the bad ones."""
        outcome = self._write(source, decoded)
        verdicts = self._hand_over(source, decoded)
        return verdicts + self.env["mes.event.rejection"].keep_superseded(source, plant, outcome.superseded)

    def _write(self, source: Source, decoded: contract.Decoded) -> Outcome:
        """The rows of the facts and of the telemetry."""
        origin = (source.priority, source.stream)
        rows = decoded.rows
        self.env["mes.measurement"].store(source, rows["measurement"])
        return self.env["mes.fact.writer"].write_facts(
            states=[*_states("state", rows["state"], origin), *_states("mode", rows["mode"], origin)],
            counts=_counts(rows["count"], origin),
            evidence=[EvidenceRow(row[1], source.stream, row[5], row[6]) for row in rows["evidence"]],
        )

    def _hand_over(self, source: Source, decoded: contract.Decoded) -> list[contract.Verdict]:
        """Events of other rooms to their handlers, or aside until there is one."""
        handlers = self.handlers()
        for kind, events in decoded.handed.items():
            decoded.bad.extend(getattr(self, handlers[kind])(source, events))
        self.env["mes.event.pending"].keep(source, decoded.pending)
        waiting = contract.CODES["pending_kind"]
        return [contract.Verdict(seq, "pending_kind", waiting) for seq, _event in decoded.pending]

    def _handle_clock(self, source: Source, events: list[tuple[int, Any]]) -> list[contract.Bad]:
        """A step of a source's clock is a finding, unless it is history."""
        if source.is_history:
            return []
        self.env["mes.gateway.finding"].note_all(
            source,
            [
                (
                    "clock",
                    f"{event['equipment']} {event['source']}",
                    f"The clock of {event['source']} at {event['equipment']} stepped by {event['step_s']} s "
                    f"at {event['at']}: look at its time service.",
                )
                for _seq, event in events
            ],
        )
        return []

    def _handle_alarm(self, source: Source, events: list[tuple[int, Any]]) -> list[contract.Bad]:
        """Alarms that came and went."""
        self.env["mes.alarm"].enter(source, self.machines(source), events)
        return []

    def _handle_command_result(self, source: Source, events: list[tuple[int, Any]]) -> list[contract.Bad]:
        """What a bridge says of commands that it was offered."""
        known = dict(events)
        refused = self.env["mes.command"].settle(source.gateway_id, events, self.env["mes.clock"].now_ms())
        return [contract.Bad(contract.Verdict(seq, "unknown_command", why), known[seq]) for seq, why in refused]

    # -- conservation of counts --------------------------------------------------------------------

    def _check_conservation(
        self, source: Source, counts: list[contract.Row], holes: tuple[contract.Dropped, ...]
    ) -> list[contract.Verdict]:
        """The counts whose delta does not fit what is stored before them: an event between is missing
        or was altered. The totals stay as they are; the finding asks a person to look."""
        suspects = contract.suspect_counts(counts)
        if not suspects:
            return []
        before = self._points_before(source, [(row[5], row[2]) for row in suspects])
        broken = [
            row for row, point in zip(suspects, before, strict=True) if not contract.is_conserved(row, point, holes)
        ]
        self.env["mes.gateway.finding"].note_all(source, map(_checksum_finding, broken))
        return [contract.Verdict(row[0], "checksum", contract.CODES["checksum"]) for row in broken]

    def _points_before(
        self, source: Source, keys: list[tuple[int, int]]
    ) -> list[tuple[int, int] | None]:
        """For each (counter, time) the (total, number in this stream) stored before it; number 0 when
        another stream has written it."""
        self.env.cr.execute(
            SQL(
                """
                SELECT p.total, CASE WHEN p.stream = %s THEN p.seq ELSE 0 END
                  FROM %s WITH ORDINALITY AS k(counter, at_ms, place)
                  LEFT JOIN LATERAL (
                       SELECT total, stream, seq FROM mes_count_point
                        WHERE counter_id = k.counter AND at < %s
                        ORDER BY at DESC, counter_epoch DESC LIMIT 1) p ON true
                 ORDER BY k.place
                """,
                source.stream,
                bulk.unnest(keys, ["int4", "int8"]),
                bulk.timestamp("k.at_ms"),
            )
        )
        return [None if total is None else (total, seq) for total, seq in self.env.cr.fetchall()]

    # -- what the calls answer ---------------------------------------------------------------------

    @api.private
    def last_counts(self, source: Source) -> dict[str, dict[str, Any]]:
        """The last point of every counter of the gateway's machines, keyed ``<equipment>/<counter>``.

        Points of a history do not count: its totals begin at a nought of their own, which no live counter goes on
        from. A history lies before the plant's life, so the newest points tell; a year of it is not searched.
        """
        self.env.cr.execute(
            SQL(
                """
                SELECT w.mes_code || '/' || c.name, p.counter_epoch, coalesce(p.raw, p.total), p.total, %s
                  FROM mrp_workcenter w
                  JOIN mes_counter c ON c.workcenter_id = w.id AND c.active
                  JOIN LATERAL (
                       SELECT counter_epoch, raw, total, at FROM (
                              SELECT counter_epoch, raw, total, at, stream FROM mes_count_point
                               WHERE counter_id = c.id ORDER BY at DESC, counter_epoch DESC LIMIT %s) newest
                        WHERE NOT EXISTS (SELECT 1 FROM mes_gateway_stream s
                               WHERE s.company_id = w.company_id AND s.code = newest.stream AND s.is_history)
                        ORDER BY at DESC, counter_epoch DESC LIMIT 1) p ON true
                 WHERE w.company_id = %s AND w.mes_site_id = %s AND w.mes_code IS NOT NULL
                """,
                bulk.millis("p.at"),
                _NEWEST,
                source.company_id,
                source.site_id,
            )
        )
        return {
            key: {"epoch": epoch, "raw": raw, "total": total, "at": contract.format_time(at)}
            for key, epoch, raw, total, at in self.env.cr.fetchall()
        }

    @api.private
    def live_values(self, workcenter_ids: Iterable[int]) -> dict[str, dict[str, Any]]:
        """The stored live values by stable code, times in milliseconds."""
        self.env.cr.execute(
            SQL(
                """
                SELECT w.mes_code, %s, l.state, %s, l.mode, l.code, l.interlock, l.counts
                  FROM mes_equipment_live l JOIN mrp_workcenter w ON w.id = l.workcenter_id
                 WHERE l.workcenter_id = ANY(%s::int4[])
                """,
                bulk.millis("l.at"),
                bulk.millis("l.since"),
                bulk.int_array(workcenter_ids),
            )
        )
        names = ("at", "state", "since", "mode", "code", "interlock", "counts")
        return {code: dict(zip(names, values, strict=True)) for code, *values in self.env.cr.fetchall()}


def _states(lane: str, rows: list[contract.Row], origin: tuple[int, str]) -> list[StateRow]:
    """Change points of one lane."""
    return [
        StateRow(machine, lane, at, str(raw), value, code, interlock, revision, quality, recv, *origin, seq)
        for seq, machine, at, recv, quality, raw, value, code, interlock, revision in rows
    ]


def _counts(rows: list[contract.Row], origin: tuple[int, str]) -> list[CountRow]:
    """Readings of counters."""
    return [
        CountRow(counter, epoch, at, raw, total, delta, decision, low, high, quality, recv, *origin, seq)
        for seq, _machine, at, recv, quality, counter, epoch, raw, total, delta, decision, low, high in rows
    ]


def _dropped_finding(hole: contract.Dropped) -> tuple[str, str, str]:
    return (
        "dropped",
        f"{hole.first}-{hole.last}",
        f"The bridge has lost the events {hole.first} to {hole.last}: {hole.reason}. Counts stay right by "
        "their totals; look for missing states in that time.",
    )


def _checksum_finding(row: contract.Row) -> tuple[str, str, str]:
    return (
        "checksum",
        str(row[5]),
        f"Event {row[0]} at {contract.format_time(row[2])}: total {row[8]} with delta {row[9]} does not fit "
        "the point before it. An event between was lost, rejected or altered; the total is kept.",
    )
