from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from odoo import api, models
from odoo.addons.mes_base.tools import clock
from odoo.exceptions import UserError

from .. import kpi
from ..tools import board, overview
from .mes_oee import OEE_ONLY, _common
from .mes_oee_shift import GLANCE, LOOK_BACK_MS

# Of so many machines also the running hour is computed from facts; of more, complete hours are told of.
LIVE_MACHINES = 100
PARTS = ("site", "area", "line", "machine")
# A gateway says every few seconds that it is there, whatever its machines do; ms of real time.
GATEWAY_SILENT_MS = 10_000
SUMS_ONLY = kpi.Registry()
SHOWN = (
    "oee", "availability", "performance", "quality", "coverage", "reason", "lost_ms", "lost_pieces", "good", "target",
)  # fmt: skip


class Sums(NamedTuple):
    """Totals by place of the span and of the one before, and how much the figures may still lack.

    ``windows``: (machine ids, from, until) of the span itself, ms; ``as_of`` as in ``mes.oee``.
    """

    now: overview.Sums
    before: overview.Sums
    windows: list[tuple[list[int], int, int]]
    as_of: int
    pending_hours: int


class Plant(NamedTuple):
    """The places of the tree, and their records."""

    places: list[dict[str, Any]]
    sites: models.BaseModel
    areas: models.BaseModel
    workcenters: models.BaseModel
    machines: models.BaseModel

    def record(self, place: Mapping[str, Any]) -> models.BaseModel:
        """The record of a place of the tree."""
        records = {"site": self.sites, "area": self.areas}.get(place["kind"], self.workcenters)
        return records.browse(place["id"]).with_prefetch(records.ids)


