import logging

from markupsafe import Markup
from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_datetime

from ..timeline import Kept, Thresholds
from ..tools import clock

_logger = logging.getLogger(__name__)

# Older stops call nobody by themselves: history that is entered later, or folded anew, is no call for help.
_RECENT_MS = 24 * 3_600_000


class MesStop(models.Model):
    """A stop that calls maintenance: by a person, or by its reason. One request a stop."""

    _inherit = "mes.stop"

    maintenance_ids = fields.One2many("maintenance.request", "mes_stop_id", string="Maintenance Requests")
    maintenance_id = fields.Many2one(
        "maintenance.request", compute="_compute_maintenance_id", string="Maintenance Request",
        help="The request that was raised from this stop, unless it was cancelled.",
    )  # fmt: skip

    @api.depends("maintenance_ids.archive")
    def _compute_maintenance_id(self):
        # Operators may read their own requests only; that there is one, and its name, is told to all of them.
        requests = self.env["maintenance.request"].sudo()
        found = requests.search([("mes_stop_id", "in", self.ids), ("archive", "=", False)], order="id")
        by_stop = found.grouped("mes_stop_id")
        for stop in self:
            stop.maintenance_id = by_stop.get(stop.sudo(), requests)[:1].id

    def raise_maintenance(self, comment=None) -> int:
        """Ask maintenance to look at the machine; the id of the request, of which a stop has one.

        Pressing twice, or two people at once, makes one request. A cancelled one leaves the way free for another.

        :raises UserError: the company has no maintenance team
        """
        self.ensure_one()
        self._take_turn(None)
        request = self.maintenance_id.id
        if not request:
            team = self._maintenance_team()
            if not team:
                raise UserError(
                    self.env._(
                        "%s has no maintenance team: create one under Maintenance, Configuration.",
                        self.company_id.sudo().name,
                    )
                )
            request = self._create_request(team, self.env.user, comment)
        return request

    def action_raise_maintenance(self):
        """The button: raise the request, and say so."""
        request = self.env["maintenance.request"].sudo().browse(self.raise_maintenance())  # its name is told
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": self.env._("Maintenance knows: %s", request.name),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def action_open_maintenance(self):
        """The request of this stop."""
        self.check_access("read")
        return {
            "type": "ir.actions.act_window",
            "res_model": "maintenance.request",
            "views": [(False, "form")],
            "res_id": self.maintenance_id.id,
        }

    def _told_maintenance(self) -> dict | None:
        """What :meth:`words` tells of the request."""
        request = self.maintenance_id.sudo()  # its name and stage are told to all operators
        if not request:
            return None
        return {"id": request.id, "name": request.name, "stage": request.stage_id.name, "done": request.stage_id.done}

    # -- by itself, when stops are folded ----------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        """New stops may call maintenance."""
        stops = super().create(vals_list)
        stops._call_maintenance()
        return stops

    def write(self, vals):
        """A stop that has become long enough, or got another reason, may call maintenance."""
        result = super().write(vals)
        if {"effective_loss_id", "loss_id", "kind"} & vals.keys():
            self._call_maintenance()
        return result

    def _keep(self, kept: Kept, thresholds: Thresholds) -> bool:
        """The requests of stops that have become part of this one are its own now."""
        changed = super()._keep(kept, thresholds)
        if kept.merged:
            # Folding is done by a job; requests are not its own.
            requests = self.env["maintenance.request"].sudo()
            requests.search([("mes_stop_id", "in", list(kept.merged))]).write({"mes_stop_id": self.id})
        return changed

    def _call_maintenance(self) -> None:
        """Raise the requests that reasons ask for: a person's at once, the machine's once the stop is no minor one."""
        since = clock.from_ms(self.env["mes.clock"].now_ms() - _RECENT_MS)
        calling = self.filtered(
            lambda stop: (
                stop.effective_loss_id.mes_raise_maintenance
                and (stop.loss_id or stop.kind == "unplanned")
                and stop.active
                and stop.seen_until >= since
                and not stop.maintenance_id
            )
        )
        for stop in calling:
            team = stop._maintenance_team()
            if not team:
                _logger.warning("%s has no maintenance team: no request for stop %s", stop.company_id.name, stop.id)
                continue
            stop._create_request(team, stop._who_explained() or self.env.user)

    def _who_explained(self):
        """Who gave the reason that is in force."""
        words = self._known_words()[self.id].filtered(lambda one: one.loss_id == self.effective_loss_id)
        return words.sorted("recorded_at")[-1:].user_id

    def _maintenance_team(self):
        """The team of the machine's equipment, else one of the company's."""
        # Equipment and teams are maintenance's: an operator may read only what he follows.
        stop = self.sudo()
        teams = stop.env["maintenance.team"]
        return stop._equipment().maintenance_team_id or teams.search(
            [("company_id", "in", [stop.company_id.id, False])], order="company_id, id", limit=1
        )

    def _equipment(self):
        """The machine's equipment, the first if there are several."""
        return self.workcenter_id.mes_equipment_ids.filtered("active")[:1]

    @api.private
    def _create_request(self, team, owner, comment: str | None = None) -> int:
        """Create the request under the name of ``owner``, who follows it and so may read it."""
        # Operators may not read equipment, so they could not name it: what is written is settled here, from the
        # stop that the caller may read.
        stop = self.sudo()
        vals = {**stop._prepare_request_vals(comment), "maintenance_team_id": team.id, "owner_user_id": owner.id}
        if "employee_id" in stop.env["maintenance.request"]._fields:
            # With HR the owner follows from the employee.
            vals["employee_id"] = owner.sudo().with_company(stop.company_id).employee_id.id
        request = stop.env["maintenance.request"].create(vals)
        request.message_subscribe(owner.sudo().partner_id.ids)
        self.invalidate_recordset(["maintenance_ids", "maintenance_id"])
        return request.id

    def _prepare_request_vals(self, comment: str | None) -> dict:
        """The values of a request that this stop raises."""
        said = [self.codes, self.effective_loss_id.name]
        name = ": ".join([self.workcenter_id.name, ", ".join(part for part in said if part)]).rstrip(": ")
        begin = format_datetime(self.env, self.at_from, tz=self.workcenter_id.mes_site_id.tz)
        lines = [
            (self.env._("Machine"), self.workcenter_id.mes_code),
            (self.env._("Stands since"), begin),
            (self.env._("Codes"), self.codes),
            (self.env._("Reason"), self.effective_loss_id.name),
            (self.env._("Said"), comment),
        ]
        parts = [Markup("<li>%s: %s</li>") % (label, value) for label, value in lines if value]
        return {
            "name": name,
            "description": Markup("<ul>%s</ul>") % Markup("").join(parts),
            "company_id": self.company_id.id,
            "equipment_id": self._equipment().id,
            "maintenance_type": "corrective",
            "request_date": clock.from_ms(self.env["mes.clock"].now_ms()).date(),
            "mes_stop_id": self.id,
        }
