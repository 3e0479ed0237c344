from typing import Any

from odoo import api, fields, models


class MesGatewayTag(models.Model):
    """A state or mode tag may take its map from a state map: the table is copied whenever that changes, so the
    bridge gets it and its revision as ever."""

    _inherit = "mes.gateway.tag"

    map_id = fields.Many2one(
        "mes.state.map", string="State Map", index="btree_not_null", ondelete="restrict", check_company=True,
        help="Where the map comes from; empty: it is the tag's own.",
    )  # fmt: skip

    @api.model_create_multi
    def create(self, vals_list):
        """A tag with a state map begins with its table."""
        return super().create([self._with_table(vals, vals.get("signal")) for vals in vals_list])

    def write(self, vals):
        """Another state map is another table; a map of one's own parts the tag from the state map."""
        if vals.get("map_id"):
            for signal, tags in self.grouped("signal").items():
                super(MesGatewayTag, tags).write(self._with_table(vals, vals.get("signal", signal)))
            return True
        own = {"map", "map_text"} & vals.keys() and not self.env.context.get("mes_state_map")
        return super().write({**vals, "map_id": False} if own and "map_id" not in vals else vals)

    @api.model
    def _with_table(self, vals: dict[str, Any], signal: str | None) -> dict[str, Any]:
        """Values with the table that belongs to their state map."""
        if not vals.get("map_id") or signal not in ("state", "mode"):
            return vals
        state_map = self.env["mes.state.map"].browse(vals["map_id"])
        rest = {name: value for name, value in vals.items() if name != "map_text"}
        return {**rest, "map": state_map._meaning(signal), "state_by": "map"}

    @api.private
    def _take_tables(self) -> None:
        """Take over what the state maps say now."""
        for tag in self.with_context(mes_state_map=True):
            table = tag.map_id._meaning(tag.signal)
            if tag.map != table:
                tag.write({"map": table})

    def _meaning_values(self) -> dict[str, object]:
        """Where the state map tells interlocks as well, the state's own value says them too."""
        values = super()._meaning_values()
        interlocks = self.map_id._meaning("interlock") if self.map_id and self.signal == "state" else {}
        if interlocks and not self.interlock_tag:
            values |= {"interlock_tag": self.tag, "interlock_map": interlocks}
        return values
