from odoo import api, models
from odoo.addons.mes_base.tools import clock


class MesPeriodLock(models.Model):
    """What is closed stays as it is in the rollups too; what is opened is made anew."""

    _inherit = "mes.period.lock"

    @api.private
    def _fold_before_closing(self) -> None:
        """Before a period is closed, the rollups take in all that came for it."""
        super()._fold_before_closing()
        refresh = self.env["mes.oee.refresh"]
        while refresh._fold() or refresh._advance():
            pass

    def action_reopen(self):
        """Settings may have changed while the period was closed: its rows are made anew."""
        result = super().action_reopen()
        for lock in self:
            domain = [("company_id", "=", lock.company_id.id), ("mes_level", "!=", False)]
            if lock.site_id:
                domain.append(("mes_site_id", "=", lock.site_id.id))
            machines = self.env["mrp.workcenter"].with_context(active_test=False).search(domain)
            until = clock.to_ms(lock.at_until)
            self.env["mes.dirty.span"]._mark([(wc, 0, until) for wc in machines.ids], "reopened")
        return result
