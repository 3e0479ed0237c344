"""An open order on the line: its run is what parts are allocated to."""

from typing import Any

from odoo.addons.mes_base.tools import clock

from ..demoplant import layout
from .master import Plant
from .records import ensure

QUANTITY = 60_000


def ensure_open_order(env: Any, plant: Plant, since: int, product: int) -> Any:
    """The manufacturing order that the line works on since ``since`` (ms), started."""
    running = env["mrp.workorder"].search(
        [("workcenter_id", "=", plant.line.id), ("state", "=", "progress")], limit=1
    )
    if running:
        return running.production_id
    # The order begins when the invented past says.
    past = env(context={**env.context, "mes_now_ms": clock.At(since)})
    order = past["mrp.production"].create(
        {
            "product_id": plant.products[product].id,
            "product_qty": QUANTITY,
            "bom_id": _ensure_bom(past, plant, plant.products[product]).id,
            "company_id": plant.line.company_id.id,
        }
    )
    order.action_confirm()
    order.workorder_ids.button_start()
    return order


def _ensure_bom(env: Any, plant: Plant, product: Any) -> Any:
    """Bottling as one operation of the whole line; its standard time follows the slowest machine."""
    bottle_s = max(machine.ideal_s for machine in layout.MACHINES)
    operation = {"name": "Bottling", "workcenter_id": plant.line.id, "time_cycle_manual": bottle_s / 60}
    return ensure(
        env, "mrp.bom",
        {"product_tmpl_id": product.product_tmpl_id.id, "company_id": plant.line.company_id.id},
        {"product_qty": 1, "type": "normal", "operation_ids": [(0, 0, operation)]},
    )  # fmt: skip
