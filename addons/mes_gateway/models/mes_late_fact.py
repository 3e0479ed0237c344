from collections.abc import Iterable

from odoo import api, models
from odoo.addons.mes_base.tools.rows import Superseded


class MesLateFact(models.Model):
    """What loses its key when a period is opened again is kept like any superseded event."""

    _inherit = "mes.late.fact"

    @api.private
    def _set_aside(self, losers: Iterable[Superseded]) -> None:
        """Keep the losers of each company and stream in the event log."""
        super()._set_aside(losers)
        by_stream: dict[str, list[Superseded]] = {}
        for loser in losers:
            by_stream.setdefault(loser.row.stream, []).append(loser)
        streams = self.env["mes.gateway.stream"].with_context(active_test=False)
        # The late facts that are admitted together are of one company.
        for stream in streams.search([("company_id", "in", self.company_id.ids), ("code", "in", list(by_stream))]):
            source = stream._source()
            plant = self.env["mes.event.applier"].plant(source)
            self.env["mes.event.rejection"].keep_superseded(source, plant, by_stream[stream.code])
