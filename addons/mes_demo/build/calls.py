"""Who was called to the machines: calls with their ladders, and repairs that maintenance was asked for."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from odoo.addons.mes_base.tools import clock

from ..demoplant import layout
from ..demoplant.past import MINUTE

if TYPE_CHECKING:
    from .master import Plant

# kind of call -> its ladder: (minutes, unless it has come so far, role that is told)
LADDERS = {
    "QUAL": ((5, "acknowledged", "supervisor"), (20, "arrived", "engineer")),
    "MAT": ((5, "acknowledged", "supervisor"),),
    "LEAD": ((10, "acknowledged", "supervisor"),),
}
# reason -> the kind of call that it led to
KIND_OF = {"WAIT-MATERIAL": "MAT", "WAIT-QUALITY": "QUAL", "WAIT-OPERATOR": "LEAD"}
MOST_CALLS = 24
REPAIRS = 4
# A call that waits when the demo is first opened: machine, kind, minutes ago, what was said.
WAITING = (f"{layout.LINE_2_CODE}/SHRINK", "MAT", 3, "Film for two more pallets")


def ensure_andon(env: Any, plant: "Plant", now: int) -> None:
    """Ladders for the kinds of calls that come without one, and the calls of the past week."""
    kinds = {kind.code: kind for kind in env["mes.andon.kind"].search([("company_id", "in", (env.company.id, False))])}
    env["mes.andon.step"].create(
        [
            {"kind_id": kinds[code].id, "after_minutes": after, "unless": unless, "channel": "activity", "role": role}
            for code, steps in LADDERS.items()
            if code in kinds and not kinds[code].step_ids
            for after, unless, role in steps
        ]
    )
    calls = env["mes.andon.call"].with_context(mail_create_nolog=True, mail_create_nosubscribe=True)
    machines = [machine.id for machine in plant.machines.values()]
    if calls.search_count([("workcenter_id", "in", machines)], limit=1):
        return
    people = {user.login: user.id for user in env["res.users"].search([("login", "in", ("operator", "maintenance"))])}
    rows = [_answered(stop, kinds[_kind(stop)], people) for stop in _long_stops(env, machines, MOST_CALLS)]
    code, kind, minutes, comment = WAITING
    calls.create(
        [
            *rows,
            {
                "workcenter_id": plant.places[code].id, "company_id": env.company.id, "kind_id": kinds[kind].id,
                "comment": comment, "raised_at": clock.from_ms(now - minutes * MINUTE),
                "raised_by_id": people["operator"],
            },
        ]
    )  # fmt: skip


def ensure_repairs(env: Any, plant: "Plant") -> None:
    """Maintenance was asked to look at the longest failures; the last one is still to be looked into."""
    requests = env["maintenance.request"]
    machines = [machine.id for machine in plant.machines.values()]
    if requests.search_count([("equipment_id.mes_workcenter_id", "in", machines)], limit=1):
        return
    stops = env["mes.stop"].search(
        [("workcenter_id", "in", machines), ("effective_loss_id.mes_failure", "=", True), ("at_until", "!=", False)],
        order="duration_ms desc", limit=REPAIRS,
    ).sorted("at_from")  # fmt: skip
    done = env["maintenance.stage"].search([("done", "=", True)], limit=1)
    for stop in stops:
        request = requests.browse(stop.raise_maintenance())
        values = {"request_date": stop.at_from.date()}
        if stop != stops[-1]:
            hours = stop.duration_ms / 3_600_000
            values |= {"stage_id": done.id, "close_date": stop.at_until.date(), "duration": hours}
        request.write(values)


def _long_stops(env: Any, machines: list[int], most: int) -> Any:
    """The longest closed stops with a reason, in the order in which they were."""
    found = env["mes.stop"].search(
        [("workcenter_id", "in", machines), ("kind", "=", "unplanned"), ("at_until", "!=", False),
         ("state", "=", "down"), ("effective_loss_id", "!=", False)],
        order="duration_ms desc", limit=most,
    )  # fmt: skip
    return found.sorted("at_from")


def _kind(stop: Any) -> str:
    return KIND_OF.get(stop.effective_loss_id.mes_code, "MAINT")


def _answered(stop: Any, kind: Any, people: dict[str, int]) -> dict[str, Any]:
    """A call about a stop: somebody answered it, came, and left when the machine ran again."""
    lasted = stop.at_until - stop.at_from
    raised = stop.at_from + min(lasted / 8, timedelta(minutes=2))
    steps = {"acknowledged": raised + lasted / 8, "arrived": raised + lasted / 4, "resolved": stop.at_until}
    came = people["maintenance"] if kind.code == "MAINT" else people["operator"]
    times = {f"{step}_at": at.replace(microsecond=0) for step, at in steps.items()}
    return {
        "workcenter_id": stop.workcenter_id.id, "company_id": stop.company_id.id, "kind_id": kind.id,
        "stop_id": stop.id, "state": "resolved", "raised_at": raised.replace(microsecond=0),
        "raised_by_id": people["operator"], **times, **{f"{step}_by_id": came for step in steps},
    }  # fmt: skip
