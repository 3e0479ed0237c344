from odoo import fields, models


class MrpWorkorder(models.Model):
    """Starting, pausing and finishing a work order opens and closes its run on the machine."""

    _inherit = "mrp.workorder"

    mes_run_ids = fields.One2many("mes.order.run", "workorder_id", string="Order Runs")

    def button_start(self, *args, **kwargs):
        """Open runs of what is in progress afterwards."""
        result = super().button_start(*args, **kwargs)
        self.env["mes.order.run"]._open(self.filtered(lambda workorder: workorder.state == "progress"))
        return result

    def button_pending(self):
        """A pause ends the run, unless somebody else still works on the order."""
        result = super().button_pending()
        paused = self.filtered(lambda workorder: all(log.date_end for log in workorder.time_ids))
        self.env["mes.order.run"]._close(paused)
        return result

    def write(self, vals):
        """Leaving "in progress" by any road ends the run; another work center takes it over."""
        moved = self.browse()
        if "workcenter_id" in vals:
            moved = self.filtered(
                lambda workorder: (
                    workorder.workcenter_id.id != vals["workcenter_id"]
                    and any(not run.at_until for run in workorder.sudo().mes_run_ids)
                )
            )
        result = super().write(vals)
        if vals.get("state", "progress") != "progress":
            self.env["mes.order.run"]._close(self)
        if moved:
            self.env["mes.order.run"]._close(moved)
            self.env["mes.order.run"]._open(moved.filtered(lambda workorder: workorder.state == "progress"))
        return result
