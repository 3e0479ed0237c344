from collections.abc import Iterable, Iterator
from typing import Any

from odoo import api, fields, models
from odoo.addons.mes_base.tools import clock
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain

KINDS = {"site": "mes.site", "area": "mes.area", "line": "mrp.workcenter", "machine": "mrp.workcenter"}

# The year 2200.
LATEST_MS = 7_258_118_400_000


class MesScreen(models.AbstractModel):
    """What all screens on the floor ask for: the places there are, and what a place's key means.

    A key is the kind of the place with its id, "line-7": it stands in addresses, so it is plain text.
    """

    _name = "mes.screen"
    _description = "Screen"

    @api.model
    @api.readonly
    def places(self) -> list[dict[str, Any]]:
        """The sites, areas, lines and machines that the user may see, in the plant's order.

        Each is {"key", "kind", "id", "name", "depth", "parent"}: depth 0 for sites; parent is a key.

        :raises AccessError: the user is no operator.
        """
        self._check_operator()
        sites = self.env["mes.site"].search([])
        areas = self.env["mes.area"].search([("site_id", "in", sites.ids)]).grouped("site_id")
        units = self.env["mrp.workcenter"].search([("mes_area_id", "!=", False)], order="sequence, id")
        units = units.grouped("mes_area_id")
        found = []
        for site in sites:
            found.append(_place("site", site, 0, None))
            for area in areas.get(site, ()):
                found.append(_place("area", area, 1, f"site-{site.id}"))
                found += _units(units.get(area, self.env["mrp.workcenter"]), f"area-{area.id}")
        return found

    @api.private
    def scope(self, key: str) -> models.BaseModel:
        """The one record that a place's key means, checked to be there and readable.

        :raises UserError: no such key, or the place is gone.
        :raises AccessError: the user may not see it.
        """
        kind, _dash, number = str(key).partition("-")
        if kind not in KINDS or not number.isdecimal():
            raise UserError(self.env._("“%s” is no place: choose a site, an area, a line or a machine.", key))
        record = self.env[KINDS[kind]].browse(int(number)).exists()
        if not record:
            raise UserError(self.env._("This place is gone: choose another one."))
        record.check_access("read")
        return record

    @api.private
    def head(self) -> dict[str, Any]:
        """Plant time now (ms), and plant seconds a real second."""
        anchor = clock.anchor()
        return {"now": self.env["mes.clock"].now_ms(), "speed": anchor.speed if anchor else 1.0}

    @api.private
    def _check_time(self, *times: Any) -> None:
        """:raises UserError: one of them is no time (ms) of the years 1970 to 2199, which facts can have."""
        if any(isinstance(at, bool) or not isinstance(at, (int, float)) or not 0 <= at < LATEST_MS for at in times):
            raise UserError(self.env._("The address asks for a time that no clock shows: choose again on the page."))

    @api.private
    def _date_ms(self, day: str) -> int:
        """A date's beginning in UTC, ms. :raises UserError: it is no date."""
        try:
            at = clock.to_ms(fields.Datetime.to_datetime(fields.Date.to_date(day)))
        except (TypeError, ValueError) as error:
            raise UserError(self.env._("“%s” is no date: choose one on the page.", day)) from error
        self._check_time(at)
        return at

    @api.private
    def _unexplained(self, windows: Iterable[tuple[list[int], int, int]]) -> Domain:
        """The stops of the windows, (machines, from, until) in ms, that want a reason."""
        return Domain("needs_reason", "=", True) & Domain.OR(
            Domain("workcenter_id", "in", ids)
            & Domain("at_from", "<", clock.from_ms(end))
            & (Domain("at_until", "=", False) | Domain("at_until", ">", clock.from_ms(start)))
            for ids, start, end in windows
        )

    @api.private
    def _check_operator(self) -> None:
        """:raises AccessError: the user is no operator."""
        if not self.env.user.has_group("mes_base.group_mes_operator"):
            raise AccessError(self.env._("This screen is for operators: ask for the role Operator."))


def _units(units: Iterable[Any], area: str) -> Iterator[dict[str, Any]]:
    """The lines of an area, each with its machines, then the machines that stand alone."""
    lines = {unit.id: unit for unit in units if unit.mes_level == "line"}
    members: dict[int, list[Any]] = {}
    for unit in units:
        if unit.mes_level == "unit":
            members.setdefault(unit.mes_line_id.id if unit.mes_line_id.id in lines else 0, []).append(unit)
    for line in lines.values():
        yield _place("line", line, 2, area)
        yield from (_place("machine", unit, 3, f"line-{line.id}") for unit in members.get(line.id, ()))
    yield from (_place("machine", unit, 2, area) for unit in members.get(0, ()))


def _place(kind: str, record: Any, depth: int, parent: str | None) -> dict[str, Any]:
    return {
        "key": f"{kind}-{record.id}",
        "kind": kind,
        "id": record.id,
        "name": record.name,
        "depth": depth,
        "parent": parent,
    }
