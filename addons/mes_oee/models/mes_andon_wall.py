from typing import Any

from odoo import api, models
from odoo.addons.mes_base.tools import clock

MINUTE_MS = 60_000


class MesAndonWall(models.AbstractModel):
    """What the andon wall of a site, an area or a line shows: where must somebody go now?"""

    _name = "mes.andon.wall"
    _description = "Andon Wall"

    @api.model
    @api.readonly
    def snapshot(self, place: str = "") -> dict[str, Any]:
        """All machines of a place with their open calls; without a place, of the first site.

        Times are integer milliseconds of plant time. A machine is {id, code, name, line, live, schedule, stale_ms,
        stop, calls}: ``live`` and ``schedule`` as on the live board, ``stop`` the open stop of rule 7 or None,
        ``calls`` the open ones, the oldest first.

        :raises AccessError: the user is no operator.
        :raises UserError: the place is gone.
        """
        screen = self.env["mes.screen"]
        places = screen.places()
        shown = [one for one in places if one["kind"] != "machine"]
        head = {**screen.head(), "places": shown, "place": place or (shown[0]["key"] if shown else "")}
        if not head["place"]:
            return {**head, "machines": [], "kinds": [], "reasons": {}}
        machines = self._machines(screen.scope(head["place"]))
        company = machines.company_id[:1] or self.env.company
        return {
            **head,
            "tz": (machines.mes_site_id[:1].tz) or "UTC",
            "machines": self._rows(machines),
            "kinds": self._kinds(company),
            "reasons": self.env["mes.board"]._reasons_by_code(company),
            "may_cancel": self.env.user.has_group("mes_base.group_mes_supervisor"),
        }

    def _machines(self, scope: models.BaseModel) -> models.BaseModel:
        """The machines of the scope where they stand now, in the order of the plant."""
        field = {"mes.site": "mes_site_id", "mes.area": "mes_area_id", "mrp.workcenter": "mes_line_id"}[scope._name]
        domain = [("mes_level", "=", "unit"), (field, "in", scope.ids)]
        return self.env["mrp.workcenter"].search(domain, order="mes_area_id, mes_line_id, sequence, id")

    def _rows(self, machines: models.BaseModel) -> list[dict[str, Any]]:
        """A row for each machine; a fixed number of statements."""
        now = self.env["mes.clock"].now_ms()
        live = self.env["mes.board"]._live(machines, now)
        schedules = self.env["mes.board"]._schedules(machines, now)
        stops = self._open_stops(machines)
        calls = self._open_calls(machines)
        return [
            {
                "id": machine.id,
                "code": machine.mes_code,
                "name": machine.name,
                "line": machine.mes_line_id.name or machine.mes_area_id.name,
                "area": machine.mes_area_id.id,
                "stale_ms": machine.mes_stale_ms,
                "live": live.get(machine.id),
                "schedule": schedules[machine.id],
                "stop": stops.get(machine.id),
                "calls": calls.get(machine.id, []),
            }
            for machine in machines
        ]

    def _open_stops(self, machines: models.BaseModel) -> dict[int, dict[str, Any]]:
        """The open stop of each machine that stands."""
        stops = self.env["mes.stop"].search([("workcenter_id", "in", machines.ids), ("at_until", "=", False)])
        return {
            stop.workcenter_id.id: {
                "id": stop.id,
                "since": clock.to_ms(stop.at_from),
                "reason": stop.effective_loss_id.name or None,
                "codes": stop.codes or None,
                "needs_reason": stop.needs_reason,
            }
            for stop in stops.sorted("at_from")
        }

    def _open_calls(self, machines: models.BaseModel) -> dict[int, list[dict[str, Any]]]:
        """The open calls of each machine, the oldest first."""
        calls = self.env["mes.andon.call"].search(
            [("workcenter_id", "in", machines.ids), ("state", "not in", ("resolved", "cancelled"))],
            order="raised_at, id",
        )
        return {
            machine.id: [self._call_values(call) for call in found]
            for machine, found in calls.grouped("workcenter_id").items()
        }

    def _call_values(self, call: models.BaseModel) -> dict[str, Any]:
        """A call as plain values: who came when, and how the ladder goes on."""
        # Names of colleagues only: an operator may have no right on users.
        said = call.sudo()
        taken = said.escalation_ids
        raised = clock.to_ms(call.raised_at)
        return {
            "id": call.id,
            "kind": said.kind_id.id,
            "name": said.kind_id.name,
            "icon": said.kind_id.icon,
            "state": call.state,
            "by_itself": call.by_itself,
            "mine": call.raised_by_id == self.env.user,
            "comment": call.comment or None,
            "raised": raised,
            "raised_by": said.raised_by_id.name or None,
            "acknowledged": _ms(call.acknowledged_at),
            "acknowledged_by": said.acknowledged_by_id.name or None,
            "arrived": _ms(call.arrived_at),
            "arrived_by": said.arrived_by_id.name or None,
            "target": raised + said.kind_id.target_minutes * MINUTE_MS,
            "told": [
                {
                    "at": clock.to_ms(step.at),
                    "channel": step.channel,
                    "who": step.user_ids.mapped("name"),
                    "problem": step.problem or None,
                }
                for step in taken.sorted("at")
            ],
            "next": self.env["mes.andon.ladder"]._next(call, raised),
        }

    def _kinds(self, company: models.BaseModel) -> list[dict[str, Any]]:
        """What can be called for."""
        kinds = self.env["mes.andon.kind"].search([("company_id", "in", [False, company.id])])
        return [
            {"id": kind.id, "name": kind.name, "icon": kind.icon, "areas": kind.area_ids.ids, "code": kind.code}
            for kind in kinds
        ]


def _ms(value) -> int | None:
    return clock.to_ms(value) if value else None
