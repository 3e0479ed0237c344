from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from odoo import api, models
from odoo.addons.mes_base.timeline import History, Shift, Slice, Span, StopSpan, affected, derive, overlay
from odoo.addons.mes_base.tools import clock
from odoo.exceptions import UserError
from odoo.fields import Domain

from .. import kpi
from ..tools import ribbon, timeline_lanes
from ..tools.timeline_lanes import Texts
from ..tools.timeline_told import Told, calendar_values

DAY_MS = 24 * 3_600_000
# What one answer may hold: longer views leave out machines, and say how many.
MACHINE_DAYS = 600
MOST_MACHINES = 120
LONGEST_MS = 366 * DAY_MS
# So many stops are chosen at once: each of them is read with its facts.
MOST_CHOSEN = 500
PLACES = {"site": "mes_site_id", "area": "mes_area_id", "line": "mes_line_id"}
NS_PER_MS = 1_000_000


class Drawn(NamedTuple):
    """What is drawn of a machine: the slices of the window up to now, and the stops that touch it, whole."""

    slices: list[Slice]
    stops: list[StopSpan]


class MesTimelineScreen(models.AbstractModel):
    """What the timeline screen draws: lanes of machines over a span, and what is known of a stop.

    Times are integer milliseconds of plant time, UTC. Whoever may see a machine may see its timeline.
    """

    _name = "mes.timeline.screen"
    _description = "Timeline Screen"

    # -- what the browser asks -----------------------------------------------------------------------

    @api.model
    @api.readonly
    def draw(
        self, scope: str, start: int, end: int, pixel_ms: int = 0, details: bool = False
    ) -> dict[str, Any]:
        """The lanes of the machines of a place over [start, end), for a view with pixels ``pixel_ms`` long.

        Always there are states, stops and people's words; with ``details`` the machine's own state and mode,
        orders and alarms, too.

        The shape is written down in ``static/src/timeline/timeline_data.js``, which reads it. Bars narrower
        than a pixel are put together, stops among them stay as marks; 0: nothing is put together. The number
        of statements does not depend on the number of machines.

        :param scope: a key of ``mes.screen.places``, ``machine-4,5`` for several machines, or empty: the first
            machine's line
        :raises AccessError: the user is no operator
        :raises UserError: the place is not there, or the span ends before it begins
        """
        self.env["mes.screen"]._check_operator()
        self.env["mes.screen"]._check_time(start, end, pixel_ms)
        now = self.env["mes.clock"].now_ms()
        if end <= start:
            raise UserError(self.env._("The span ends before it begins: choose a later end."))
        end = min(end, start + LONGEST_MS)
        key, name, machines = self._scope(scope)
        kept = machines[: self._room(end - start)]
        return {
            **self.env["mes.screen"].head(),
            "start": start,
            "end": end,
            "pixel": pixel_ms,
            "scope": {"key": key, "name": name},
            "left_out": len(machines) - len(kept),
            "kinds": timeline_lanes.KINDS,
            **self._lanes(kept, start, end, now, pixel_ms, details),
        }

    @api.model
    @api.readonly
    def seek(self, scope: str, at: int, forward: bool = True) -> dict[str, Any] | None:
        """The next (or the previous) stop of a place that nobody has explained, from a time on; None: there is none.

        ``{"id", "machine", "start", "end"}``; stops that begin exactly at ``at`` are passed over.
        """
        self.env["mes.screen"]._check_operator()
        self.env["mes.screen"]._check_time(at)
        _key, _name, machines = self._scope(scope)
        order = "at_from, id" if forward else "at_from desc, id desc"
        stop = self.env["mes.stop"].search(
            [
                ("workcenter_id", "in", machines.ids),
                ("needs_reason", "=", True),
                ("at_from", ">" if forward else "<", clock.from_ms(at)),
            ],
            order=order,
            limit=1,
        )
        if not stop:
            return None
        return {
            "id": stop.id,
            "machine": stop.workcenter_id.id,
            "start": clock.to_ms(stop.at_from),
            "end": clock.to_ms(stop.seen_until),
        }

    @api.model
    @api.readonly
    def about(self, stop_ids: list[int]) -> list[dict[str, Any]]:
        """What is known of stops: what people said (``mes.stop.words``), and what they cost.

        Stops that are no more are left out.
        """
        self.env["mes.screen"]._check_operator()
        self._check_few(stop_ids)
        stops = self.env["mes.stop"].search([("id", "in", stop_ids)])
        ideals = self.env["mes.oee.engine"]._ideals(stops.workcenter_id.ids)
        names = self._shift_names(stops.company_id)
        # An operator may have no right on orders and products; number and name are on the work sheet anyway.
        told = {stop.id: stop.sudo() for stop in stops}
        alarms = self._told_alarms(stops)
        about = []
        for words in stops.words():
            stop = told[words["id"]]
            about.append(
                {
                    **words,
                    "tz": stop.workcenter_id.mes_site_id.tz,
                    "state": stop.state or None,
                    "interlock": stop.interlock or None,
                    "needs_reason": stop.needs_reason,
                    "shift": names.get(stop.shift_name, stop.shift_name) or None,
                    "business_date": str(stop.business_date or "") or None,
                    "order": stop.production_id.name or None,
                    "product": stop.product_id.display_name or None,
                    "alarms": alarms[words["id"]],
                    "lost_pieces": _lost_pieces(stop, ideals.get(stop.workcenter_id.id, ())),
                }
            )
        return about

    @api.model
    def explain(self, stops: list[dict[str, Any]], loss_id: int, comment: str | None = None) -> list[dict[str, Any]]:
        """Give several stops one reason, all or none: ``[{"id", "override_ids", "version"}]``.

        :param stops: ``[{"id", "version"}]`` as :meth:`about` told them
        :raises StopConflict: somebody said something else about one of them meanwhile; nothing is done
        """
        self._check_few(stops)
        records = self.env["mes.stop"].browse([stop["id"] for stop in stops])
        return [
            {"id": record.id, **record.explain(loss_id, comment, version=stop.get("version"))}
            for record, stop in zip(records, stops, strict=True)
        ]

    @api.model
    def undo(self, said: list[dict[str, Any]]) -> None:
        """Take back what :meth:`explain` (or a split, or a merge) answered: ``[{"id", "override_ids"}]``."""
        for one in said:
            self.env["mes.stop"].browse(one["id"]).undo(one["override_ids"])

    def _check_few(self, chosen: Iterable[Any]) -> None:
        """:raises UserError: more than a person can mean at once."""
        if len(list(chosen)) > MOST_CHOSEN:
            raise UserError(self.env._("Choose at most %s stops at once.", MOST_CHOSEN))

    # -- places --------------------------------------------------------------------------------------

    def _machines(self, domain: Domain) -> models.BaseModel:
        """Machines (never lines) in the order of the plant, as far as the user may read them."""
        machines = self.env["mrp.workcenter"].search(Domain("mes_level", "=", "unit") & domain)
        return machines.sorted(
            lambda one: (
                one.mes_site_id.sequence, one.mes_site_id.code, one.mes_area_id.id, not one.mes_line_id,
                one.mes_line_id.sequence, one.mes_line_id.id, one.sequence, one.id,
            )
        )  # fmt: skip

    def _scope(self, scope: str) -> tuple[str, str, models.BaseModel]:
        """The key, the name and the machines of a place.

        :raises UserError: it is not there, or has no machines that the user may see
        """
        if not scope:
            return self._first_scope()
        kind, _dash, ids = scope.partition("-")
        if kind in PLACES:
            place = self.env["mes.screen"].scope(scope)
            machines, name = self._machines(Domain(PLACES[kind], "=", place.id)), place.name
        else:
            wanted = [int(one) for one in ids.split(",") if one.isascii() and one.isdecimal() and len(one) < 10]
            machines = self._machines(Domain("id", "in", wanted if kind == "machine" else []))
            name = ", ".join(machines.mapped("name"))
        if not machines:
            raise UserError(self.env._("This place has no machines for you: choose another one."))
        return scope, name, machines

    def _first_scope(self) -> tuple[str, str, models.BaseModel]:
        """The first machine's line, or its area; nothing without machines."""
        first = self._machines(Domain.TRUE)[:1]
        if not first:
            return "", "", first
        kind = "line" if first.mes_line_id else "area"
        return self._scope(f"{kind}-{first[PLACES[kind]].id}")

    def _room(self, ms: int) -> int:
        """How many machines one answer over so long a span may hold."""
        return max(1, min(MOST_MACHINES, MACHINE_DAYS * DAY_MS // ms))

    # -- lanes ---------------------------------------------------------------------------------------

    def _lanes(
        self, machines: models.BaseModel, start: int, end: int, now: int, pixel_ms: int, details: bool
    ) -> dict[str, Any]:
        """The lanes of the machines, with texts and calendars said once."""
        texts = Texts()
        window = Span(start, end)
        histories = self.env["mes.timeline"].histories(machines, start, end, counts=False)
        timelines = {wc: _drawn(history, window, now) for wc, history in histories.items()}
        stops = self._stops(machines, timelines, start, end, pixel_ms)
        settings = self.env["mes.oee.engine"]._settings(machines.ids)
        live = self.env["mes.board"]._live(machines, now) if start < now <= end else {}
        alarms = self._alarms(machines, start, min(end, now)) if details else {}
        told = Told(
            self._reason_label(timelines.values()), self._order_label(timelines.values()),
            self._word_label(timelines.values()), self._mode_label(),
        )  # fmt: skip
        calendars: dict[tuple[Shift, ...], int] = {}
        rows = []
        for machine in machines:
            timeline = timelines[machine.id]
            spans = ribbon.ribbon(timeline.slices, timeline.stops, settings[machine.id], told.reason)
            if start < now <= end:
                spans = ribbon.up_to_now(spans, live.get(machine.id), now)
            calendar = tuple(one for one in histories[machine.id].shifts if one.start < end and one.end > start)
            listed, unlisted = stops[machine.id]
            rows.append(
                {
                    "id": machine.id,
                    "name": machine.name,
                    "code": machine.mes_code,
                    "place": machine.mes_line_id.name or machine.mes_area_id.name,
                    "calendar": calendars.setdefault(calendar, len(calendars)),
                    **timeline_lanes.pack_states(spans, start, now, pixel_ms, texts),
                    "words": timeline_lanes.pack_spans(told.words(timeline.slices), start, texts),
                    **(_details(timeline, told, alarms.get(machine.id, ()), start, pixel_ms, texts) if details else {}),
                    "stops": [part for stop in listed for part in (*stop[:5], texts.place(stop[5]))],
                    "unlisted": unlisted,
                }
            )
        names = self._shift_names(machines.company_id)
        return {
            "tz": machines[:1].mes_site_id.tz or self.env.user.tz or "UTC",
            "live": start < now <= end,
            "machines": rows,
            "calendars": [calendar_values(shifts, names, texts) for shifts in calendars],
            "texts": texts.list,
        }

    def _stops(
        self, machines: models.BaseModel, timelines: dict[int, Drawn], start: int, end: int, pixel_ms: int
    ) -> dict[int, tuple[list[tuple], int]]:
        """The stops to choose from, and how many minor ones are narrower than a pixel; a few statements.

        A stop is (id, offset from start, length so far, is open, needs a reason, reason in words).
        """
        touching = (
            Domain("workcenter_id", "in", machines.ids)
            & Domain("at_from", "<", clock.from_ms(end))
            & (Domain("at_until", "=", False) | Domain("seen_until", ">", clock.from_ms(start)))
        )
        narrow = Domain("kind", "=", "minor") & Domain("duration_ms", "<", pixel_ms)
        unlisted = dict(self.env["mes.stop"]._read_group(touching & narrow, ["workcenter_id"], ["__count"]))
        found = self.env["mes.stop"].search_fetch(
            touching & ~narrow,
            ["workcenter_id", "at_from", "at_until", "seen_until", "needs_reason", "effective_loss_id"],
            order="at_from, id",
        )
        thresholds = self.env["mes.timeline"]._thresholds(machines.ids)
        derived = {wc: {stop.start: stop for stop in timeline.stops} for wc, timeline in timelines.items()}
        names = self._loss_names(stop.effective_reason for spans in derived.values() for stop in spans.values())
        listed: dict[int, list[tuple]] = {}
        for stop in found:
            machine_id, since, until = stop.workcenter_id.id, clock.to_ms(stop.at_from), clock.to_ms(stop.seen_until)
            is_open, needs, loss_id = not stop.at_until, stop.needs_reason, stop.effective_loss_id.id
            if span := derived[machine_id].get(since):
                # A word that was just said is in the timeline at once, in the stored stop only after the job.
                values = self.env["mes.stop"]._prepare_stop_vals(span, thresholds[machine_id])
                until, is_open = span.end, not values["at_until"]
                needs, loss_id = values["needs_reason"], values["effective_loss_id"]
            elif not any(one.start < until and one.end > since for one in timelines[machine_id].stops):
                continue
            shape = (stop.id, since - start, until - since, int(is_open), int(needs), names.get(loss_id, ""))
            listed.setdefault(machine_id, []).append(shape)
        return {machine.id: (listed.get(machine.id, []), unlisted.get(machine, 0)) for machine in machines}

    # -- words ---------------------------------------------------------------------------------------

    def _reason_label(self, timelines: Iterable[Drawn]) -> Callable[[Slice], str]:
        """Why a machine stands: the reason in force, or else what the machine says."""
        names = self._loss_names(piece.effective_reason for timeline in timelines for piece in timeline.slices)
        return lambda piece: names.get(piece.effective_reason) or piece.interlock or piece.code or ""

    def _loss_names(self, ids: Iterable[Any]) -> dict[Any, str]:
        """The names of reasons, those included that are given no more."""
        losses = self.env["mrp.workcenter.productivity.loss"].with_context(active_test=False)
        return {loss.id: loss.name for loss in losses.browse(sorted(set(ids) - {None}))}

    def _order_label(self, timelines: Iterable[Drawn]) -> dict[int, tuple[str, str]]:
        """The number of the order and its product, by run."""
        ids = {run.id for timeline in timelines for piece in timeline.slices for run in piece.runs}
        # As on the board: an operator may have no right on orders and products, but works with both.
        runs = self.env["mes.order.run"].sudo().browse(sorted(ids))
        return {run.id: (run.production_id.name or "", run.product_id.display_name or "") for run in runs}

    def _word_label(self, timelines: Iterable[Drawn]) -> dict[int, tuple[str, str]]:
        """What was said and by whom, by override."""
        ids = {piece.override.id for timeline in timelines for piece in timeline.slices if piece.override}
        # Overrides of machines whose timeline the user reads; the names of colleagues are no secret.
        words = self.env["mes.state.override"].sudo().browse(sorted(ids))
        return {
            word.id: (word.loss_id.name or word.display_name or "", " · ".join(
                part for part in (word.user_id.name, word.comment) if part
            ))
            for word in words
        }  # fmt: skip

    def _mode_label(self) -> dict[str, str]:
        """Modes of a machine in words; production is the rule and has none."""
        return {
            "changeover": self.env._("Changeover"),
            "maintenance": self.env._("Maintenance"),
            "cleaning": self.env._("Cleaning"),
            "trial": self.env._("Trial"),
            "manual": self.env._("Manual"),
        }

    def _shift_names(self, companies: models.BaseModel) -> dict[str, str]:
        """The names of the shifts by their short keys."""
        shifts = self.env["mes.shift"].search([("company_id", "in", companies.ids)])
        return {shift.code: shift.name for shift in shifts}


def _drawn(history: History, window: Span, now: int) -> Drawn:
    """As ``timeline.build`` does, without hours and quantities, which nobody draws."""
    slices = overlay(affected(history, window, now), now, history, (window.start, window.end))
    return Drawn(
        [piece for piece in slices if piece.start < window.end and piece.end > window.start],
        [stop for stop in derive(slices) if stop.start < window.end and stop.end > window.start],
    )


def _details(
    timeline: Drawn, told: Told, alarms: Iterable[tuple[int, int, str, str]], start: int, pixel_ms: int, texts: Texts
) -> dict[str, list[int]]:
    """The lanes beside the effective state."""
    own, _marks = timeline_lanes.coarse(timeline_lanes.machine_bars(timeline.slices), pixel_ms)
    return {
        "machine": timeline_lanes.pack(own, start, texts),
        "mode": timeline_lanes.pack_spans(told.modes(timeline.slices), start, texts),
        "orders": timeline_lanes.pack_spans(told.orders(timeline.slices), start, texts),
        "alarms": timeline_lanes.pack_spans(alarms, start, texts),
    }


def _lost_pieces(stop: models.BaseModel, ideals: Iterable[kpi.Ideal]) -> int | None:
    """How many pieces the machine would have made in the time of the stop; None without an ideal cycle."""
    cycle_ns = kpi.Ideals(ideals).ns(stop.product_id.id or None, clock.to_ms(stop.at_from))
    return round(stop.duration_ms * NS_PER_MS / cycle_ns) if cycle_ns else None
