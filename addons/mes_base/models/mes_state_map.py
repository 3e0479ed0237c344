from odoo import api, fields, models


class MesStateMap(models.Model):
    """What the raw values of a machine mean: a table that several machines may share, kept as data.

    A line may say a state, a mode and an interlock; whoever uses the map takes what he asks for. Every change
    raises the revision. What was stored under an older one keeps its raw value, so that the map can be applied to
    history (``mes.state.remap``).
    """

    _name = "mes.state.map"
    _description = "State Map"
    _order = "sequence, name, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    company_id = fields.Many2one("res.company", index=True, help="Empty: for every company.")
    active = fields.Boolean(default=True)
    standard = fields.Selection(
        [
            ("own", "Own Codes"),
            ("packml_packtags", "PackML, PackTags"),
            ("packml_opc30060", "PackML, OPC 30060"),
            ("packml_mode", "PackML Unit Modes"),
            ("opc40001_state", "OPC 40001-1 Machinery Item State"),
            ("opc40001_mode", "OPC 40001-1 Operation Mode"),
            ("semi_e10", "SEMI E10"),
        ],
        default="own",
        required=True,
    )
    source = fields.Char(help="Where the values are laid down: a standard and its table, or the machine's manual.")
    revision = fields.Integer(default=0, readonly=True, copy=False, help="Rises with each change of the lines.")
    line_ids = fields.One2many("mes.state.map.line", "map_id", string="Values", copy=True)

    @api.private
    def _meaning(self, what: str) -> dict[str, str]:
        """Raw value -> state, mode or interlock; values of which the map does not say it are left out."""
        self.ensure_one()
        # A common map is everybody's to use, from whatever company one looks.
        return {line.raw: line[what] for line in self.sudo().line_ids if line[what]}

    @api.private
    def _lines_changed(self) -> None:
        """Raise the revision; a room that has users of a map tells them."""
        # The lines could be written, so this follows.
        for one in self.sudo():
            one.revision += 1

    @api.private
    def _users(self):
        """The machines that use these maps; a room that assigns maps knows them."""
        return self.env["mrp.workcenter"]

    def action_apply_to_history(self):
        """The form that applies the map to what is stored."""
        self.ensure_one()
        self.check_access("write")
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Apply to History"),
            "res_model": "mes.state.remap",
            "views": [(False, "form")],
            "context": {
                "default_map_id": self.id,
                "default_workcenter_ids": self._users().ids,
                "default_lane": "state" if self._meaning("state") else "mode",
            },
        }
