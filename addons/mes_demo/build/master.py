"""Master data: site, areas, lines, machines, products, ideal cycles, counters, reasons, shifts, people."""

from dataclasses import dataclass
from typing import Any

from odoo.addons.mes_base.tools import clock

from ..demoplant import layout, reasons
from ..demoplant.equipment import Cell
from . import goods, shifts
from .records import ensure


@dataclass(frozen=True, slots=True)
class Plant:
    """The records of the demo plant. areas, machines, places by code: ``places`` are the work centers that orders
    run on (lines, machines without one) and all machines; ``products`` by internal reference."""

    site: Any
    cells: tuple[Cell, ...]
    areas: dict[str, Any]
    places: dict[str, Any]
    products: dict[str, Any]

    @property
    def whole(self) -> bool:
        """Whether it is the whole plant; its first line alone has only what the line needs, and is made quickly."""
        return self.cells == layout.PLANTS["all"]

    @property
    def line(self) -> Any:
        """The first line, which the board shows first."""
        return self.places[layout.LINE_CODE]

    @property
    def machines(self) -> dict[str, Any]:
        """The machines by code."""
        return {machine.code: self.places[machine.code] for cell in self.cells for machine in cell.machines}


def ensure_plant(env: Any, now: int, plant: str) -> Plant:
    """Everything that is there before a machine reports."""
    company = env.company
    cells = layout.PLANTS[plant]
    site = ensure(
        env, "mes.site", {"company_id": company.id, "code": layout.SITE["code"]},
        {"name": layout.SITE["name"], "tz": layout.SITE["tz"]},
    )  # fmt: skip
    areas = {
        code: ensure(env, "mes.area", {"site_id": site.id, "code": code}, {"name": layout.AREAS[code]})
        for code in dict.fromkeys(cell.area for cell in cells)
    }
    places: dict[str, Any] = {}
    for number, cell in enumerate(cells, 1):
        places |= _ensure_cell(env, areas[cell.area], cell, 10 * number)
    made = Plant(site, cells, areas, places, goods.ensure_products(env, cells))
    _ensure_reasons(env, cells)
    _ensure_cycles(env, made)
    goods.ensure_boms(env, made)
    shifts.ensure_shifts(env, made, now)
    return made


def _ensure_cell(env: Any, area: Any, cell: Cell, sequence: int) -> dict[str, Any]:
    """The line, if the cell is one, and its machines, by code; in the plan they stand from ``sequence`` on."""
    found = {}
    common = {"costs_hour": cell.hour_cost, "mes_stale_ms": layout.STALE_MS}
    line = env["mrp.workcenter"]
    if cell.line:
        found[cell.code] = line = _ensure_workcenter(env, area, cell.code, cell.name, {"mes_level": "line", **common})
    for index, machine in enumerate(cell.machines):
        values = {"mes_level": "unit", "mes_line_id": line.id, "sequence": sequence + index, **common}
        found[machine.code] = _ensure_workcenter(env, area, machine.code, machine.name, values)
    if cell.bottleneck and not line.mes_bottleneck_id:
        bottleneck = found[f"{cell.code}/{cell.bottleneck}"]
        line.write({"mes_oee_method": "bottleneck", "mes_bottleneck_id": bottleneck.id})
    return found


def _ensure_workcenter(env: Any, area: Any, code: str, name: str, values: dict[str, Any]) -> Any:
    key = {"company_id": area.company_id.id, "mes_code": code}
    return ensure(env, "mrp.workcenter", key, {"name": name, "mes_area_id": area.id, **values})


def _ensure_reasons(env: Any, cells: tuple[Cell, ...]) -> None:
    """What the machines' stop codes mean, as reasons under two heads."""
    company = env.company
    losses = env["mrp.workcenter.productivity.loss"].with_context(active_test=False)
    known = {loss.mes_code: loss for loss in losses.search([("company_id", "in", (company.id, False))])}
    loss_type = env.ref("mrp.productivity_loss_type_availability", raise_if_not_found=False)
    loss_type = loss_type or env["mrp.workcenter.productivity.loss.type"].search([], limit=1)
    common = {"company_id": company.id, "loss_id": loss_type.id}
    heads = {
        head["code"]: known.get(head["code"])
        or losses.create(
            {**common, "mes_code": head["code"], "name": head["name"], "mes_failure": head["failure"], "sequence": 90}
        )
        for head in reasons.HEADS
    }
    losses.create(
        [
            {
                **common, "mes_code": reason.code, "name": reason.name, "parent_id": heads[reason.head].id,
                "mes_failure": reason.failure, "sequence": 100,
            }
            for reason in reasons.machine_reasons(cells)
            if reason.code not in known
        ]
    )  # fmt: skip


def _ensure_cycles(env: Any, plant: Plant) -> None:
    """Ideal cycles and counters; a line's cycle is that of its slowest machine, two tools are two at once."""
    seconds = {
        place: cycle
        for cell in plant.cells
        for place, cycle in (
            *([(plant.places[cell.code], cell.slowest_s)] if cell.line else []),
            *((plant.places[machine.code], machine.ideal_s) for machine in cell.machines),
        )
    }
    known = set(env["mes.ideal.cycle"].search([("product_id", "=", False)]).workcenter_id.ids)
    env["mes.ideal.cycle"].create(
        [
            {"workcenter_id": place.id, "seconds": cycle, "source": "nameplate", "date_from": clock.EPOCH}
            for place, cycle in seconds.items()
            if place.id not in known
        ]
    )
    for cell in plant.cells:
        for machine in cell.machines:
            workcenter = plant.places[machine.code]
            counters = env["mes.counter"]._ensure(
                [(workcenter.id, name, name, unit) for name, unit in machine.units.items()]
            )
            if machine.batch:
                # One count is one batch; figures want litres.
                env["mes.counter"].browse(counters[(workcenter.id, "total")]).pieces_per_unit = machine.batch
