from odoo import api, fields, models
from odoo.exceptions import ValidationError

from .mes_state_override import STATES

MODES = [
    ("production", "Production"),
    ("changeover", "Changeover"),
    ("maintenance", "Maintenance"),
    ("cleaning", "Cleaning"),
    ("trial", "Trial"),
    ("manual", "Manual"),
]
INTERLOCKS = [("starved", "Starved"), ("blocked", "Blocked")]
LONGEST_RAW = 64


class MesStateMapLine(models.Model):
    """One raw value, a number or a text, and what it means."""

    _name = "mes.state.map.line"
    _description = "Value of a State Map"
    _order = "map_id, sequence, id"
    _rec_name = "raw"

    map_id = fields.Many2one("mes.state.map", required=True, index=True, ondelete="cascade")
    company_id = fields.Many2one(related="map_id.company_id", store=True, index=True)
    sequence = fields.Integer(default=10)
    raw = fields.Char(string="Raw Value", required=True, help="As the machine tells it: 6, or Execute.")
    state = fields.Selection(STATES)
    mode = fields.Selection(MODES)
    interlock = fields.Selection(
        INTERLOCKS, help="Starved waits for what comes before it, blocked for what comes after."
    )
    name = fields.Char(string="Meaning", help="What the machine's manual calls it.")

    _raw_unique = models.Constraint("UNIQUE(map_id, raw)", "This value is in the map already.")
    _says_something = models.Constraint(
        "CHECK(state IS NOT NULL OR mode IS NOT NULL OR interlock IS NOT NULL)",
        "A value means a state, a mode or an interlock: choose one.",
    )

    @api.constrains("raw")
    def _check_raw(self):
        for line in self:
            if line.raw != line.raw.strip() or not 0 < len(line.raw) <= LONGEST_RAW:
                raise ValidationError(
                    self.env._("A raw value has 1 to %s characters and no blank at its ends.", LONGEST_RAW)
                )

    @api.model_create_multi
    def create(self, vals_list):
        """A new value is a new revision of its map."""
        lines = super().create(vals_list)
        lines.map_id._lines_changed()
        return lines

    def write(self, vals):
        """Another meaning is a new revision."""
        maps = self.map_id
        result = super().write(vals)
        if vals.keys() & {"map_id", "raw", "state", "mode", "interlock"}:
            (maps | self.map_id)._lines_changed()
        return result

    def unlink(self):
        """One value less is a new revision."""
        maps = self.map_id
        result = super().unlink()
        maps.exists()._lines_changed()
        return result
