"""Products with price and cost, materials, bills of materials with one operation where the work is done."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..demoplant import layout
from ..demoplant.equipment import Cell
from ..demoplant.goods import BY_CODE, MATERIALS, PRODUCTS, Product

if TYPE_CHECKING:
    from .master import Plant

UNITS = {"pcs": "uom.product_uom_unit", "l": "uom.product_uom_litre", "kg": "uom.product_uom_kgm"}


def ensure_products(env: Any, cells: Iterable[Cell]) -> dict[str, Any]:
    """Products of the cells and what they are made of, by internal reference."""
    wanted = {code for cell in cells for code in cell.products}
    wanted |= {part for code in wanted for part in BY_CODE[code].parts}
    wanted |= {part for code in wanted & set(BY_CODE) for part in BY_CODE[code].parts}
    rows: list[dict[str, Any]] = [
        {"code": one.code, "name": one.name, "price": 0.0, "cost": one.cost, "unit": one.unit} for one in MATERIALS
    ]
    rows += [
        {"code": one.code, "name": one.name, "price": one.price, "cost": one.cost, "unit": one.unit}
        for one in PRODUCTS
    ]
    products = env["product.product"].with_context(active_test=False)
    known = {product.default_code: product for product in products.search([("default_code", "in", list(wanted))])}
    missing = [row for row in rows if row["code"] in wanted and row["code"] not in known]
    made = products.create(
        [
            {
                "default_code": row["code"], "name": row["name"], "type": "consu", "is_storable": True,
                "list_price": row["price"], "standard_price": row["cost"], "uom_id": env.ref(UNITS[row["unit"]]).id,
            }
            for row in missing
        ]
    )  # fmt: skip
    return known | {product.default_code: product for product in made}


def ensure_boms(env: Any, plant: "Plant") -> None:
    """How each product is made at each place where orders run."""
    for cell in plant.cells:
        for place, code in _made_at(cell):
            _ensure_bom(env, plant, BY_CODE[code], plant.places[place], cell)


def _made_at(cell: Cell) -> list[tuple[str, str]]:
    """(code of the place, product) of a cell."""
    if cell.kind == "flow":
        return [(cell.code, code) for code in cell.products]
    if cell.kind == "tools":
        return [(machine.code, layout.PART_OF[machine.unit]) for machine in cell.machines]
    return [(cell.machines[0].code, code) for code in cell.products]


def bom_of(env: Any, plant: "Plant", product: str, place: str) -> Any:
    """The bill of materials of a product whose operation is done at that place."""
    template = plant.products[product].product_tmpl_id
    return env["mrp.bom"].search(
        [("product_tmpl_id", "=", template.id), ("operation_ids.workcenter_id", "=", plant.places[place].id)], limit=1
    )


def _ensure_bom(env: Any, plant: "Plant", product: Product, place: Any, cell: Cell) -> None:
    """One operation; its standard time follows the slowest machine."""
    if bom_of(env, plant, product.code, place.mes_code):
        return
    seconds = max(machine.ideal_s for machine in cell.machines if machine.code == place.mes_code or cell.line)
    if cell.kind == "tools":
        seconds = next(machine.ideal_s for machine in cell.machines if machine.code == place.mes_code)
    operation = {
        "name": product.operation, "workcenter_id": place.id, "time_mode": "manual",
        "time_cycle_manual": seconds / 60,
    }  # fmt: skip
    if not place.time_start:
        place.time_start = product.setup_min
    env["mrp.bom"].create(
        {
            "product_tmpl_id": plant.products[product.code].product_tmpl_id.id,
            "company_id": plant.site.company_id.id,
            "product_qty": 1,
            "type": "normal",
            "operation_ids": [(0, 0, operation)],
            "bom_line_ids": [
                (0, 0, {"product_id": plant.products[part].id, "product_qty": quantity})
                for part, quantity in product.parts.items()
            ],
        }
    )
