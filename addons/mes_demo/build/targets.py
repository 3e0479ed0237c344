"""What is aimed at: the time that a changeover may take, and the scrap that the plan reckons with."""

from itertools import permutations
from typing import TYPE_CHECKING, Any

from ..demoplant.goods import BY_CODE, CHANGEOVERS

if TYPE_CHECKING:
    from .master import Plant


def ensure_targets(env: Any, plant: "Plant") -> None:
    """Targets of changeovers between products of a cell, and planned scrap of products."""
    _ensure_scrap(plant)
    targets = env["mes.changeover.target"]
    known = {(one.workcenter_id, one.from_product_id, one.to_product_id) for one in targets.search([])}
    rows = []
    for cell in plant.cells:
        if cell.kind != "flow":
            continue
        place = plant.places[cell.code]
        for before, after in permutations(cell.products, 2):
            key = (place, plant.products[before], plant.products[after])
            if key not in known:
                rows.append(
                    {
                        "workcenter_id": place.id, "from_product_id": key[1].id, "to_product_id": key[2].id,
                        "minutes": CHANGEOVERS.get((before, after), CHANGEOVERS["", ""]),
                    }
                )  # fmt: skip
    targets.create(rows)


def _ensure_scrap(plant: "Plant") -> None:
    for code, product in plant.products.items():
        if code in BY_CODE and not product.mes_planned_scrap:
            product.mes_planned_scrap = BY_CODE[code].scrap_percent
