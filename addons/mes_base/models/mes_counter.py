from collections.abc import Iterable

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL

from ..tools import bulk

# Role -> the seat that it takes on its machine.
AUTHORITATIVE = {"total": "total", "good": "quality", "reject": "quality"}


class MesCounter(models.Model):
    """A counter of a machine; its points are totals, quantities are their differences."""

    _name = "mes.counter"
    _description = "Counter"
    _order = "workcenter_id, name"

    workcenter_id = fields.Many2one(
        "mrp.workcenter", string="Work Center", required=True, index=True, ondelete="restrict"
    )
    company_id = fields.Many2one(related="workcenter_id.company_id", store=True, index=True)
    name = fields.Char(required=True)
    role = fields.Selection(
        [
            ("total", "Total (authoritative)"),
            ("good", "Good (authoritative)"),
            ("reject", "Reject (authoritative)"),
            ("check", "Cross-check"),
        ],
        required=True,
        default="total",
    )
    unit = fields.Char(default="pcs")
    pieces_per_unit = fields.Float(digits=(16, 6), default=1.0, required=True)
    tolerance = fields.Float(digits=(16, 6), default=0.0, help="Pieces by which a cross-check may differ.")
    active = fields.Boolean(default=True)

    _name_unique = models.Constraint(
        "UNIQUE(workcenter_id, name)", "This work center already has a counter of this name."
    )
    _one_total = models.UniqueIndex(
        "(workcenter_id) WHERE role = 'total' AND active",
        "A work center has one authoritative counter for the total.",
    )
    _one_quality = models.UniqueIndex(
        "(workcenter_id) WHERE role IN ('good', 'reject') AND active",
        "A work center has one authoritative counter for good or for rejected parts.",
    )
    _pieces_positive = models.Constraint(
        "CHECK(pieces_per_unit > 0 AND tolerance >= 0)",
        "Pieces per unit are more than 0 and a tolerance is not negative.",
    )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_history(self):
        for counter in self:
            if self.env["mes.count.point"].sudo().search_count([("counter_id", "=", counter.id)], limit=1):
                raise UserError(
                    self.env._("Counter %s has readings and cannot be deleted: archive it.", counter.display_name)
                )

    @api.private
    def _machines(self, counter_ids: Iterable[int]) -> dict[int, int]:
        """The machine of each counter, which can't be deleted until the transaction ends; one statement.

        :raises ValidationError: a counter is unknown.
        """
        ids = set(counter_ids)
        if not ids:
            return {}
        self.env.cr.execute(
            SQL(
                "SELECT id, workcenter_id FROM mes_counter WHERE id = ANY(%s::int4[]) ORDER BY id FOR KEY SHARE",
                bulk.int_array(ids),
            )
        )
        found = dict(self.env.cr.fetchall())
        if missing := ids - set(found):
            raise ValidationError(self.env._("Counters %s are unknown.", ", ".join(map(str, sorted(missing)))))
        return found

    @api.private
    def _ensure(self, wanted: Iterable[tuple[int, str, str | None, str | None]]) -> dict[tuple[int, str], int]:
        """The ids of the counters (work center id, name, role, unit), created where missing.

        A role of None is taken from the name (total, good, reject) while that seat is free on the
        machine, else the counter is a cross-check. A given role that is taken becomes a check too:
        nothing that a machine counts is refused.
        """
        wanted = list(dict.fromkeys(wanted))
        machines = {row[0] for row in wanted}
        known = self.with_context(active_test=False).search([("workcenter_id", "in", machines)])
        ids = {(counter.workcenter_id.id, counter.name): counter.id for counter in known}
        seats = {
            (counter.workcenter_id.id, AUTHORITATIVE[counter.role])
            for counter in known
            if counter.active and counter.role in AUTHORITATIVE
        }
        missing = []
        for workcenter_id, name, role, unit in wanted:
            if (workcenter_id, name) in ids:
                continue
            role = role or (name if name in AUTHORITATIVE else "check")
            seat = (workcenter_id, AUTHORITATIVE.get(role))
            if seat in seats:
                role = "check"
            elif seat[1]:
                seats.add(seat)
            ids[workcenter_id, name] = 0
            missing.append({"workcenter_id": workcenter_id, "name": name, "role": role, "unit": unit or "pcs"})
        for counter in self.create(missing):
            ids[counter.workcenter_id.id, counter.name] = counter.id
        return {(row[0], row[1]): ids[row[0], row[1]] for row in wanted}
