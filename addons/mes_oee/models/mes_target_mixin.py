from odoo import api, fields, models

from ..tools.board import WORLD_CLASS

NAMES = tuple(WORLD_CLASS)


class MesTargetMixin(models.AbstractModel):
    """What a place is measured against: percent; 0 means as the level above says."""

    _name = "mes.target.mixin"
    _description = "Targets"

    mes_target_oee = fields.Float(
        string="Target OEE (%)",
        digits=(4, 1),
        default=lambda self: self._target_default("oee"),
        help="The pieces of each hour are compared with what this OEE would have made. 0: as the site; world "
        "class (85 %) where the site has none.",
    )
    mes_target_availability = fields.Float(
        string="Target Availability (%)", digits=(4, 1), default=lambda self: self._target_default("availability")
    )
    mes_target_performance = fields.Float(
        string="Target Performance (%)", digits=(4, 1), default=lambda self: self._target_default("performance")
    )
    mes_target_quality = fields.Float(
        string="Target Quality (%)", digits=(4, 1), default=lambda self: self._target_default("quality")
    )

    _targets_percent = models.Constraint(
        "CHECK(LEAST(mes_target_oee, mes_target_availability, mes_target_performance, mes_target_quality) >= 0"
        " AND GREATEST(mes_target_oee, mes_target_availability, mes_target_performance, mes_target_quality) <= 100)",
        "A target is from 0 (as the level above) to 100 percent.",
    )

    @api.private
    def _targets(self) -> dict[int, dict[str, float]]:
        """Id -> the targets that hold there, as plain fractions: oee, availability, performance, quality."""
        return {place.id: {name: place._target(name) for name in NAMES} for place in self}

    def _target(self, name: str) -> float:
        """The nearest target that somebody set, or world class."""
        field = f"mes_target_{name}"
        percent = next((level[field] for level in self._target_levels() if level[field]), None)
        return WORLD_CLASS[name] if percent is None else round(percent / 100, 4)

    def _target_levels(self) -> list[models.BaseModel]:
        """The place and those above it, the nearest first."""
        return [self]

    def _target_default(self, name: str) -> float:
        return 0.0