class MesOverview(models.AbstractModel):
    """All places of the plant with their figures, and whether these can be trusted."""

    _name = "mes.overview"
    _description = "Plant Overview"

    @api.model
    @api.readonly
    def snapshot(self, span: str = "shift", open_keys: list[str] | bool = False) -> dict[str, Any]:
        """Sites, areas, lines and machines over a span: shift, today, yesterday, week or month (7, 30 days).

        "shift" is the present one of each machine, or its last one between shifts. Each place has its figures
        (as on the live board), those of the span before, targets, stops that nobody explained, open calls, and
        machines of which nothing is known now. Those that are shown because all above them is in ``open_keys``
        ("site-1", …; by default as much as is seen at a glance) also have an OEE curve of ``overview.POINTS`` hours
        or days; the others have None for it. Shape:
        ``static/src/overview/overview_model.js``. A fixed number of statements for each time zone, whatever the
        number of places. Times are ms, ratios plain fractions, None where there is no figure.

        :raises AccessError: the user is no operator.
        :raises UserError: no such span.
        """
        screen = self.env["mes.screen"]
        places = self._asked(span)
        head = {**screen.head(), "span": span, "prices": self.env["mes.oee.worth"]._may_see_prices()}
        plant = self._plant(places)
        if not plant.machines:
            return {**head, "places": []}
        live = len(plant.machines) <= LIVE_MACHINES
        tz = plant.sites[0].tz or "UTC"
        settings = self._settings(plant)
        sums = self._sums(plant, span, head["now"], live)
        keys = overview.opened(places) if open_keys is False else [str(key) for key in open_keys]
        curves = self._curves(plant, keys, span, head["now"], live, settings)
        return {
            **head,
            "tz": tz,
            "is_live": live,
            "as_of": sums.as_of,
            "pending_hours": sums.pending_hours,
            "curve": overview.curve_of(span, tz, head["now"]).by,
            "open": keys,
            "places": self._rows(plant, sums, curves, settings, self._counts(plant, sums.windows, head), head["now"]),
        }

    def _asked(self, span: str) -> list[dict[str, Any]]:
        """The places; errors as :meth:`snapshot`."""
        places = self.env["mes.screen"].places()
        if span not in overview.SPANS:
            raise UserError(self.env._("There is no span “%s”: choose one of the buttons.", span))
        return places

    def _plant(self, places: list[dict[str, Any]]) -> Plant:
        """The records of the places, by kind."""
        ids = {kind: [one["id"] for one in places if one["kind"] == kind] for kind in overview.KINDS}
        workcenters = self.env["mrp.workcenter"].browse([*ids["line"], *ids["machine"]])
        return Plant(
            places,
            self.env["mes.site"].browse(ids["site"]),
            self.env["mes.area"].browse(ids["area"]),
            workcenters,
            workcenters.browse(ids["machine"]),
        )

    # -- sums --------------------------------------------------------------------------------------

    def _sums(self, plant: Plant, span: str, now: int, live: bool) -> Sums:
        """What all places come to in the span and in the one before."""
        if span == "shift":
            return self._sums_of_shifts(plant, now, live)
        during, before, windows, as_of, pending = [], [], [], [now], [0]
        for tz, sites in plant.sites.grouped("tz").items():
            chosen = overview.span_of(span, tz or "UTC", now)
            found = self._figures(sites, chosen.start, chosen.end, (), live)
            during += [(part.key, part.totals) for part in found]
            as_of += [part.as_of for part in found[:1]]
            pending += [part.pending_hours for part in found[:1]]
            # Nobody waits for the part of an hour of yesterday.
            earlier = self._figures(sites, chosen.before_start, chosen.before_end, (), False)
            before += [(part.key, part.totals) for part in earlier]
            windows.append((self._standing(plant, sites), chosen.start, chosen.end))
        lines = _bottlenecks(plant)
        return Sums(
            overview.by_place(during, lines), overview.by_place(before, lines), windows, min(as_of), max(pending)
        )

    def _sums_of_shifts(self, plant: Plant, now: int, live: bool) -> Sums:
        """The shift that each machine is in or was last, and the one before; one question for both."""
        shifts = self.env["mes.calendar"].shifts(plant.machines, now - LOOK_BACK_MS, now + 1)
        wanted = {wc: [_occurrence(one) for one in found[-2:]][::-1] for wc, found in shifts.items()}
        latest = {wc: found[-1] for wc, found in shifts.items() if found}
        start = min((one.start for found in shifts.values() for one in found[-2:]), default=now)
        parts = self._figures(plant.sites, start, now, ("shift",), live)
        places: tuple[list, list] = ([], [])
        for part in parts:
            for sums, shift in zip(places, wanted.get(part.key[3], ()), strict=False):
                if part.key[4] == shift:
                    sums.append((part.key, part.totals))
        together: dict[tuple[int, int], list[int]] = {}
        for wc, shift in latest.items():
            together.setdefault((shift.start, min(shift.end, now)), []).append(wc)
        lines = _bottlenecks(plant)
        return Sums(
            overview.by_place(places[0], lines),
            overview.by_place(places[1], lines),
            [(ids, *span) for span, ids in together.items()],
            parts[0].as_of if parts else now,
            parts[0].pending_hours if parts else 0,
        )

    def _figures(self, sites: models.BaseModel, start: int, end: int, by: tuple[str, ...], live: bool) -> list:
        """The sums of every machine where it stood; formulas come after they are added up."""
        if start >= end:
            return []
        return self.env["mes.oee"].figures(sites, start, end, (*PARTS, *by), registry=SUMS_ONLY, live=live)

    def _curves(
        self,
        plant: Plant,
        keys: list[str],
        span: str,
        now: int,
        live: bool,
        settings: Mapping[str, kpi.Settings],
    ) -> dict[str, list[float | None]]:
        """The OEE hour by hour or day by day of each place that is shown."""
        found: dict[str, list[float | None]] = {
            place["key"]: [None] * overview.POINTS for place in overview.shown(plant.places, keys)
        }
        lines = {line: machine for line, machine in _bottlenecks(plant).items() if line in found}
        needed = {key for key in (*found, *lines.values()) if key.startswith("machine-")}
        machines = plant.machines.filtered(lambda machine: f"machine-{machine.id}" in needed)
        for tz, sites in plant.sites.grouped("tz").items():
            curve = overview.curve_of(span, tz or "UTC", now)
            here = machines.filtered(lambda machine, sites=sites: machine.mes_site_id in sites)
            points = self._points(sites, PARTS[:3], curve, live)
            for at, parts in (self._points(here, PARTS[3:], curve, live) if here else {}).items():
                points.setdefault(at, {}).update(parts)
            for place, at in enumerate(curve.points):
                sums = points.get(at, {})
                sums.update({line: sums[machine] for line, machine in lines.items() if machine in sums})
                for key in sums.keys() & found.keys():
                    oee = kpi.figures(sums[key], settings[key], registry=OEE_ONLY)["oee"].value
                    found[key][place] = None if oee is None else float(oee)
        return found

    def _points(
        self, scope: models.BaseModel, kinds: tuple[str, ...], curve: overview.Curve, live: bool
    ) -> dict[Any, overview.Sums]:
        """The totals of each place of these kinds at each point of a curve."""
        parts: dict[Any, list] = {}
        for part in self.env["mes.oee"].figures(
            scope, curve.start, curve.end, (*kinds, curve.by), registry=SUMS_ONLY, live=live
        ):
            at = clock.to_ms(part.key[-1]) if curve.by == "hour" else part.key[-1]
            parts.setdefault(at, []).append((part.key, part.totals))
        return {at: overview.by_place(mine, {}, kinds) for at, mine in parts.items()}

    def _settings(self, plant: Plant) -> dict[str, kpi.Settings]:
        """The settings of each place: of several machines the strictest."""
        own = self.env["mes.oee.engine"]._settings(plant.machines.ids)
        below = _machines_below(plant.places)
        return {key: own[ids[0]] if len(ids) == 1 else _common([own[wc] for wc in ids]) for key, ids in below.items()}

    def _standing(self, plant: Plant, sites: models.BaseModel) -> list[int]:
        """The machines that stand at the sites now."""
        return plant.machines.filtered(lambda machine: machine.mes_site_id in sites).ids

    # -- rows --------------------------------------------------------------------------------------

    def _rows(
        self,
        plant: Plant,
        sums: Sums,
        curves: Mapping[str, list],
        settings: Mapping[str, kpi.Settings],
        counts: Mapping[str, Mapping[str, int]],
        now: int,
    ) -> list[dict[str, Any]]:
        """What is shown of each place, in the order of the plant."""
        targets = self._targets(plant)
        ideals = self.env["mes.oee.engine"]._ideals(plant.machines.ids)
        figures = {}
        for place in plant.places:
            cycle = _cycle_ns(plant.record(place), place, ideals, now)
            goal = targets[place["key"]]["oee"]
            figures[place["key"]] = self._values(sums.now, place["key"], settings, cycle, goal)
        pieces = overview.pieces_by_place(plant.places, _own_pieces(plant, figures))
        below = _machines_below(plant.places)
        spans = {wc: (start, end) for ids, start, end in sums.windows for wc in ids}
        rows = []
        for place in plant.places:
            key = place["key"]
            good, target, lost = pieces[key]
            before = self._values(sums.before, key, settings, None, 1.0)
            own = [spans[wc] for wc in below[key] if wc in spans]
            rows.append(
                {
                    **place,
                    "figures": {**figures[key], "good": good, "target": target, "lost_pieces": lost},
                    "before": {name: before[name] for name in ("oee", "lost_ms")},
                    "targets": targets[key],
                    "limit": float(settings[key].coverage_limit),
                    "curve": curves.get(key),
                    "machines": len(below[key]),
                    "from": min((start for start, _end in own), default=None),
                    "until": max((end for _start, end in own), default=None),
                    **{name: found[key] for name, found in counts.items()},
                }
            )
        return rows

    def _values(
        self, sums: overview.Sums, key: str, settings: Mapping[str, kpi.Settings], cycle_ns: int | None, goal: float
    ) -> dict[str, Any]:
        """The figures of one place as plain values; what no screen of a whole plant shows is left out."""
        if key not in sums:
            found = {**board.NO_FIGURES, "reason": self.env._("nothing is known of this span yet")}
        else:
            made = kpi.figures(sums[key], settings[key], registry=GLANCE)
            refusal = made["oee"].refusal
            reason = self.env["mes.oee"]._refusal_text(refusal) if refusal else None
            found = board.figure_values(sums[key], made, reason, cycle_ns, goal)
        return {name: found[name] for name in SHOWN}

    def _targets(self, plant: Plant) -> dict[str, dict[str, float]]:
        """The targets of each place; those of an area are its site's."""
        found: dict[str, dict[str, float]] = {}
        by_kind = {"site": plant.sites._targets(), "line": (units := plant.workcenters._targets()), "machine": units}
        for place in plant.places:  # a site comes before its areas
            own = by_kind.get(place["kind"])
            found[place["key"]] = own[place["id"]] if own else found[place["parent"]]
        return found

    # -- trust -------------------------------------------------------------------------------------

    def _counts(self, plant: Plant, windows: list, head: Mapping[str, Any]) -> dict[str, dict[str, int]]:
        """What makes one look twice, by place: unexplained stops, open calls, machines of which no gateway speaks,
        and others of which nothing is known now, although they are scheduled.
        """
        ids, now = plant.machines.ids, head["now"]
        live = self.env["mes.board"]._live(plant.machines, now)
        limit = GATEWAY_SILENT_MS * head["speed"]
        unheard = {wc for wc in ids if wc not in live or now - live[wc]["recv"] > limit}
        # Nobody misses the word of a machine that is switched off for the night.
        working = {wc for wc, one in self.env["mes.board"]._schedules(plant.machines, now).items() if one["until"]}
        found = {
            "unexplained": self._by_machine("mes.stop", self.env["mes.screen"]._unexplained(windows)),
            "calls": self._by_machine(
                "mes.andon.call", [("workcenter_id", "in", ids), ("state", "not in", ("resolved", "cancelled"))]
            ),
            "silent": {wc: 1 for wc in working if wc not in unheard and not live[wc]["state"]},
            "unheard": dict.fromkeys(unheard, 1),
        }
        return {name: overview.counted(plant.places, machines) for name, machines in found.items()}

    def _by_machine(self, model: str, domain: Any) -> dict[int, int]:
        """How many records of the domain each machine has."""
        groups = self.env[model]._read_group(domain, ["workcenter_id"], ["__count"])
        return {machine.id: count for machine, count in groups}


