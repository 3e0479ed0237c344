from odoo import models


class MesStateRemap(models.Model):
    """A map applied to history bears the number by which the machine's tag tells it."""

    _inherit = "mes.state.remap"

    def _revision_at(self, workcenter_id: int) -> int:
        """The tag's revision, if the machine takes this map from a tag: its later points bear it too."""
        tag = self.map_id.tag_ids.filtered(
            lambda one: one.workcenter_id.id == workcenter_id and one.signal == self.lane
        )
        return tag[:1].map_revision or super()._revision_at(workcenter_id)
