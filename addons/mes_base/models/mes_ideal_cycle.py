from collections.abc import Iterable
from decimal import Decimal

from odoo import api, fields, models
from odoo.tools import SQL

from ..tools import bulk, clock
from ..tools.fields import Timestamp


class MesIdealCycle(models.Model):
    """Shortest time per piece of a product on a work center, valid from a date (PRU of ISO 22400)."""

    _name = "mes.ideal.cycle"
    _inherit = ["mes.marking.mixin"]
    _description = "Ideal Cycle"
    _order = "workcenter_id, product_id, date_from desc"
    _check_company_auto = True
    _marking_why = "ideal"

    workcenter_id = fields.Many2one(
        "mrp.workcenter", string="Work Center", required=True, index=True, ondelete="restrict"
    )
    company_id = fields.Many2one(related="workcenter_id.company_id", store=True, index=True)
    product_id = fields.Many2one(
        "product.product", ondelete="restrict", check_company=True, help="Empty: for every product."
    )
    date_from = Timestamp(string="From", required=True, default=lambda self: self.env["mes.clock"].now())
    seconds = fields.Float(string="Seconds per Piece", digits=(16, 6), required=True)
    source = fields.Selection(
        [
            ("nameplate", "Machine's nameplate"),
            ("study", "Time study"),
            ("best", "Best sustained rate"),
            ("estimate", "Estimate"),
        ],
        required=True,
        default="nameplate",
    )

    _seconds_positive = models.Constraint("CHECK(seconds > 0)", "An ideal cycle is longer than 0 seconds.")
    _start_unique = models.UniqueIndex(
        "(workcenter_id, COALESCE(product_id, 0), date_from)",
        "This work center already has an ideal cycle for this product from that time.",
    )

    def _marked_spans(self):
        """From its date on; the cycles of other products are touched too, which costs little."""
        return [(cycle.workcenter_id.id, clock.to_ms(cycle.date_from), None) for cycle in self]

    @api.private
    def _lookup(self, workcenter_ids: Iterable[int]) -> dict[int, list[tuple[int | None, int, Decimal]]]:
        """(product id or None for any, from in ms, seconds) of each machine by date; one statement.

        The ideal cycle of a product at a time is its latest from then, else the latest of "any".
        """
        self.flush_model()
        self.env.cr.execute(
            SQL(
                """
                SELECT workcenter_id, product_id, %(from)s, seconds::text FROM mes_ideal_cycle
                 WHERE workcenter_id = ANY(%(ids)s::int4[]) ORDER BY workcenter_id, date_from, id
                """,
                ids=bulk.int_array(workcenter_ids),
                **{"from": bulk.millis("date_from")},
            )
        )
        found: dict[int, list[tuple[int | None, int, Decimal]]] = {}
        for workcenter_id, product_id, start, seconds in self.env.cr.fetchall():
            found.setdefault(workcenter_id, []).append((product_id, start, Decimal(seconds)))
        return found