def _occurrence(shift: Any) -> tuple:
    """A shift as figures are grouped by it."""
    return (shift.business_date, shift.key, shift.name)


def _bottlenecks(plant: Plant) -> dict[str, str]:
    """The lines that are measured by one of their machines."""
    return {
        f"line-{line.id}": f"machine-{pacing.id}"
        for line in plant.workcenters
        if line.mes_level == "line" and (pacing := line._mes_pacing())
    }


def _machines_below(places: Iterable[Mapping[str, Any]]) -> dict[str, list[int]]:
    """The machines of each place."""
    ordered = list(places)
    found = {place["key"]: [place["id"]] if place["kind"] == "machine" else [] for place in ordered}
    for place in reversed(ordered):
        if place["parent"]:
            found[place["parent"]] += found[place["key"]]
    return found


def _cycle_ns(record: models.BaseModel, place: Mapping[str, Any], ideals: Mapping[int, list], now: int) -> int | None:
    """The ideal cycle of a machine for any product: the target's measure while nothing was made yet."""
    if place["kind"] != "machine":
        return None
    return kpi.Ideals(ideals.get(record.id, ())).ns(None, now)


def _own_pieces(plant: Plant, figures: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple]:
    """(good pieces, target, lost pieces) of machines and of lines, as the shift board tells them.

    A line has made what its last machine has; its target is that of its bottleneck, or else of the last machine, and
    that of its machines is the bottleneck's too.
    """
    found = {}
    for place in plant.places:
        if place["kind"] == "machine":
            mine, paced = figures[place["key"]], figures.get(f"machine-{plant.record(place)._mes_paced_by().id}")
            found[place["key"]] = (mine["good"], paced["target"] if paced else None, mine["lost_pieces"])
        elif place["kind"] == "line" and (units := plant.record(place).mes_unit_ids.sorted("sequence")):
            output = units[-1]
            pacer = (plant.record(place).mes_bottleneck_id & units) or output
            made, paced = (figures.get(f"machine-{one.id}") for one in (output, pacer))
            lost = figures[place["key"]]["lost_pieces"]
            found[place["key"]] = (made["good"] if made else 0, paced["target"] if paced else None, lost)
    return found
