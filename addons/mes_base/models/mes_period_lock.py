from collections.abc import Iterator
from contextlib import contextmanager

from odoo import api, fields, models, modules
from odoo.exceptions import AccessError, UserError, ValidationError
from psycopg2.errors import LockNotAvailable

from ..tools.fields import Timestamp
from .mes_state_override import SUPERVISOR

# So long closing waits for figures that are being made before it gives up: whoever closes looks at a screen.
PATIENCE = "60s"


class MesPeriodLock(models.Model):
    """Up to ``at_until`` the figures of a company or a site are closed; later facts wait outside.

    Opening it again lets the facts in that came meanwhile.
    """

    _name = "mes.period.lock"
    _description = "Closed Period"
    _order = "company_id, at_until desc, id desc"
    _check_company_auto = True
    _rec_name = "at_until"

    company_id = fields.Many2one("res.company", required=True, index=True, default=lambda self: self.env.company)
    site_id = fields.Many2one(
        "mes.site", ondelete="restrict", check_company=True, help="Empty: all sites of the company."
    )
    at_until = Timestamp(string="Closed Up To", required=True)
    locked_by_id = fields.Many2one(
        "res.users", string="Closed By", required=True, readonly=True, default=lambda self: self.env.user
    )
    active = fields.Boolean(default=True, readonly=True, help="Cleared when the period is opened again.")

    @api.model_create_multi
    def create(self, vals_list):
        """Close periods: every fact that was taken before is in the closed figures, every later one waits.

        Whoever closes stands there by name, and nobody else.
        """
        # Whoever may not close a period shall not hold up machines.
        self.check_access("create")
        if not self.env.su:
            vals_list = [{**vals, "locked_by_id": self.env.uid} for vals in vals_list]
        # Most of the work is done before the machines are held up, the rest while nothing can come.
        self._settle_figures()
        self._hold_machines(vals_list)
        self._settle_figures()
        return super().create(vals_list)

    def _hold_machines(self, vals_list: list[dict]) -> None:
        """Wait for the batches of facts that are being stored, and let none begin until the period is closed.

        A batch asks once whether its time is closed. Without this it could be told "no", be stored after the
        closing, and never enter the figures.
        """
        companies = {vals.get("company_id") or self.env.company.id for vals in vals_list}
        # Only ids are read; machines of a site that is named are among those of the company.
        machines = self.env["mrp.workcenter"].sudo().with_context(active_test=False)
        held = machines.search([("company_id", "in", list(companies)), ("mes_level", "!=", False)])
        self.env["mes.fact.writer"].lock_machines(held.ids)

    def _settle_figures(self) -> None:
        """Have all derived rows take in what has come, as seen by a transaction that begins now.

        The one that closes may have begun before the last batch was stored, and would not see it.
        """
        with self._fresh() as fresh:
            try:
                fresh._fold_before_closing()
            except LockNotAvailable:
                raise UserError(
                    self.env._("Figures of these machines are being made anew: close the period in a minute.")
                ) from None

    @contextmanager
    def _fresh(self) -> Iterator["MesPeriodLock"]:
        """This model in a transaction of its own, committed at the end.

        In a test, and for a script that has changed something and not committed it, it is the present
        transaction: another one would not see the changes, and might wait for them.
        """
        if modules.module.current_test or self._has_changes():
            yield self
            return
        with self.env.registry.cursor() as cr:
            cr.execute("SELECT set_config('lock_timeout', %s, true)", [PATIENCE])
            yield self.with_env(self.env(cr=cr))

    def _has_changes(self) -> bool:
        """Whether this transaction has written something."""
        self.env.flush_all()
        self.env.cr.execute("SELECT pg_current_xact_id_if_assigned() IS NOT NULL")
        return self.env.cr.fetchone()[0]

    @api.private
    def _fold_before_closing(self) -> None:
        """Bring derived rows in step with the facts; a room that keeps some extends this."""

    @api.constrains("at_until")
    def _check_past(self):
        now = self.env["mes.clock"].now()
        if any(lock.at_until > now for lock in self):
            raise ValidationError(self.env._("Only the past can be closed: choose a time before now."))

    def action_reopen(self):
        """Open the period again and let in the facts that came while it was closed, the first at once.

        Many are let in by a job, some thousands a transaction, until none waits.
        """
        if not self.env.user.has_group(SUPERVISOR) and not self.env.su:
            raise AccessError(self.env._("Only a supervisor may open a closed period again."))
        self.check_access("read")
        # Locks cannot be edited, only opened here, by the role that was just checked.
        self.sudo().write({"active": False})
        late = self.env["mes.late.fact"].sudo()
        late._admit(self.company_id)
        # Also when none is left: a batch that still saw the lock may be about to store some.
        self.env.ref("mes_base.ir_cron_admit_late_facts").sudo()._trigger()
        return True
