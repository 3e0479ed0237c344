"""The alarms of the invented past, by the way that those of a gateway take."""

from collections.abc import Iterable
from typing import Any

from odoo.addons.mes_gateway import contract

from ..demoplant import layout
from ..demoplant.alarms import AlarmChange
from .master import Plant


def ensure_alarms(env: Any, plant: Plant, changes: Iterable[AlarmChange]) -> None:
    """Enter what came and went, as the demo's stream would have."""
    stream = env["mes.gateway.stream"].search(
        [("code", "=", layout.STREAM), ("gateway_id.site_id", "=", plant.site.id)], limit=1
    )
    events = [
        {
            "equipment": one.machine, "at": contract.format_time(one.at), "code": one.code, "active": one.active,
            "text": one.text, "severity": one.severity,
        }
        for one in changes
    ]  # fmt: skip
    machines = {code: machine.id for code, machine in plant.machines.items()}
    env["mes.alarm"].enter(stream._source(), machines, list(enumerate(events, 1)))
