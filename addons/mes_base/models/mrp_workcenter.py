import re
from collections.abc import Iterable

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL

from ..tools import bulk, clock
from .mes_area import check_code


class MrpWorkcenter(models.Model):
    """Lines and units of the plant are Odoo's work centers."""

    _inherit = "mrp.workcenter"

    mes_level = fields.Selection(
        [("line", "Line"), ("unit", "Unit")],
        string="Plant Level",
        index=True,
        help="Empty: a work center outside the plant model, for planning only.",
    )
    mes_area_id = fields.Many2one("mes.area", string="Area", index=True, ondelete="restrict", check_company=True)
    mes_site_id = fields.Many2one(related="mes_area_id.site_id", string="Site", store=True)
    mes_line_id = fields.Many2one(
        "mrp.workcenter",
        string="Line",
        index=True,
        ondelete="restrict",
        check_company=True,
        domain="[('mes_level', '=', 'line'), ('mes_area_id', '=', mes_area_id)]",
    )
    mes_unit_ids = fields.One2many("mrp.workcenter", "mes_line_id", string="Units")
    mes_code = fields.Char(
        string="Machine Code",
        index=True,
        copy=False,
        help="Stable address of the machine: site/area/line/unit. It stays when the machine moves.",
    )
    mes_placement_ids = fields.One2many("mes.placement", "workcenter_id", string="Placements")
    mes_minor_stop_ms = fields.Integer(
        string="Minor Stop Threshold (ms)",
        default=60000,
        help="A closed stop shorter than this is a minor stop.",
    )
    mes_minor_stop_ids = fields.One2many(
        "mes.minor.stop",
        "workcenter_id",
        string="Thresholds by Mode",
        help="Where stops in a mode, such as manual operation, are minor up to another length.",
    )
    mes_parallel_orders = fields.Boolean(
        string="Orders Side by Side",
        help="Several orders may run at once, with shares; else starting one ends the run of the other.",
    )
    mes_stale_ms = fields.Integer(
        string="Stale Limit (ms)",
        default=5000,
        help="So long after the last good read the machine counts as watched.",
    )

    mes_word_turn = fields.Integer(copy=False, help="Rises with each word about the machine's time: one at a time.")

    _mes_code_unique = models.Constraint(
        "UNIQUE(company_id, mes_code)", "A work center of this company already has this machine code."
    )

    @api.constrains("mes_level", "mes_area_id", "mes_line_id", "company_id", "mes_code")
    def _check_mes_place(self):
        for workcenter in self:
            problem = workcenter._mes_place_problem()
            if problem:
                raise ValidationError(problem)

    def _mes_place_problem(self) -> str | None:
        """What is wrong with the place of a work center in the plant, as a sentence."""
        line = self.mes_line_id
        if not self.mes_level:
            if self.mes_area_id or line:
                return self.env._("%s has an area or a line: choose its plant level too.", self.name)
            return None
        if not self.mes_area_id:
            return self.env._("%s is part of the plant: choose its area.", self.name)
        if self.company_id != self.mes_area_id.company_id:
            return self.env._("%s must belong to the company of its area.", self.name)
        if line and (self.mes_level == "line" or line.mes_level != "line" or line.mes_area_id != self.mes_area_id):
            return self.env._("%s: choose a line of the same area; a line itself is on no line.", self.name)
        return None

    @api.constrains("mes_minor_stop_ms", "mes_stale_ms")
    def _check_mes_limits(self):
        for workcenter in self:
            if workcenter.mes_minor_stop_ms < 0 or workcenter.mes_stale_ms <= 0:
                raise ValidationError(
                    self.env._("The stale limit is more than 0 ms and the minor stop threshold not negative.")
                )

    @api.model_create_multi
    def create(self, vals_list):
        """Give machines of the plant their code and their first placement."""
        workcenters = super().create(vals_list)
        workcenters._mes_enter_plant()
        return workcenters

    def write(self, vals):
        """A change of place is a move from now on; a code stays once facts are stored under it."""
        self._mes_refuse_new_identity(vals)
        moves = {"mes_area_id", "mes_line_id"} & set(vals) and not self.env.context.get("mes_follow_placements")
        before = {w: (w.mes_area_id, w.mes_line_id) for w in self} if moves else {}
        result = super().write(vals)
        if "mes_level" in vals or moves:
            entered = self._mes_enter_plant()
            for workcenter, place in before.items():
                if workcenter not in entered and place != (workcenter.mes_area_id, workcenter.mes_line_id):
                    workcenter._mes_move(workcenter.mes_area_id, workcenter.mes_line_id)
        if "mes_minor_stop_ms" in vals:
            self.env["mes.dirty.span"]._mark([(w.id, 0, None) for w in self.filtered("mes_level")], "setting")
        return result

    def _mes_take_turn(self) -> None:
        """One at a time, for what people say at these machines: whoever comes first, the other one sees it.

        The turn is a row that both write, so that of two transactions which cannot see each other the later one
        fails to serialize; it is run again by Odoo and then finds what the other one did. A lock alone would let it
        go on with what it saw before it waited.
        """
        self.env.cr.execute(
            SQL(
                "UPDATE mrp_workcenter SET mes_word_turn = COALESCE(mes_word_turn, 0) + 1 WHERE id = ANY(%s::int4[])",
                bulk.int_array(self.ids),
            )
        )

    def _mes_refuse_new_identity(self, vals) -> None:
        """Refuse to change what facts are stored under."""
        for name in {"mes_code", "company_id", "mes_level"} & set(vals):
            changed = self.filtered(
                lambda w, name=name: w[name] and self._fields[name].convert_to_write(w[name], w) != vals[name]
            )
            if known := changed._mes_with_history():
                raise UserError(
                    self.env._(
                        "%s already has facts: its machine code, plant level and company stay. "
                        "Archive it and add a new work center instead.",
                        ", ".join(known.mapped("name")),
                    )
                )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_history(self):
        if known := self._mes_with_history():
            raise UserError(
                self.env._("%s has history and cannot be deleted: archive it.", ", ".join(known.mapped("name")))
            )

    @api.private
    def _mes_with_history(self):
        """Those of the work centers that have facts; one statement."""
        if not self.ids:
            return self.browse()
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
                SELECT id FROM mrp_workcenter w WHERE id = ANY(%s::int4[]) AND (
                       EXISTS (SELECT FROM mes_state_point WHERE workcenter_id = w.id)
                    OR EXISTS (SELECT FROM mes_evidence_span WHERE workcenter_id = w.id)
                    OR EXISTS (SELECT FROM mes_counter WHERE workcenter_id = w.id)
                    OR EXISTS (SELECT FROM mes_order_run WHERE workcenter_id = w.id)
                    OR EXISTS (SELECT FROM mes_state_override WHERE workcenter_id = w.id)
                    OR EXISTS (SELECT FROM mes_late_fact WHERE workcenter_id = w.id))
                """,
                bulk.int_array(self.ids),
            )
        )
        return self.browse(row[0] for row in self.env.cr.fetchall())

    def _mes_enter_plant(self):
        """Give a code and a first placement to those that are new in the plant, and hand them back."""
        new = self.filtered(lambda w: w.mes_level and w.mes_area_id and not w.mes_placement_ids)
        for workcenter in new.sorted(lambda w: w.mes_level != "line"):
            if not workcenter.mes_code:
                workcenter.mes_code = workcenter._mes_compose_code()
        self.env["mes.placement"].create(
            [
                {
                    "workcenter_id": w.id,
                    "area_id": w.mes_area_id.id,
                    "line_id": w.mes_line_id.id,
                    "date_from": clock.EPOCH,
                }
                for w in new
            ]
        )
        return new

    def _mes_compose_code(self) -> str:
        """site/area/line/unit of the present place; the last part is the work center's own code or name."""
        own = self.code or re.sub(r"[^A-Z0-9]+", "_", (self.name or "").upper()).strip("_")
        check_code(self.env, own)
        area, line = self.mes_area_id, self.mes_line_id
        parts = [area.site_id.code, area.code]
        if line:
            parts.append((line.mes_code or line.code or line.name).rsplit("/", 1)[-1])
        return "/".join([*parts, own])

    @api.private
    def _mes_move(self, area, line=None, at_ms: int | None = None) -> None:
        """Record that the machines stand in another area or line since ``at_ms`` (default: now).

        A line takes its units along. Codes stay. A second move at the same instant replaces the first.
        """
        date_from = clock.from_ms(self.env["mes.clock"].now_ms() if at_ms is None else at_ms)
        for workcenter in self:
            place = {"area_id": area.id, "line_id": line.id if line else False}
            same = workcenter.mes_placement_ids.filtered(lambda p: p.date_from == date_from)
            if same:
                same.write(place)
            else:
                same.create({**place, "workcenter_id": workcenter.id, "date_from": date_from})
            if workcenter.mes_level == "line":
                workcenter.mes_unit_ids._mes_move(area, workcenter, clock.to_ms(date_from))

    @api.private
    def _mes_follow_placements(self) -> None:
        """Set the present area and line to those of the latest placement."""
        for workcenter in self.with_context(mes_follow_placements=True):
            latest = workcenter.mes_placement_ids.sorted("date_from")[-1:]
            place = (latest.area_id, latest.line_id)
            if latest and place != (workcenter.mes_area_id, workcenter.mes_line_id):
                workcenter.write({"mes_area_id": latest.area_id.id, "mes_line_id": latest.line_id.id})

    @api.private
    def _mes_by_code(self, codes: Iterable[str], company) -> dict[str, tuple[int, int]]:
        """(id, company id) of the machines of a company by their codes, archived ones too; one statement."""
        self.env.cr.execute(
            SQL(
                """SELECT mes_code, id, company_id FROM mrp_workcenter
                    WHERE mes_code = ANY(%s::text[]) AND company_id = %s""",
                bulk.text_array(set(codes)),
                company.id,
            )
        )
        return {code: (id_, company_id) for code, id_, company_id in self.env.cr.fetchall()}
