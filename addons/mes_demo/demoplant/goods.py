"""What the plant makes and of what: products with price and cost, materials, and how long the work takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Material:
    """Bought at ``cost`` a ``unit``, "pcs", "kg" or "l"."""

    code: str
    name: str
    cost: float
    unit: str = "pcs"


@dataclass(frozen=True, slots=True)
class Product:
    """Made of ``parts`` (code -> quantity for one) and sold at ``price``; ``cost`` is its standard cost.

    order: a usual order's quantity. setup_min: minutes of a changeover in the plan. scrap_percent: what the plan
    reckons to be scrap.
    """

    code: str
    name: str
    price: float
    cost: float
    parts: dict[str, float]
    order: int
    setup_min: float
    operation: str
    unit: str = "pcs"
    scrap_percent: float = 1.5


MATERIALS = (
    Material("DEMO-BOTTLE", "Glass bottle 0.5 l", 0.085),
    Material("DEMO-CAP", "Cap", 0.008),
    Material("DEMO-LABEL", "Label", 0.006),
    Material("DEMO-CARTON", "Carton of 12", 0.19),
    Material("DEMO-PREFORM", "PET preform 1.5 l", 0.052),
    Material("DEMO-SLEEVE", "Shrink sleeve", 0.011),
    Material("DEMO-FILM", "Shrink film", 2.10, "kg"),
    Material("DEMO-SUGAR", "Sugar", 0.72, "kg"),
    Material("DEMO-CONCENTRATE", "Flavour concentrate", 6.40, "l"),
    Material("DEMO-BLANK", "Steel blank", 11.50),
    Material("DEMO-BAR", "Brass bar", 9.20, "kg"),
)

_GLASS = {"DEMO-BOTTLE": 1.0, "DEMO-CAP": 1.0, "DEMO-LABEL": 1.0, "DEMO-CARTON": 1 / 12}
_PET = {"DEMO-PREFORM": 1.0, "DEMO-CAP": 1.0, "DEMO-SLEEVE": 1.0, "DEMO-FILM": 0.004}

# What others are made of comes first.
PRODUCTS = (
    Product("DEMO-SYRUP-L", "Lemon syrup", 3.40, 1.55, {"DEMO-SUGAR": 0.62, "DEMO-CONCENTRATE": 0.09}, 8000, 15.0,
            "Batch", "l"),
    Product("DEMO-SYRUP-C", "Cola syrup", 3.80, 1.70, {"DEMO-SUGAR": 0.66, "DEMO-CONCENTRATE": 0.11}, 8000, 15.0,
            "Batch", "l"),
    Product("DEMO-LEMON", "Lemonade 0.5 l", 0.49, 0.24, {**_GLASS, "DEMO-SYRUP-L": 0.06}, 30_000, 20.0, "Bottling"),
    Product("DEMO-COLA", "Cola 0.5 l", 0.55, 0.25, {**_GLASS, "DEMO-SYRUP-C": 0.06}, 30_000, 20.0, "Bottling"),
    Product("DEMO-WATER", "Spring water 0.5 l", 0.32, 0.14, _GLASS, 30_000, 20.0, "Bottling"),
    Product("DEMO-LEMON15", "Lemonade 1.5 l", 0.89, 0.42, {**_PET, "DEMO-SYRUP-L": 0.18}, 20_000, 20.0, "Bottling"),
    Product("DEMO-WATER15", "Spring water 1.5 l", 0.45, 0.16, _PET, 20_000, 20.0, "Bottling"),
    Product("DEMO-VALVE", "Filling valve body", 64.0, 27.0, {"DEMO-BLANK": 1.0}, 300, 35.0, "Milling"),
    Product("DEMO-NOZZLE", "Filling nozzle", 18.5, 7.9, {"DEMO-BAR": 0.42}, 600, 35.0, "Turning"),
)  # fmt: skip

BY_CODE = {product.code: product for product in PRODUCTS}

# Minutes that a changeover from one product to another may take; from water it is quick, to water it is rinsed.
CHANGEOVERS = {
    ("", ""): 18.0,
    ("DEMO-WATER", "DEMO-LEMON"): 15.0, ("DEMO-WATER", "DEMO-COLA"): 15.0, ("DEMO-COLA", "DEMO-WATER"): 24.0,
    ("DEMO-LEMON", "DEMO-WATER"): 20.0, ("DEMO-WATER15", "DEMO-LEMON15"): 15.0, ("DEMO-LEMON15", "DEMO-WATER15"): 22.0,
}  # fmt: skip
