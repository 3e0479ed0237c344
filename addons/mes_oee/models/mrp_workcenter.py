from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..tools.headline import NOTHING
from .mes_oee_shift import GLANCE

HOUR_MS = 3_600_000
MONTH_MS = 30 * 24 * HOUR_MS


class MrpWorkcenter(models.Model):
    """Figures from machine facts in place of Community's, which knows only time logs."""

    _inherit = "mrp.workcenter"

    mes_oee_method = fields.Selection(
        [("sums", "Sums of its units"), ("bottleneck", "Its bottleneck")],
        string="Figures of the Line",
        default="sums",
        required=True,
        help="Sums: numerators of all units by denominators of all units. Never a mean of percentages.",
    )
    mes_bottleneck_id = fields.Many2one(
        "mrp.workcenter",
        string="Bottleneck",
        ondelete="restrict",
        check_company=True,
        domain="[('mes_line_id', '=', id)]",
    )
    mes_startup_minutes = fields.Integer(
        string="Start-up Time (min)",
        default=10,
        help="So long after a set-up rejected pieces count as start-up rejects. 0: none.",
    )
    mes_planned_scrap = fields.Float(
        string="Planned Scrap (%)",
        digits=(5, 2),
        help="Share of the pieces made that the plan reckons to be scrap, for products that have none of their own.",
    )
    mes_has_facts = fields.Boolean(string="Has Machine Facts", compute="_compute_mes_has_facts")
    mes_oee_shift = fields.Char(string="Shift of the Figures", compute="_compute_mes_figures")
    mes_availability = fields.Float(string="Availability", compute="_compute_mes_figures")
    mes_performance = fields.Float(string="Effectiveness", compute="_compute_mes_figures")
    mes_quality = fields.Float(string="Quality Ratio", compute="_compute_mes_figures")
    mes_oee = fields.Float(string="OEE of the Shift", compute="_compute_mes_figures")
    mes_coverage = fields.Float(string="Coverage", compute="_compute_mes_figures")
    mes_oee_refusal = fields.Char(string="Why There Is No OEE", compute="_compute_mes_figures")

    _mes_planned_scrap_percent = models.Constraint(
        "CHECK(mes_planned_scrap IS NULL OR mes_planned_scrap BETWEEN 0 AND 100)",
        "Planned scrap is from 0 to 100 percent.",
    )
    _mes_startup_positive = models.Constraint(
        "CHECK(mes_startup_minutes IS NULL OR mes_startup_minutes >= 0)", "A start-up time is not negative."
    )

    @api.constrains("mes_bottleneck_id")
    def _check_mes_bottleneck(self):
        for line in self.filtered("mes_bottleneck_id"):
            if line.mes_bottleneck_id.mes_line_id != line:
                raise ValidationError(
                    self.env._("%(machine)s does not stand in %(line)s: choose one of its machines as the bottleneck.",
                               machine=line.mes_bottleneck_id.name, line=line.name)
                )  # fmt: skip

    @api.constrains("active")
    def _check_mes_bottleneck_stays(self):
        gone = self.filtered(lambda one: not one.active)
        if line := self.search([("mes_bottleneck_id", "in", gone.ids)], limit=1):
            raise ValidationError(
                self.env._("%(machine)s is the bottleneck of %(line)s: choose another one there, then archive it.",
                           machine=line.mes_bottleneck_id.name, line=line.name)
            )  # fmt: skip

    @api.private
    def _mes_pacing(self):
        """The bottleneck of a line that is measured by it; none once it has moved away: then the sums tell."""
        machine = self.mes_bottleneck_id if self.mes_oee_method == "bottleneck" else self.browse()
        return machine if machine.mes_line_id == self else self.browse()

    @api.private
    def _mes_paced_by(self):
        """Whose target a machine is measured by: it must have passed on what its line's bottleneck should have made;
        itself where no bottleneck is named."""
        bottleneck = self.mes_line_id.mes_bottleneck_id
        return bottleneck if bottleneck.active and bottleneck.mes_line_id == self.mes_line_id else self

    def write(self, vals):
        """Another start-up time makes other start-up rejects, in all that is not closed."""
        result = super().write(vals)
        if "mes_startup_minutes" in vals:
            self.env["mes.dirty.span"]._mark([(w.id, 0, None) for w in self.filtered("mes_level")], "setting")
        return result

    def _compute_mes_has_facts(self):
        """A machine that reports has facts; a line has them if a unit of it has."""
        known = self.env["mes.oee"]._with_facts(self.ids)
        for workcenter in self:
            workcenter.mes_has_facts = workcenter.id in known

    @api.depends_context("mes_now_ms")
    def _compute_mes_figures(self):
        """The figures of the shift that is running, or else of the last one that ended."""
        known = self.filtered("mes_has_facts") if self.env["mes.oee"]._may_read() else self.browse()
        headlines = self.env["mes.oee.shift"].headlines(known)
        for workcenter in self:
            made = headlines.get(workcenter.id, NOTHING)
            workcenter.mes_oee_shift = made.shift
            workcenter.mes_availability = made.availability or 0.0
            workcenter.mes_performance = made.performance or 0.0
            workcenter.mes_quality = made.quality or 0.0
            workcenter.mes_oee = made.oee or 0.0
            workcenter.mes_coverage = made.coverage or 0.0
            workcenter.mes_oee_refusal = made.refusal and self.env["mes.oee"]._refusal_text(made.refusal)

    def _compute_oee(self):
        """Community's OEE of the last month, in percent: where there are facts, the engine's."""
        with_facts = self._mes_measured()
        if rest := self - with_facts:
            super(MrpWorkcenter, rest)._compute_oee()
        for workcenter, month in with_facts._mes_last_month():
            workcenter.oee = _percent(month, "oee")

    def _compute_performance(self):
        """Community's performance of the last month, whole percent: where there are facts, effectiveness."""
        with_facts = self._mes_measured()
        if rest := self - with_facts:
            super(MrpWorkcenter, rest)._compute_performance()
        for workcenter, month in with_facts._mes_last_month():
            workcenter.performance = round(_percent(month, "effectiveness"))

    def _compute_productive_time(self):
        """Community's productive hours of the last month: where there are facts, production time (APT)."""
        with_facts = self._mes_measured()
        if rest := self - with_facts:
            super(MrpWorkcenter, rest)._compute_productive_time()
        for workcenter, month in with_facts._mes_last_month():
            workcenter.productive_time = month.totals.production_ms / HOUR_MS if month else 0.0

    def _compute_blocked_time(self):
        """Community's blocked hours of the last month: where there are facts, busy time without production.

        So productive and blocked time are planned busy time (PBT), and their quotient is availability.
        """
        with_facts = self._mes_measured()
        if rest := self - with_facts:
            super(MrpWorkcenter, rest)._compute_blocked_time()
        for workcenter, month in with_facts._mes_last_month():
            workcenter.blocked_time = workcenter._mes_blocked_ms(month.totals) / HOUR_MS if month else 0.0

    def _mes_measured(self):
        """Those with facts, if the user may read figures at all; the others keep Community's."""
        return self.filtered("mes_has_facts") if self.env["mes.oee"]._may_read() else self.browse()

    def _mes_last_month(self):
        """Each work center with its figures of the last month; None, while it had no time at all."""
        months = self.env["mes.oee"]._last(self, MONTH_MS, GLANCE)
        return [(one, months.get(one.id)) for one in self]

    def _mes_blocked_ms(self, totals) -> int:
        """Planned busy time without production; without an order it counts as the site says."""
        blocked = totals.pbt_ms - totals.production_ms
        return blocked if self.mes_site_id.mes_no_order_is_loss else blocked - totals.no_order_ms

    def action_mes_blocked(self):
        """The stops behind the blocked time."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("mes_base.mes_stop_action")
        machines = self.mes_unit_ids if self.mes_level == "line" else self
        return {**action, "domain": [("workcenter_id", "in", machines.ids)]}

    def action_mes_oee(self):
        """The hours behind the figure."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("mes_oee.mes_oee_report_action")
        field = "line_id" if self.mes_level == "line" else "workcenter_id"
        return {**action, "domain": [(field, "=", self.id)]}



def _percent(part, key: str) -> float:
    """A figure in percent, 0 if there is none: what Community's fields show."""
    value = part.figures[key].value if part else None
    return 0.0 if value is None else float(value * 100)
