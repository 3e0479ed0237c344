from odoo import api, fields, models
from odoo.addons.mes_base.tools import clock
from odoo.addons.mes_base.tools.fields import BigInteger, Timestamp
from odoo.exceptions import UserError

from ..kpi import Ideals

HOUR_MS = 3_600_000
# So far back evidence is looked for, and so much production a finding needs.
LOOK_BACK_MS = 14 * 24 * HOUR_MS
LEAST_MS = HOUR_MS
# A finding that was dismissed comes again only when the proposal is so much shorter than the dismissed one.
NEWS = 0.98


class MesOeeFinding(models.Model):
    """Something about the figures that a person should decide: an ideal cycle that the machine beats.

    Refreshed from the rollups: an open finding follows its evidence and is closed when the evidence
    is gone, a decided one stays as it was decided.
    """

    _name = "mes.oee.finding"
    _description = "Finding about Figures"
    _order = "state, effectiveness desc, id desc"
    _check_company_auto = True

    kind = fields.Selection([("ideal_too_long", "Ideal cycle too long")], required=True, default="ideal_too_long")
    workcenter_id = fields.Many2one(
        "mrp.workcenter", string="Work Center", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="workcenter_id.company_id", store=True, index=True)
    product_id = fields.Many2one(
        "product.product", ondelete="cascade", check_company=True, help="Empty: production without a product."
    )
    state = fields.Selection(
        [("open", "Open"), ("adopted", "Adopted"), ("dismissed", "Dismissed"), ("gone", "Gone")],
        required=True, default="open", index=True,
    )  # fmt: skip
    effectiveness = fields.Float(help="Ideal time of what was made by production time: above 1 is faster than ideal.")
    present_seconds = fields.Float(string="Ideal Cycle (s)", digits=(16, 6))
    proposed_seconds = fields.Float(
        string="Proposal (s)",
        digits=(16, 6),
        help="The cycle that the machine sustained: 95th percentile of its hours.",
    )
    evidence_hours = fields.Float(string="Hours of Evidence", help="Production time behind the finding.")
    pieces = BigInteger(string="Pieces")
    seen_at = Timestamp(string="Seen", help="When the evidence was last looked at.")
    adopt_from = Timestamp(string="Adopt From", help="Empty: from now. Figures since then are made anew.")
    reason = fields.Char(string="Why Not", help="Why the proposal is not adopted.")
    cycle_id = fields.Many2one("mes.ideal.cycle", string="New Ideal Cycle", ondelete="set null", readonly=True)
    decided_by_id = fields.Many2one("res.users", string="Decided By", ondelete="restrict", readonly=True)
    decided_at = Timestamp(string="Decided", readonly=True)

    _one_open = models.UniqueIndex(
        "(kind, workcenter_id, COALESCE(product_id, 0)) WHERE state = 'open'",
        "This work center already has an open finding of this kind for this product.",
    )

    @api.depends("workcenter_id", "product_id")
    def _compute_display_name(self):
        for finding in self:
            finding.display_name = " · ".join(filter(None, [finding.workcenter_id.name, finding.product_id.name]))

    @api.model
    def _cron_refresh(self):
        """Look at every machine, some at a time; a commit after each part."""
        machines = self.env["mrp.workcenter"].search([("mes_level", "=", "unit")], order="id")
        self.env["ir.cron"]._commit_progress(remaining=len(machines))
        for first in range(0, len(machines), 25):
            chunk = machines[first : first + 25]
            self._refresh(chunk)
            if not self.env["ir.cron"]._commit_progress(len(chunk)):
                break

    @api.model
    def refresh(self):
        """Look at all machines that the user may read now; for the button of the list.

        :raises AccessError: the user may not decide about findings.
        """
        self.check_access("write")
        self._refresh(self.env["mrp.workcenter"].search([("mes_level", "=", "unit")]))
        return {"type": "ir.actions.client", "tag": "soft_reload"}

    def _refresh(self, machines) -> None:
        """Bring the open findings of machines in step with the evidence of the last fortnight."""
        now = self.env["mes.clock"].now_ms()
        told = self.env["mes.oee"].too_long_cycles(machines, now - LOOK_BACK_MS, now, present=True) if machines else {}
        ideals = self.env["mes.oee.engine"]._ideals(machines.ids)
        wanted = {
            (wc, one.product or False): self._finding_vals(wc, one, ideals.get(wc, ()), now)
            for wc, found in told.items()
            for one in found
            if one.production_ms >= LEAST_MS
        }
        # Findings are the job's: whoever has it looked at again decides nothing by that.
        findings = self.sudo()
        known = [("workcenter_id", "in", machines.ids), ("state", "in", ("open", "dismissed"))]
        for finding in findings.search(known):
            key = (finding.workcenter_id.id, finding.product_id.id)
            vals = wanted.get(key)
            if finding.state == "open":
                finding.write(wanted.pop(key) if vals else {"state": "gone"})
            elif vals and not finding._is_news(vals):
                del wanted[key]
        findings.create(list(wanted.values()))

    def _is_news(self, vals) -> bool:
        """Whether evidence says more than what was dismissed: another cycle is in force, or a shorter one proposed."""
        same = abs(vals["present_seconds"] - self.present_seconds) < 1e-6
        return not same or vals["proposed_seconds"] < self.proposed_seconds * NEWS

    def _finding_vals(self, workcenter_id: int, one, ideals, now: int) -> dict:
        """The values of a finding."""
        present = Ideals(ideals).ns(one.product, now) or 0
        return {
            "workcenter_id": workcenter_id,
            "product_id": one.product or False,
            "effectiveness": float(one.effectiveness),
            "present_seconds": present / 1e9,
            "proposed_seconds": round(one.proposal_ns / 1e9, 6),
            "evidence_hours": one.production_ms / HOUR_MS,
            "pieces": one.pieces,
            "seen_at": clock.from_ms(now),
        }

    def action_adopt(self):
        """Make the proposal the ideal cycle, from the chosen time on; figures since then are made anew.

        :raises AccessError: the user may not enter ideal cycles.
        :raises UserError: the finding is decided already, or the time lies in a closed period.
        """
        now = self.env["mes.clock"].now()
        for finding in self._undecided():
            cycle = self.env["mes.ideal.cycle"].create(
                {
                    "workcenter_id": finding.workcenter_id.id,
                    "product_id": finding.product_id.id,
                    "date_from": finding.adopt_from or now,
                    "seconds": finding.proposed_seconds,
                    "source": "best",
                }
            )
            finding.write({"state": "adopted", "cycle_id": cycle.id, "decided_by_id": self.env.uid, "decided_at": now})
        return True

    def action_dismiss(self):
        """Leave the ideal cycle as it is; the finding keeps the reason.

        :raises UserError: it is decided already, or nobody said why.
        """
        for finding in self._undecided():
            if not (finding.reason or "").strip():
                raise UserError(self.env._("Say why the proposal for %s is not adopted.", finding.display_name))
            finding.write(
                {"state": "dismissed", "decided_by_id": self.env.uid, "decided_at": self.env["mes.clock"].now()}
            )
        return True

    def _undecided(self):
        """These findings. :raises UserError: one of them is decided or gone."""
        self.check_access("write")
        for finding in self:
            if finding.state != "open":
                raise UserError(self.env._("The finding about %s is no longer open: look again.", finding.display_name))
        return self

    def action_evidence(self):
        """The hours behind the finding."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("mes_oee.mes_oee_rollup_action")
        domain = [
            ("workcenter_id", "=", self.workcenter_id.id),
            ("product_id", "=", self.product_id.id),
            ("production_ms", ">", 0),
            ("hour_at", ">=", clock.from_ms(clock.to_ms(self.seen_at) - LOOK_BACK_MS)),
        ]
        return {**action, "domain": domain}
