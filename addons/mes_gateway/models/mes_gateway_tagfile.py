from odoo import models

from ..tools import tagfile


class MesGateway(models.Model):
    """Tags of a gateway as a file, and from one."""

    _inherit = "mes.gateway"

    def action_import_tags(self):
        """The form that reads a file of tags."""
        self.ensure_one()
        self.env["mes.gateway.tag.import"].check_access("create")
        return self.env["mes.gateway.tag.import"].create({"gateway_id": self.id})._again()

    def action_export_tags(self):
        """All tags as a file that the import takes."""
        self.ensure_one()
        self.env["mes.gateway.tag.import"].check_access("create")
        return {"type": "ir.actions.act_url", "url": f"/mes_gateway/{self.id}/tags.csv", "target": "download"}

    def _tags_as_csv(self) -> str:
        """The tags in the columns of the import; what says nothing is left empty."""
        return tagfile.write(tag._as_row() for tag in self.tag_ids)
