from collections.abc import Sequence

from odoo import api, fields, models
from odoo.tools import SQL

from ..timeline import (
    History,
    Kept,
    KnownStop,
    Plan,
    Span,
    StopSpan,
    Thresholds,
    affected,
    derive,
    match,
    overlay,
)
from ..tools import bulk, clock
from ..tools.fields import BigInteger, Timestamp

OpenSpan = tuple[int, int | None]


class MesStop(models.Model):
    """A stop with an identity that survives late facts; what merged or split stays as lineage."""

    _name = "mes.stop"
    _description = "Stop"
    _order = "at_from desc, id desc"

    workcenter_id = fields.Many2one("mrp.workcenter", string="Work Center", required=True, ondelete="restrict")
    company_id = fields.Many2one("res.company", required=True, index=True, ondelete="restrict")
    at_from = Timestamp(string="From", required=True)
    at_until = Timestamp(string="Until", help="Empty: its end was not seen yet.")
    seen_until = Timestamp(string="Seen Until", required=True, help="Up to here it was seen to last.")
    duration_ms = BigInteger(string="Duration (ms)", help="Length so far as it was seen.")
    duration_minutes = fields.Float(
        string="Minutes", compute="_compute_duration_minutes", store=True, digits=(16, 2)
    )
    codes = fields.Char(help="The machine's codes in order of time, separated by commas.")
    kind = fields.Selection(
        [("unplanned", "Unplanned Stop"), ("minor", "Minor Stop"), ("undetermined", "Undetermined")],
        help="Minor: closed and shorter than the machine's threshold. Undetermined: still open and shorter.",
    )
    state = fields.Char(help="What the machine was when the stop began.")
    interlock = fields.Char()
    mode = fields.Char()
    shift_key = fields.Char(help="A stop counts in the shift in which it began.")
    shift_name = fields.Char(string="Shift")
    business_date = fields.Date(help="The day to which the shift counts.")
    crew_id = fields.Many2one("mes.crew", string="Crew", ondelete="restrict", help="Who worked the shift.")
    run_id = fields.Many2one("mes.order.run", string="Order Run", ondelete="restrict", help="When the stop began.")
    production_id = fields.Many2one(related="run_id.production_id", store=True, string="Manufacturing Order")
    product_id = fields.Many2one("product.product", string="Product", ondelete="restrict")
    loss_id = fields.Many2one(
        "mrp.workcenter.productivity.loss", string="Reason Given", ondelete="restrict", help="By a person."
    )
    machine_loss_id = fields.Many2one(
        "mrp.workcenter.productivity.loss",
        string="Machine's Reason",
        ondelete="restrict",
        help="What follows from the machine's code, by the reason rules.",
    )
    effective_loss_id = fields.Many2one(
        "mrp.workcenter.productivity.loss",
        string="Reason",
        ondelete="restrict",
        help="The reason that a person gave, else the machine's.",
    )
    needs_reason = fields.Boolean(string="To Explain", help="Too long for a minor stop, and nobody knows why.")
    origin_ids = fields.Many2many(
        "mes.stop", "mes_stop_lineage", "stop_id", "origin_id", string="Came From", context={"active_test": False}
    )
    successor_ids = fields.Many2many(
        "mes.stop", "mes_stop_lineage", "origin_id", "stop_id", string="Became", context={"active_test": False}
    )
    active = fields.Boolean(default=True, help="Cleared when later facts dissolve the stop or join it to another.")

    _by_start = models.Index("(workcenter_id, at_from)")
    _backlog = models.Index("(workcenter_id, at_from) WHERE needs_reason AND active")

    @api.depends("duration_ms")
    def _compute_duration_minutes(self):
        for stop in self:
            stop.duration_minutes = stop.duration_ms / 60000

    @api.depends("workcenter_id", "duration_ms")
    def _compute_display_name(self):
        for stop in self:
            stop.display_name = self.env._(
                "%(machine)s, %(minutes)s min", machine=stop.workcenter_id.name, minutes=round(stop.duration_ms / 60000)
            )

    def _cron_fold(self) -> None:
        """Bring stops in step with the changed facts; commits after each part of the work."""
        dirty = self.env["mes.dirty.span"]
        while marks := dirty._take("stop"):
            self._fold(marks)
            left = dirty.search_count([("consumer", "=", "stop")], limit=1)
            if not self.env["ir.cron"]._commit_progress(len(marks), remaining=left):
                break

    @api.private
    def _fold(self, marks: dict[int, list[OpenSpan]]) -> None:
        """Derive the stops around the marked spans anew and match them with the stored ones.

        Runs once for the first span of every machine, then for the second ones, and so on: so the
        number of statements follows the most scattered machine, not the number of machines.
        """
        now = self.env["mes.clock"].now_ms()
        self.env["mes.state.point"]._repair_ends(marks)
        for round_number in range(max(map(len, marks.values()), default=0)):
            spans = {wc: found[round_number] for wc, found in marks.items() if len(found) > round_number}
            self._fold_round(self._clipped(spans, now), now)

    def _clipped(self, spans: dict[int, OpenSpan], now: int) -> dict[int, tuple[int, int]]:
        """The spans without what lies before a machine's first fact or after now."""
        self.env.cr.execute(
            SQL(
                """
                SELECT wc, LEAST((SELECT %(state)s FROM (SELECT min(at) AS at FROM mes_state_point
                                   WHERE workcenter_id = wc AND lane = 'state') s),
                                 (SELECT %(override)s FROM (SELECT min(at_from) AS at FROM mes_state_override
                                   WHERE workcenter_id = wc) o))
                  FROM unnest(%(ids)s::int4[]) AS u(wc)
                """,
                ids=bulk.int_array(spans),
                state=bulk.millis("s.at"),
                override=bulk.millis("o.at"),
            )
        )
        first = {wc: at for wc, at in self.env.cr.fetchall() if at is not None}
        clipped = {}
        for wc, (start, end) in spans.items():
            low, high = max(start, first.get(wc, now)), now if end is None else min(end, now)
            if low <= high:
                clipped[wc] = (low, high)
        return clipped

    def _fold_round(self, spans: dict[int, tuple[int, int]], now: int) -> None:
        """One span a machine."""
        if not spans:
            return
        windows = {wc: (start - 1, end + 1) for wc, (start, end) in spans.items()}
        stored = self._stored(windows)
        for wc, known in stored.items():
            starts, ends = [one.start for one in known], [one.end for one in known]
            windows[wc] = (min([windows[wc][0], *starts]), max([windows[wc][1], *ends]))
        histories = self.env["mes.timeline"].load(windows, counts=False)
        derived = {wc: _stops(histories[wc], Span(*windows[wc]), now) for wc in windows}
        wide = {
            wc: (min([windows[wc][0], *(s.start for s in new)]), max([windows[wc][1], *(s.end for s in new)]))
            for wc, new in derived.items()
        }
        stored = self._stored(wide)
        self._apply({wc: match(stored.get(wc, []), new) for wc, new in derived.items()})

    def _stored(self, windows: dict[int, tuple[int, int]]) -> dict[int, list[KnownStop]]:
        """The stored stops that overlap each machine's window."""
        self.flush_model()
        self.env.cr.execute(
            SQL(
                """
                SELECT r.wc, p.id, %(from)s, %(until)s
                  FROM %(windows)s AS r(wc, start_ms, end_ms)
                  JOIN mes_stop p ON p.workcenter_id = r.wc AND p.active
                   AND p.at_from < %(end)s AND p.seen_until > %(start)s
                """,
                windows=bulk.unnest([(wc, *span) for wc, span in windows.items()], ["int4", "int8", "int8"]),
                start=bulk.timestamp("start_ms"),
                end=bulk.timestamp("end_ms"),
                **{"from": bulk.millis("p.at_from")},
                until=bulk.millis("p.seen_until"),
            )
        )
        found: dict[int, list[KnownStop]] = {}
        for wc, *stop in self.env.cr.fetchall():
            found.setdefault(wc, []).append(KnownStop(*stop))
        return found

    def _apply(self, plans: dict[int, Plan]) -> None:
        """Carry out the plans of some machines."""
        companies = {w.id: w.company_id.id for w in self.env["mrp.workcenter"].browse(plans)}
        thresholds = self.env["mes.timeline"]._thresholds(plans)
        keep = [(workcenter_id, kept) for workcenter_id, plan in plans.items() for kept in plan.keep]
        # Browsed together they are read together: one statement for thousands.
        stops = self.browse([kept.id for _workcenter_id, kept in keep])
        changed = {
            workcenter_id
            for stop, (workcenter_id, kept) in zip(stops, keep, strict=True)
            if stop._keep(kept, thresholds[workcenter_id])
        }
        changed |= {workcenter_id for workcenter_id, plan in plans.items() if plan.create or plan.retire}
        self.create(
            [
                {
                    **self._prepare_stop_vals(created.stop, thresholds[workcenter_id]),
                    "workcenter_id": workcenter_id,
                    "company_id": companies[workcenter_id],
                    **_lineage(created.origins),
                }
                for workcenter_id, plan in plans.items()
                for created in plan.create
            ]
        )
        self.browse([gone.id for plan in plans.values() for gone in plan.retire]).write({"active": False})
        if changed:
            self.env["mes.floor"]._changed(self.env["mrp.workcenter"].browse(sorted(changed)), "stop")

    def _keep(self, kept: Kept, thresholds: Thresholds) -> bool:
        """Give the stop its new shape and note what has become part of it; whether screens should know."""
        values = self._prepare_stop_vals(kept.stop, thresholds)
        changed = {
            name: value
            for name, value in values.items()
            if self._fields[name].convert_to_write(self[name], self) != value
        }
        changed |= _lineage(kept.merged)
        if changed:
            self.write(changed)
        # An open stop grows with every sign of life: screens count its length by themselves.
        return bool(changed.keys() - {"seen_until", "duration_ms"})

    def _prepare_stop_vals(self, stop: StopSpan, thresholds: Thresholds) -> dict:
        """The values that a derived stop gives to its record."""
        end = clock.from_ms(stop.end)
        kind = stop.kind(thresholds.of(stop.mode))
        first, shift, run = stop.causes[0], stop.shift, stop.runs[0] if stop.runs else None
        return {
            "at_from": clock.from_ms(stop.start),
            "at_until": False if stop.open else end,
            "seen_until": end,
            "duration_ms": stop.ms,
            "codes": ",".join(stop.codes) or False,
            "kind": kind,
            "state": first.state or False,
            "interlock": first.interlock or False,
            "mode": stop.mode or False,
            "shift_key": shift.key if shift else False,
            "shift_name": shift.name if shift else False,
            "business_date": shift.business_date if shift else False,
            "crew_id": (shift and shift.crew) or False,
            "run_id": run.id if run else False,
            "product_id": run.product if run else False,
            "loss_id": stop.reason or False,
            "machine_loss_id": stop.machine_reason or False,
            "effective_loss_id": stop.effective_reason or False,
            "needs_reason": kind == "unplanned" and stop.effective_reason is None,
        }


def _lineage(origins: Sequence[int]) -> dict:
    """The value that names the stops from which one came; nothing for most."""
    return {"origin_ids": [fields.Command.link(id_) for id_ in origins]} if origins else {}


def _stops(history: History, window: Span, now: int) -> list[StopSpan]:
    """Every stop that touches the window, whole."""
    slices = overlay(affected(history, window, now), now, history)
    return [stop for stop in derive(slices) if stop.start < window.end and stop.end > window.start]
