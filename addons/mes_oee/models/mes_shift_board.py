from collections.abc import Callable
from typing import Any, NamedTuple

from odoo import api, fields, models
from odoo.addons.mes_base.timeline import Shift, Slice, StopSpan, Timeline
from odoo.addons.mes_base.tools import clock

from .. import kpi
from ..tools import board, ribbon, shift_board
from ..tools.shift_board import Hour, Losses, Made
from .mes_oee_shift import GLANCE

# Shifts are looked for so far back and ahead: over a company's longest holiday.
LOOK_MS = 21 * 24 * 3_600_000


class Chosen(NamedTuple):
    """The shift that is shown and its neighbours; ``waits`` is when the next one begins, if none runs now."""

    shift: Shift
    previous: Shift | None
    following: Shift | None
    waits: int | None


class MesShiftBoard(models.AbstractModel):
    """One shift of a line or machine, hour by hour: is it won, and which hour lost it?"""

    _name = "mes.shift.board"
    _description = "Shift Board"

    @api.model
    @api.readonly
    def snapshot(
        self, place_id: int | bool = False, at: int | bool = False, day: str | bool = False
    ) -> dict[str, Any]:
        """The board of a line or machine (of the first line if none is asked for), in a fixed number of statements.

        The shift is the one that runs at ``at`` (ms), or the first of the business date ``day`` ("2026-03-02"); by
        default the present one, or the last one between shifts. Shape: ``static/src/shift_board/shift_board_model.js``.
        Times are integer milliseconds of plant time, ratios plain fractions, None where there is no figure.

        :raises AccessError: the user is no operator.
        :raises UserError: no such time or date.
        """
        screen = self.env["mes.screen"]
        screen._check_operator()
        screen._check_time(at or 0)
        head = screen.head()
        places = self._places()
        if not places:
            return {**head, "places": [], "place": None, "shift": None}
        place = places.filtered(lambda one: one.id == place_id) or places[0]
        return {
            **head,
            "places": [self._told_place(one) for one in places],
            **self._place(place, head["now"], at or None, day or None),
        }

    # -- where -------------------------------------------------------------------------------------

    def _places(self) -> models.BaseModel:
        """Lines that have machines, each followed by them, then machines that stand alone."""
        found = self.env["mrp.workcenter"].search([("mes_level", "!=", False)])
        lines = found.filtered(lambda one: one.mes_level == "line" and one.mes_unit_ids)
        units = found.filtered(lambda one: one.mes_level == "unit")
        inside = [one for line in lines for one in (line, *(units & line.mes_unit_ids).sorted("sequence"))]
        alone = units.filtered(lambda one: one.mes_line_id not in lines)
        return self.env["mrp.workcenter"].union(*inside, *alone)

    def _told_place(self, place: models.BaseModel) -> dict[str, Any]:
        """As ``PlacePicker`` lists it."""
        is_line = place.mes_level == "line"
        depth = 1 if not is_line and place.mes_line_id else 0
        kind = "line" if is_line else "machine"
        return {"key": f"{kind}-{place.id}", "kind": kind, "id": place.id, "name": place.name, "depth": depth}

    def _machines(self, place: models.BaseModel) -> tuple[models.BaseModel, models.BaseModel]:
        """Whose states, stops and figures are shown (of a line: who sets its pace), and whose good pieces count."""
        if place.mes_level != "line":
            return place, place
        units = place.mes_unit_ids.sorted("sequence")
        return (place.mes_bottleneck_id & units) or units[-1], units[-1]

    def _place(self, place: models.BaseModel, now: int, at: int | None, day: str | None) -> dict[str, Any]:
        """All that is shown of a place."""
        pacer, output = self._machines(place)
        tz = place.mes_site_id.tz
        told = {
            "tz": tz,
            "place": {
                **self._told_place(place),
                "path": f"{place.mes_site_id.name} · {place.mes_area_id.name}",
            },
            "machine": {"id": pacer.id, "name": pacer.name, "code": pacer.mes_code},
            "output": {"id": output.id, "name": output.name, "code": output.mes_code},
            "targets": place._targets()[place.id],
            "may": {"overtime": self.env.user.has_group("mes_base.group_mes_supervisor")},
        }
        chosen = self._chosen(pacer, now, at, day)
        if chosen is None:
            return {**told, "shift": None}
        return {**told, **self._shift(place, pacer, output, chosen, tz, now)}

    # -- when --------------------------------------------------------------------------------------

    def _chosen(self, unit: models.BaseModel, now: int, at: int | None, day: str | None) -> Chosen | None:
        """The shift that was asked for; None where no shift is planned far and wide."""
        middle = at if at is not None else now
        if day is not None:
            middle = self.env["mes.screen"]._date_ms(day)
        shifts = self.env["mes.calendar"].shifts(unit, middle - LOOK_MS, middle + LOOK_MS)[unit.id]
        if not shifts:
            return None
        place = self._index(shifts, middle, day)
        running = any(one.start <= now < one.end for one in shifts)
        coming = min((one.start for one in shifts if one.start > now), default=None)
        return Chosen(
            shifts[place],
            shifts[place - 1] if place else None,
            shifts[place + 1] if place + 1 < len(shifts) else None,
            None if running else coming,
        )

    def _index(self, shifts: tuple[Shift, ...], middle: int, day: str | None) -> int:
        """The place of the shift of a business date, or of the last one that has begun, or of the first."""
        if day is not None:
            wanted = fields.Date.to_date(day)
            of_day = (place for place, one in enumerate(shifts) if one.business_date >= wanted)
            return next(of_day, len(shifts) - 1)
        begun = [place for place, one in enumerate(shifts) if one.start <= middle]
        return begun[-1] if begun else 0

    def _shift_values(self, chosen: Chosen, company: models.BaseModel, now: int) -> dict[str, Any]:
        """The shift with its name, crew, breaks and neighbours."""
        shift = chosen.shift
        values = board.shift_values(shift, self.env["mes.board"]._shift_name(company, shift.name))
        crew = self.env["mes.crew"].browse(shift.crew or [])
        return {
            **values,
            "breaks": [[one.start, one.end, one.stops] for one in shift.breaks],
            "crew": crew.display_name or None,
            "phase": "past" if shift.end <= now else "now" if shift.start <= now else "future",
            "previous": chosen.previous.start if chosen.previous else None,
            "next": chosen.following.start if chosen.following else None,
            "waits": chosen.waits,
        }

    # -- the shift ---------------------------------------------------------------------------------

    def _shift(
        self,
        place: models.BaseModel,
        pacer: models.BaseModel,
        output: models.BaseModel,
        chosen: Chosen,
        tz: str,
        now: int,
    ) -> dict[str, Any]:
        """The shift hour by hour, its stops, the order that runs."""
        shift, target_oee = chosen.shift, place._target("oee")
        until = max(shift.start, min(shift.end, now))
        is_now = shift.start <= now < shift.end
        timeline = self.env["mes.timeline"].timelines(pacer, shift.start, until, now)[pacer.id]
        settings = self.env["mes.oee.engine"]._settings(pacer.ids)[pacer.id]
        hours = shift_board.hours_of(shift, tz)
        run = self._run(timeline)
        goal = pacer._mes_paced_by()
        cycle_ns = self._cycle_ns(pacer, run, until)
        goal_ns = cycle_ns if goal == pacer else self._cycle_ns(goal, run, until)
        made = self._made(pacer, output, goal, shift.start, until, cycle_ns, target_oee)
        label = self._label(place.company_id, timeline)
        live = self.env["mes.board"]._live(pacer | output, now) if is_now else {}
        spans = ribbon.ribbon(timeline.slices, timeline.stops, settings, label)
        buckets = kpi.buckets(timeline.slices, timeline.stops, settings)
        totals = {hour: one.totals for hour, one in made.items()}
        losses = shift_board.lost_by_hour(timeline.slices, buckets, totals, self._words(label))
        rows = list(shift_board.hour_values(hours, made, shift, now, goal_ns, target_oee))
        whole = self._figures(place, shift.start, until, cycle_ns, target_oee)
        return {
            "shift": self._shift_values(chosen, place.company_id, now),
            "hours": [{**row, "losses": losses.get(row["start"], [])} for row in rows],
            "figures": {**whole, "made": rows[-1]["sum_made"], "target": _last(rows, "sum_target")},
            "method": self._method(place, pacer),
            "ribbon": ribbon.up_to_now(spans, live.get(pacer.id), now) if is_now else spans,
            "stops": self._stops(pacer, timeline, settings, label, until),
            "order": self._told_order(output, run, cycle_ns, target_oee, now) if is_now and _runs(timeline) else None,
            "changeover": self._changeover(pacer, timeline) if is_now else None,
            "live": self._counting(output, live, hours, now) if is_now else None,
            "elsewhere": self._elsewhere(place, pacer, shift.start, until),
        }

    def _elsewhere(self, place: models.BaseModel, pacer: models.BaseModel, start: int, until: int) -> dict[str, Any]:
        """The stops of the line's other machines that want a reason: how many, where, and in which span (ms)."""
        others = (place.mes_unit_ids - pacer).ids
        count = 0
        if others and start < until:
            waits = self.env["mes.screen"]._unexplained([(others, start, until)])
            count = self.env["mes.stop"].search_count(waits)
        return {"count": count, "machines": others, "from": start, "until": until}

    def _method(self, place: models.BaseModel, pacer: models.BaseModel) -> str:
        """Whose figures the shift's are: machine, bottleneck or sums."""
        if place.mes_level != "line":
            return "machine"
        return "bottleneck" if place._mes_pacing() else "sums"

    def _made(
        self,
        pacer: models.BaseModel,
        output: models.BaseModel,
        goal: models.BaseModel,
        start: int,
        until: int,
        cycle_ns: int | None,
        oee: float,
    ) -> dict[int, Made]:
        """What each hour (by its beginning, ms) made and lost; its target is made of what ``goal`` was."""
        if start >= until:
            return {}
        parts = {
            (part.key[0], clock.to_ms(part.key[1])): part
            for part in self.env["mes.oee"].figures(
                pacer | output | goal, start, until, by=("machine", "hour"), registry=GLANCE
            )
        }
        found = {}
        for (machine, hour), part in parts.items():
            if machine == pacer.id:
                counted, paced = parts.get((output.id, hour)), parts.get((goal.id, hour), part)
                found[hour] = Made(
                    part.totals,
                    self._values(part, cycle_ns, oee),
                    counted.totals.good if counted else 0,
                    paced.totals,
                    board.busy_ms_of(paced.totals, paced.figures),
                )
        return found

    def _figures(
        self, place: models.BaseModel, start: int, until: int, cycle_ns: int | None, oee: float
    ) -> dict[str, Any]:
        """The figures of the shift so far, by the place's own method."""
        found = self.env["mes.oee"].figures(place, start, until, registry=GLANCE) if start < until else []
        return self._values(found[0], cycle_ns, oee) if found else dict(board.NO_FIGURES)

    def _values(self, part: Any, cycle_ns: int | None, oee: float) -> dict[str, Any]:
        refusal = part.figures["oee"].refusal
        reason = self.env["mes.oee"]._refusal_text(refusal) if refusal else None
        return board.figure_values(part.totals, part.figures, reason, cycle_ns, oee)

    def _cycle_ns(self, pacer: models.BaseModel, run: models.BaseModel, now: int) -> int | None:
        """The ideal cycle of what runs now, or of any product; of the last that ran where none is for all."""
        ideals = kpi.Ideals(self.env["mes.oee.engine"]._ideals(pacer.ids).get(pacer.id, ()))
        return ideals.ns(run.product_id.id or None, now) or ideals.ns(None, now)

    def _counting(
        self, output: models.BaseModel, live: dict[int, Any], hours: list[Hour], now: int
    ) -> dict[str, Any] | None:
        """The counters of the machine that counts since the present hour began: live messages move them on."""
        hour = next((one for one in hours if one.start <= now < one.end), None)
        if hour is None:
            return None
        counters = self.env["mes.board"]._counters(output, hour.start).get(output.id, {})
        return {"hour": hour.row.start, "live": live.get(output.id), "counters": counters}

    # -- stops -------------------------------------------------------------------------------------

    def _stops(
        self, pacer: models.BaseModel, timeline: Timeline, settings: kpi.Settings, label: Callable, until: int
    ) -> list[dict[str, Any]]:
        """The stops of the shift as they are now, each under the identity by which people speak of it.

        One that was not stored yet has no id: it is shown, and may be explained in a moment.
        """
        known = self._known_stops(pacer, timeline.window.start, until)
        return [
            {
                "id": _same(known, stop),
                "start": stop.start,
                "end": None if stop.open else stop.end,
                "seen": stop.end,
                "kind": stop.kind(settings.threshold(stop.mode)),
                "name": label(stop.causes[0], stop.effective_reason) if stop.causes else "",
                "codes": list(stop.codes),
                "explained": stop.effective_reason is not None,
                "needs": _needs(stop, settings),
            }
            for stop in timeline.stops
        ]

    def _known_stops(self, pacer: models.BaseModel, start: int, until: int) -> list[tuple[int, int, int | None]]:
        """(id, from, until) of the stored stops in a span; ms, until None: open."""
        rows = self.env["mes.stop"].search_read(
            [
                ("workcenter_id", "=", pacer.id),
                ("at_from", "<", clock.from_ms(until)),
                "|", ("at_until", "=", False), ("at_until", ">", clock.from_ms(start)),
            ],
            ["at_from", "at_until"],
            order="at_from",
        )  # fmt: skip
        return [
            (row["id"], clock.to_ms(row["at_from"]), clock.to_ms(row["at_until"]) if row["at_until"] else None)
            for row in rows
        ]

    # -- words -------------------------------------------------------------------------------------

    def _label(self, company: models.BaseModel, timeline: Timeline) -> Callable:
        """Words for what does not run: its reason, else its interlock, else the machine's code."""
        given = {piece.effective_reason for piece in timeline.slices} - {None}
        given |= {stop.effective_reason for stop in timeline.stops} - {None}
        losses = self.env["mrp.workcenter.productivity.loss"].with_context(active_test=False)
        names = {loss.id: loss.name for loss in losses.browse(sorted(given))}
        interlocks = {"starved": self.env._("Starved"), "blocked": self.env._("Blocked")}

        def label(piece: Any, reason: Any = None) -> str:
            reason = reason or getattr(piece, "effective_reason", None)
            code = self.env._("Code %s", piece.code) if piece.code else ""
            return names.get(reason) or interlocks.get(piece.interlock) or code

        return label

    def _words(self, label: Callable[[Slice], str]) -> Losses:
        """What the losses of an hour are called."""
        unknown = self.env._("Not explained")
        return Losses(
            stop=lambda piece: label(piece) or unknown,
            minor=self.env._("Minor stops"),
            setup=self.env._("Set-up"),
            no_order=self.env._("No order"),
            slow=self.env._("Slow running"),
            rejects=self.env._("Rejects"),
        )


def _needs(stop: StopSpan, settings: kpi.Settings) -> bool:
    """Too long for a minor stop, and nobody knows why."""
    return stop.effective_reason is None and stop.kind(settings.threshold(stop.mode)) == "unplanned"


def _same(known: list[tuple[int, int, int | None]], stop: StopSpan) -> int | None:
    """The stored stop that is this one: the one that began with it, or else overlaps it."""
    exact = [id_ for id_, start, _end in known if start == stop.start]
    touching = [
        id_ for id_, start, end in known if start < stop.end and (end is None or end > stop.start)
    ]
    return next(iter(exact or touching), None)


def _runs(timeline: Timeline) -> bool:
    """Whether an order runs at the end of the timeline."""
    return any(piece.runs for piece in timeline.slices[-1:])


def _last(rows: list[dict[str, Any]], name: str) -> Any:
    """The latest value of the rows that have begun."""
    return next((row[name] for row in reversed(rows) if row["phase"] != "future"), None)
