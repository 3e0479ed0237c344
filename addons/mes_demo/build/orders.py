"""This week's orders: those of the past closed with what was made, the present ones started, the next ones planned.

Past orders go through Odoo's own closing, all at once; only their dates are set afterwards.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from odoo.addons.mes_base.tools import clock
from odoo.tools import SQL

from ..demoplant import layout
from ..demoplant.goods import BY_CODE
from ..demoplant.past import HOUR, Run
from . import goods

if TYPE_CHECKING:
    from .master import Plant

MATERIAL_STOCK = 20_000_000
# Planned quantities are whole multiples of this share of a usual order.
LOT_SHARE = 20
AHEAD = 3  # planned orders of each place


def ensure_orders(env: Any, plant: "Plant", runs: tuple[Run, ...], now: int) -> None:
    """Orders of the invented runs; without a past one open order for each place where none is started."""
    _ensure_stock(env, plant)
    busy = env["mrp.workorder"].search([("state", "=", "progress")]).workcenter_id
    places = [code for code in order_places(plant) if plant.places[code] not in busy]
    closed = [run for run in runs if run.place in places and not run.open]
    going = {run.place: run for run in runs if run.open}
    _close_orders(env, plant, closed)
    for index, code in enumerate(places):
        run = going.get(code)
        product = run.product if run else _products(plant, code)[0]
        _start_order(env, plant, code, product, run, run.start if run else now)
        if plant.whole:
            _plan_orders(env, plant, code, product, now, index)


def order_places(plant: "Plant") -> list[str]:
    """Codes of the work centers that orders run on: lines, and machines that have their own."""
    return [
        code
        for cell in plant.cells
        for code in ([cell.code] if cell.kind == "flow" else [machine.code for machine in cell.machines])
    ]


def _products(plant: "Plant", place: str) -> tuple[str, ...]:
    """What is made at a place."""
    for cell in plant.cells:
        for machine in cell.machines:
            if machine.code == place and cell.kind == "tools":
                return (layout.PART_OF[machine.unit],)
        if place == cell.code or place in [machine.code for machine in cell.machines]:
            return cell.products
    raise KeyError(place)


def _ensure_stock(env: Any, plant: "Plant") -> None:
    """Enough of what is bought, and of what one cell makes for another."""
    made = {code for cell in plant.cells for code in cell.products}
    warehouse = env["stock.warehouse"].search([("company_id", "=", plant.site.company_id.id)], limit=1)
    for code, product in plant.products.items():
        if (code not in made or BY_CODE[code].unit == "l") and product.qty_available < 1:
            env["stock.quant"]._update_available_quantity(product, warehouse.lot_stock_id, MATERIAL_STOCK)


def _values(env: Any, plant: "Plant", place: str, product: str, quantity: float, begins: datetime) -> dict[str, Any]:
    return {
        "product_id": plant.products[product].id,
        "product_qty": quantity,
        "bom_id": goods.bom_of(env, plant, product, place).id,
        "company_id": plant.site.company_id.id,
        "date_start": begins.replace(microsecond=0),
    }


def _rounded(product: str, quantity: float) -> int:
    """A quantity somebody would have planned."""
    lot = max(1, BY_CODE[product].order // LOT_SHARE)
    return max(1, round(quantity / lot)) * lot


# -- what is done


def _close_orders(env: Any, plant: "Plant", runs: list[Run]) -> None:
    """Manufacturing orders that made what their runs made, with the runs linked to their work orders."""
    runs = [run for run in runs if run.good > 0]
    orders = env["mrp.production"].create(
        [
            _values(env, plant, run.place, run.product, run.good, clock.from_ms(run.start))
            for run in runs
        ]
    )
    if not orders:
        return
    orders.action_confirm()
    for order in orders:
        order.qty_producing = order.product_qty
        order._set_qty_producing(False)
    orders.with_context(skip_consumption=True, skip_backorder=True).button_mark_done()
    env.flush_all()
    _date_back(env, orders, runs)
    env["mes.order.run"].create([_run_values(plant, order, run) for order, run in zip(orders, runs, strict=True)])


def _run_values(plant: "Plant", order: Any, run: Run) -> dict[str, Any]:
    return {
        "workcenter_id": plant.places[run.place].id,
        "workorder_id": order.workorder_ids[:1].id,
        "production_id": order.id,
        "product_id": order.product_id.id,
        "at_from": clock.from_ms(run.start),
        "at_until": clock.from_ms(run.end),
        "recorded_at": clock.from_ms(run.start),
        "origin": "workorder",
    }


def _date_back(env: Any, orders: Any, runs: list[Run]) -> None:
    """The orders, their work and their stock moves bear the times of the runs; what was planned is a round number.

    By SQL: Odoo stamps all of this with the present and lets nobody change it.
    """
    for order, run in zip(orders, runs, strict=True):
        start, end = (clock.from_ms(at).replace(microsecond=0) for at in (run.start, run.end))
        minutes = (run.end - run.start) / 60_000
        moves = order.move_raw_ids + order.move_finished_ids
        env.cr.execute(
            SQL(
                "UPDATE mrp_production SET date_start = %s, date_finished = %s, product_qty = %s WHERE id = %s",
                start, end, _rounded(run.product, run.good), order.id,
            )
        )  # fmt: skip
        env.cr.execute(
            SQL(
                "UPDATE mrp_workorder SET date_start = %s, date_finished = %s, duration = %s, qty_produced = %s"
                " WHERE production_id = %s",
                start, end, minutes, run.good, order.id,
            )
        )  # fmt: skip
        env.cr.execute(SQL("UPDATE stock_move SET date = %s WHERE id IN %s", end, tuple(moves.ids)))
        if lines := moves.move_line_ids.ids:
            env.cr.execute(SQL("UPDATE stock_move_line SET date = %s WHERE id IN %s", end, tuple(lines)))
    env.invalidate_all()


# -- what is going on, and what comes


def _start_order(env: Any, plant: "Plant", place: str, product: str, run: Run | None, since: int) -> None:
    """The order that a place works on since ``since`` (ms), started then."""
    past = env(context={**env.context, "mes_now_ms": clock.At(since)})
    usual = BY_CODE[product].order
    # The demo's machines make parts for a while before anybody plans the next order.
    quantity = _rounded(product, max(2 * usual, (run.good if run else 0) + usual))
    order = past["mrp.production"].create(_values(past, plant, place, product, quantity, clock.from_ms(since)))
    order.action_confirm()
    order.workorder_ids.button_start()


def _plan_orders(env: Any, plant: "Plant", place: str, present: str, now: int, index: int) -> None:
    """The next orders of a place, one after the other; the first ones are confirmed."""
    products = _products(plant, place)
    after = products.index(present) + 1 if present in products else 0
    begins = clock.from_ms(now + (8 + index) * HOUR).replace(minute=0, second=0, microsecond=0)
    rows = []
    for number in range(AHEAD):
        product = products[(after + number) % len(products)]
        rows.append(_values(env, plant, place, product, BY_CODE[product].order, begins + timedelta(hours=16 * number)))
    env["mrp.production"].create(rows)[: AHEAD - 1].action_confirm()
