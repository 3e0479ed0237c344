from datetime import date
from fractions import Fraction
from typing import Any

from odoo import api, models
from odoo.addons.mes_base.tools import clock
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain

from .. import kpi
from ..tools import hours
from ..tools.scope import is_id
from .mes_oee import _common as common_settings

SCOPES = ("mes.site", "mes.area", "mrp.workcenter")
PIECES = frozenset({"PQ", "GQ", "SQ", "RQ", "PSQ", "PQ1", "EPC", "GP", "IP"})
NUMBERS = frozenset({"FE", "FE+1"})


class MesOee(models.AbstractModel):
    """Every figure opens to what it was made of, so that an auditor can redo it with a calculator."""

    _inherit = "mes.oee"

    @api.model
    @api.readonly
    def provenance(self, scope, start: int, end: int, key: str, dates=None) -> dict[str, Any]:
        """A figure with its inputs, formula, calendar, coverage and the intervals behind it.

        ``scope``: sites, areas, a line, work centers, or ``[model, ids]``; ``start`` to ``end`` ms; ``key`` of an
        indicator; ``dates``: ISO dates or dates from .. to. ``{key, number, value, unit, refusal, formula,
        formula_version, inputs, calendars, coverage, method, notes, as_of, pending_hours, intervals}``:
        value None where the engine refuses, ``refusal`` then says why; ``inputs`` are ``{name, label, value, unit}``
        by the standard's names, exact as text where they are no whole number; ``calendars`` the version of each
        machine's calendar; ``intervals`` window actions to the hours, stops, states, counts and orders.

        :raises AccessError: the user may not read the scope or figures at all.
        :raises UserError: there is no such indicator, or nothing is known of the span.
        """
        asked = self._scope_records(scope)
        indicator = self._indicator(key)
        registry = kpi.Registry()
        registry.register(indicator)
        try:
            between = _dates(dates)
        except (TypeError, ValueError) as error:
            raise UserError(self.env._("Give two dates, from and to, as 2026-03-02.")) from error
        parts = self.figures(asked, start, end, (), between, registry)
        if not parts:
            raise UserError(self.env._("Nothing is known of this span: choose one with shifts or facts."))
        figure, chosen = parts[0].figures[key], self._scope(asked)
        return {
            "key": key,
            "number": indicator.number,
            "value": None if figure.value is None else float(figure.value),
            "unit": indicator.unit,
            "refusal": self._refusal_text(figure.refusal) if figure.refusal else None,
            "refusal_about": figure.refusal_about,
            "formula": figure.formula,
            "formula_version": figure.formula_version,
            "inputs": [self._input(name, value) for name, value in self._inputs(figure, parts[0], asked).items()],
            "calendars": self._calendars(chosen.workcenter_ids, start, end),
            "coverage": None if figure.coverage is None else float(figure.coverage),
            "method": self._method_text(figure.method, asked),
            "notes": [self._note_text(note) for note in figure.notes],
            "as_of": parts[0].as_of,
            "pending_hours": parts[0].pending_hours,
            "intervals": self._intervals(chosen, start, min(end, parts[0].as_of)),
        }

    @api.private
    def _scope_records(self, scope) -> models.BaseModel:
        """The records of a scope that came over the wire as ``[model, ids]``; records stay.

        :raises UserError: it is no scope.
        """
        if isinstance(scope, models.BaseModel):
            return scope
        name, ids = scope if isinstance(scope, (list, tuple)) and len(scope) == 2 else (None, None)
        if name not in SCOPES or not isinstance(ids, (list, tuple)) or not ids or not all(map(is_id, ids)):
            raise UserError(self.env._("A scope is [model, ids] of sites, areas or work centers."))
        records = self.env[name].browse(dict.fromkeys(ids))
        if len(records.exists()) != len(records):
            raise AccessError(self.env._("This place is not there any more, or not yours: choose another."))
        return records

    def _indicator(self, key: str) -> kpi.Kpi:
        """:raises UserError: there is no such indicator."""
        known = {one.key: one for one in kpi.REGISTRY}
        if key not in known:
            raise UserError(
                self.env._("There is no indicator %(key)s: use %(known)s.", key=key, known=", ".join(sorted(known)))
            )
        return known[key]

    def _inputs(self, figure: kpi.Figure, part, scope) -> dict[str, Fraction | int]:
        """What the formula used; of a figure that was refused before it was computed, the times and pieces."""
        if figure.inputs or not figure.refusal:
            return dict(figure.inputs)
        settings = self._settings(self._scope(scope).workcenter_ids, part.as_of, part.as_of)
        known = kpi.elements(part.totals, common_settings(list(settings.values())))
        return {name: known[name] for name in ("POT", "PDOT", "PBT", "APT", "PQ", "GQ") if name in known}

    def _input(self, name: str, value: Fraction | int) -> dict[str, Any]:
        """One input for people: exact, with its unit."""
        whole = Fraction(value).denominator == 1
        unit = "pieces" if name in PIECES else "number" if name in NUMBERS else "ms"
        told = int(value) if whole else float(value)
        return {
            "name": name,
            "label": self._input_text(name),
            "value": told,
            "exact": str(value),
            "unit": unit,
        }

    def _calendars(self, workcenter_ids: list[int], start: int, end: int) -> list[dict[str, Any]]:
        """The version of each machine's calendar in the span."""
        machines = self.env["mrp.workcenter"].with_context(active_test=False).browse(workcenter_ids)
        versions = self.env["mes.calendar"].versions(machines, start, end)
        return [{"machine": one.id, "name": one.name, "version": versions.get(one.id, "")} for one in machines]

    def _intervals(self, chosen, start: int, end: int) -> dict[str, dict[str, Any]]:
        """Window actions to the rows behind a figure; whoever opens them sees what his role may see."""
        ids = list(chosen.workcenter_ids)
        since, until = clock.from_ms(start), clock.from_ms(max(start, end))
        mine = Domain("workcenter_id", "in", ids)
        machines = self.env["mrp.workcenter"].with_context(active_test=False).browse(ids)
        with_lines = Domain("workcenter_id", "in", (machines | machines.mes_line_id).ids)
        started = Domain("at_from", "<", until)
        lasting = started & (Domain("at_until", "=", False) | Domain("at_until", ">", since))
        first_hours = self._hour_floors(ids, start).values()
        rows = mine & Domain("hour_at", ">=", clock.from_ms(min(first_hours, default=start)))
        rows &= Domain("hour_at", "<", until)
        if chosen.place:
            rows &= Domain(chosen.place, "in", list(chosen.place_ids))
        points = Domain("at", ">=", since) & Domain("at", "<", until)
        return {
            "hours": _window(self.env._("Hours"), "mes.oee.rollup", rows),
            "stops": _window(self.env._("Stops"), "mes.stop", mine & lasting),
            "states": _window(self.env._("States"), "mes.state.point", mine & points),
            "counts": _window(self.env._("Counts"), "mes.count.point", mine & points),
            "overrides": _window(self.env._("People's words"), "mes.state.override", mine & lasting),
            "orders": _window(self.env._("Order runs"), "mes.order.run", with_lines & lasting),
        }

    def _hour_floors(self, workcenter_ids: list[int], at: int) -> dict[int, int]:
        """The beginning of the hour that holds ``at`` on each machine's clock."""
        extents = self.env["mes.oee.refresh"]._extents(workcenter_ids, self.env["mes.clock"].now_ms())
        return {wc: hours.floor(extent.tz, at) for wc, extent in extents.items()}

    # -- words ------------------------------------------------------------------------------------------

    def _method_text(self, method: str, scope) -> str:
        """How the totals came about."""
        if method == "bottleneck":
            return self.env._("its bottleneck %s", scope.mes_bottleneck_id.name)
        if method == "sums":
            return self.env._("sums of its machines: numerators by denominators")
        return self.env._("the machine itself")

    def _note_text(self, note: str) -> str:
        """A note beside a figure."""
        said = {
            "no_order_excluded": self.env._("time without an order is taken out of the planned busy time"),
            "faster_than_ideal": self.env._("the machine was faster than ideal: its ideal cycle is too long"),
            "nothing_produced": self.env._("nothing was produced"),
        }
        return said.get(note, note)

    def _input_text(self, name: str) -> str:
        """What an element of ISO 22400-2 means; another room extends this for its own."""
        said = {
            "CT": self.env._("calendar time"),
            "POT": self.env._("shift time"),
            "PDOT": self.env._("planned stops"),
            "PBT": self.env._("planned busy time"),
            "ADOT": self.env._("time without an order"),
            "AUBT": self.env._("busy time with an order"),
            "AUPT": self.env._("production and set-up time"),
            "AUST": self.env._("set-up time"),
            "ADET": self.env._("stops"),
            "APT": self.env._("production time"),
            "APT+ADET": self.env._("production time and stops"),
            "AOET": self.env._("execution time of the orders"),
            "PRU*PQ": self.env._("ideal time of all pieces"),
            "PQ": self.env._("pieces made"),
            "GQ": self.env._("good pieces"),
            "SQ": self.env._("rejected pieces"),
            "RQ": self.env._("reworked pieces"),
            "PSQ": self.env._("planned scrap"),
            "PQ1": self.env._("pieces of the first operation"),
            "EPC": self.env._("pieces that the shift time had room for"),
            "FE": self.env._("failures begun"),
            "FE+1": self.env._("failures begun and one"),
            "TTR": self.env._("time of failures"),
            "CMT": self.env._("corrective maintenance time"),
            "CMT+PMT": self.env._("corrective and planned maintenance time"),
        }
        return said.get(name, name)


def _dates(dates) -> tuple[date, date] | None:
    """Business dates that may have come as text."""
    if not dates:
        return None
    first, last = (one if isinstance(one, date) else date.fromisoformat(one) for one in dates)
    return first, last


def _window(name: str, model: str, domain: Domain) -> dict[str, Any]:
    """An action that opens the records of a domain."""
    return {
        "type": "ir.actions.act_window",
        "name": name,
        "res_model": model,
        "views": [[False, "list"]],
        "domain": list(domain),
        "target": "current",
    }
