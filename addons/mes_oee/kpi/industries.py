# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""What others reach: OEE by industry and what ten points of it are said to be worth on a line, a year."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

WORLD_CLASS: dict[str, Fraction] = {
    "availability": Fraction(90, 100),
    "effectiveness": Fraction(95, 100),
    "quality": Fraction(99, 100),
    "oee": Fraction(85, 100),
}
"""The targets that are called world class."""


@dataclass(frozen=True, slots=True)
class Industry:
    """``average``, ``world_class``: usual ranges of OEE in percent; ``ten_points``: US dollars a line a year."""

    key: str
    average: tuple[int, int]
    world_class: tuple[int, int]
    ten_points: tuple[int, int]


INDUSTRIES: tuple[Industry, ...] = (
    Industry("automotive", (72, 78), (85, 90), (300_000, 800_000)),
    Industry("pharmaceutical", (45, 55), (70, 80), (500_000, 1_500_000)),
    Industry("food_beverage", (55, 65), (80, 85), (200_000, 500_000)),
    Industry("electronics", (70, 80), (85, 92), (200_000, 600_000)),
    Industry("packaging", (60, 70), (80, 85), (150_000, 400_000)),
)
