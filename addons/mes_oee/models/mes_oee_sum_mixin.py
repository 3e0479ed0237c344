from odoo import models
from odoo.addons.mes_base.tools.fields import BigInteger


class MesOeeSumMixin(models.AbstractModel):
    """The engine's sums as columns: integers only, so that sums of rows are exact."""

    _name = "mes.oee.sum.mixin"
    _description = "Sums of the KPI Engine"

    not_scheduled_ms = BigInteger(string="Not Scheduled (ms)", required=True)
    no_data_ms = BigInteger(string="No Data (ms)", required=True)
    planned_ms = BigInteger(string="Planned Stop (ms)", required=True)
    setup_ms = BigInteger(string="Set-up (ms)", required=True)
    no_order_ms = BigInteger(string="No Order (ms)", required=True)
    production_ms = BigInteger(string="Production (ms)", required=True)
    unplanned_ms = BigInteger(string="Unplanned Stops (ms)", required=True)
    minor_ms = BigInteger(string="Minor Stops (ms)", required=True)
    undetermined_ms = BigInteger(string="Undetermined (ms)", required=True)
    total = BigInteger(string="Pieces", required=True, help="Made in production time.")
    good = BigInteger(string="Good Pieces", required=True)
    reject = BigInteger(string="Rejected Pieces", required=True)
    outside_total = BigInteger(
        string="Pieces Outside", required=True, help="Made outside production time: in no figure."
    )
    outside_good = BigInteger(string="Good Pieces Outside", required=True)
    outside_reject = BigInteger(string="Rejected Pieces Outside", required=True)
    unallocated = BigInteger(
        string="Unallocated Pieces", required=True, help="Of the pieces outside: those without an order."
    )
    ideal_ns = BigInteger(string="Ideal Time (ns)", required=True, help="Sum of ideal cycle × pieces.")
    ideal_good_ns = BigInteger(
        string="Ideal Time of Good Pieces (ns)", required=True, help="Sum of ideal cycle × good pieces."
    )
    without_ideal = BigInteger(string="Pieces without Ideal Cycle", required=True)
    unplanned_stops = BigInteger(
        string="Unplanned Stops Begun", required=True, help="A stop counts in the hour in which it began."
    )
    minor_stops = BigInteger(string="Minor Stops Begun", required=True)
    undetermined_stops = BigInteger(string="Undetermined Stops Begun", required=True)
    startup_reject = BigInteger(
        string="Start-up Rejects", required=True, help="Of the rejected pieces: made while the machine started up."
    )
    startup_ideal_ns = BigInteger(string="Ideal Time of Start-up Rejects (ns)", required=True)
    maintenance_ms = BigInteger(
        string="Planned Maintenance (ms)", required=True, help="Of the planned stop: the machine was maintained."
    )
    failure_ms = BigInteger(
        string="Failures (ms)", required=True, help="Of the delays: those whose reason is a failure."
    )
    failure_stops = BigInteger(string="Failures Begun", required=True)
