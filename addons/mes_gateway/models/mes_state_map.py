from odoo import api, fields, models


class MesStateMap(models.Model):
    """Tags take their maps from here."""

    _inherit = "mes.state.map"

    tag_ids = fields.One2many("mes.gateway.tag", "map_id", string="Tags")

    @api.private
    def _lines_changed(self) -> None:
        """The tags of these maps follow, and with them the bridges: those of every company where a map is common."""
        super()._lines_changed()
        # Whoever may write a common map decides for all who use it.
        tags = self.env["mes.gateway.tag"].sudo().with_context(active_test=False)
        tags.search([("map_id", "in", self.ids)])._take_tables()

    @api.private
    def _users(self):
        return super()._users() | self.tag_ids.workcenter_id
