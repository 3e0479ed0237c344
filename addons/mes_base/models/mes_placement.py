from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL

from ..tools import bulk, clock
from ..tools.fields import Timestamp


class MesPlacement(models.Model):
    """Where a work center stood from a date on; the moves of a machine through the plant."""

    _name = "mes.placement"
    _description = "Placement of a Work Center"
    _order = "workcenter_id, date_from desc"
    _check_company_auto = True

    workcenter_id = fields.Many2one(
        "mrp.workcenter", string="Work Center", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="workcenter_id.company_id", store=True, index=True)
    area_id = fields.Many2one("mes.area", required=True, ondelete="restrict", check_company=True)
    line_id = fields.Many2one("mrp.workcenter", ondelete="restrict", check_company=True)
    date_from = Timestamp(string="From", required=True)

    _start_unique = models.Constraint(
        "UNIQUE(workcenter_id, date_from)", "This work center already has a placement from that time."
    )

    @api.constrains("workcenter_id", "area_id", "line_id", "date_from")
    def _check_place(self):
        now = self.env["mes.clock"].now()
        for placement in self:
            line = placement.line_id
            if line and (line.mes_level != "line" or line == placement.workcenter_id):
                raise ValidationError(
                    self.env._("%s is not a line: choose a work center whose plant level is Line.", line.name)
                )
            if placement.date_from > now:
                raise ValidationError(
                    self.env._("A placement cannot begin in the future: enter the move when it has happened.")
                )

    @api.model_create_multi
    def create(self, vals_list):
        """A new placement changes what the machine inherits from then on; a first one changes nothing."""
        placements = super().create(vals_list)
        placements.filtered(lambda p: p.date_from > clock.EPOCH)._changed()
        return placements

    def write(self, vals):
        """A corrected placement changes what the machine inherits, from the earlier of both dates on."""
        self._mark()
        result = super().write(vals)
        self._changed()
        return result

    def unlink(self):
        """Without it the placement before holds on."""
        self._mark()
        workcenters = self.workcenter_id
        result = super().unlink()
        workcenters._mes_follow_placements()
        return result

    def _changed(self) -> None:
        """Bring the machines' present place in step and mark their time from here on."""
        self._mark()
        self.workcenter_id._mes_follow_placements()

    def _mark(self) -> None:
        self.env["mes.dirty.span"]._mark(
            [(p.workcenter_id.id, clock.to_ms(p.date_from), None) for p in self], "placement"
        )

    @api.private
    def _spans(self, workcenter_ids) -> dict[int, list[tuple[int, int | None, int, int | None]]]:
        """(from ms, until ms or None, area id, line id or None) of each machine in order; one statement.

        The first placement holds for the time before it as well.
        """
        self.env.cr.execute(
            SQL(
                """
                SELECT workcenter_id, %(from)s, %(until)s, area_id, line_id
                  FROM (SELECT *, lead(date_from) OVER (PARTITION BY workcenter_id ORDER BY date_from) AS date_until
                          FROM mes_placement WHERE workcenter_id = ANY(%(ids)s::int4[])) p
                 ORDER BY workcenter_id, date_from
                """,
                ids=bulk.int_array(workcenter_ids),
                **{"from": bulk.millis("date_from")},
                until=bulk.millis("date_until"),
            )
        )
        found: dict[int, list[tuple[int, int | None, int, int | None]]] = {}
        for workcenter_id, start, *rest in self.env.cr.fetchall():
            spans = found.setdefault(workcenter_id, [])
            spans.append((start if spans else 0, *rest))
        return found
